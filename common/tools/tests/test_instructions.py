"""Tests of instructions.py: what is counted, compared and kept."""

import argparse
import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import instructions
from project import Failure

MACHINE = {"compiler": "c++ 12", "C library": "glibc 2.36",
           "architecture": "x86_64", "date": "today"}
OTHER = {**MACHINE, "compiler": "c++ 13"}


class Instructions(unittest.TestCase):
    """A tree with three days and a valgrind that is asked nothing."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for day in ("day01", "day02", "day03"):
            (self.root / day / "src").mkdir(parents=True)
        (self.root / "day03/src/malloc.cc").touch()
        self.machine = MACHINE
        for name, value in (("ROOT", self.root),
                            ("BUILD", self.root / "build")):
            self.patch(instructions.project, name, value)
        self.patch(instructions.contestants, "describe_machine",
                   lambda build: dict(self.machine))

    def patch(self, where, name, value):
        """Replaces something for this test."""
        patch = mock.patch.object(where, name, value)
        patch.start()
        self.addCleanup(patch.stop)

    def call(self, counts, *words):
        """Runs the verb where counting gives `counts`: (code, text)."""
        self.patch(instructions, "_measure", lambda days: counts)
        parser = argparse.ArgumentParser()
        instructions.add_arguments(parser)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = instructions.run(parser.parse_args(words))
        return code, said.getvalue()

    def history(self):
        """The counts of each entry."""
        path = self.root / instructions.HISTORY
        return [entry["instructions"]
                for entry in json.loads(path.read_text())["history"]]

    def test_each_day_is_counted_and_malloc_where_a_day_has_one(self):
        names = [way.name for way in instructions.ways(
            ["day02", "day03"], self.root)]
        self.assertEqual(names, ["day02", "day03", "day03 malloc", "malloc"])
        last = instructions.ways(["day03"], self.root)[1]
        self.assertEqual((last.target, last.call),
                         ("day03_malloc_pair_count", "malloc"))

    def test_the_start_of_the_program_falls_out(self):
        self.patch(instructions, "_collected",
                   lambda way, pairs: 2_000_000 + 79 * pairs)
        way = instructions.Way("day02", "day02", "day02_pair_count", "facade")
        self.assertEqual(instructions.count(way), 79.0)

    def test_the_first_count_is_only_printed(self):
        code, text = self.call({"day02": 300.0})
        self.assertEqual(code, 0)
        self.assertIn("nothing in docs/results/instructions.json", text)

    def test_what_rose_by_more_than_two_percent_fails(self):
        self.call({"day02": 100.0, "day03": 50.0, "malloc": 138.0}, "--write")
        for counts, code in (({"day02": 102.0, "day03": 50.0}, 0),
                             ({"day02": 80.0, "day03": 50.0}, 0),
                             ({"day02": 100.0, "day03": 51.1}, 1)):
            found, text = self.call(counts)
            self.assertEqual(found, code, text)
        self.assertIn("MORE by 2.2 %", text)
        self.assertIn("above the count before: day03", text)
        # The C library's own malloc is no matter of ours.
        self.assertEqual(self.call({"malloc": 200.0})[0], 0)
        # One that is new has nothing before it.
        self.assertEqual(self.call({"day03 malloc": 60.0})[0], 0)

    def test_another_compiler_is_said_and_not_compared(self):
        self.call({"day02": 100.0}, "--write")
        self.machine = OTHER
        code, text = self.call({"day02": 500.0})
        self.assertEqual(code, 0)
        self.assertIn("c++ 13", text)
        self.assertNotIn("before", text)

    def test_the_newest_entry_of_the_same_compiler_counts(self):
        self.call({"day02": 100.0}, "--write")
        self.call({"day02": 90.0}, "--write")
        self.machine = OTHER
        self.call({"day02": 500.0}, "--write")
        self.machine = MACHINE
        self.assertEqual(self.call({"day02": 95.0})[0], 1)
        self.assertEqual(self.call({"day02": 91.0})[0], 0)

    def test_the_history_grows_only_by_what_changed(self):
        self.call({"day02": 100.0}, "--write")
        self.call({"day02": 100.0}, "--write")
        code, _ = self.call({"day02": 200.0}, "--write")
        self.assertEqual(code, 0)
        self.assertEqual(self.history(), [{"day02": 100.0}, {"day02": 200.0}])

    def test_what_cannot_be_done_is_one_line(self):
        with self.assertRaisesRegex(Failure, "history is of all days"):
            self.call({}, "2", "--write")
        with self.assertRaisesRegex(Failure, "begins with day02"):
            self.call({}, "1")
        path = self.root / instructions.HISTORY
        path.parent.mkdir(parents=True)
        path.write_text("[]")
        with self.assertRaisesRegex(Failure, "git checkout"):
            self.call({})

    def test_a_program_that_cannot_be_counted_is_named(self):
        way = instructions.Way("day02", "day02", "day02_pair_count", "facade")
        failed = mock.Mock(returncode=1, stderr="==1== no such program\n")
        self.patch(instructions.subprocess, "run", lambda *a, **k: failed)
        with self.assertRaisesRegex(Failure, "day02_pair_count: ==1== no"):
            instructions.count(way)

    def test_a_build_that_fails_is_exit_code_1(self):
        code, text = self.call(None)
        self.assertEqual(code, 1)
        self.assertIn("the build failed", text)


if __name__ == "__main__":
    unittest.main()
