"""Code shown in a lesson is taken from the snapshots, never pasted.

In the Markdown stands which code is wanted, and what is between the two
comments is ours to write:

    <!-- code: day01/src/fixed_pool.cc FixedPool::Allocate -->
    ```cpp
    …
    ```
    <!-- code:end -->

In the source, a pair of lines `//! [FixedPool::Allocate]` (in CMake and
Python, `#! [name]`) stands around it. Without a name the whole file is shown.

What the reader of a lesson is to write (a topic of common/hints/) is folded:
who wants to try first must not see it by chance.
"""

import html
import re
import textwrap
from pathlib import Path
from typing import NamedTuple, Optional

import project
import topics
from findings import Finding

WRITE = f"{project.COMMAND} check --write"
BEGIN = re.compile(r"<!-- code: (\S+)(?: (\S.*?))? -->")
END = "<!-- code:end -->"
FENCE = re.compile(r"\s*(```+|~~~+)")
MARKER = re.compile(r"\s*(?://|#)! \[(.+)\]\s*")
LANGUAGES = {".h": "cpp", ".cc": "cpp", ".c": "c", ".py": "python",
             ".txt": "cmake", ".cmake": "cmake", ".json": "json"}


class Missing(Exception):
    """What is wrong with the place that a lesson takes code from."""


class Block(NamedTuple):
    """A place for code; begin and end are the indices of its comments."""
    begin: int
    end: int
    path: str
    name: Optional[str]  # None: the whole file


def find_blocks(lines):
    """(blocks, [(index, what is wrong)]) of a page."""
    blocks, wrong, opened, fence = [], [], None, None
    for index, line in enumerate(lines):
        begin = BEGIN.fullmatch(line.strip())
        ends = line.strip() == END
        if opened is None:
            # A page may show the comments themselves, inside a fence.
            fence_here = FENCE.match(line)
            if fence is not None:
                closes = fence_here and fence_here.group(1).startswith(fence)
                fence = None if closes else fence
                continue
            if fence_here:
                fence = fence_here.group(1)
                continue
            if ends:
                wrong.append((index, f"{END} without a beginning"))
        elif begin:
            wrong.append((opened[0], f"the code has no {END}"))
        elif ends:
            blocks.append(Block(opened[0], index, *opened[1]))
            opened = None
        if begin:
            opened = index, begin.groups()
    if opened is not None:
        wrong.append((opened[0], f"the code has no {END}"))
    return blocks, wrong


def extract(text, name):
    """The lines between a pair of markers, moved to the left margin.

    Markers of other pieces, within it or around it, are left out.
    """
    lines = text.splitlines()
    names = [match and match.group(1) for match in map(MARKER.fullmatch, lines)]
    first, last = -1, len(lines)
    if name is not None:
        places = [index for index, here in enumerate(names) if here == name]
        if len(places) != 2:
            raise Missing(f"has {len(places)} lines [{name}], not a pair")
        first, last = places
    kept = [lines[index] for index in range(first + 1, last)
            if names[index] is None]
    code = textwrap.dedent("\n".join(kept)).strip("\n")
    if not code.strip():
        raise Missing(f"has nothing between its two lines [{name}]"
                      if name is not None else "is empty")
    return code.split("\n")


def to_write(root, page):
    """The names of what a lesson's reader is to write; none on other pages."""
    hints = Path(root) / topics.FOLDER / page.name
    if page.parent.name != "docs" or not hints.is_file():
        return set()
    return {topic.name for topic in topics.of_day(page.stem, Path(root))}


def shown(root, block, folded=()):
    """The lines that belong between a block's two comments."""
    path = Path(root) / block.path
    if not path.is_file():
        raise Missing("is not there")
    code = extract(path.read_text(errors="replace"), block.name)
    lines = [f"```{LANGUAGES.get(path.suffix, '')}", *code, "```"]
    if block.name not in folded:
        return lines
    return ["<details>", f"<summary><code>{html.escape(block.name)}</code>"
            "</summary>", "", *lines, "", "</details>"]


def refresh_page(root, page, write):
    """The findings of one page; with write, its code is taken anew."""
    text = page.read_text()
    lines = text.splitlines()
    where = page.relative_to(root).as_posix()
    blocks, wrong = find_blocks(lines)
    found = [(index, what, "") for index, what in wrong]
    folded = to_write(root, page)
    for block in reversed(blocks):  # from the end, so that indices stay right
        what = block.name or block.path
        try:
            wanted = shown(root, block, folded)
        except Missing as missing:
            found.append((block.begin, f"{what}: {block.path} {missing}", ""))
            continue
        if lines[block.begin + 1:block.end] == wanted:
            continue
        if write:
            lines[block.begin + 1:block.end] = wanted
        else:
            found.append((block.begin, f"the code of {what} is not the "
                          "snapshot's", WRITE))
    new = "\n".join(lines) + "\n"
    if write and lines != text.splitlines():
        page.write_text(new)
        # Lines have moved: name them where they are now.
        return refresh_page(root, page, False)
    return [Finding(f"{where}:{index + 1}", what, mend)
            for index, what, mend in sorted(found)]


def refresh(root, write):
    """Compares the code in all pages of docs/ with the snapshots.

    With write it is replaced where it differs. Returns what is (still) wrong.
    """
    root = Path(root)
    return [finding for page in sorted(root.glob("docs/**/*.md"))
            for finding in refresh_page(root, page, write)]
