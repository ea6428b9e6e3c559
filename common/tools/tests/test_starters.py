"""The lists of tests that fail in a starter: python3 -m unittest, anywhere."""

import io
import json
import os
import unittest
from contextlib import redirect_stdout
from unittest import mock

import trees
import project
import starters
import topics
from trees import TreeTest, run_main

CALL = ('void Pop() {\n  ::pool::YoursToWrite("day 02: Pop is yours to write,'
        ' see docs/day02.md#a");\n}\n')


class Starters(TreeTest):
    """A small project with a list, and a build tree that is made up."""

    def setUp(self):
        super().setUp()
        for name, value in (("ROOT", self.root),
                            ("BUILD", self.root / "build")):
            patch = mock.patch.object(project, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        (self.root / "common/starters").mkdir(parents=True)

    def test_a_list_is_read_as_it_was_written(self):
        starters.write_list("day02", {"b", "a"}, {"sometimes"})
        self.assertEqual(starters.read_list("day02"),
                         ({"a", "b"}, {"sometimes"}))
        text = self.read("common/starters/day02.txt")
        self.assertIn("common/course starters 2 --write", text)
        self.assertLess(text.index("\na\n"), text.index("\nb\n"))

    def test_a_missing_list_is_one_line(self):
        with self.assertRaisesRegex(project.Failure, "starters 2 --write"):
            starters.read_list("day02")

    def test_each_difference_is_named(self):
        starters.write_list("day02", {"a", "b", "gone"}, {"sometimes"})
        every = {"a", "b", "c", "sometimes"}
        self.assertEqual(starters.judge("day02", {"a", "c"}, every), [
            "  passes, though it is listed: b",
            "  fails, and is not listed: c",
            "  is listed, and there is no such test: gone"])

    def test_a_test_that_differs_may_fail_or_pass(self):
        starters.write_list("day02", {"a"}, {"sometimes"})
        for failed in ({"a"}, {"a", "sometimes"}):
            self.assertEqual(starters.judge("day02", failed,
                                            {"a", "sometimes"}), [])

    def prove(self, *runs, write=False):
        """What prove says where the tests fail so in each run."""
        every = {"a", "b", "c"}
        patches = (
            mock.patch.object(starters, "lay_down"),
            mock.patch.object(starters, "build", return_value=[]),
            mock.patch.object(topics, "of_day", return_value=[]),
            mock.patch.object(starters, "failing", side_effect=[
                (set(run), every) for run in runs]))
        out = io.StringIO()
        with patches[0], patches[1], patches[2], patches[3], \
                redirect_stdout(out):
            good = starters.prove("day02", write, False)
        return good, out.getvalue()

    def test_a_list_is_held_against_one_run(self):
        starters.write_list("day02", {"a"}, set())
        self.assertTrue(self.prove("a")[0])
        good, out = self.prove("ab")
        self.assertFalse(good)
        self.assertIn("2 of 3 tests fail; the list differs:", out)

    def test_what_fails_in_some_runs_only_is_kept_apart(self):
        self.assertTrue(self.prove("ab", "a", "ac", write=True)[0])
        self.assertEqual(starters.read_list("day02"), ({"a"}, {"b", "c"}))

    def test_a_starter_that_does_not_build_is_no_success(self):
        with mock.patch.object(starters, "lay_down"), \
                mock.patch.object(starters, "build", return_value=None), \
                mock.patch.object(topics, "of_day", return_value=[]), \
                redirect_stdout(io.StringIO()):
            self.assertFalse(starters.prove("day02", False, False))

    def object_of(self, name, *headers, define=""):
        """A test's source and object, made of these headers, in build/dev."""
        source = f"day02/tests/{name}.cc"
        made = f"day02/CMakeFiles/day02_{name}.dir/tests/{name}.cc.o"
        self.write(source, "")
        self.write(f"build/dev/{made}", "")
        self.made_of[made] = [str(self.root / file)
                              for file in (source, *headers)]
        return {"file": str(self.root / source),
                "command": f"c++ {define} -o {made} -c x"}

    def test_objects_that_know_a_missing_body_are_compiled_anew(self):
        self.made_of = {}
        self.write("day02/include/pool/list.h", "")
        home = self.root / "build/starters/day02"
        self.write("build/starters/day02/include/pool/list.h", CALL)
        self.write("build/starters/day02/include/pool/pool.h", "")
        commands = [
            self.object_of("plain_test", "day02/include/pool/pool.h"),
            self.object_of("list_test", "day02/include/pool/list.h"),
            self.object_of("drop_test", define="-DCOURSE_LIBRARY_DIR=x"),
            self.object_of("stale_test"), self.object_of("unknown_test")]
        os.utime(self.root / "day02/tests/stale_test.cc", (2e9, 2e9))
        self.made_of.popitem()
        self.write("build/dev/compile_commands.json", json.dumps(commands))
        with mock.patch.object(starters, "_dependencies",
                               return_value=self.made_of):
            lines = starters.ready_objects("day02", home)
        self.assertEqual([line.split("|")[0] for line in lines],
                         ["day02_plain_test"])
        self.assertEqual(lines[0].split("|")[1],
                         f"{home}/tests/plain_test.cc")

    def test_a_wrong_day_is_one_line(self):
        code, _, err = run_main("starters", "99")
        self.assertEqual((code, err.count("\n")), (2, 1))


if __name__ == "__main__":
    unittest.main()
