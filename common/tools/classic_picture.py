"""Draws arenas as SVG: the address space as a strip, wrapped into rows.

Five policies after the same trace are drawn to the same scale, so that what
differs between the pictures is what differs between the policies. The colours
follow the reader's light or dark mode.
"""

from html import escape

ROWS = 64
LEGEND = (
    ("live", "in use"),
    ("waste", "wasted inside blocks"),
    ("hole", "free"),
    ("largest", "the largest free piece"),
)
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .name { font-size: 15px; font-weight: 600 }
  .small { font-size: 12px; fill: #57606a }
  .paper { fill: #ffffff }
  .live { fill: #4878b8; stroke: #4878b8 }
  .waste { fill: #f0933a; stroke: #f0933a }
  .hole { fill: #e9edf1; stroke: #e9edf1 }
  .largest { fill: #7fc98f; stroke: #7fc98f }
  .top { fill: #24292f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .small { fill: #9da7b1 }
    .paper { fill: #0d1117 }
    .live { fill: #5a8fd6; stroke: #5a8fd6 }
    .waste { fill: #e08a35; stroke: #e08a35 }
    .hole { fill: #262d36; stroke: #262d36 }
    .largest { fill: #3f9a56; stroke: #3f9a56 }
    .top { fill: #e6edf3 }
  }
"""


def bytes_text(count):
    """1536 as "1.5 KiB"."""
    if count < 1024:
        return f"{count:,} B"
    if count < 1024 * 1024:
        return f"{count / 1024:,.1f} KiB".replace(".0 KiB", " KiB")
    return f"{count / 1024 / 1024:,.2f} MiB".replace(".00 MiB", " MiB")


def pieces(snapshot, header):
    """The arena as (kind, start, end), in order and without gaps.

    A live block is its header and its rounding, both waste, around what was
    asked for.
    """
    largest = max((size for _, size, asked in snapshot["blocks"] if asked < 0),
                  default=0)
    waste = 0  # where the waste began that is not given out yet
    for start, size, asked in snapshot["blocks"]:
        end = start + size
        if asked < 0:
            if waste < start:
                yield "waste", waste, start
            # One of several equal ones is enough to show how large it is.
            kind, largest = (("largest", 0) if size == largest
                             else ("hole", largest))
            yield kind, start, end
            waste = end
            continue
        yield "waste", waste, start + header
        waste = start + header + asked
        yield "live", start + header, waste
    if waste < end:
        yield "waste", waste, end


def _short(number):
    """A coordinate in few characters: there are thousands of them."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


class Strip:
    """The place of one arena in a picture: from bytes to rows of pixels."""

    def __init__(self, arena, left, top, width, pitch):
        self.arena, self.left, self.top = arena, left, top
        self.width, self.pitch = width, pitch
        self.height = ROWS * pitch
        self.row_bytes = -(-arena // ROWS)
        self.bar = pitch * 0.82

    def _path(self, start, end):
        """The bytes from start to end, a thick line for each row."""
        while start < end:
            row, column = divmod(start, self.row_bytes)
            stop = min(end, (row + 1) * self.row_bytes)
            scale = self.width / self.row_bytes
            x, w = self.left + column * scale, (stop - start) * scale
            y = self.top + row * self.pitch + self.bar / 2
            yield f"M{_short(x)} {_short(y)}h{_short(w)}"
            start = stop

    def draw(self, policy, snapshot, header):
        """The arena, a path for each kind, and a mark at the heap's top."""
        paths = {kind: [] for kind, _ in LEGEND}
        for kind, start, end in pieces(snapshot, header):
            paths[kind].extend(self._path(start, end))
        for kind, path in paths.items():
            yield (f'<path class="{kind}" stroke-width="{self.bar:.2f}" '
                   f'd="{"".join(path)}"/>')
        yield self._mark(policy["high_water"])

    def _mark(self, high_water):
        """Two small triangles that point at the last row ever used."""
        row = max(high_water - 1, 0) // self.row_bytes
        y = self.top + row * self.pitch + self.bar / 2
        left, right = self.left - 2, self.left + self.width + 2
        return (f'<path class="top" d="M{left:.1f} {y:.1f}l-7 -5v10z'
                f'M{right:.1f} {y:.1f}l7 -5v10z"/>')


def _text(x, y, text, kind=""):
    """A line of text at its left end."""
    name = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{name}>{escape(text)}</text>'


def _legend(x, y, strip):
    """What the colours mean, in one line, and how to read the rows."""
    for kind, words in LEGEND:
        yield (f'<rect class="{kind}" stroke-width="0" x="{x}" '
               f'y="{y - 11}" width="13" height="13"/>')
        yield _text(x + 19, y, words)
        x += 46 + 7 * len(words)
    yield f'<path class="top" d="M{x + 8} {y - 5}l-7 -5v10z"/>'
    yield _text(x + 14, y, "highest address ever used")
    x = strip.left
    yield _text(x, y + 22, "Read it like a page: addresses run from left to "
                f"right, then down; a row is {bytes_text(strip.row_bytes)}.",
                "small")


def _svg(width, height, title, body):
    """A whole SVG file around what is drawn."""
    lines = "\n".join(body)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
            f'height="{height}" viewBox="0 0 {width} {height}" role="img">\n'
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n"
            f'<rect class="paper" width="{width}" height="{height}"/>\n'
            f"{lines}\n</svg>\n")


def facts(policy, snapshot, peak):
    """What to compare, a short line each."""
    return (f"heap: {policy['high_water'] / peak:.2f} × what was asked",
            f"free: {bytes_text(snapshot['free'])}",
            f"largest free piece: {bytes_text(snapshot['largest_free'])}",
            f"refused: {policy['refusals']:,} of "
            f"{policy['allocations'] + policy['refusals']:,}")


def moment(trace, snapshot):
    """Which trace, and when in it."""
    return (f"{trace['about']}; after {snapshot['event']:,} of its "
            f"{trace['events']:,} calls")


def one_policy(trace, policy, snapshot, header):
    """One arena, large enough to see its blocks."""
    strip = Strip(trace["arena"], 24, 96, 952, 10)
    title = f"{policy['policy']} in the trace “{trace['trace']}”"
    body = [_text(24, 32, title, "name"),
            _text(24, 53, moment(trace, snapshot), "small"),
            _text(24, 76, " · ".join(
                facts(policy, snapshot, trace["peak_asked"])))]
    body += strip.draw(policy, snapshot, header)
    bottom = strip.top + strip.height
    body += _legend(24, bottom + 26, strip)
    return _svg(1000, bottom + 62, title, body)


def all_policies(trace, shown, header):
    """The five side by side. shown: the snapshot to draw of each policy."""
    gap, width, top = 28, 184, 152
    title = ("Five ways to place the same blocks: the trace "
             f"“{trace['trace']}”")
    body = [_text(24, 32, title, "name"),
            _text(24, 53, moment(trace, shown[0]), "small")]
    for index, (policy, snapshot) in enumerate(zip(trace["policies"], shown)):
        strip = Strip(trace["arena"], 24 + index * (width + gap), top, width,
                      7)
        body.append(_text(strip.left, 85, policy["policy"], "name"))
        heap, _, piece, refused = facts(policy, snapshot,
                                        trace["peak_asked"])
        body += [_text(strip.left, 104 + 17 * i, line, "small")
                 for i, line in enumerate((heap, piece, refused))]
        body += strip.draw(policy, snapshot, header)
    bottom = top + strip.height
    strip.left = 24
    body += _legend(24, bottom + 26, strip)
    return _svg(24 * 2 + 5 * width + 4 * gap, bottom + 62, title, body)
