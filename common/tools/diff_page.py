"""A difference as one HTML page: side by side, with the code coloured.

Pygments colours; the rows are git's. The page needs nothing but itself: no
script, no font. On a narrow screen the two sides stand below each other.
"""

import importlib
import os
import re
import subprocess
import sys
from html import escape

import changes
import differences
import project

MARK = '<meta name="generator" content="course diff">'
DEBIAN = "/usr/lib/python3/dist-packages"  # for a Python that is not Debian's
LIGHT, DARK = "default", "github-dark"
CONTEXT = 5  # equal lines around what differs
HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1f2328;--soft:#59636e;
--rule:#d9dee3;--shade:#f6f8fa;--out:#ffebe9;--in:#dafbe1;--link:#0b5cad}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;
--soft:#9aa4af;--rule:#30363d;--shade:#161b22;--out:#40191c;--in:#12321d;
--link:#6cb0f7}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:104rem;padding:0 1rem 4rem;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,-apple-system,'Segoe UI','DejaVu Sans',
sans-serif}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
code,.code{font:12px/1.5 ui-monospace,'SF Mono',Menlo,'DejaVu Sans Mono',
monospace}
table{border-collapse:collapse;width:100%;margin:1rem 0}
td,th{padding:.3rem .6rem .3rem 0;text-align:left;vertical-align:top;
border-bottom:1px solid var(--rule)}
td:first-child,td:nth-child(3){white-space:nowrap}
td code{overflow-wrap:anywhere}
.soft{color:var(--soft)}
details{border:1px solid var(--rule);border-radius:6px;margin:1.2rem 0;
overflow:clip}
summary{position:sticky;top:0;z-index:1;padding:.4rem .8rem;cursor:pointer;
background:var(--shade);border-bottom:1px solid var(--rule);
overflow-wrap:anywhere}
.seg{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr)}
.seg.whole{grid-template-columns:minmax(0,1fr)}
.l,.r{position:relative;min-height:1.5em;padding:0 .4rem 0 3.4rem;
white-space:pre-wrap;overflow-wrap:anywhere;tab-size:4}
.r{border-left:1px solid var(--rule)}
.l::before,.r::before{content:attr(data-n);position:absolute;left:0;
width:2.8rem;text-align:right;color:var(--soft)}
.out{background:var(--out)}.in{background:var(--in)}.none{
background:var(--shade)}
.cut{padding:.1rem .8rem;background:var(--shade);color:var(--soft);
border-block:1px solid var(--rule);font-size:12px}
@media (max-width:900px){
body{padding:0 .5rem 3rem}
.seg{grid-template-columns:minmax(0,1fr)}
.seg .l{order:1}.seg .r{order:2;border-left:0}
.none,.same .l{display:none}
.l,.r{padding-left:2.4rem}.l::before,.r::before{width:1.9rem}
table,tbody,tr,td{display:block}thead{display:none}
tr{border-bottom:1px solid var(--rule);padding:.4rem 0}
td{border:0;padding:0}td:first-child{white-space:normal}
td:nth-child(2),td:nth-child(3){display:inline;margin-right:.6rem}
td:empty{display:none}}
"""


def highlighter():
    """Pygments, None if it is not installed."""
    for place in ([], [DEBIAN]):
        sys.path += place
        try:
            return importlib.import_module("pygments")
        except ImportError:
            importlib.invalidate_caches()
        finally:
            if place:
                sys.path.remove(DEBIAN)
    return None


def _part(name):
    """A module of Pygments."""
    return importlib.import_module(f"pygments.{name}")


def coloured(name, text):
    """The lines of a file as HTML."""
    try:
        lexer = _part("lexers").get_lexer_for_filename(name, stripnl=False)
    except _part("util").ClassNotFound:
        lexer = _part("lexers").get_lexer_by_name("text", stripnl=False)
    form = _part("formatters").HtmlFormatter(nowrap=True)
    return highlighter().highlight(text, lexer, form).split("\n")


def colour_rules():
    """Pygments' colours, light and dark."""
    def rules(style):
        form = _part("formatters").HtmlFormatter(style=style)
        return "\n".join(line for line in form.get_style_defs(
            ".code").splitlines() if re.match(r"\.code \.(?!hll|err)", line))
    return (rules(LIGHT) + "\n@media (prefers-color-scheme:dark){\n"
            + rules(DARK) + "}\n")


def _read(path):
    return path.read_text(encoding="utf-8", errors="replace") if (
        path.is_file()) else ""


def _cell(side, kind, number, code):
    return f'<div class="{side} {kind}" data-n="{number}">{code}</div>'


def segment(old, new):
    """What was taken out beside what was put in; (number, code) each."""
    rows = []
    for index in range(max(len(old), len(new))):
        for side, kind, lines in (("l", "out", old), ("r", "in", new)):
            rows.append(_cell(side, kind, *lines[index])
                        if index < len(lines) else
                        f'<div class="{side} none"></div>')
    return f'<div class="seg">{"".join(rows)}</div>'


def same(pairs):
    """Lines that both sides have: ((number, code), (number, code)) each."""
    cells = "".join(_cell("l", "", *old) + _cell("r", "", *new)
                    for old, new in pairs)
    return f'<div class="seg same">{cells}</div>'


def hunks(lines, old, new):
    """The rows of git's hunks; old and new are the coloured lines."""
    left = right = 0
    groups = []  # ("cut" | "same" | "changed", lines of the left, of the right)
    for line in lines:
        match = HUNK.match(line)
        if match:
            left, right = (int(number) - 1 for number in match.groups())
            groups.append(("cut", left, right))
            continue
        if not groups or line[:1] not in "+- " or not line:
            continue  # git's own headers, "\ No newline at end of file"
        kind = "same" if line[0] == " " else "changed"
        if groups[-1][0] != kind:
            groups.append((kind, [], []))
        if line[0] in " -":
            groups[-1][1].append((left + 1, old[left]))
            left += 1
        if line[0] in " +":
            groups[-1][2].append((right + 1, new[right]))
            right += 1
    for kind, before, after in groups:
        if kind == "cut":
            yield f'<div class="cut">from line {after + 1}</div>'
        else:
            yield (segment(before, after) if kind == "changed" else
                   same(zip(before, after)))


def whole(lines, kind):
    """A file that only one side has: one column."""
    cells = "".join(_cell("l", kind, number, code)
                    for number, code in enumerate(lines, 1))
    return f'<div class="seg whole">{cells}</div>'


def body(change, before, after):
    """The rows of one file."""
    texts = _read(before / change.name), _read(after / change.name)
    old, new = (coloured(change.name, text) for text in texts)
    if change.state != "changed":
        return whole((new if change.state == "new" else old)[:-1],
                     "in" if change.state == "new" else "out")
    done = differences.run_git_diff(
        ["--color=never", f"-U{CONTEXT}", "--", str(before / change.name),
         str(after / change.name)], stdout=subprocess.PIPE)
    # As Pygments does: a line ends at \n, and nowhere else.
    return "\n".join(hunks(done.stdout.decode(errors="replace").split("\n"),
                           old, new))


def _pair(name):
    """What a header and its source share: neither is read alone."""
    return re.sub(r"^(?:include/pool|src)/(\w+)\.\w+$", r"\1", name)


def lesson_of(before, after):
    """The day whose lesson tells of the difference, None if there is none."""
    return next((folder.name for folder in (after, before)
                 if folder.parent == project.ROOT), None)


def lesson_order(found, day):
    """The changes in the order in which the day's lesson comes to the files;
    what it does not name follows as a difference is read."""
    lines = _read(project.ROOT / "docs" / f"{day}.md").splitlines()
    table = changes.find_block(lines)
    if table:
        del lines[table[0]:table[1]]
    told = [_pair(name) for name in re.findall(
        rf"\b{day}/([\w./-]+\w)", "\n".join(lines))]
    rank = {name: index for index, name in reversed(list(enumerate(told)))}
    return sorted(found, key=lambda change: (
        rank.get(_pair(change.name), len(told)),
        differences.reading_order(change.name)))


def _signs(change):
    return " ".join(sign for sign in (
        f"+{change.more}" if change.more else "",
        f"−{change.fewer}" if change.fewer else "") if sign)


def table(found, before, after):
    """The files, and what each brings, changes and drops."""
    rows = []
    for index, (change, what) in enumerate(
            changes.described(before, after, found)):
        words = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(what))
        state = change.state if change.state != "changed" else ""
        rows.append(f'<tr><td><a href="#f{index}"><code>{escape(change.name)}'
                    f"</code></a></td><td>{state}</td><td>{_signs(change)}"
                    f"</td><td>{words}</td></tr>")
    return ("<table><thead><tr><th>file</th><th></th><th>lines</th>"
            "<th>classes and functions</th></tr></thead><tbody>"
            + "".join(rows) + "</tbody></table>")


def name_of(folder):
    """What a reader calls a side: "day 4", or the folder's name."""
    day = project.day_name(folder.name)
    return f"day {int(day[3:])}" if (
        day and folder.parent == project.ROOT) else folder.name + os.sep


def page(found, before, after):
    """The page of a difference."""
    day = lesson_of(before, after)
    found = lesson_order(found, day)
    order = (f" They stand in the order in which the lesson of day "
             f"{int(day[3:])} comes to them." if day else "")
    title = escape(f"From {name_of(before)} to {name_of(after)}")
    more = sum(change.more for change in found)
    fewer = sum(change.fewer for change in found)
    files = "".join(
        f'<details open><summary id="f{index}"><code>{escape(change.name)}'
        f'</code> <span class="soft">{_signs(change)} {change.state}</span>'
        f'</summary><div class="code">{body(change, before, after)}</div>'
        "</details>" for index, change in enumerate(found))
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f"{MARK}<meta name=\"viewport\" "
            f'content="width=device-width,initial-scale=1"><title>{title}'
            f"</title><style>{STYLE}{colour_rules()}</style></head><body>"
            f"<h1>{title}</h1><p>{len(found)} files differ: {more} lines more, "
            f"{fewer} fewer.{order}</p>"
            f"{table(found, before, after)}{files}</body></html>\n")
