"""The lessons and the pages around them, as Doxygen takes them.

A page is cut at its headings. Doxygen gets each heading, for its tree and its
search, and each piece of HTML as it is, by \\htmlinclude: its own Markdown
knows neither folded answers nor two pages with a heading of the same name.
"""

import re
from html import escape

import project
import site_markdown
import site_search
from outputs import write

SECTIONS = {2: "section", 3: "subsection", 4: "subsubsection"}
# After the lessons, in this order; other pages of docs/ follow by name.
GUIDES = ("glossary", "cpp-features", "profiling", "where-it-lives",
          "architecture", "contributing")


def order(root):
    """The names of the pages of docs/: the lessons, then the guides."""
    there = {path.stem for path in (root / "docs").glob("*.md")}
    lessons = [day for day in project.days(root) if day in there]
    guides = [name for name in GUIDES if name in there]
    return lessons, guides + sorted(there - {*lessons, *guides})


def title(root, name):
    """A page's first heading."""
    for line in (root / "docs" / f"{name}.md").read_text(
            encoding="utf-8").splitlines():
        if line.startswith("# "):
            return line[2:].strip()
    return name


def number(day):
    """6 for day06."""
    return int(day[3:])


def around(day, days):
    """What else there is of a day, below its title."""
    words = [f'<a href="api/{day}/index.html">API of the day</a>']
    before = project.day_before(day)
    if before in days:
        words.append(f'<a href="differences/{before}-{day}.html">what changed '
                     "since yesterday</a>")
    words.append(f'<a href="files/{day}/index.html">all its files</a>')
    return f'<p class="around">{" · ".join(words)}</p>\n'


def contents(headings):
    """A page's own contents, folded: on a phone there is no tree."""
    items = "".join(f'<li><a href="#{escape(one.anchor)}">{escape(one.text)}'
                    "</a></li>" for one in headings if one.level == 2)
    return (f'<details class="contents-of"><summary>On this page</summary>'
            f"<ul>{items}</ul></details>\n") if items else ""


def neighbours(root, name, names):
    """Links to the lesson before and the one after."""
    place, cells = names.index(name), []
    for step, words, kind in ((-1, "←", "previous"), (1, "→", "next")):
        there = place + step
        if 0 <= there < len(names):
            text = escape(title(root, names[there]))
            text = f"{words} {text}" if step < 0 else f"{text} {words}"
            cells.append(f'<a class="{kind}" rel="{kind[:4]}" '
                         f'href="{names[there]}.html">{text}</a>')
    return f'<p class="neighbours">{"".join(cells)}</p>\n'


def overview(root, days):
    """The front page's table: each day's lesson, API and difference."""
    rows = []
    for day in days:
        before = project.day_before(day)
        change = (f'<a href="differences/{before}-{day}.html">since day '
                  f"{number(before)}</a>" if before in days else "")
        rows.append(
            f'<tr><td><a href="{day}.html">{escape(title(root, day))}</a></td>'
            f'<td><a href="api/{day}/index.html">API</a></td>'
            f'<td>{change}</td><td><a href="files/{day}/index.html">files</a>'
            "</td></tr>")
    return (
        '<h2 class="lesson" id="on-this-site">On this site</h2>\n'
        '<p>Each day\'s lesson, its classes and functions, what it changes, '
        'and <a href="race.html">the race</a> of all days.</p>\n'
        '<div class="wide"><table class="lesson"><thead><tr><th>lesson</th>'
        "<th>API</th><th>what changes</th><th>files</th></tr></thead><tbody>"
        f'{"".join(rows)}</tbody></table></div>\n')


def dox(name, heading, parts, folder):
    """The page's file for Doxygen; pieces of HTML go into the folder.

    Of the front page the tree has no headings: there the lessons come first.
    """
    command = "mainpage" if name == "index" else f"page {name}"
    lines = [f"/** \\{command} {plain(heading)}"]
    level = 1
    for index, (here, html) in enumerate(parts):
        if here and here.level > 1 and name != "index":
            # Doxygen's tree has no room for a level that is left out.
            level = min(here.level, level + 1, max(SECTIONS))
            lines.append(f"\\{SECTIONS[level]} {name}-{here.anchor} "
                         f"{plain(here.text)}")
        if html.strip():
            piece = f"{name}-{index}.html"
            write(folder / piece, html)
            lines.append(f"\\htmlinclude[block] {piece}")
    write(folder / f"{name}.dox", "\n".join([*lines, "*/", ""]))


def plain(text):
    """A heading in which Doxygen finds no command."""
    return re.sub(r"([@\\#&<>%$])", r"\\\1", text)


def gather(page, headings, words):
    """Tells the search what is in a page, and below which heading."""
    title = headings[0].text
    # Day 6 says enough beside a heading of it.
    short = re.sub(r"^(Day \d+): .*", r"\1", title)

    def place(heading):
        if heading.level == 1:
            return site_search.Place(page.page, title)
        return site_search.Place(f"{page.page}#{heading.anchor}",
                                 f"{short} · {heading.text}")

    for heading in headings:
        for word in site_search.heading_words(heading.text):
            words.add(word, place(heading))
    for heading, name in page.names:
        if heading and site_search.NAME.fullmatch(name):
            words.add(name, place(heading))


def lay_out(root, folder, places, words):
    """Writes all pages into the folder; their .dox files, in order. What they
    are about is added to the words of the search."""
    lessons, guides = order(root)
    names = []
    for name in ("index", *lessons, *guides):
        file = "README.md" if name == "index" else f"docs/{name}.md"
        page = site_markdown.Page(root, file, f"{name}.html", places)
        parts = [(heading, without_title(heading, html))
                 for heading, html in page.parts()]
        headings = [heading for heading, _ in parts if heading]
        gather(page, headings, words)
        top, foot = "", ""
        if name in lessons:
            top = around(name, lessons)
            foot = neighbours(root, name, lessons)
        if name == "index":
            foot = overview(root, lessons)
        else:
            top += contents(headings)
        parts.insert(0, (None, top))
        parts.append((None, foot))
        dox(name, headings[0].text, parts, folder)
        names.append(folder / f"{name}.dox")
    return names


def without_title(heading, html):
    """Doxygen shows the page's title itself: only its anchor stays."""
    if not heading or heading.level != 1:
        return html
    return re.sub(r"<h1\b.*?</h1>", f'<a id="{heading.anchor}"></a>', html,
                  count=1, flags=re.S)
