"""Tests of map.py: which picture is drawn of which moment, and where it goes."""

import json
import stat
import unittest
import xml.etree.ElementTree as tree
from pathlib import Path
from unittest import mock

import trees
import heap_picture
import workshop
import map as course_map
import project
from trees import TreeTest, run_main

HEAP = {"page_bytes": 4096, "snapshots": [
    {"when": when, "blocks": blocks, "live": blocks * 4096, "runs": [
        {"gap": 0, "pages": "99"}, {"gap": 3, "pages": "0."},
        {"gap": 10 ** 6, "pages": "-"}]}
    for when, blocks in (("peak", 3), ("after", 2), ("released", 1))]}
OWN = course_map.MARK + '-map"><text>own</text></svg>\n'
# Says what a day's program would say; $1 is where its own maps would go.
PROGRAM = "#!/bin/sh\n{draw}\ncat <<'END'\n{heap}\nEND\nexit {code}\n"


class MapTest(TreeTest):
    """A project with a trace, and a program in place of a day's."""

    def setUp(self):
        super().setUp()
        self.write("traces/comb.trace", "# holes\na 8\nf 0\n")
        self.program()
        for where, name, value in (
                (project, "ROOT", self.root),
                (course_map, "BUILD", self.root / "build"),
                (course_map, "TRACES", (self.root / "traces",)),
                (project, "ensure_setup", lambda *groups: None),
                (course_map.builds, "configure", lambda preset: None),
                (course_map.builds, "compile_targets", lambda *names: True),
                (course_map.builds, "executable",
                 lambda *names: self.root / "play")):
            patch = mock.patch.object(where, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def program(self, draw="", heap=None, code=0):
        """Writes the program; draw is what it does for its own maps."""
        self.write("play", PROGRAM.format(
            draw=draw, heap=json.dumps(heap or HEAP), code=code))
        path = self.root / "play"
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def drawn(self, *words):
        """The picture's text."""
        code, out, err = run_main("map", *words)
        self.assertEqual((code, err), (0, ""), out)
        return Path(self.root / out.split("written: ")[1].strip()).read_text()


class Pictures(MapTest):
    """What is drawn."""

    def test_from_outside_with_gaps_as_blanks(self):
        svg = self.drawn("1", "comb")
        tree.fromstring(svg)
        self.assertIn("The heap of day 1 in the trace comb", svg)
        self.assertIn("At the end", svg)
        self.assertIn("2 blocks", svg)
        step = heap_picture.WIDTH
        left = heap_picture.MARGIN
        # Two pages in use, three never touched, then one held.
        self.assertIn(f"M{left + 5 * step} ", svg)
        self.assertIn(course_map.NOTE, svg)

    def test_a_long_gap_takes_one_row(self):
        pages = course_map.snapshot_at(HEAP, "end", "day 1")["runs"][0]["pages"]
        self.assertEqual(len(pages), 2 + 3 + 2 + heap_picture.COLUMNS + 1)

    def test_each_moment_has_its_picture(self):
        self.assertIn("3 blocks", self.drawn("1", "comb", "--at", "peak"))
        self.assertIn("1 blocks", self.drawn("1", "comb", "--at", "released"))
        self.assertEqual(sorted(path.name for path in
                                (self.root / "build/map").iterdir()),
                         ["day01-comb-peak.svg", "day01-comb-released.svg"])

    def test_a_day_that_draws_itself_is_left_to_it(self):
        self.program(f"printf '%s\\n' '{OWN.strip()}' > $1-after.svg")
        self.assertEqual(self.drawn("1", "comb"), OWN)
        # It drew that moment only.
        self.assertIn("The heap of day 1", self.drawn("1", "comb", "--at",
                                                      "peak"))

    def test_a_folder_is_built_apart(self):
        mine = self.root.parent / "mine"
        (self.root / "day02").rename(mine)
        workshop.write_note(mine, "day", "1")
        (self.root / "day02").mkdir()
        with mock.patch.object(workshop.Workshop, "build",
                               lambda *words: ""), mock.patch.object(
            workshop.Workshop, "program", lambda *words: self.root / "play"):
            self.assertIn("mine in the trace", self.drawn(str(mine), "comb"))
        with mock.patch.object(workshop.Workshop, "build",
                               lambda *words: "pool.cc:3: error"):
            code, out, _ = run_main("map", str(mine), "comb")
        self.assertEqual(code, 1)
        self.assertIn("pool.cc:3: error", out)


class Words(MapTest):
    """What is refused, and how."""

    def test_only_a_map_of_ours_is_overwritten(self):
        out = self.root.parent / "my.svg"
        self.drawn("1", "comb", "--out", str(out))
        self.drawn("1", "comb", "--out", str(out))
        out.write_text("<svg>mine</svg>")
        code, _, err = run_main("map", "1", "comb", "--out", str(out))
        self.assertEqual((code, err.count("\n")), (2, 1))
        self.assertIn("no map of ours", err)
        self.assertEqual(out.read_text(), "<svg>mine</svg>")

    def test_wrong_words_are_one_line(self):
        for words, part in (((), "type: common/course map 4 comb"),
                            (("1",), "in which trace"),
                            (("1", "nope"), "one of: comb"),
                            (("7", "comb"), "no day07"),
                            (("99", "comb"), "type one of: day01"),
                            (("../mien", "comb"), "no day and no folder"),
                            (("1", "comb", "--at", "noon"), "invalid choice")):
            code, _, err = run_main("map", *words)
            self.assertEqual((code, err.count("\n")), (2, 1), words)
            self.assertIn(part, err)

    def test_a_day_without_release(self):
        self.program(heap={**HEAP, "snapshots": HEAP["snapshots"][:2]})
        code, _, err = run_main("map", "1", "comb", "--at", "released")
        self.assertEqual(code, 2)
        self.assertIn("has no ReleaseFreeMemory()", err)

    def test_a_wrong_line_of_a_trace_is_named(self):
        self.program("echo 'x.trace:3: no event' >&2", code=2)
        code, _, err = run_main("map", "1", "comb")
        self.assertEqual((code, err.count("\n")), (2, 1))
        self.assertIn("x.trace:3: no event", err)

    def test_a_trace_that_is_no_text_is_one_line(self):
        self.program("printf 'x.trace:1: \\377\\033 is none\\n' >&2", code=2)
        code, _, err = run_main("map", "1", "comb")
        self.assertEqual((code, err.count("\n")), (2, 1), err)
        self.assertIn("x.trace:1:", err)
        self.assertNotIn("\033", err)

    def test_an_allocator_that_fails_is_exit_code_1(self):
        self.program("echo 'no memory' >&2", code=1)
        code, out, _ = run_main("map", "1", "comb")
        self.assertEqual(code, 1)
        self.assertIn("day 1 does not serve the trace: no memory", out)

    def test_the_list_says_what_each_trace_is(self):
        self.assertRegex(run_main("map", "--list")[1], r"comb +holes")


class Samples(unittest.TestCase):
    """The traces that come with the course make sense."""

    def test_each_block_is_freed_once_and_after_it_came(self):
        for path in (trees.TOOLS.parent / "workloads/traces").glob("*.trace"):
            about, *lines = path.read_text().splitlines()
            self.assertTrue(about.startswith("# "), path)
            live, count = set(), 0
            for line in lines:
                what, number = line.split()
                if what == "a":
                    live.add(count)
                    count += 1
                else:
                    self.assertEqual(what, "f")
                    live.remove(int(number))


if __name__ == "__main__":
    unittest.main()
