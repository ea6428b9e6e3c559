"""What the search of the lessons knows.

Doxygen's own search finds what a name begins with: good for the API, and of no
use in lessons, of which it knows the titles only. So the same search gets
other words here: those of all headings, what stands there as code, and the
classes of each day's API; each with the places where it is.

The files that are written are the ones that Doxygen 1.9.4's search.js reads.
"""

import json
import re
import xml.etree.ElementTree
from collections import defaultdict
from html import escape
from typing import NamedTuple

from outputs import write
from project import Failure

WORD = re.compile(r"[A-Za-z][\w'-]*\w")
NAME = re.compile(r"[A-Za-z_]\w{2,}")
STOP = set("""a after all an and another are as at be before but by can day do
does each first for from have here how if in into is it its know more must name
names no not of off on once one only or other others out same second so such
than that the their there these they this three two under up was way we were
what when where which who whose why will with without you your""".split())
# The results are a page of their own, in a frame.
SHEET = "\nbody.SRPage .SREntry { font-size: 10pt; padding: 2px 0; }\n"


class Place(NamedTuple):
    """Where a word is found."""
    link: str   # from the site's top
    title: str  # what the reader sees of it


def heading_words(text):
    """The words of a heading that somebody may look for."""
    return [word for word in WORD.findall(text)
            if word.lower() not in STOP and len(word) > 2]


class Words:
    """All words, and the places of each."""

    def __init__(self):
        self.places = defaultdict(dict)  # {word, small: {Place: None}}
        self.shown = {}                  # {word, small: as it is written}

    def add(self, word, place):
        """A word is at a place."""
        key = word.lower()
        self.places[key][place] = None
        # PageMap rather than pagemap, lock rather than Lock.
        before = self.shown.get(key, word)
        inner = word[1:] != key[1:]
        self.shown[key] = word if inner or before == word.capitalize() else (
            before)

    def add_classes(self, day, tags):
        """The classes of a day's API, from Doxygen's tag file."""
        root = xml.etree.ElementTree.parse(tags).getroot()
        for one in root.iterfind("compound"):
            if one.get("kind") in ("class", "struct"):
                name = one.findtext("name").rpartition("::")[2]
                self.add(re.sub(r"<.*", "", name).strip(), Place(
                    f"api/{day}/{one.findtext('filename')}",
                    f"API of day {int(day[3:])}"))

    def entries(self):
        """{first letter: [entry of search.js]}."""
        found = defaultdict(list)
        for number, key in enumerate(sorted(self.places)):
            places = [[f"../{place.link}", 1, escape(place.title)]
                      for place in self.places[key]]
            label = escape(self.shown[key])
            if len(places) > 1:
                label += f" ({len(places)} places)"
            found[key[0]].append([f"{identifier(key)}_{number}",
                                  [label, *places]])
        return dict(sorted(found.items()))

    def write(self, folder):
        """Replaces what Doxygen's search of the pages knows."""
        template = folder / "all_0.html"
        if not template.is_file():
            raise Failure("this Doxygen's search is not that of 1.9; build "
                          "the site on Debian 12")
        frame = template.read_text(encoding="utf-8")
        for path in [*folder.glob("all_*"), *folder.glob("pages_*")]:
            path.unlink()
        entries = self.entries()
        for index, found in enumerate(entries.values()):
            write(folder / f"all_{index:x}.js", "var searchData="
                  + json.dumps(found, ensure_ascii=False, indent=0) + ";\n")
            write(folder / f"all_{index:x}.html",
                  frame.replace("all_0.js", f"all_{index:x}.js"))
        with open(folder / "search.css", "a", encoding="utf-8") as sheet:
            sheet.write(SHEET)
        letters = json.dumps("".join(entries), ensure_ascii=False)
        write(folder / "searchdata.js",
              f"var indexSectionsWithContent = {{ 0: {letters} }};\n"
              'var indexSectionNames = { 0: "all" };\n'
              'var indexSectionLabels = { 0: "All" };\n')


def identifier(word):
    """A word as search.js writes it: other signs as _ and two digits."""
    return "".join(sign if re.match("[a-z0-9]", sign) or ord(sign) > 127
                   else "_%02x" % ord(sign) for sign in word)
