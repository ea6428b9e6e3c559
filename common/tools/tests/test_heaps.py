"""Tests of heaps.py and heap_picture.py: what is drawn, and where it goes."""

import argparse
import contextlib
import io
import json
import re
import tempfile
import unittest
import xml.etree.ElementTree as tree
from pathlib import Path
from unittest import mock

import heap_picture
import heaps
from project import Failure


def snapshot(when="peak", pages=("05", "9.-"), live=7000):
    """A snapshot of a few runs of pages."""
    return {"when": when, "blocks": 3, "live": live,
            "runs": [{"gap": 7 * i, "pages": run}
                     for i, run in enumerate(pages)]}


def heap(*snapshots):
    """What a day's program says."""
    return {"page_bytes": 4096, "snapshots": list(snapshots)}


class Pictures(unittest.TestCase):
    """The drawing alone."""

    def paths(self, *snapshots):
        """(class, stroke width, d) of each path before the legend's."""
        svg = tree.fromstring(heap_picture.draw("A <title>", heap(*snapshots)))
        found = [(path.get("class"), float(path.get("stroke-width")),
                  path.get("d")) for path in svg.iter() if
                 path.tag.endswith("path")]
        return found[:-len(heap_picture.LEGEND)]

    def pages(self, paths, kind):
        """How many pages the paths of a kind cover."""
        return sum(round((float(width) + 0.5) / heap_picture.WIDTH)
                   for name, _, steps in paths if name == kind
                   for width in re.findall(r"h([\d.]+)", steps))

    def test_each_letter_is_drawn_as_what_it_is(self):
        paths = self.paths(snapshot())
        self.assertEqual(self.pages(paths, "held"), 2)   # 0 and 5
        self.assertEqual(self.pages(paths, "live"), 2)   # 5 and 9
        self.assertEqual(self.pages(paths, "empty"), 1)
        self.assertEqual(self.pages(paths, "gone"), 1)
        self.assertEqual([width for kind, width, _ in paths
                          if kind == "live"], [5, 9])

    def test_rows_are_wrapped_and_nothing_is_lost(self):
        pages = "9" * (3 * heap_picture.COLUMNS + 5)
        paths = self.paths(snapshot(pages=(pages,)))
        self.assertEqual(self.pages(paths, "live"), len(pages))
        self.assertEqual(paths[0][2].count("M"), 4)

    def test_all_snapshots_are_drawn_below_each_other(self):
        paths = self.paths(snapshot(), snapshot("after"), snapshot("released"))
        tops = [float(re.match(r"M\d+ ([\d.]+)", steps).group(1))
                for kind, width, steps in paths if kind == "live"
                and width == 9]
        self.assertEqual(len(tops), 3)
        self.assertEqual(tops, sorted(set(tops)))

    def test_the_words_say_how_much_is_in_use(self):
        words = heap_picture.about(snapshot(live=6144), 4096)
        self.assertIn("3 pages that take 12 KiB: 50% of that", words)

    def test_no_memory_at_all_is_no_division_by_zero(self):
        self.assertIn("0 pages", heap_picture.about(
            snapshot(pages=("--",), live=0), 4096))


class Command(unittest.TestCase):
    """The verb, with programs that are not run."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for day in ("day01", "day02"):
            (self.root / day).mkdir()
        for where, name, value in (
                (heaps.project, "ROOT", self.root),
                (heaps, "BUILD", self.root / "build"),
                (heaps.project, "ensure_setup", lambda *groups: None),
                (heaps.builds, "configure", lambda preset: None),
                (heaps.builds, "compile_targets", lambda *names: True),
                (heaps.contestants, "describe_machine", lambda build: {}),
                (heaps, "play", lambda day, folder: heap(snapshot()))):
            patch = mock.patch.object(where, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def call(self, *words):
        """Runs the verb: (code, text)."""
        parser = argparse.ArgumentParser()
        heaps.add_arguments(parser)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = heaps.run(parser.parse_args(words))
        return code, said.getvalue()

    def test_pictures_go_to_the_build_folder(self):
        code, said = self.call("2")
        self.assertEqual(code, 0)
        self.assertIn("day02", said)
        self.assertEqual([path.name for path in
                          (self.root / "build/heaps").iterdir()],
                         ["day02-heap.svg"])

    def test_what_is_written_can_be_drawn_again(self):
        self.assertEqual(self.call("--write")[0], 0)
        results = self.root / heaps.RESULTS
        kept = json.loads(results.read_text())
        self.assertEqual(kept["days"]["day01"], heap(snapshot()))
        first = (self.root / "docs/figures/day01-heap.svg").read_text()
        self.assertEqual(self.call("--from", str(results))[0], 0)
        again = (self.root / "build/heaps/day01-heap.svg").read_text()
        self.assertEqual(first, again)

    def test_a_day_alone_is_not_written_into_docs(self):
        with self.assertRaisesRegex(Failure, "of all days"):
            self.call("1", "--write")

    def test_a_file_of_something_else_is_named(self):
        other = self.root / "other.json"
        for text in ("{}", "[1]", "no JSON"):
            other.write_text(text)
            with self.assertRaisesRegex(Failure, "other.json"):
                self.call("--from", str(other))

    def test_a_failed_build_is_exit_code_1(self):
        with mock.patch.object(heaps.builds, "compile_targets",
                               lambda *names: False):
            self.assertEqual(self.call()[0], 1)


if __name__ == "__main__":
    unittest.main()
