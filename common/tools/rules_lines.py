"""A link to a line of code says what stands there, so that it cannot rot.

A number alone is right until somebody adds a line above it. So the link's
title names words of the line that it means:

    [the slot](../day10/include/pool/thread_cache.h#L147 "struct Slot {")

The words stand on one line of that file and no other. Where the number is not
that line's, check says so, and check --write puts the right one.
"""

import posixpath
import re

import project
import rules_links
from findings import Finding, Tree

WRITE = f"{project.COMMAND} check --write"
# Without the title, if that is not the last thing before the parenthesis.
LINE_LINK = re.compile(r"\]\(\s*([^)\s#:]+)#L(\d+)([^)\s]*)"
                       r"(?:\s+(?:\"([^\"]*)\"|'([^']*)')\s*\))?")


def _lines_with(text, words):
    """The numbers of the lines that have these words."""
    return [number for number, line in enumerate(text.splitlines(), 1)
            if words in line]


def _line_meant(tree, page, match):
    """(the line that a link means, None) or (None, what is wrong with it)."""
    target, _, rest, *titles = match.groups()
    name = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
    if name not in tree.files:
        return None, None  # the rule of links says so
    words = titles[0] or titles[1]
    if rest or not words:
        return None, ("must name one line and say what stands there, as in "
                      '(FILE#L12 "words of that line")')
    places = _lines_with(tree.read(name), words)
    if len(places) != 1:
        often = f"stands on {len(places)} lines" if places else "is nowhere"
        return None, f"means one line, and {words!r} {often} in {name}"
    return places[0], None


def _line_links(text):
    """(line, match) of every link to a line in a Markdown text."""
    for number, line in rules_links.prose(text):
        code = [match.span() for match in rules_links.INLINE.finditer(line)]
        for match in LINE_LINK.finditer(line):
            if not any(start < match.start() < end for start, end in code):
                yield number, match


def lines(tree):
    """A link to a line of a file leads to the words that it names."""
    for page in tree.files:
        if not page.endswith(".md"):
            continue
        for number, match in _line_links(tree.read(page)):
            meant, wrong = _line_meant(tree, page, match)
            link = f"{match.group(1)}#L{match.group(2)}"
            if wrong:
                yield Finding(f"{page}:{number}", f"{link} {wrong}")
            elif meant and meant != int(match.group(2)):
                yield Finding(f"{page}:{number}", f"{link} means line {meant} "
                              "by now", WRITE)


def write_lines(root):
    """Brings the numbers up to date; returns the pages that changed."""
    tree, written = Tree(root), []
    for page in tree.files:
        if not page.endswith(".md"):
            continue
        text = (tree.root / page).read_text()
        kept = text.splitlines(keepends=True)
        # From a line's end, so that the places before it stay right.
        for number, match in reversed(list(_line_links(text))):
            meant, _ = _line_meant(tree, page, match)
            if meant:
                line, (start, end) = kept[number - 1], match.span(2)
                kept[number - 1] = f"{line[:start]}{meant}{line[end:]}"
        new = "".join(kept)
        if new != text:
            (tree.root / page).write_text(new)
            written.append(page)
    return written


RULES = (lines,)
