"""Draws what one trace has left of a heap as SVG: page by page, in the order
of their addresses, wrapped into rows.

All days are drawn to the same scale, so that what differs between the pictures
is what differs between the days. The colours follow the reader's light or dark
mode.
"""

from html import escape

from classic_picture import bytes_text

COLUMNS = 160        # pages in a row
WIDTH, HEIGHT = 5, 9  # of a page, in pixels; 9 is the letter for a full one
PITCH = 11           # from one row to the next
MARGIN, HEAD, LINE = 16, 44, 18
TITLES = {
    "peak": "At the peak",
    "after": "When nearly all is freed",
    "end": "At the end",
    "released": "After ReleaseFreeMemory()",
}
LEGEND = (
    ("live", "in use"),
    ("held", "not in use, but it takes memory"),
    ("empty", "no memory; the address stays"),
    ("gone", "given back with its address"),
)
STYLE = """
  .heap text { font: 13px system-ui, -apple-system, 'Segoe UI',
    'DejaVu Sans', sans-serif; fill: #1f2328 }
  .heap .name { font-size: 16px; font-weight: 600 }
  .heap .strong { font-weight: 600 }
  .heap .soft { font-size: 12px; font-weight: 400; fill: #59636e }
  .heap .paper { fill: #ffffff }
  .heap path { fill: none }
  .heap .live { stroke: #2563c9 }
  .heap .held { stroke: #f4b183 }
  .heap .empty { stroke: #a6afb8 }
  .heap .gone { stroke: #d3d9df }
  @media (prefers-color-scheme: dark) {
    .heap text { fill: #e6edf3 }
    .heap .soft { fill: #9aa4af }
    .heap .paper { fill: #0d1117 }
    .heap .live { stroke: #5a93ec }
    .heap .held { stroke: #8a4f22 }
    .heap .empty { stroke: #545d68 }
    .heap .gone { stroke: #30363d }
  }
"""


def letters(snapshot):
    """A letter for each page: see common/workloads/heap_picture.cc."""
    return "".join(run["pages"] for run in snapshot["runs"])


def _stretches(pages, wanted):
    """(column, row, length) of each stretch of letters that are wanted."""
    for start in range(0, len(pages), COLUMNS):
        row = pages[start:start + COLUMNS] + " "
        begin = None
        for column, letter in enumerate(row):
            if letter in wanted:
                begin = column if begin is None else begin
            elif begin is not None:
                yield begin, start // COLUMNS, column - begin
                begin = None


def _path(kind, pages, wanted, low, high, top):
    """The pages that are wanted, as thick lines from `low` to `high` pixels
    above their bottom."""
    steps = "".join(
        f"M{MARGIN + column * WIDTH} "
        f"{top + row * PITCH + HEIGHT - (low + high) / 2:g}"
        f"h{length * WIDTH - 0.5:g}"
        for column, row, length in _stretches(pages, wanted))
    return (f'<path class="{kind}" stroke-width="{high - low:g}" '
            f'd="{steps}"/>') if steps else ""


def _pages(pages, top):
    """All pages of a snapshot."""
    yield _path("held", pages, "012345678", 0, HEIGHT, top)
    for level in range(1, 10):
        yield _path("live", pages, str(level), 0, level, top)
    yield _path("empty", pages, ".", 0, 2.5, top)
    yield _path("gone", pages, "-", 0, 1, top)


def about(snapshot, page_bytes):
    """What there is, in a line."""
    pages = letters(snapshot)
    held = sum(letter.isdigit() for letter in pages)
    share = snapshot["live"] / (held * page_bytes) if held else 0
    return (f"{snapshot['blocks']:,} blocks, {bytes_text(snapshot['live'])}, "
            f"on {held:,} pages that take {bytes_text(held * page_bytes)}: "
            f"{share:.0%} of that is in use")


def _snapshot(snapshot, page_bytes, top):
    """One snapshot below its title; the lines and where the next begins."""
    pages = letters(snapshot)
    rows = -(-len(pages) // COLUMNS)
    title = TITLES[snapshot["when"]]
    lines = [f'<text class="strong" x="{MARGIN}" y="{top + 13}">{title}'
             f'<tspan class="soft" dx="10">{about(snapshot, page_bytes)}'
             "</tspan></text>"]
    lines += filter(None, _pages(pages, top + LINE + 2))
    return lines, top + LINE + 2 + rows * PITCH + LINE


def _legend(top, page_bytes):
    """What the colours mean."""
    x = MARGIN
    for kind, words in LEGEND:
        high = {"empty": 2.5, "gone": 1}.get(kind, HEIGHT)
        yield (f'<path class="{kind}" stroke-width="{high:g}" '
               f'd="M{x} {top - high / 2:g}h12"/>'
               f'<text class="soft" x="{x + 17}" y="{top}">{words}</text>')
        x += 34 + len(words) * 6.3
    yield (f'<text class="soft" x="{MARGIN}" y="{top + LINE}">Each mark is a '
           f"page of {bytes_text(page_bytes)} on which a block lies or lay, "
           "in the order of addresses; it is filled as far as its bytes are "
           "in use.</text>")


def draw(title, heap, note=""):
    """The picture of a day's heap; a note comes below its legend."""
    body, top = [], HEAD
    for snapshot in heap["snapshots"]:
        lines, top = _snapshot(snapshot, heap["page_bytes"], top)
        body += lines
    body += _legend(top + 4, heap["page_bytes"])
    if note:
        top += LINE
        body.append(f'<text class="soft" x="{MARGIN}" y="{top + 4 + LINE}">'
                    f"{escape(note)}</text>")
    width, height = COLUMNS * WIDTH + 2 * MARGIN, top + LINE + MARGIN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" class="heap" role="img" '
        f'aria-label="{escape(title)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="name" x="{MARGIN}" y="28">{escape(title)}</text>',
        *body, "</svg>", ""])
