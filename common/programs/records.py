"""What a Python program does all day: objects, texts, JSON, sorting."""

import collections
import json
import random
import re

CHANCE = random.Random(1)


class Account:
    """A few attributes, and a list that grows."""

    def __init__(self, number):
        self.number = number
        self.name = f"account {number:06}"
        self.entries = []

    def book(self, amount, text):
        """One more entry."""
        self.entries.append({"amount": amount, "text": text,
                             "tags": text.split()})

    def balance(self):
        """The sum of all entries."""
        return sum(entry["amount"] for entry in self.entries)


def books():
    """Accounts with entries by chance."""
    words = ["".join(CHANCE.choices("abcdefghij", k=CHANCE.randint(2, 12)))
             for _ in range(2000)]
    accounts = [Account(number) for number in range(4000)]
    for _ in range(60000):
        CHANCE.choice(accounts).book(
            CHANCE.randint(-500, 1000),
            " ".join(CHANCE.choices(words, k=4)))
    return accounts


def main():
    """Makes, writes, reads, counts, sorts."""
    accounts = books()
    text = json.dumps([vars(account) for account in accounts])
    again = json.loads(text)
    print(len(text), text == json.dumps(again))
    tags = collections.Counter(
        tag for account in again for entry in account["entries"]
        for tag in entry["tags"])
    for tag, count in sorted(tags.items(), key=lambda item: (-item[1], item)
                             )[:20]:
        print(tag, count)
    found = re.findall(r'"text": "(\w+) (\w+)', text)
    print(len(found), len(set(found)), sorted(found)[0])
    for account in sorted(accounts, key=lambda one: (-one.balance(),
                                                     one.name))[:10]:
        print(account.name, account.balance(), len(account.entries))


if __name__ == "__main__":
    main()
