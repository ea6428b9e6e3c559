"""The race's report: one HTML page with its pictures in it, and the figure.

The page needs nothing but itself: no script, no font, no picture from
elsewhere. It follows the reader's light or dark setting.
"""

from html import escape

import chart
import lookups
import programs_table
import standings
from chart import RATIO, TIME, Point, Series
from standings import MALLOC, geometric_mean, is_day

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1f2328;--soft:#59636e;
--rule:#d9dee3;--win:#116329;--lose:#a40e26;--shade:#f6f8fa;
--link:#0b5cad}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;
--soft:#9aa4af;--rule:#2b323a;--win:#56d364;--lose:#ff8f8a;--shade:#161b22;
--link:#6cb0f7}}
body{margin:0 auto;padding:24px 20px 64px;max-width:1080px;
background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:40px 0 8px}
p{max-width:72ch}.soft{color:var(--soft)}svg{max-width:100%;height:auto}
.charts{display:flex;flex-wrap:wrap;gap:12px}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:14px}
th,td{padding:4px 10px;text-align:right;border-bottom:1px solid var(--rule);
font-variant-numeric:tabular-nums;white-space:nowrap}
th:first-child,td:first-child{text-align:left}thead th{background:var(--shade)}
.wins{color:var(--win)}.loses{color:var(--lose)}
.key{display:inline-block;width:22px;height:0;border-top:3px solid;
vertical-align:middle;margin:0 6px 0 14px}.key.dash{border-top-style:dashed}
a{color:var(--link)}
@media (max-width:700px){body>div{overflow-x:auto}body>div>svg{max-width:none}}
dt{float:left;clear:left;width:11em;color:var(--soft)}dd{margin:0 0 0 11em}
"""


def color_of(results, name):
    """A number for an allocator's colour: the same in all pictures."""
    if is_day(name):
        return 0
    return 1 if name == MALLOC else 2 + results.peers.index(name)


def points(results, values):
    """A point for each allocator, from {name: value}."""
    return [Point(name, values[name], color_of(results, name))
            for name in results.names]


def figure(results):
    """The race, as a picture of its own: relative to malloc."""
    values = {name: geometric_mean(results.relative_times(name))
              for name in results.names}
    return chart.ladder(
        "The race of the days",
        f"time per operation relative to malloc; geometric mean of "
        f"{len(results.lines)} rows; lower is better",
        points(results, values), RATIO, 1)


def memory_figure(results):
    """Peak memory, relative to malloc."""
    values = {name: geometric_mean(results.relative_memory(name))
              for name in results.names}
    return chart.ladder(
        "Peak memory",
        "resident bytes for each byte asked for, relative to malloc; "
        "geometric mean; lower is better",
        points(results, values), RATIO, 1, False)


def time_figure(results):
    """Time per operation in nanoseconds, over the rows that all ran."""
    common = [line for line in results.lines
              if all(results.time(line, name) for name in results.names)]
    values = {name: geometric_mean(results.time(line, name)
                                   for line in common)
              for name in results.names}
    return chart.ladder(
        "Time per operation",
        f"geometric mean of {len(common)} rows; lower is better; "
        "the dashed line is malloc",
        points(results, values), TIME, values.get(MALLOC), False)


def burst_figure(results):
    """The promised table as a picture."""
    rows = standings.promised_rows(results)
    if not rows:
        return ""
    lines = {row.size: standings.Line("", f"burst/{row.size}", "ns_per_op")
             for row in rows}

    def ratios(name):
        times = [results.time(lines[row.size], name) for row in rows]
        malloc = [results.time(lines[row.size], MALLOC, name) for row in rows]
        return [m / t if m and t else None for m, t in zip(malloc, times)]

    names = [results.newest(), MALLOC, *results.peers]
    series = [Series(name, ratios(name), color_of(results, name))
              for name in names]
    series.append(Series("promised", [row.promised for row in rows], 5, True))
    return chart.lines(
        "burst: how many times faster than malloc",
        "16 fresh threads allocate and free 10,000 blocks each; "
        "higher is better",
        [f"{row.size} B" for row in rows], series, RATIO, 1, False)


def workload_figure(results, workload):
    """One workload at a glance: the mean over its rows."""
    lines = [line for line in results.lines
             if line.row.split("/")[0] == workload]

    def point(name):
        times = [results.time(line, name) for line in lines]
        whole = all(times)
        return Point(name, geometric_mean(times) if whole else None,
                     color_of(results, name),
                     any(results.is_part(line.row, name) for line in lines))

    return chart.small(workload, [point(name) for name in results.days],
                       [point(name) for name in results.names
                        if not is_day(name)], TIME, False)


def legend(results):
    """Which colour is which, for the small pictures."""
    keys = []
    for name in [results.newest(), MALLOC, *results.peers]:
        if name is None:
            continue
        dash = "" if is_day(name) else " dash"
        words = "the days (hollow: on a part of the work)" if (
            is_day(name)) else name
        keys.append(f'<span class="key{dash} k{color_of(results, name)}">'
                    f"</span>{escape(words)}")
    return f'<p class="soft">{"".join(keys)}</p>'


def key_style():
    """The legend's colours: the pictures' own."""
    def rules(palette):
        return "".join(f".k{i}{{color:{color}}}"
                       for i, color in enumerate(palette))
    return (rules(chart.LIGHT) + "@media (prefers-color-scheme:dark){"
            + rules(chart.DARK) + "}")


def html_table(head, rows):
    """A table; a cell is text, or (text, class, hint)."""
    def write(tag, cell):
        text, kind, hint = cell if isinstance(cell, tuple) else (cell, "", "")
        attributes = (f' class="{kind}"' if kind else "") + (
            f' title="{escape(hint)}"' if hint else "")
        return f"<{tag}{attributes}>{escape(text)}</{tag}>"

    body = "".join("<tr>" + "".join(write("td", cell) for cell in row)
                   + "</tr>\n" for row in rows)
    return ('<div class="wide"><table><thead><tr>'
            + "".join(write("th", cell) for cell in head)
            + f"</tr></thead>\n<tbody>{body}</tbody></table></div>")


def promise_html(results):
    """The nine promised rows."""
    def ratio(value):
        return f"{value:.2f}×", standings.verdict(value), ""

    rows = [[f"{row.size} B",
             ("~" if row.is_part else "") + f"{row.ours:.2f}",
             f"{row.malloc:.2f}", ratio(row.ratio), f"{row.promised:.2f}×",
             f"{row.peer} {row.peer_ms:.2f}", ratio(row.peer_ratio),
             (standings.verdict(row.peer_ratio),) * 2 + ("",)]
            for row in standings.promised_rows(results)]
    return html_table(
        ["size", f"{results.newest()}, ms", "malloc, ms", "malloc / ours",
         "promised", "best other, ms", "its time / ours", "against it"], rows)


def times_html(results):
    """Every line with every allocator."""
    rows = []
    for line in results.lines:
        best = results.best(line, results.names)
        row = [line.name]
        for name in results.names:
            time = results.time(line, name)
            text = "–" if time is None else (
                ("~" if results.is_part(line.row, name) else "")
                + f"{time:,.{1 if time < 100 else 0}f}")
            kind = "wins" if best and time == best[1] else ""
            row.append((text, kind, results.note(line.row, name)))
        rows.append(row)
    return html_table(["row", *results.names], rows)


def lookups_html(results):
    """Finding the span of a page: picture and table, for each page map."""
    found = lookups.medians(results.raw.get("lookups", []))
    if not found:
        return ""
    threads = sorted({count for times in found.values() for count in times})
    series = [Series(day, [times.get(count) for count in threads], color)
              for color, (day, times) in enumerate(found.items())]
    picture = chart.lines(
        "From a page to its span",
        f"time for one look-up among {lookups.PAGES:,} live pages, by threads "
        "at once; lower is better",
        [str(count) for count in threads], series, TIME, None, False)
    rows = [[day] + [f"{times[count]:,.1f}" if count in times else "–"
                     for count in threads] for day, times in found.items()]
    return ("<h2>From a page to its span</h2>" + f"<div>{picture}</div>"
            + html_table(["ns, by threads", *map(str, threads)], rows))


def _ratio_cell(value):
    """A multiple of glibc's figure, green where that is better."""
    return ("–" if value is None else f"{value:.2f}×",
            "" if value is None else standings.verdict(1 / value), "")


def _program_rows(found, what, unit):
    """Each program: its allocations, glibc's figure, everybody's ratio."""
    for program in found.programs:
        name = program["name"]
        glibc = found.median(name, found.glibc, what)
        yield [(name, "", program["what"]), f"{program['allocations']:,}",
               "–" if glibc is None else f"{glibc / unit:,.2f}",
               *(_ratio_cell(found.ratio(name, other, what))
                 for other in found.names[1:])]
    yield ["geometric mean", "", "",
           *(_ratio_cell(found.mean(other, what))
             for other in found.names[1:])]


def programs_html(found):
    """Real programs under LD_PRELOAD: time and memory beside glibc's."""
    if found is None:
        return ""
    names = found.names[1:]
    return (
        '<h2>Real programs</h2><p class="soft">Each runs with the allocator '
        "preloaded; it prints and makes what it does without. Medians of up to "
        f"{found.raw['settings']['repetitions']} runs, "
        f"{escape(str(found.machine.get('date', '')))}; for all but glibc: "
        "how many times glibc's.</p>"
        + html_table(["wall time", f"allocations, {found.ours}", "glibc, s",
                      *names], _program_rows(found, "seconds", 1))
        + "<p></p>"
        + html_table(["peak memory", f"allocations, {found.ours}",
                      "glibc, MiB", *names],
                     _program_rows(found, "peak_bytes", 2 ** 20)))


def mebibytes(value):
    """Bytes as MiB, or a dash."""
    return "–" if value is None else f"{value / 2**20:,.1f}"


def memory_html(results):
    """Peak memory: for each byte asked for, and in MiB."""
    rows = []
    for row in results.rows:
        cells = [row]
        for name in results.names:
            value = results.memory(row, name)
            peak = mebibytes(results.counter(row, name, "peak_bytes"))
            cells.append(("–" if value is None else f"{value:.2f}", "",
                          f"{peak} MiB at the peak"))
        if any(cell[0] != "–" for cell in cells[1:]):
            rows.append(cells)
    return html_table(["row", *results.names], rows)


def ramp_html(results):
    """What came back to the system after the ramp."""
    rows = []
    for row in (row for row in results.rows if row.startswith("ramp")):
        for counter, words in (("top_bytes", "at the top"),
                               ("settled_bytes", "after ordinary use"),
                               ("released_bytes", "after a release")):
            rows.append([f"{row}, {words}"] + [
                (mebibytes(results.counter(row, name, counter)), "",
                 results.note(row, name)) for name in results.names])
    return html_table(["MiB resident", *results.names], rows)


def notes_html(results):
    """Which allocator did only a part of what, and why."""
    items = []
    for name in results.names:
        for row in results.rows:
            note = results.note(row, name)
            if note:
                items.append(f"<li>{escape(name)}, {escape(row)}: "
                             f"{escape(note)}</li>")
    if not items:
        return "<p>Every allocator did the whole of every workload.</p>"
    return ("<details><summary>Parts of the work, and what could not be served"
            f" ({len(items)} notes)</summary><ul>{''.join(items)}</ul>"
            "</details>")


def machine_html(results):
    """The machine, as a list."""
    items = []
    for name, value in results.machine.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {word}" for key, word in value.items())
        items.append(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>")
    return f"<dl>{''.join(items)}</dl>"


def page(results):
    """The whole report."""
    workloads = dict.fromkeys(row.split("/")[0] for row in results.rows)
    small = "".join(workload_figure(results, name) for name in workloads)
    sections = [
        f"<div>{time_figure(results)}</div>",
        f"<div>{memory_figure(results)}</div>"]
    if standings.promised_rows(results):
        sections += ["<h2>The promised table</h2>", promise_html(results),
                     f"<div>{burst_figure(results)}</div>"]
    sections += [
        "<h2>Each workload</h2>", legend(results),
        f'<div class="charts">{small}</div>',
        "<h2>Nanoseconds per operation</h2><p class=\"soft\">Medians; the "
        "quickest is green; ~ means: on a part of the work (the cell says "
        "which). Ratios and means compare it with malloc on the same part."
        "</p>", times_html(results),
        "<h2>Peak memory for each byte asked for</h2><p class=\"soft\">Below 1 "
        "where the threads' blocks do not all live at once; the cell says how "
        "many MiB it was.</p>", memory_html(results)]
    if any(row.startswith("ramp") for row in results.rows):
        sections += ["<h2>What came back after the ramp</h2>",
                     ramp_html(results)]
    sections += [lookups_html(results),
                 programs_html(programs_table.newest()),
                 "<h2>Notes</h2>", notes_html(results),
                 "<h2>The machine</h2>", machine_html(results)]
    processor = escape(str(results.machine.get("processor", "")))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>The race of the days</title><style>{STYLE}{chart.style()}"
        f"{key_style()}</style></head>\n<body><h1>The race of the days</h1>"
        f'<p class="soft">{len(results.lines)} rows, {len(results.names)} '
        f"allocators, {processor}, {results.machine.get('cores', '?')} cores, "
        f"{escape(str(results.machine.get('date', '')))}</p>\n"
        + "\n".join(sections) + "\n</body></html>\n")
