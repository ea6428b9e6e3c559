"""Writes many small texts into a folder: what is to be compressed."""

import os
import random
import sys

CHANCE = random.Random(1)
FILES, FOLDERS, DATE = 20000, 100, 1_600_000_000


def main(folder):
    """The same files each time, with the same dates."""
    words = ["".join(CHANCE.choices("abcdefghijklmnop", k=CHANCE.randint(2, 9)))
             for _ in range(3000)]
    for number in range(FOLDERS):
        os.makedirs(f"{folder}/part{number}")
    for number in range(FILES):
        path = f"{folder}/part{number % FOLDERS}/text{number}.txt"
        with open(path, "w", encoding="ascii") as file:
            file.write(" ".join(CHANCE.choices(words,
                                               k=CHANCE.randint(20, 200))))
        os.utime(path, (DATE, DATE))


if __name__ == "__main__":
    main(sys.argv[1])
