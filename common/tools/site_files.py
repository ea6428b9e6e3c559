"""A page for each file of the project that Doxygen has none for, and for each
folder: links of the lessons to lines of tests, figures' data and the like lead
here.
"""

import concurrent.futures
import importlib
import posixpath
from html import escape

import diff_page
import project
import site_markdown
import site_places
from outputs import write

SHEET = "files.css"
LARGE = 200_000  # characters; colours help nobody in so many
PICTURE = ".svg"


def framed(name, page, inside):
    """A page with the path of the file at its top, each part a link."""
    parts, path = [("The course", "index.html"), ("files",
                                                  "files/index.html")], ""
    for part in name.split("/") if name else ():
        path = posixpath.join(path, part)
        parts.append((part, f"files/{path}/index.html"))
    links = [f'<a href="{site_places.relative(where, page)}">{escape(text)}'
             "</a>" for text, where in parts[:-1]]
    trail = " / ".join([*links, escape(parts[-1][0])])
    sheet = site_places.relative(SHEET, page)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(name or 'files')}</title>"
        f'<link rel="stylesheet" href="{sheet}"></head><body>'
        f"<nav>{trail}</nav>\n{inside}</body></html>\n")


def code_lines(name, text):
    """The lines of a file as HTML."""
    if len(text) > LARGE:
        return escape(text).split("\n")
    return diff_page.coloured(name, text)


def code(name, text):
    """A file's lines, each with its number and a place to link to."""
    lines = code_lines(name, text)
    if lines and not lines[-1]:
        lines.pop()
    rows = "".join(f'<span class="row" id="L{number}"><a href="#L{number}">'
                   f"{number}</a>{line}\n</span>"
                   for number, line in enumerate(lines, 1))
    return f'<pre class="code numbered">{rows}</pre>'


def file_page(root, name, places):
    """The page of one file."""
    page = places.page(name)
    if name.endswith(".md"):
        text = "".join(html for _, html in site_markdown.Page(
            root, name, page, places).parts())
        return framed(name, page, f'<article class="words">{text}</article>')
    try:
        text = (root / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return framed(name, page, "<p>This file is no text.</p>")
    picture = (f'<p><img class="figure" src="{posixpath.basename(name)}" '
               'alt=""></p>' if name.endswith(PICTURE) else "")
    return framed(name, page, picture + code(name, text))


def folder_page(folder, places):
    """The page of a folder: what lies in it, folders first."""
    page, prefix = places.page(folder), folder and folder + "/"
    inside = [name[len(prefix):] for name in sorted(places.files)
              if name.startswith(prefix)]
    folders = dict.fromkeys(name.split("/")[0] for name in inside
                            if "/" in name)
    items = [(one + "/", places.page(prefix + one)) for one in folders]
    items += [(one, places.page(prefix + one)) for one in inside
              if "/" not in one]
    rows = "".join(f'<li><a href="{site_places.relative(there, page)}">'
                   f"{escape(text)}</a></li>" for text, there in items)
    return framed(folder, page, f'<ul class="folder">{rows}</ul>')


def lay_out(root, site, places):
    """Writes the pages of all files and folders."""
    names = [name for name in sorted(places.files)
             if places.page(name) == f"files/{name}.html"]
    for folder in sorted(places.folders):
        write(site / places.page(folder), folder_page(folder, places))
    for name in names:
        if name.endswith(PICTURE):
            write(site / "files" / name, (root / name).read_text())
    # Colours take most of the time, and each file is by itself.
    with concurrent.futures.ProcessPoolExecutor(project.jobs()) as workers:
        pages = workers.map(_make, ((root, name, places) for name in names),
                            chunksize=16)
        for name, text in zip(names, pages):
            write(site / places.page(name), text)


def _make(arguments):
    return file_page(*arguments)
