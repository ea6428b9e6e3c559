"""Writes a history for `git fast-import`: commits with fixed dates.

Each commit changes a few of 400 files; every 20th comes from a branch that is
merged. The same bytes each time: author, dates and texts follow a recipe.
"""

import random
import sys

CHANCE = random.Random(1)
COMMITS, FILES, START = 1500, 400, 1_600_000_000
PERSON = "Ada <ada@example.org>"


def text(file, commit):
    """A file's text: most of it stays from commit to commit."""
    lines = [f"file {file}, line {line}: {line * line * (file + 1) % 9973}"
             for line in range(40)]
    lines[commit % 40] = f"changed by commit {commit}"
    return "\n".join(lines) + "\n"


def write(words):
    """As bytes: fast-import counts them."""
    sys.stdout.buffer.write(words.encode())


def data(words):
    """fast-import's form of a text."""
    write(f"data {len(words.encode())}\n{words}\n")


def commit(number, branch, merged=""):
    """A commit that changes a few files."""
    write(f"commit refs/heads/{branch}\nmark :{number}\n"
          f"committer {PERSON} {START + number * 3600} +0000\n")
    data(f"Change {number}\n\nOn {branch}, at hour {number}.")
    if merged:
        write(f"merge {merged}\n")
    for file in CHANCE.sample(range(FILES), 4 if number > 1 else FILES):
        write(f"M 100644 inline part{file % 20}/file{file}.txt\n")
        data(text(file, number))


def main():
    """The whole history."""
    for number in range(1, COMMITS + 1):
        if number > 1 and number % 20 == 0:
            write(f"reset refs/heads/topic\nfrom :{number - 1}\n\n")
            commit(number, "topic")
        else:
            commit(number, "main",
                   f":{number - 1}" if number > 1 and number % 20 == 1 else "")
    for number in range(100, COMMITS, 100):
        write(f"tag v{number}\nfrom :{number}\ntagger {PERSON} "
              f"{START + number * 3600} +0000\n")
        data(f"Version {number}")


if __name__ == "__main__":
    main()
