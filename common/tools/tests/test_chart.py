"""Tests of the charts: python3 -m unittest, from any folder."""

import itertools
import re
import sys
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import chart
from chart import RATIO, TIME, Point, Series

SVG = "{http://www.w3.org/2000/svg}"
NAMES = [f"day{day:02}" for day in range(1, 11)] + [
    "malloc", "jemalloc", "mimalloc", "tcmalloc"]
SIZES = {"title": 15, "small": 13, "note": chart.SMALL_FONT}


def ladder_of(values, **options):
    """A ladder of all ten days and the others."""
    points = [Point(name, value, 0 if i < 10 else i - 9)
              for i, (name, value) in enumerate(zip(NAMES, values))]
    return chart.ladder("A title", "a subtitle", points, TIME, **options)


def boxes(svg):
    """Where each text is drawn: (left, top, right, bottom, words)."""
    found = []
    for text in ElementTree.fromstring(svg).iter(SVG + "text"):
        kinds = text.get("class").split()
        size = next((SIZES[kind] for kind in kinds if kind in SIZES),
                    chart.FONT)
        width = chart.text_width(text.text, size)
        x, y = float(text.get("x")), float(text.get("y"))
        x -= {"start": 0, "middle": width / 2, "end": width}[
            text.get("text-anchor")]
        found.append((x, y - size * 0.75, x + width, y + size * 0.2,
                      text.text))
    return found


class Overlap(unittest.TestCase):
    """No text stands on another or leaves the picture."""

    def check(self, svg):
        root = ElementTree.fromstring(svg)
        width, height = float(root.get("width")), float(root.get("height"))
        for one, other in itertools.combinations(boxes(svg), 2):
            apart = (one[2] <= other[0] or other[2] <= one[0]
                     or one[3] <= other[1] or other[3] <= one[1])
            self.assertTrue(apart, f"{one[4]!r} stands on {other[4]!r}")
        for left, top, right, bottom, words in boxes(svg):
            inside = left >= 0 and top >= 0 and right <= width and (
                bottom <= height)
            self.assertTrue(inside, f"{words!r} leaves the picture")

    def test_check_sees_an_overlap(self):
        canvas = chart.Canvas(200, 100, "two")
        canvas.text(10, 50, "one", kind="note")
        canvas.text(20, 52, "other", kind="note")
        with self.assertRaises(AssertionError):
            self.check(canvas.svg())

    def test_ladder_that_falls(self):
        self.check(ladder_of([10 ** (5 - i / 3) for i in range(14)]))

    def test_ladder_that_is_level(self):
        self.check(ladder_of([123.0] * 14, reference=120))
        self.check(ladder_of([123.0 + i for i in range(14)], reference=130))

    def test_ladder_with_gaps(self):
        self.check(ladder_of([None, 5.0] * 7))

    def test_ladder_of_two_days(self):
        points = [Point("day01", 14200, 0), Point("day02", 284, 0),
                  Point("malloc", 77.8, 1), Point("mimalloc", 28.3, 3)]
        self.check(chart.ladder("t", "s", points, TIME, 77.8))

    def test_lines_that_end_together(self):
        series = [Series(f"allocator{i}", [1 + i / 100] * 9, i % 6)
                  for i in range(6)]
        self.check(chart.lines("t", "s", [f"{2 ** i} B" for i in range(3, 12)],
                               series, RATIO, 1))

    def test_small(self):
        days = [Point(name, 10.0 ** i, 0) for i, name in enumerate(NAMES[:10])]
        levels = [Point("malloc", 30.0, 1)]
        self.check(chart.small("burst", days, levels, TIME))


class Drawing(unittest.TestCase):
    """What is in the picture."""

    def test_a_point_for_each_value(self):
        svg = ladder_of([5.0] * 13 + [None])
        self.assertEqual(svg.count("<circle"), 13)

    def test_only_days_are_joined(self):
        svg = ladder_of([5.0] * 14)
        paths = re.findall(r'<path d="([^"]*)"', svg)
        self.assertEqual(len(paths), 1)
        self.assertEqual(len(re.findall(r"[ML]", paths[0])), 10)

    def test_a_gap_interrupts_the_line(self):
        svg = ladder_of([5.0, 5.0, None, 5.0, 5.0] + [None] * 9)
        self.assertEqual(re.search(r'<path d="([^"]*)"', svg).group(1)
                         .count("M"), 2)

    def test_higher_values_are_higher_up(self):
        svg = ladder_of([1000.0, 10.0, 100.0] + [None] * 11)
        heights = [float(y) for y in re.findall(r'cy="([^"]*)"', svg)]
        self.assertLess(heights[0], heights[2])
        self.assertLess(heights[2], heights[1])
        # A logarithmic axis: equal factors are equally far apart.
        self.assertAlmostEqual(heights[1] - heights[2],
                               heights[2] - heights[0], delta=0.2)

    def test_hollow_means_a_part_of_the_work(self):
        svg = chart.small("t", [Point("day01", 1.0, 0, True)], [], TIME)
        self.assertEqual(svg.count("hollow\""), 1)

    def test_nothing_measured_says_so(self):
        for svg in (chart.ladder("t", "s", [Point("day01", None, 0)], TIME),
                    chart.small("t", [], [], TIME),
                    chart.lines("t", "s", ["8 B"], [], RATIO)):
            self.assertIn("not measured", svg)

    def test_names_are_escaped(self):
        svg = chart.ladder('<a & "b">', "s", [Point("<day>", 1, 0)], TIME)
        ElementTree.fromstring(svg)
        self.assertNotIn("<day>", svg)

    def test_light_and_dark(self):
        svg = ladder_of([1.0] * 14)
        self.assertIn("prefers-color-scheme:dark", svg)
        self.assertIn(chart.LIGHT[0], svg)
        self.assertIn(chart.DARK[0], svg)

    def test_colors_can_be_told_from_their_paper(self):
        for palette, paper in ((chart.LIGHT, "#ffffff"),
                               (chart.DARK, "#0d1117")):
            for color in palette:
                self.assertGreater(contrast(color, paper), 4.5, color)


def contrast(one, other):
    """The contrast of two colours as WCAG defines it."""
    def luminance(color):
        parts = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
        parts = [part / 12.92 if part <= 0.03928
                 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), parts))
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


class Words(unittest.TestCase):
    """How values are written."""

    def test_time(self):
        for value, words in ((0.12, "0.12 ns"), (9.7, "9.7 ns"),
                             (12.34, "12.3 ns"), (284.4, "284 ns"),
                             (999.7, "1 µs"), (14200, "14.2 µs"),
                             (3.2e6, "3.2 ms"), (2e9, "2 s"), (1e2, "100 ns")):
            self.assertEqual(chart.write_time(value), words)

    def test_ratio(self):
        for value, words in ((1, "1×"), (0.456, "0.46×"), (3.65, "3.65×"),
                             (182.3, "182×"), (1540, "1.54k×")):
            self.assertEqual(chart.write_ratio(value), words)

    def test_ticks_are_round_and_inside(self):
        few = chart.LogScale([3, 40], 300, 0, 10)
        self.assertEqual([round(tick, 9) for tick in few.ticks()],
                         [5, 10, 20])
        many = chart.LogScale([1, 1e9], 300, 0, 10)
        self.assertLessEqual(len(many.ticks()), 7)
        for scale in (few, many):
            for tick in scale.ticks():
                self.assertTrue(0 <= scale.place(tick) <= 300)

    def test_spread_keeps_order_and_distance(self):
        placed = chart.spread([10, 11, 50, 12], 16)
        self.assertTrue(placed[0] < placed[1] < placed[3] < placed[2])
        ordered = sorted(placed)
        for before, after in zip(ordered, ordered[1:]):
            self.assertGreaterEqual(after - before, 16 - 1e-9)


if __name__ == "__main__":
    unittest.main()
