"""Follows every link within the built site, those of the search and of the
tree too.

No parser: a tag ends where it ends, and in the text of a page every < is
written &lt; — by Doxygen, by Pygments and by us.
"""

import functools
import posixpath
import re
from collections import defaultdict
from html import unescape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

TAG = re.compile(r"<[a-zA-Z][^<>]*>")
SCRIPT = re.compile(r"<script\b[^>]*>.*?</script>|<!--.*?-->", re.S)
LINK = re.compile(r"\s(?:href|src)=(?:\"([^\"]*)\"|'([^']*)')")
ANCHOR = re.compile(r"\s(?:id|name)=(?:\"([^\"]*)\"|'([^']*)')")
# In the scripts that hold the tree, the menu and the search: 'page.html#place'.
IN_SCRIPT = re.compile(r"[\"']((?:\.\./)*[\w./%-]+\.html(?:#[\w%.-]*)?)[\"']")
# Doxygen's tables from pages to places in the tree: nobody can click on that.
NO_LINKS = "navtreeindex*.js"
TABLE = "var NAVTREEINDEX ="
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.I)


class Found(NamedTuple):
    """What a look at a site gives."""
    pages: int
    links: int
    broken: list    # "page: link leads nowhere"
    outside: dict   # {address: pages that have it}


def _matches(pattern, text):
    for match in pattern.finditer(text):
        yield unescape(next(group for group in match.groups()
                            if group is not None))


def page_links(text):
    """(links, anchors) of a page."""
    tags = " ".join(TAG.findall(SCRIPT.sub("", text)))
    return list(_matches(LINK, tags)), set(_matches(ANCHOR, tags))


def look(site):
    """Follows all links of a site."""
    site = Path(site)
    links, anchors = {}, {}
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site).as_posix()
        if path.suffix == ".html":
            links[name], anchors[name] = page_links(path.read_text(
                encoding="utf-8", errors="replace"))
        elif path.suffix == ".js" and not path.match(NO_LINKS):
            text = path.read_text(encoding="utf-8", errors="replace")
            links[name] = list(_matches(IN_SCRIPT,
                                        text.partition(TABLE)[0]))
    return follow(site, links, anchors)


def follow(site, links, anchors):
    """The links of all pages, against what is there."""
    there = functools.lru_cache(maxsize=None)(
        lambda name: (site / name).is_file())
    broken, outside, count = [], defaultdict(int), 0
    for page, targets in links.items():
        for target in targets:
            if target.startswith("javascript:"):
                continue
            count += 1
            if ELSEWHERE.match(target):
                outside[target] += 1
                continue
            wrong = _wrong(page, target, there, anchors)
            if wrong:
                broken.append(f"{page}: {target} {wrong}")
    return Found(len(anchors), count, broken, dict(outside))


def _wrong(page, target, there, anchors):
    """What is wrong with a link, None if it leads somewhere."""
    path, _, anchor = target.partition("#")
    path, anchor = unquote(path.partition("?")[0]), unquote(anchor)
    name = page if not path else posixpath.normpath(
        posixpath.join(posixpath.dirname(page), path))
    if name.startswith("..") or not there(name):
        return "is not there"
    if anchor and name in anchors and anchor not in anchors[name]:
        return f"has no place #{anchor}"
    return None
