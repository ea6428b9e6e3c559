"""Tests of flame_picture.py: what it takes from a page, and what it draws."""

import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import flame_picture

BLUE, GREEN, RED = "rgb(160,200,240)", "rgb(195,216,135)", "rgb(217,75,75)"
LONG = "course::Cold<course::Facade>(int)::{lambda(int)#1}::operator()"


def frame(name, samples, x, y, width, colour=GREEN):
    """A frame as d3-flame-graph leaves it in a page."""
    name = name.replace("<", "&lt;").replace(">", "&gt;")
    return (f'<g transform="translate({x},{y})" width="{width}" height="16" '
            f'name="{name}" class="frame"><rect height="16" fill="{colour}" '
            f'width="{width}"></rect><title>{name} (1.000%, {samples} samples)'
            f'</title><foreignObject><div class="d3-flame-graph-label">{name}'
            "</div></foreignObject></g>")


PAGE = "".join((
    '<html><head><title>Flame Graph</title></head><body><svg width="1000">',
    '<text class="title"></text>',
    frame("all", 200, 0, 64, 1000, RED), frame("program (7)", 200, 0, 48, 1000),
    frame(LONG, 100, 0, 32, 500), frame("pool::Allocate", 60, 0, 16, 300),
    frame("do_syscall_64", 30, 0, 0, 150, BLUE),
    frame("strlen", 1, 300, 16, 1), frame("main", 100, 500, 32, 500),
    "</svg></body></html>"))


class FlamePicture(unittest.TestCase):
    """From a page to a picture."""

    def frames(self):
        """The frames of PAGE."""
        page = flame_picture.Page()
        page.feed(PAGE)
        return page.frames

    def draw(self, **how):
        """The picture of PAGE, and the names on it."""
        text = flame_picture.draw(self.frames(), "A title", **how)
        words = ElementTree.fromstring(text).iter(
            "{http://www.w3.org/2000/svg}text")
        return text, [one.text for one in words if one.get("class") == "mono"]

    def test_reads_every_frame(self):
        frames = self.frames()
        self.assertEqual([one.samples for one in frames],
                         [200, 200, 100, 60, 30, 1, 100])
        self.assertEqual(frames[2].name, LONG)
        self.assertEqual(frames[3][2:5], (0.0, 16.0, 300.0))
        self.assertEqual([flame_picture.kind(one) for one in frames[2:5]],
                         ["other", "pool", "kernel"])

    def test_draws_names_and_shares(self):
        text, names = self.draw(note="One & only.", about="For ears")
        self.assertIn("course::Cold<…>::{lambda}  50 %", names)
        self.assertIn("pool::Allocate  30 %", names)
        self.assertIn("One &amp; only.", text)
        self.assertIn(">For ears</desc>", text)
        self.assertIn("prefers-color-scheme:dark", text)

    def test_a_frame_lies_where_the_page_has_it(self):
        root = ElementTree.fromstring(self.draw()[0])
        places = {group[0].text.split(":  ")[0].rsplit(":", 1)[0]: [
            float(group[1].get(name)) for name in ("x", "y", "width")]
            for group in root.iter("{http://www.w3.org/2000/svg}g")}
        bottom = flame_picture.TOP + 4 * flame_picture.ROW
        row = flame_picture.ROW
        self.assertEqual(places["all"], [20, bottom, 789])
        self.assertEqual(places["main"], [415, bottom - 2 * row, 394])
        self.assertEqual(places["pool::Allocate"], [20, bottom - 3 * row, 236])
        self.assertEqual(places["do_syscall_64"], [20, bottom - 4 * row, 117.5])

    def test_another_library_s_page_is_one_line(self):
        for wrong in (PAGE.replace("translate", "scale"),
                      PAGE.replace('" width="500"', '"')):
            with self.assertRaisesRegex(ValueError, "another version"):
                flame_picture.Page().feed(wrong)
        with self.assertRaisesRegex(ValueError, "has no flame graph"):
            flame_picture.draw([], "T")

    def test_leaves_out_what_nobody_could_see(self):
        self.assertNotIn("strlen", self.draw()[0])

    def test_zooms_to_a_frame(self):
        text, names = self.draw(zoom="course::Cold")
        self.assertEqual(names, ["course::Cold<…>::{lambda}  100 %",
                                 "pool::Allocate  60 %", "do_syscall_64  30 %"])
        self.assertIn("100 samples", text)
        with self.assertRaisesRegex(ValueError, "no frame has 'nobody'"):
            self.draw(zoom="nobody")

    def test_names_are_short(self):
        for name, short in ((LONG, "course::Cold<…>::{lambda}"),
                            ("pool::(anonymous namespace)::Unmap",
                             "pool::{anonymous}::Unmap"),
                            ("pool::F(int, void (*)()) [clone .isra.0]",
                             "pool::F"), ("__munmap", "__munmap"), ("_", "_")):
            self.assertEqual(flame_picture.short_name(name), short)

    def test_what_is_written_on_a_frame_fits(self):
        one = self.frames()[3]._replace(name="pool::ThreadCache::ListTooLong")
        for width in range(10, 400, 7):
            text = flame_picture.label(one, 12.3, width)
            self.assertLessEqual(len(text) * flame_picture.LETTER, width)
        self.assertEqual(flame_picture.label(one, 12.3, 90), "ListTooLong")

    def test_the_command_writes_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            picture = Path(folder) / "picture.svg"
            with mock.patch.object(flame_picture, "drawn", lambda _: PAGE), \
                    mock.patch("builtins.print") as say:
                self.assertEqual(flame_picture.main(
                    ["x.html", str(picture), "--title", "T"]), 0)
                self.assertEqual(flame_picture.main(
                    ["x.html", str(picture), "--title", "T", "--zoom", "?"]), 2)
            ElementTree.fromstring(picture.read_text(encoding="utf-8"))
            self.assertIn("no frame has '?'", say.call_args[0][0])

    def test_without_a_browser_it_says_what_to_type(self):
        with mock.patch.object(flame_picture.shutil, "which", lambda _: None), \
                self.assertRaisesRegex(ValueError, "apt-get install chromium"):
            flame_picture.drawn(Path(__file__))
        with self.assertRaisesRegex(ValueError, "there is no page x.html"):
            flame_picture.drawn(Path("x.html"))


if __name__ == "__main__":
    unittest.main()
