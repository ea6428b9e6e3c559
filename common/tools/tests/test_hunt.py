"""Tests of hunt.py and workshop.py: a bug is laid out, and judged by its test."""

import re
import stat
import subprocess
import types
import unittest
from unittest import mock

import trees
import hunt
import workshop
import project
from test_mutants import DIFF, HEADER
from trees import SOURCE, TreeTest, run_main

LISTS = ('list(APPEND X "${CMAKE_CURRENT_LIST_DIR}/../common/cmake")\n'
         "course_day()\n")
# What a program of tests answers, with the bug's source beside it.
PROGRAM = """\
#!/bin/sh
case "$1" in
  --gtest_list_tests) printf 'Pool.\\n  Allocates\\n  Frees  # 1\\n' ;;
  --gtest_filter=Pool.Allocates) ! grep -q 'return 0' {source} ;;
  --gtest_filter=Pool.Frees) ! grep -q 'breaks' {source} ;;
  *) exit 3 ;;
esac
"""


class HuntTest(TreeTest):
    """A project with two bugs, and a place for folders beside it."""

    def setUp(self):
        super().setUp()
        for name, text in (("first", DIFF),
                           ("second", DIFF.replace("return 0", "return 1"))):
            self.write(f"common/mutants/day01/{name}.patch", HEADER + text)
        self.write("day01/CMakeLists.txt", LISTS)
        self.folder = self.root.parent / "hunt"
        for where, name, value in (
                (project, "ROOT", self.root),
                (project, "BUILD", self.root / "build"),
                (workshop, "BUILD", self.root / "build"),
                (project, "ensure_setup", lambda *groups: None)):
            patch = mock.patch.object(where, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def number_of(self, name):
        """The number by which a learner knows a bug."""
        return 1 + [bug.name for bug in hunt.bugs_of("day01")].index(name)

    def lay_out(self, name="first"):
        """Lays out one of the bugs: what is said of it."""
        code, out, err = run_main("hunt", "1", str(self.folder), "--number",
                                  str(self.number_of(name)))
        self.assertEqual((code, err), (0, ""))
        return out


class LayOut(HuntTest):
    """What comes into the folder, and what is said."""

    def test_the_day_with_the_bug_builds_where_it_stands(self):
        out = self.lay_out()
        self.assertIn("return 0;", (self.folder / "src/pool.cc").read_text())
        self.assertIn(f'"{self.root}/common/cmake"',
                      (self.folder / "CMakeLists.txt").read_text())
        self.assertEqual(workshop.day_of(self.folder), "day01")
        self.assertIn("Each request gets nullptr.", out)
        self.assertLessEqual(max(len(line) for line in out.splitlines()
                                 if str(self.folder) not in line), 80)

    def test_commands_can_be_typed_also_where_a_path_has_a_space(self):
        self.folder = self.root.parent / "my hunts" / "one"
        out = self.lay_out()
        self.assertEqual(out.count(f"'{self.folder}"), 5, out)
        self.assertIn(f"cmake -S '{self.folder}' -B '{self.folder}/build'", out)
        self.assertIn(f"hunt 1 '{self.folder}' --check", out)

    def test_nothing_gives_the_bug_away(self):
        said = self.lay_out() + run_main("hunt", "1", "--list")[1]
        said += "".join(path.read_text() for path in
                        (self.folder / ".course").iterdir())
        for secret in ("first", "Nothing is handed out", "Pool.Allocates",
                       "pool.cc"):
            self.assertNotIn(secret, said)

    def test_without_a_number_any_bug_that_fits_is_taken(self):
        self.write("common/mutants/day01/first.patch",
                   HEADER + DIFF.replace("(void)bytes", "bytes++"))
        self.assertEqual(run_main("hunt", "1", str(self.folder))[0], 0)
        self.assertIn("return 1;", (self.folder / "src/pool.cc").read_text())

    def test_one_that_no_longer_fits_leaves_nothing_behind(self):
        self.write("common/mutants/day01/first.patch",
                   HEADER + DIFF.replace("(void)bytes", "bytes++"))
        code, _, err = run_main("hunt", "1", str(self.folder), "--number",
                                str(self.number_of("first")))
        self.assertEqual((code, err.count("\n")), (2, 1))
        self.assertEqual([path.name for path in self.root.parent.iterdir()],
                         [self.root.name])

    def test_what_is_there_is_never_overwritten(self):
        self.folder.mkdir()
        (self.folder / "mine.txt").write_text("mine")
        code, _, err = run_main("hunt", "1", str(self.folder))
        self.assertEqual(code, 2)
        self.assertIn("is not empty", err)
        self.assertEqual([path.name for path in self.folder.iterdir()],
                         ["mine.txt"])

    def test_wrong_words_are_one_line(self):
        self.lay_out()
        there = str(self.folder)
        for words, part in (
                (["1"], "into which folder"),
                (["3", there + "2"], "no day03"),
                (["2", "--list"], "has no bugs"),
                (["1", there + "2", "--number", "9"], "from 1 to 2"),
                (["1", there, "--check", "--number", str(
                    3 - self.number_of("first"))], "has another bug"),
                (["2", there, "--check"], "of another day"),
                (["1", there + "2", "--check"], "there is no folder"),
                (["1", str(self.root / "day02"), "--check"], "no bug of ours"),
                (["1", str(self.root / "new")], "lies in the project"),
                (["1", str(self.root.parent / "test")], "another name")):
            code, _, err = run_main("hunt", *words)
            self.assertEqual((code, err.count("\n")), (2, 1), (words, err))
            self.assertIn(part, err)


class Shop(HuntTest):
    """The copy in which a learner's code is built."""

    def test_without_sources_one_line_says_so(self):
        self.lay_out()
        (self.folder / "src/pool.cc").unlink()
        with self.assertRaisesRegex(project.Failure, "holds no .cc file"):
            workshop.Workshop("day01", self.folder).refresh()

    def test_bodies_may_be_missing_where_a_starter_was_laid_down(self):
        self.write("day01/CMakeLists.txt", "include(Course)\ncourse_day()\n")
        self.lay_out()
        shop = workshop.Workshop("day01", self.folder)
        lists = shop.home / "CMakeLists.txt"
        shop.refresh()
        self.assertNotIn("unwritten", lists.read_text())
        self.assertNotIn("-include", shop.compiler_options())
        (self.folder / workshop.UNWRITTEN).write_text("// …\n")
        for _ in range(2):
            shop.refresh()
            self.assertEqual(lists.read_text().splitlines(), [
                "include(Course)", "include(CourseStarter)",
                "course_allow_unwritten()", "course_day()"])
        self.assertIn(f"{shop.home}/{workshop.UNWRITTEN}",
                      shop.compiler_options())


class Check(HuntTest):
    """What counts as mended: what the tests say, not what the text is."""

    def setUp(self):
        super().setUp()
        self.lay_out()
        self.source = self.folder / "src/pool.cc"
        program = self.root / "build/pool_test"
        program.parent.mkdir(exist_ok=True)
        program.write_text(PROGRAM.format(source=self.source))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.errors = ""
        shop = types.SimpleNamespace(
            env=None, build=lambda preset, targets: self.errors,
            program=lambda preset, name: program)
        patch = mock.patch.object(workshop, "Workshop", lambda *_: shop)
        patch.start()
        self.addCleanup(patch.stop)

    def check(self):
        """(exit code, what is said)."""
        number = str(self.number_of("first"))  # who says it, too, is right
        code, out, err = run_main("hunt", "1", str(self.folder), "--check",
                                  "--number", number)
        self.assertEqual(err, "")
        return code, out

    def test_the_bug_as_it_was_laid_out(self):
        code, out = self.check()
        self.assertEqual(code, 1)
        self.assertIn("Not mended yet", out)
        self.assertIn("Each request gets nullptr.", out)
        self.assertIn("the bug is in src/pool.cc", out)

    def test_mended_in_words_of_ones_own(self):
        self.source.write_text(SOURCE.replace("nullptr", "{}"))
        code, out = self.check()
        self.assertEqual(code, 0)
        self.assertIn("Mended: Pool.Allocates passes", out)

    def test_mended_at_the_cost_of_another_test(self):
        self.source.write_text(SOURCE.replace("nullptr", "breaks"))
        code, out = self.check()
        self.assertEqual(code, 1)
        self.assertIn("Pool.Frees fails", out)

    def test_what_does_not_compile(self):
        self.errors = "src/pool.cc:4: error: zero"
        code, out = self.check()
        self.assertEqual(code, 1)
        self.assertIn("does not compile:\nsrc/pool.cc:4", out)

    def test_a_test_that_hangs_is_no_pass(self):
        late = subprocess.TimeoutExpired("pool_test", 1)
        with mock.patch.object(hunt.subprocess, "run", side_effect=late):
            self.assertIn("does not end", hunt.run_test(self.source, "A.B",
                                                        None))

    def test_reveal_shows_the_difference_and_the_test(self):
        code, out, _ = run_main("hunt", "1", str(self.folder), "--reveal")
        self.assertEqual(code, 0)
        for part in ("Nothing is handed out.", "+  return 0;",
                     "Pool.Allocates in day01/tests/pool_test.cc"):
            self.assertIn(part, out)


class Lessons(unittest.TestCase):
    """The lessons send to bugs by number; a comment there says which."""

    def test_the_numbers_are_those_of_the_bugs_they_mean(self):
        for day in project.days():
            with self.subTest(day=day):
                bugs = [bug.name for bug in hunt.bugs_of(day)]
                lesson = (project.ROOT / "docs" / f"{day}.md").read_text(
                    encoding="utf-8")
                meant = re.search(r"<!-- bugs: (.*) -->", lesson).group(1)
                first = meant.split()[0]
                self.assertIn(f"hunt {int(day[3:])} ../hunt --number {first}",
                              lesson)
                for pair in meant.split(", "):
                    number, name = pair.split()
                    self.assertEqual(bugs.index(name) + 1, int(number))
                    self.assertRegex(lesson, rf"number\s+{number}\b")


class Folder(HuntTest):
    """The copy in which a learner's code is built."""

    def test_own_code_meets_the_courses_tests(self):
        self.lay_out()
        (self.folder / "tests/pool_test.cc").write_text("// nothing\n")
        (self.folder / "src/more.cc").write_text("// more\n")
        shop = workshop.Workshop("day01", self.folder)
        shop.refresh()
        self.assertIn("return 0;", (shop.home / "src/pool.cc").read_text())
        self.assertTrue((shop.home / "src/more.cc").exists())
        self.assertEqual((shop.home / "tests/pool_test.cc").read_text(),
                         trees.TEST)
        self.assertEqual((shop.home / "CMakeLists.txt").read_text(), LISTS)
        before = (shop.home / "src/pool.cc").stat().st_mtime_ns
        (self.folder / "src/more.cc").unlink()
        shop.refresh()
        self.assertEqual((shop.home / "src/pool.cc").stat().st_mtime_ns,
                         before)
        self.assertFalse((shop.home / "src/more.cc").exists())
        # A file of the day that the learner gave up is not put back.
        (self.folder / "src/pool.cc").rename(self.folder / "src/my_pool.cc")
        shop.refresh()
        self.assertEqual([path.name for path in (shop.home / "src").iterdir()],
                         ["my_pool.cc"])

    def test_the_compilers_words_name_the_learners_files(self):
        self.lay_out()
        shop = workshop.Workshop("day01", self.folder)
        self.assertEqual(shop.words(f"{shop.home}/src/pool.cc:1: error"),
                         f"{self.folder}/src/pool.cc:1: error")

    def test_a_folder_that_says_no_day_needs_one(self):
        self.lay_out()
        (self.folder / ".course/day").unlink()
        with self.assertRaisesRegex(project.Failure, "add: --day DAY"):
            workshop.day_of(self.folder)
        self.assertEqual(workshop.day_of(self.folder, "2"), "day02")
        self.assertEqual(workshop.day_of(self.root / "day02"), "day02")


if __name__ == "__main__":
    import unittest
    unittest.main()
