"""Where each file of the project is found in the built site.

    README.md, docs/*.md         NAME.html: pages, which Doxygen frames
    dayNN/include, dayNN/src     api/dayNN/…_source.html: Doxygen's own pages
    docs/figures                 figures/NAME.svg
    everything else              files/PATH.html, a folder files/PATH/index.html

So a link in a lesson, which GitHub follows to a file or a line of it, leads to
the same place here.
"""

import posixpath
import re
import xml.etree.ElementTree
from urllib.parse import quote, unquote

from project import Failure

ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.I)
LINES = re.compile(r"L(\d+)(?:-L\d+)?")
HOME = "README.md"
PAGE = re.compile(r"docs/([\w-]+)\.md")
FIGURE = re.compile(r"docs/(figures/[\w-]+\.svg)")
SOURCE = re.compile(r"day\d\d/(include|src)/.+\.(h|cc|c)")


def source_pages(tag_file, folder):
    """{include/pool/span.h: its page} of a day, as Doxygen tells it.

    Its rule for names is its own affair; the tag file has them.
    """
    pages, root = {}, xml.etree.ElementTree.parse(tag_file).getroot()
    for one in root.iterfind("compound[@kind='file']"):
        path = one.findtext("path", "") + one.findtext("name")
        path = path.removeprefix(f"{folder}/")
        page = one.findtext("filename").removesuffix(".html")
        pages[path] = f"{page}_source.html"
    return pages


class Places:
    """Finds the page of each file; sources is {day: source_pages(…)}."""

    def __init__(self, files, sources):
        self.files = set(files)
        self.sources = sources
        self.folders = {""}
        for name in files:
            while "/" in name:
                name = name.rpartition("/")[0]
                self.folders.add(name)

    def page(self, name):
        """The page of a file or folder, from the site's top."""
        if name not in self.files and name not in self.folders:
            raise Failure(f"{name} is not part of the project; type: "
                          "common/course check")
        if name == HOME:
            return "index.html"
        match = PAGE.fullmatch(name)
        if match:
            return f"{match.group(1)}.html"
        match = FIGURE.fullmatch(name)
        if match:
            return match.group(1)
        if SOURCE.fullmatch(name):
            day, _, path = name.partition("/")
            page = self.sources.get(day, {}).get(path)
            if page:
                return f"api/{day}/{page}"
        if name in self.folders:
            return posixpath.join("files", name, "index.html")
        return f"files/{name}.html"

    def anchor(self, page, anchor):
        """A place in the page, as the page calls it."""
        lines = LINES.fullmatch(anchor)
        if lines and page.startswith("api/"):
            return "l%05d" % int(lines.group(1))
        return f"L{lines.group(1)}" if lines else anchor

    def link(self, target, file, page):
        """What a link in `file`, to `target`, is on the page of the site."""
        if ELSEWHERE.match(target):
            return target
        path, _, anchor = target.partition("#")
        name = file if not path else posixpath.normpath(
            posixpath.join(posixpath.dirname(file), unquote(path)))
        there = self.page("" if name == "." else name)
        place = anchor and "#" + self.anchor(there, anchor)
        if not path:
            return place
        return relative(there, page) + place


def relative(there, page):
    """The page `there` as a link on another; both from the site's top."""
    return quote(posixpath.relpath(there, posixpath.dirname(page) or "."))
