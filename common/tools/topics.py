"""What a learner writes on a day, from common/hints/dayNN.md.

That page has a heading for each piece of code to write, in the order in which
the lesson shows them:

    ## FreeList::PopRange

    where: include/pool/free_list.h
    nudge: A paragraph that points to the idea.
    question: A paragraph that asks what leads to the code.

The heading is the name of a pair of markers (snippets.py), the path is one in
the day. A line `supplied: NAME, NAME` lists functions between those markers
that the learner gets as they are.
"""

import re
from typing import NamedTuple

import project
import rules_links
import snippets
from project import Failure

FOLDER = "common/hints"
FIELDS = ("where", "supplied", "nudge", "question")
FIELD = re.compile(rf"({'|'.join(FIELDS)}):(?:\s+(.*))?$")
CODE_HEADING = "the-code-in-reading-order"


class Topic(NamedTuple):
    """A piece of code to write."""
    day: str
    name: str        # FreeList::PopRange, as in its markers
    path: str        # include/pool/free_list.h
    supplied: tuple  # functions in it that stand as they are
    nudge: str
    question: str


def _topic(day, name, fields, place):
    if not fields.get("where"):
        raise Failure(f"{place}: {name} has no line where: with a file of "
                      f"{day}")
    supplied = [word.strip() for word in fields.get("supplied", "").split(",")]
    return Topic(day, name, fields["where"], tuple(filter(None, supplied)),
                 fields.get("nudge", ""), fields.get("question", ""))


def parse(day, text):
    """The topics of a page, in order."""
    found, name, fields, field, begin = [], None, {}, None, 0
    for number, line in enumerate([*text.splitlines(), "## "], 1):
        match = FIELD.match(line)
        if line.startswith("## "):
            if name:
                found.append(_topic(day, name, fields,
                                    f"{FOLDER}/{day}.md:{begin}"))
            name, fields, field, begin = line[3:].strip(), {}, None, number
        elif match and name:
            field = match.group(1)
            fields[field] = (match.group(2) or "").strip()
        elif not line.strip():
            field = None
        elif field:  # a paragraph goes on
            fields[field] = f"{fields[field]} {line.strip()}".strip()
    return found


def of_day(day, root=None):
    """The topics of a day, in the lesson's order."""
    path = (root or project.ROOT) / FOLDER / f"{day}.md"
    if not path.is_file():
        raise Failure(f"{FOLDER}/{day}.md is missing, which lists what is to "
                      f"write on {day}; clone the repository again")
    return parse(day, path.read_text(encoding="utf-8"))


def headings_of(text):
    """(index of its line, anchor) of each heading of a page, in order."""
    found, seen = [], {}
    for number, line in rules_links.prose(text):
        match = rules_links.HEADING.match(line)
        if match:
            name = rules_links.slug(match.group(1))
            count = seen.get(name, 0)
            seen[name] = count + 1
            found.append((number - 1, f"{name}-{count}" if count else name,
                          line))
    return found


def lesson_place(topic, root=None):
    """Where the lesson tells of a topic: docs/day04.md#slow-start.

    That is the nearest heading above the place that shows its code; where none
    does, the heading of its file, or that of the code at large.
    """
    page = f"docs/{topic.day}.md"
    text = ((root or project.ROOT) / page).read_text(encoding="utf-8")
    headings = headings_of(text)
    for block in snippets.find_blocks(text.splitlines())[0]:
        if (block.path, block.name) == (f"{topic.day}/{topic.path}",
                                        topic.name):
            above = [anchor for index, anchor, _ in headings
                     if index < block.begin]
            if above:
                return f"{page}#{above[-1]}"
    for _, anchor, line in headings:
        if f"{topic.day}/{topic.path})" in line:
            return f"{page}#{anchor}"
    anchors = [anchor for _, anchor, _ in headings]
    return f"{page}#{CODE_HEADING}" if CODE_HEADING in anchors else page
