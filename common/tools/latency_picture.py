"""Draws how far figures reach, as SVG: for each row and who was measured, the
median and what few exceed, on one line up to the largest."""

import chart

# How the figures of a range are drawn, the least first: radius, hollow or not.
RANGE_MARKS = ((4.5, False), (3, False), (3, True), (0, False))


def _legend(canvas, names, series, y):
    """Which series is which, and which mark; in one line."""
    x = 22
    for one in series:
        canvas.mark(x, y - 4, one.color)
        canvas.text(x + 10, y, one.label)
        x += 34 + chart.text_width(one.label)
    x += 24
    for name, (radius, hollow) in zip(names, RANGE_MARKS):
        if radius:
            canvas.mark(x, y - 4, 5, hollow, radius)
        else:
            canvas.line(x - 5, y - 4, x + 5, y - 4, "line s5")
        canvas.text(x + 10, y, name, kind="soft")
        x += 34 + chart.text_width(name)


def _range(canvas, plot, x, one, category, names, figures):
    """A line from the least figure to the largest, a mark at each."""
    places = [plot.scale.place(value) for value in figures]
    kind = f"line s{one.color}"
    canvas.line(x, places[0], x, places[-1], kind)
    for name, value, y, (radius, hollow) in zip(names, figures, places,
                                                RANGE_MARKS):
        hint = f"{one.label}, {category}, {name}: {plot.unit.write(value)}"
        if radius:
            canvas.mark(x, y, one.color, hollow, radius, hint)
        else:
            canvas.line(x - 5, y, x + 5, y, kind)


def draw(title, subtitle, categories, series, names, unit, size=(760, 400)):
    """The picture; a series has for each category a list of figures, the least
    first, or None."""
    shown = [value for one in series for figures in one.values if figures
             for value in figures if value > 0]
    canvas = chart.Canvas(*size, title)
    canvas.text(16, 26, title, kind="title")
    canvas.text(16, 46, subtitle, kind="note soft")
    _legend(canvas, names, series, 72)
    plot = chart.Plot(canvas, shown, unit, 64, 16, 86, 48, 12)
    plot.grid()
    middles = plot.categories(categories)
    for column, (x, category) in enumerate(zip(middles, categories)):
        present = [one for one in series if one.values[column]]
        for i, one in enumerate(present):
            _range(canvas, plot, x + 16 * (i - (len(present) - 1) / 2), one,
                   category, names, [max(value, min(shown))
                                     for value in one.values[column]])
    return canvas.svg()
