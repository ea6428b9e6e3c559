"""Tests of the verb `classic`: the tables and the pictures."""

import contextlib
import io
import json
import re
import sys
import tempfile
import types
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import classic
import classic_picture
from project import Failure

HEADER = 16
SVG = "{http://www.w3.org/2000/svg}"


def snapshot(event, blocks):
    """What classic_trace says of an arena with these blocks."""
    live = [block for block in blocks if block[2] >= 0]
    free = [block[1] for block in blocks if block[2] < 0]
    return {"event": event, "asked": sum(block[2] for block in live),
            "live": sum(block[1] for block in live), "free": sum(free),
            "largest_free": max(free, default=0), "holes": len(free),
            "internal": 0.25, "external": 0.5,
            "largest_served": max(free, default=HEADER) - HEADER,
            "largest_scattered": max(sum(free), HEADER) - HEADER,
            "blocks": blocks}


def policy(name, snapshots, **changes):
    """What classic_trace says of a policy."""
    return {"policy": name, "allocations": 12345, "refusals": 0,
            "search": {"mean": 2.25, "most": 1234},
            "release": {"mean": 0.5, "most": 7}, "internal": 0.125,
            "external": 0.375, "high_water": 768, "snapshots": snapshots,
            **changes}


HALF = [[0, 256, 200], [256, 128, -1], [384, 384, 300], [768, 256, -1]]
EMPTY = [[0, 1024, -1]]
NAMES = ("first fit", "next fit", "best fit", "buddy", "segregated fit")


def result():
    """One trace, five policies; at its end the arena is empty."""
    snapshots = [snapshot(5, HALF), snapshot(10, EMPTY)]
    return {"header": HEADER, "traces": [
        {"trace": "small", "about": "a <small> & simple trace", "arena": 1024,
         "events": 10, "blocks": 5, "peak_asked": 512,
         "policies": [policy(name, snapshots) for name in NAMES]}]}


class TableTest(unittest.TestCase):
    def setUp(self):
        self.trace = result()["traces"][0]

    def test_shows_the_last_moment_that_is_not_nearly_empty(self):
        self.assertEqual(classic.shown_index(self.trace), 0)
        for one in self.trace["policies"]:
            one["snapshots"][1] = snapshot(10, HALF)
        self.assertEqual(classic.shown_index(self.trace), 1)

    def test_a_row_has_the_figures_of_its_policy(self):
        row = classic.cells(self.trace, self.trace["policies"][3])
        self.assertEqual(row, ("buddy", "2.2", "1,234", "12.5 %", "37.5 %",
                               "1.50×", "0", "0.2K", "0.4K"))

    def test_terminal_table_keeps_to_80_columns(self):
        for one in self.trace["policies"]:
            one.update(refusals=99999, high_water=5120)
            for moment in one["snapshots"]:
                moment.update(largest_served=9 << 20, largest_scattered=9 << 20)
        lines = classic.text_table(self.trace).splitlines()
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertEqual(sum(line.startswith(NAMES) for line in lines), 5)
        self.assertLessEqual(max(map(len, classic.NOTES.splitlines())), 80)

    def test_terminal_columns_stand_under_their_heads(self):
        lines = classic.text_table(self.trace).splitlines()
        self.assertEqual(len({len(line) for line in lines[3:]}), 1)

    def test_markdown_has_as_many_cells_in_each_row(self):
        rows = [line for line in classic.markdown_table(self.trace).splitlines()
                if line.startswith("|")]
        self.assertEqual(len(rows), 2 + 5)
        self.assertEqual({row.count("|") for row in rows},
                         {len(classic.COLUMNS) + 1})


class ChooseTest(unittest.TestCase):
    MADE = ["server", "compiler"]
    RECORDED = [Path("traces/perl.trace")]

    def test_all_when_none_is_named(self):
        self.assertEqual(classic.choose(None, self.MADE, self.RECORDED),
                         ["server", "compiler", Path("traces/perl.trace")])

    def test_a_recorded_one_by_its_name(self):
        self.assertEqual(classic.choose(["perl"], self.MADE, self.RECORDED),
                         self.RECORDED)

    def test_a_wrong_name_is_told_what_there_is(self):
        with self.assertRaises(Failure) as caught:
            classic.choose(["servre"], self.MADE, self.RECORDED)
        self.assertEqual(str(caught.exception), "there is no trace 'servre'; "
                         "type one of: server compiler perl")


class PiecesTest(unittest.TestCase):
    def pieces(self, blocks):
        return list(classic_picture.pieces(snapshot(0, blocks), HEADER))

    def test_they_tile_the_arena(self):
        pieces = self.pieces(HALF)
        self.assertEqual(pieces[0][1], 0)
        self.assertEqual(pieces[-1][2], 1024)
        for before, after in zip(pieces, pieces[1:]):
            self.assertEqual(before[2], after[1])

    def test_a_live_block_is_waste_around_what_was_asked(self):
        self.assertEqual(self.pieces([[0, 256, 200]]),
                         [("waste", 0, 16), ("live", 16, 216),
                          ("waste", 216, 256)])

    def test_waste_runs_on_into_the_next_header(self):
        self.assertEqual(self.pieces([[0, 64, 40], [64, 64, 48]]),
                         [("waste", 0, 16), ("live", 16, 56),
                          ("waste", 56, 80), ("live", 80, 128)])

    def test_just_one_hole_is_the_largest(self):
        kinds = [kind for kind, _, _ in self.pieces(
            [[0, 64, -1], [64, 64, 48], [128, 96, -1], [224, 64, 48],
             [288, 96, -1]])]
        self.assertEqual(kinds.count("largest"), 1)
        self.assertEqual(kinds.count("hole"), 2)
        self.assertLess(kinds.index("hole"), kinds.index("largest"))


def bars(svg, kind):
    """(x, y, width) of each bar of a kind, as drawn."""
    number = r"(-?[\d.]+)"
    found = []
    for path in ElementTree.fromstring(svg).iter(SVG + "path"):
        if path.get("class") == kind:
            found += re.findall(f"M{number} {number}h{number}", path.get("d"))
    return [tuple(map(float, bar)) for bar in found]


class PictureTest(unittest.TestCase):
    def setUp(self):
        trace = result()["traces"][0]
        self.shown = [one["snapshots"][0] for one in trace["policies"]]
        self.one = classic_picture.one_policy(trace, trace["policies"][0],
                                              self.shown[0], HEADER)
        self.all = classic_picture.all_policies(trace, self.shown, HEADER)

    def test_the_bars_of_a_kind_are_as_long_as_its_bytes(self):
        # 64 rows of 16 bytes, 952 pixels each.
        for kind, count in (("live", 500), ("waste", 140), ("hole", 128),
                            ("largest", 256)):
            drawn = sum(width for _, _, width in bars(self.one, kind))
            self.assertAlmostEqual(drawn, count * 952 / 16, delta=1, msg=kind)

    def test_no_bar_leaves_its_row(self):
        for kind, _ in classic_picture.LEGEND:
            for x, _, width in bars(self.one, kind):
                self.assertGreaterEqual(x, 24)
                self.assertLessEqual(x + width, 24 + 952 + 0.1)

    def test_rows_run_down_as_addresses_grow(self):
        self.assertLess(max(y for _, y, _ in bars(self.one, "hole")),
                        min(y for _, y, _ in bars(self.one, "largest")))

    def test_five_side_by_side_have_one_scale(self):
        lengths = [sum(width for _, _, width in bars(self.all, kind)) / count
                   for kind, count in (("live", 500), ("largest", 256))]
        self.assertAlmostEqual(*lengths, places=1)
        self.assertEqual(len(bars(self.all, "largest")),
                         5 * len(bars(self.one, "largest")))

    def test_text_is_escaped_and_names_every_policy(self):
        words = "".join(ElementTree.fromstring(self.all).itertext())
        self.assertIn("a <small> & simple trace", words)
        for name in NAMES:
            self.assertIn(name, words)

    def test_dark_mode_has_a_colour_for_every_class(self):
        light, dark = classic_picture.STYLE.split("@media")
        classes = set(re.findall(r"\.(\w+) {", light))
        self.assertEqual(classes - {"name"}, set(re.findall(r"\.(\w+) {",
                                                            dark)))
        used = set(re.findall(r'class="(\w+)"', self.all))
        self.assertLessEqual(used, classes)

    def test_sizes_are_easy_to_read(self):
        for count, text in ((0, "0 B"), (1023, "1,023 B"), (1024, "1 KiB"),
                            (1536, "1.5 KiB"), (3 << 20, "3 MiB")):
            self.assertEqual(classic_picture.bytes_text(count), text)


class RunTest(unittest.TestCase):
    def run_verb(self, out, traces=None):
        def tool(_, words):
            return "small\n" if words == ["--list"] else json.dumps(result())
        args = types.SimpleNamespace(trace=traces, out=out)
        printed = io.StringIO()
        with mock.patch.object(classic, "build_tool"), \
                mock.patch.object(classic, "run_tool", tool), \
                mock.patch.object(classic, "RECORDED", out / "none"), \
                contextlib.redirect_stdout(printed):
            self.assertEqual(classic.run(args), 0)
        return printed.getvalue()

    def test_writes_tables_and_six_pictures(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "new"
            printed = self.run_verb(out)
            self.assertEqual(
                sorted(path.name for path in out.iterdir()),
                ["small-best-fit.svg", "small-buddy.svg",
                 "small-first-fit.svg", "small-next-fit.svg",
                 "small-segregated-fit.svg", "small.svg", "table.json",
                 "table.md"])
            written = json.loads((out / "table.json").read_text())
            self.assertIn("small.svg", (out / "table.md").read_text())
        self.assertIn("first fit", printed)
        moment = written["traces"][0]["policies"][0]["snapshots"][0]
        self.assertEqual(moment["largest_free"], 256)
        self.assertNotIn("blocks", moment)

    def test_a_wrong_name_leaves_nothing_behind(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "new"
            with self.assertRaises(Failure):
                self.run_verb(out, ["big"])
            self.assertFalse(out.exists())

    def test_a_failed_build_is_a_failure_and_writes_nothing(self):
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(classic, "build_tool", return_value=False):
            out = Path(folder) / "new"
            args = types.SimpleNamespace(trace=None, out=out)
            self.assertEqual(classic.run(args), 1)
            self.assertFalse(out.exists())

    def test_what_the_tool_complains_of_is_passed_on(self):
        with self.assertRaises(Failure) as caught:
            classic.run_tool("sh", ["-c", "echo 'too odd' >&2; exit 2"])
        self.assertEqual(str(caught.exception), "too odd")


if __name__ == "__main__":
    unittest.main()
