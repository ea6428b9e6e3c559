"""Runs Doxygen: once for the pages, and once for each day's API.

The ten days have the same classes in the same namespace: one run would take
them for one class, declared ten times. So each day is a run of its own, into a
folder of its own, with its own tree and search, and links back to the course.
"""

import re
import subprocess
import sys
from html import escape
from pathlib import Path

import project
from outputs import write
from project import Failure

AWESOME = Path("/usr/share/doxygen-awesome-css")
SHEETS = ("doxygen-awesome.css", "doxygen-awesome-sidebar-only.css")
# What a tree loads of a file: span_8h for span.h.
FILE_IN_TREE = re.compile(r'"\w+_8(?:h|cc|c)" \]')
FILTER = Path(__file__).with_name("site_filter.py")


class Warned(Exception):
    """What Doxygen has to say: it should have nothing."""


def run(settings, folder):
    """One run, into the folder; a warning is an error."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{name} = {value}\n" for name, value in settings.items())
    shared = project.ROOT / "docs/site/Doxyfile"
    done = subprocess.run(
        ["doxygen", "-"], cwd=folder, text=True, check=False,
        input=f'@INCLUDE = "{shared}"\nOUTPUT_DIRECTORY = "{folder}"\n{text}',
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode or done.stderr.strip():
        raise Warned(done.stderr.strip() or f"exit code {done.returncode}")


def quoted(paths):
    """Paths as one of Doxygen's lists."""
    return " ".join(f'"{path}"' for path in paths)


def look(work):
    """The settings of the look: sheets, and the layout of tree and menu."""
    sheets = [AWESOME / name for name in SHEETS]
    sheets += [project.ROOT / "docs/site/site.css", work / "code.css"]
    return {"HTML_EXTRA_STYLESHEET": quoted(sheets)}


def tab(kind, title, url="", inside=""):
    """An entry of the menu and of the tree."""
    url = f' url="{escape(url)}"' if url else ""
    head = f'<tab type="{kind}" visible="yes"{url} title="{escape(title)}"'
    return f"{head}>{inside}</tab>" if inside else f"{head}/>"


def write_layout(path, tabs):
    """Doxygen's layout file: only the menu is ours."""
    write(path, '<doxygenlayout version="1.0"><navindex>\n'
          + "\n".join(tabs) + "\n</navindex></doxygenlayout>\n")


def numbered(day):
    """Day 6 for day06."""
    return f"Day {int(day[3:])}"


def pages(files, site, work, days):
    """The lessons and guides, with everything else in the menu."""
    layout = work / "pages.xml"
    pairs = list(zip(days, days[1:]))
    write_layout(layout, [
        tab("mainpage", "Start"),
        tab("pages", "Lessons and guides").replace(
            "/>", ' intro="In the order in which they are best read."/>'),
        tab("usergroup", "API of each day", "[none]", "".join(
            tab("user", numbered(day), f"api/{day}/index.html")
            for day in days)),
        tab("usergroup", "What each day changes", "[none]", "".join(
            tab("user", f"From day {int(a[3:])} to {int(b[3:])}",
                f"differences/{a}-{b}.html") for a, b in pairs)),
        tab("user", "The race", "race.html"),
        tab("user", "All files", "files/index.html")])
    run({**look(work), "INPUT": quoted(files), "LAYOUT_FILE": f'"{layout}"',
         "PROJECT_NAME": '"Memory pool in ten days"',
         "SOURCE_BROWSER": "NO", "EXAMPLE_PATH": f'"{work}"',
         "EXTRACT_ALL": "NO", "JAVADOC_AUTOBRIEF": "NO", "SHOW_FILES": "NO",
         "MARKDOWN_SUPPORT": "NO", "AUTOLINK_SUPPORT": "NO"}, site)


def api(day, site, work):
    """The API of a day; returns the tag file, which names its pages."""
    folder, tags = project.ROOT / day, work / f"{day}.tags"
    layout = work / f"{day}.xml"
    write_layout(layout, [
        tab("user", "The course", "../../index.html"),
        tab("user", f"Lesson of day {int(day[3:])}", f"../../{day}.html"),
        tab("mainpage", "Overview"),
        tab("classlist", "Classes"),
        tab("namespacelist", "Namespaces"),
        tab("filelist", "Files"),
        tab("globals", "Index of names in files")])
    write(work / f"{day}.dox", overview(day))
    run({**look(work),
         "INPUT": quoted([work / f"{day}.dox", folder / "include",
                          folder / "src"]),
         "RECURSIVE": "YES", "LAYOUT_FILE": f'"{layout}"',
         "PROJECT_NAME": f'"{numbered(day)}: API"',
         "STRIP_FROM_PATH": quoted([folder, work]),
         "STRIP_FROM_INC_PATH": f'"{folder / "include"}"',
         "INCLUDE_PATH": f'"{folder / "include"}"',
         "FILTER_PATTERNS": f'"*={sys.executable} {FILTER}"',
         "GENERATE_TAGFILE": f'"{tags}"'}, site / "api" / day)
    prune_tree(site / "api" / day)
    return tags


def prune_tree(folder):
    """Takes what a file declares out of the tree, where files have it, too.

    For what stands in a namespace, Doxygen 1.9.4 makes that a link to a place
    which the file's page does not have: the description is elsewhere.
    """
    for path in [*folder.glob("files*.js"), *folder.glob("dir_*.js")]:
        text = path.read_text(encoding="utf-8")
        path.write_text(FILE_IN_TREE.sub("null ]", text), encoding="utf-8")
    for path in folder.glob("*_8*.js"):
        if FILE_IN_TREE.fullmatch(f'"{path.stem}" ]'):
            path.unlink()


def opening(path):
    """The first sentence of a header's words."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.lstrip("/* ").rstrip()
        if not text or line.startswith("#"):
            break
        lines.append(text)
    words, dot, _ = " ".join(lines).partition(". ")
    return words + dot.strip()


def overview(day):
    """The first page of a day's API: its headers, in a few words each."""
    headers = sorted((project.ROOT / day / "include/pool").glob("*.h"))
    items = "".join(
        f'<li>\\ref include/pool/{path.name} "{path.name}": '
        f"{words(opening(path))}</li>\n" for path in headers)
    return (f"/** \\mainpage The allocator at the end of {numbered(day).lower()}"
            f"\n<ul>\n{items}</ul>\n*/\n")


def words(text):
    """A sentence in which Doxygen finds no command."""
    for sign in "\\@#&<>%$":
        text = text.replace(sign, "\\" + sign)
    return text.replace("`", "")
