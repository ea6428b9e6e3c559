"""What is kept of a learner's way: python3 -m unittest, from any folder."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import trees
import learner
import project
import upnext
import whereabouts
from trees import run_main

CALL = ('void Pop() {\n  ::pool::YoursToWrite(\n      "day 04: Pop is yours '
        'to write, see "\n      "docs/day04.md#here");\n}\n')


class ProgressTest(unittest.TestCase):
    """A folder that holds two days of a learner's."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name).resolve()
        self.day4 = self.begin("day04", "four", {"Push": ["Push"],
                                                 "Pop": ["Pop", "PopTwo"]})
        self.begin("day03", "zwei-drei", {"Take": ["Take"]})
        (self.home / "other").mkdir()

    def begin(self, day, name, topics):
        """Lays a day down, without its code."""
        path = self.home / name
        path.mkdir()
        learner.begin(day, path, topics)
        return learner.Folder(path)

    def write(self, text):
        """Gives day 4 a source."""
        (self.day4.path / "src").mkdir(exist_ok=True)
        (self.day4.path / "src/list.cc").write_text(text)

    def test_a_topic_is_open_while_one_of_its_bodies_is_missing(self):
        self.write(CALL)
        self.assertEqual(self.day4.unwritten(), {"Pop": "docs/day04.md#here"})
        self.assertEqual(self.day4.open_topics(), ["Pop"])
        for written in ("void Pop() {}\n", "/*\n" + CALL + "*/\n"):
            self.write(written)
            self.assertEqual(self.day4.open_topics(), [])

    def test_what_a_try_saw_is_kept_in_the_folder(self):
        self.day4.keep({"b": "passed", "a": "failed"}, True)
        self.day4.keep({"b": "passed"}, True)
        kept = learner.Folder(self.day4.path).progress()
        self.assertEqual((kept["tries"], kept["tests"]), (2, {"b": "passed"}))
        self.assertEqual(sorted(path.name for path in
                                self.day4.state.iterdir()),
                         ["day", "progress.json", "start.json"])

    def test_some_tests_are_kept_beside_the_others_and_said_to_be_some(self):
        self.day4.keep({"b": "passed"}, False)
        self.day4.keep({"a": "failed"}, False)
        out = run_main("progress", str(self.day4.path))[1]
        self.assertIn(" 1 of 2* ", out)
        self.assertIn("\n* of some tests", out)
        self.day4.keep({"c": "passed"}, True)
        out = run_main("progress", str(self.day4.path))[1]
        self.assertIn(" 1 of 1  ", out)
        self.assertNotIn("*", out)

    def test_broken_notes_are_as_none(self):
        (self.day4.state / "progress.json").write_text("[1, 2")
        self.assertEqual(self.day4.progress(), {})

    def test_all_days_in_order(self):
        self.write(CALL)
        self.day4.keep({"x.A": "passed", "x.B": "skipped", "x.C": "failed"}, True)
        code, out, _ = run_main("progress", str(self.home))
        lines = out.splitlines()
        self.assertEqual((code, len(lines)), (0, 3))
        self.assertRegex(lines[1], r"^day03 +1 of 1 +– +never +")
        self.assertRegex(lines[2], r"^day04 +1 of 2 +2 of 3 +20\d\d-")

    def test_one_day_shows_what_is_left(self):
        self.write(CALL)
        self.day4.keep({f"x.Fails{i:02}": "failed" for i in range(20)}, True)
        out = run_main("progress", str(self.day4.path))[1]
        self.assertIn("still to write, in the lesson's order:\n  Pop\n", out)
        self.assertIn("fail:\n  x.Fails00\n", out)
        self.assertIn("  and 12 more", out)

    def test_a_day_that_is_not_tried_says_what_to_type(self):
        out = run_main("progress", str(self.day4.path))[1]
        self.assertIn(f"common/course try {self.day4.path}", out)

    def test_a_day_that_is_done(self):
        self.day4.keep({"x.A": "passed"}, True)
        out = run_main("progress", str(self.day4.path))[1]
        self.assertIn("all done\nnext:\n", out)
        self.assertIn(f"diff 4 {self.day4.path}", out)

    def test_a_day_of_which_some_tests_passed_is_not_called_done(self):
        self.day4.keep({"x.A": "passed"}, False)
        out = run_main("progress", str(self.day4.path))[1]
        self.assertNotIn("all done", out)
        self.assertIn(f"all of it: common/course try {self.day4.path}", out)

    def test_the_next_folder_is_called_like_this_one(self):
        for name, following in (("../my04", "../my05"), ("../day4", "../day5"),
                                ("../mine", "../day05"), ("/x/04", "/x/05")):
            folder = mock.Mock(day="day04", shown=name)
            self.assertEqual(str(upnext.next_folder(folder)), following)
        last = mock.Mock(day="day10", shown="../my10")
        self.assertIn("common/course race ", "\n".join(upnext.lines(last)))

    def test_a_day_is_no_folder(self):
        code, _, err = run_main("progress", "4")
        self.assertEqual((code, err), (2, "course progress: progress is of a "
                                       "folder, not of a day; type: "
                                       "common/course progress ../day04\n"))

    def test_no_day_and_no_folder_are_one_line(self):
        for place in (self.home / "other", self.home / "nowhere"):
            code, _, err = run_main("progress", str(place))
            self.assertEqual((code, err.count("\n")), (2, 1), place)

    def test_nothing_is_in_the_courses_folder(self):
        self.assertFalse((project.ROOT / ".course").exists())
        self.assertEqual(whereabouts.counts(self.day4), (2, 2, 0, 0))


if __name__ == "__main__":
    unittest.main()
