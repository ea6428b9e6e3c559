"""Draws charts as SVG, with nothing but the standard library.

Three kinds, all with a logarithmic axis, since the first is hundreds of times
slower than the last: `ladder` (the days in a row, others beside them), `small`
(the same at a glance, others as level lines) and `lines` (several series over
the same categories). Colours follow the reader's light or dark setting.
"""

import math
from typing import NamedTuple, Optional
from xml.sax.saxutils import escape

FONT = 12
SMALL_FONT = 11
# A letter's mean width in the fonts that browsers choose for sans-serif,
# as a share of the font size; on the safe side.
LETTER = 0.6
LINE = 16  # from one line of text to the next

# Colour 0 is for days, 1 for malloc, 2 and on for peers.
LIGHT = ("#2563c9", "#c2410c", "#0f766e", "#9333ea", "#8a6100", "#475569")
DARK = ("#6aa5ff", "#ff9166", "#3fc7b5", "#c792ff", "#e3b341", "#a3b1c2")


class Point(NamedTuple):
    """One allocator in a ladder; hollow if it did only a part of the work."""
    label: str
    value: Optional[float]
    color: int
    hollow: bool = False


class Series(NamedTuple):
    """Values over the categories of a chart; None where there is none."""
    label: str
    values: list
    color: int
    dashed: bool = False


class Unit(NamedTuple):
    """How values are written: nanoseconds, or a ratio."""
    name: str
    write: object


def _digits(value):
    """Three digits at most, without an exponent: 0.12, 1.2, 12, 120."""
    if value >= 99.5:
        return f"{value:.0f}"
    return f"{value:.{1 if value >= 9.95 else 2}f}".rstrip("0").rstrip(".")


def write_time(nanoseconds):
    """1200 as "1.2 µs"."""
    for limit, size, name in ((1e3, 1, "ns"), (1e6, 1e3, "µs"),
                              (1e9, 1e6, "ms")):
        if nanoseconds < limit * 0.9995:
            return f"{_digits(nanoseconds / size)} {name}"
    return f"{_digits(nanoseconds / 1e9)} s"


def write_ratio(ratio):
    """1.5 as "1.5×"; thousands as "1.5k×"."""
    if ratio >= 999.5:
        return f"{_digits(ratio / 1000)}k×"
    return f"{_digits(ratio)}×"


TIME = Unit("time", write_time)
RATIO = Unit("ratio", write_ratio)


def text_width(text, size=FONT):
    """About how wide a text is drawn."""
    return len(text) * size * LETTER


class LogScale:
    """Places values between two pixels, and chooses where the ticks are."""

    def __init__(self, values, bottom, top, room):
        low, high = math.log10(min(values)), math.log10(max(values))
        if high - low < 1:  # never less than a decade
            middle = (high + low) / 2
            low, high = middle - 0.5, middle + 0.5
        # Room for marks and their labels at both ends.
        margin = (high - low) * room / (bottom - top - 2 * room)
        self._low, self._high = low - margin, high + margin
        self._bottom, self._top = bottom, top

    def place(self, value):
        """The y of a value."""
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._bottom + (self._top - self._bottom) * share

    def ticks(self):
        """Round values: powers of ten; between few of them, 2 and 5, too."""
        decades = range(math.floor(self._low), math.ceil(self._high) + 1)
        steps = (1, 2, 5) if self._high - self._low < 2 else (1,)
        every = math.ceil((self._high - self._low) / 6)
        values = [step * 10.0 ** decade for decade in decades
                  for step in steps if decade % every == 0]
        return [value for value in values
                if self._low <= math.log10(value) <= self._high]


def _colors(palette):
    """CSS rules for the series' colours."""
    return "".join(
        f".chart .f{i}{{fill:{color}}}.chart .s{i}{{stroke:{color}}}"
        for i, color in enumerate(palette))


def style(scheme="both"):
    """The style sheet of all charts."""
    light = (".chart .paper{fill:#ffffff}.chart text{fill:#1f2328}"
             ".chart .soft{fill:#59636e}.chart .grid{stroke:#d9dee3}"
             ".chart .hollow{fill:#ffffff}.chart .halo{stroke:#ffffff}"
             + _colors(LIGHT))
    dark = (".chart .paper{fill:#0d1117}.chart text{fill:#e6edf3}"
            ".chart .soft{fill:#9aa4af}.chart .grid{stroke:#2b323a}"
            ".chart .hollow{fill:#0d1117}.chart .halo{stroke:#0d1117}"
            + _colors(DARK))
    shape = (".chart text{font-family:system-ui,-apple-system,'Segoe UI',"
             f"'DejaVu Sans',sans-serif;font-size:{FONT}px}}"
             f".chart .note{{font-size:{SMALL_FONT}px}}"
             ".chart .title{font-size:15px;font-weight:600}"
             ".chart .small{font-size:13px;font-weight:600}"
             ".chart .line{fill:none;stroke-width:2;stroke-linejoin:round}"
             ".chart .dashed{stroke-dasharray:5 4}"
             ".chart .mark{stroke-width:2}"
             ".chart .halo{stroke-width:4;paint-order:stroke;"
             "stroke-linejoin:round}")
    if scheme == "dark":
        return shape + dark
    return shape + light + f"@media (prefers-color-scheme:dark){{{dark}}}"


class Canvas:
    """Collects the parts of one picture."""

    def __init__(self, width, height, title):
        self.width, self.height, self._title = width, height, title
        self._parts = []

    def text(self, x, y, words, anchor="start", kind=""):
        """Writes words; y is the line they stand on."""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'class="{kind}">{escape(words)}</text>')

    def line(self, x1, y1, x2, y2, kind):
        """Draws a straight line."""
        self._parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" '
                           f'y2="{y2:.1f}" class="{kind}"/>')

    def path(self, places, kind):
        """Draws a line through places; None interrupts it."""
        words, pen_up = [], True
        for place in places:
            if place is not None:
                words.append(f"{'M' if pen_up else 'L'}{place[0]:.1f} "
                             f"{place[1]:.1f}")
            pen_up = place is None
        if words:
            self._parts.append(f'<path d="{" ".join(words)}" class="{kind}"/>')

    def mark(self, x, y, color, hollow=False, radius=4.5, hint=""):
        """Draws a point; the hint shows under the mouse."""
        kind = f"mark s{color} {'hollow' if hollow else f'f{color}'}"
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" class="{kind}">'
            f"<title>{escape(hint)}</title></circle>")

    def svg(self, with_style=True):
        """The whole picture, as text."""
        rules = f"<style>{style()}</style>" if with_style else ""
        return (f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" '
                f'viewBox="0 0 {self.width} {self.height}" '
                f'width="{self.width}" height="{self.height}" role="img" '
                f'aria-label="{escape(self._title, {chr(34): "&quot;"})}">'
                f'{rules}<rect class="paper" width="100%" height="100%" '
                f'rx="6"/>{"".join(self._parts)}</svg>')


class Plot:
    """The ground of a chart: title, horizontal lines, room for marks."""

    def __init__(self, canvas, values, unit, left, right, top, bottom, room):
        self.canvas, self.unit = canvas, unit
        self.left, self.right = left, canvas.width - right
        self.top, self.bottom = top, canvas.height - bottom
        self.scale = LogScale(values, self.bottom, self.top, room)

    def grid(self):
        """Draws a line and writes a value at each tick."""
        for value in self.scale.ticks():
            y = self.scale.place(value)
            self.canvas.line(self.left, y, self.right, y, "grid")
            self.canvas.text(self.left - 8, y + 4, self.unit.write(value),
                             "end", "note soft")

    def columns(self, count):
        """The middles of so many columns, and the width of one."""
        width = (self.right - self.left) / max(count, 1)
        return [self.left + width * (i + 0.5) for i in range(count)], width

    def categories(self, labels):
        """Writes the labels below, in two rows where one is too narrow."""
        middles, width = self.columns(len(labels))
        tight = max(map(text_width, labels), default=0) > width - 3
        for i, (x, label) in enumerate(zip(middles, labels)):
            y = self.bottom + 18 + (LINE if tight and i % 2 else 0)
            self.canvas.text(x, y, label, "middle")
        return middles


def _empty(width, height, title):
    """What is drawn when nothing was measured."""
    canvas = Canvas(width, height, title)
    canvas.text(16, 26, title, kind="small")
    canvas.text(16, 50, "not measured", kind="note soft")
    return canvas


def _head(canvas, title, subtitle):
    """Title and subtitle of a large chart."""
    canvas.text(16, 26, title, kind="title")
    canvas.text(16, 46, subtitle, kind="note soft")


def _label(canvas, place, words, before, below):
    """Writes a point's value where neither line runs through it."""
    x, y = place
    if below:  # above it might stand on the reference line
        canvas.text(x, y + 20, words, "middle", "note halo")
    elif before and before[1] < y - 12:  # the line comes from above
        canvas.text(x + 8, y - 6, words, "start", "note halo")
    else:
        canvas.text(x, y - 11, words, "middle", "note halo")


def ladder(title, subtitle, points, unit, reference=None, with_style=True,
           size=(760, 380)):
    """The days in a row, joined by a line, the others beside them."""
    shown = [point.value for point in points if point.value]
    if not shown:
        return _empty(*size, title).svg(with_style)
    canvas = Canvas(*size, title)
    _head(canvas, title, subtitle)
    plot = Plot(canvas, shown + ([reference] if reference else []), unit,
                64, 20, 60, 48, 28)
    plot.grid()
    if reference:
        y = plot.scale.place(reference)
        canvas.line(plot.left, y, plot.right, y, "line dashed s1")
    middles = plot.categories([point.label for point in points])
    places = [(x, plot.scale.place(point.value)) if point.value else None
              for x, point in zip(middles, points)]
    canvas.path([place for place, point in zip(places, points)
                 if point.color == 0], "line s0")
    before = None
    for x, place, point in zip(middles, places, points):
        if place is None:
            canvas.text(x, plot.bottom - 6, "–", "middle", "soft")
            continue
        words = unit.write(point.value)
        canvas.mark(*place, point.color, point.hollow,
                    hint=f"{point.label}: {words}")
        _label(canvas, place, words, before if point.color == 0 else None,
               bool(reference) and point.value < reference)
        before = place
    return canvas.svg(with_style)


def small(title, days, levels, unit, with_style=True, size=(248, 190)):
    """A line through the days; malloc and peers as level lines."""
    shown = [point.value for point in [*days, *levels] if point.value]
    if not shown:
        return _empty(*size, title).svg(with_style)
    canvas = Canvas(*size, title)
    canvas.text(12, 22, title, kind="small")
    plot = Plot(canvas, shown, unit, 56, 12, 32, 30, 8)
    plot.grid()
    for level in levels:
        if level.value:
            y = plot.scale.place(level.value)
            canvas.line(plot.left, y, plot.right, y,
                        f"line dashed s{level.color}")
    # A folder's name is too wide for ten of them; its number says it.
    middles = plot.categories([day.label[-2:].lstrip("0") for day in days])
    places = [(x, plot.scale.place(day.value)) if day.value else None
              for x, day in zip(middles, days)]
    canvas.path(places, "line s0")
    for place, day in zip(places, days):
        if place:
            canvas.mark(*place, 0, day.hollow, 3.5,
                        f"{day.label}: {unit.write(day.value)}")
    return canvas.svg(with_style)


def spread(wanted, gap):
    """Moves positions apart, as little as needed, keeping their order."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = list(wanted)
    for before, after in zip(order, order[1:]):
        placed[after] = max(placed[after], placed[before] + gap)
    # Pushing only downwards drifts: move all back by half of the drift.
    drift = max((placed[i] - wanted[i] for i in order), default=0) / 2
    return [place - drift for place in placed]


def lines(title, subtitle, categories, series, unit, reference=None,
          with_style=True, size=(760, 380)):
    """Several series over the same categories, each named at its end."""
    series = [one for one in series if any(one.values)]
    shown = [value for one in series for value in one.values if value]
    if not shown:
        return _empty(*size, title).svg(with_style)
    canvas = Canvas(*size, title)
    _head(canvas, title, subtitle)
    right = 24 + max(text_width(one.label) for one in series)
    plot = Plot(canvas, shown + ([reference] if reference else []), unit,
                64, right, 60, 48, 12)
    plot.grid()
    middles = plot.categories(categories)
    ends = []
    for one in series:
        places = [(x, plot.scale.place(value)) if value else None
                  for x, value in zip(middles, one.values)]
        canvas.path(places, f"line s{one.color}"
                    + (" dashed" if one.dashed else ""))
        for place, value, name in zip(places, one.values, categories):
            if place and not one.dashed:
                canvas.mark(*place, one.color, radius=3.5, hint=f"{one.label},"
                            f" {name}: {unit.write(value)}")
        ends.append([place for place in places if place][-1][1])
    for one, y in zip(series, spread(ends, LINE)):
        canvas.text(plot.right + 4, y + 4, one.label, kind=f"note f{one.color}")
    return canvas.svg(with_style)
