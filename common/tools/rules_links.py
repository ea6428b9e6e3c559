"""The rule of check that follows every relative link in the Markdown."""

import functools
import posixpath
import re
from urllib.parse import unquote

from findings import Finding

FENCE = re.compile(r"^\s*(```+|~~~+)")
INLINE = re.compile(r"(`+)(?:(?!\1).)+?\1")
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'(][^)]*)?\)"  # [a](b "c")
                  r"|^\s*\[[^\]]+\]:\s*<?([^\s>]+)"              # [a]: b
                  r"|(?:href|src|srcset)=[\"']([^\"']+)[\"']")
HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$")
ANCHOR = re.compile(r"<\w+[^>]*\s(?:id|name)=[\"']([^\"']+)[\"']")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.I)


def prose(text):
    """(number, line) of what is not inside a fenced block."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        match = FENCE.match(line)
        if match and fence is None:
            fence = match.group(1)
        elif match and match.group(1).startswith(fence):
            fence = None
        elif fence is None:
            yield number, line


def slug(heading):
    """A heading's anchor, as GitHub makes it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"<[^>]+>", "", text).replace("`", "").lower()
    text = re.sub(r"(?<!\w)[*_]+|[*_]+(?!\w)", "", text)
    return re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")


@functools.lru_cache(maxsize=None)
def anchors(text):
    """All anchors of a Markdown text."""
    found, seen = set(), {}
    for _, line in prose(text):
        found.update(ANCHOR.findall(line))
        match = HEADING.match(line)
        if match:
            name = slug(match.group(1))
            count = seen.get(name, 0)
            seen[name] = count + 1
            found.add(f"{name}-{count}" if count else name)
    return found


def links(text):
    """(line, target) of every link in a Markdown text."""
    for number, line in prose(text):
        code = [match.span() for match in INLINE.finditer(line)]
        for match in LINK.finditer(line):
            if not any(start < match.start() < end for start, end in code):
                yield number, next(filter(None, match.groups()))


def _wrong(tree, folders, name, target):
    """What is wrong with a link, None if it leads somewhere."""
    path, _, anchor = target.partition("#")
    path, anchor = unquote(path.split("?")[0]), unquote(anchor)
    if path.startswith("/"):
        return "starts with /: make it relative"
    where = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)
                               ) if path else name
    if where not in tree.files:
        if where in folders or where == ".":
            return None
        there = (tree.root / where).exists() and not where.startswith("..")
        return "is not part of the project" if there else "is not there"
    if not anchor:
        return None
    text = tree.read(where)
    if where.endswith(".md"):
        return None if anchor in anchors(text) else f"has no anchor #{anchor}"
    lines = re.fullmatch(r"L(\d+)(?:-L(\d+))?", anchor)
    if lines and int(lines.group(2) or lines.group(1)) > len(
            text.splitlines()):
        return f"has no line {anchor[1:]}"
    return None


def broken_links(tree):
    """Relative links, in any Markdown file, that lead nowhere."""
    folders = set()
    for name in tree.files:
        while "/" in name:
            name = name.rpartition("/")[0]
            folders.add(name)
    for name in tree.files:
        if not name.endswith(".md"):
            continue
        for number, target in links(tree.read(name)):
            if ELSEWHERE.match(target):
                continue
            wrong = _wrong(tree, folders, name, target)
            if wrong:
                yield Finding(f"{name}:{number}", f"the link {target} {wrong}")


RULES = (broken_links,)
