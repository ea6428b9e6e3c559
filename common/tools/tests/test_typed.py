"""Tests of typed.py: what a lesson shows is what its commands print."""

import io
import unittest
from contextlib import redirect_stdout
from unittest import mock

import trees
import project
import typed
from trees import TreeTest

LESSON = """\
# Day 2

<!-- typed in: {place} -->
```sh
{commands}
```

```text
{shown}
```
"""


class Missing(unittest.TestCase):
    """Shown lines against printed ones."""

    def lacks(self, shown, printed):
        """The first line that is missing."""
        return typed.missing(shown.splitlines(), printed.splitlines())

    def test_the_same_lines_among_others(self):
        self.assertIsNone(self.lacks("…\nb\nc\n…", "a\nb\nc\nd"))
        self.assertIsNone(self.lacks("b\nc", "b\nc"))

    def test_more_than_is_shown_at_an_end(self):
        self.assertEqual(self.lacks("b\n…", "a\nb"), "b")
        self.assertEqual(self.lacks("…\nb", "b\nERROR"), "ERROR")
        self.assertEqual(self.lacks("b", "b\nERROR"), "ERROR")
        self.assertIsNone(self.lacks("…\nb", "b\na\nb"))

    def test_nothing_is_printed(self):
        self.assertEqual(self.lacks("…\nb", ""), "b")
        self.assertEqual(self.lacks("b", ""), "b")

    def test_addresses(self):
        self.assertIsNone(self.lacks("at 0x7f3ab0 of", "at 0x55de of"))

    def test_other_figures_and_gaps(self):
        self.assertIsNone(self.lacks("day01  84 passed  (3.2 s)\n 1.5 MiB in",
                                     "day01   9 passed (11.0 s)\n 980 B  in"))

    def test_a_skipped_test_is_no_failure(self):
        self.assertIsNone(self.lacks("322 passed, 1 skipped", "323 passed"))
        self.assertIsNotNone(self.lacks("323 passed", "322 passed, 1 FAILED"))

    def test_other_words(self):
        self.assertEqual(self.lacks("84 passed", "84 FAILED"), "# passed")

    def test_what_should_be_together_is(self):
        self.assertEqual(self.lacks("…\na\nc", "a\nb\nc"), "c")

    def test_an_ellipsis_stands_for_any_lines(self):
        self.assertIsNone(self.lacks("a\n…\nc\n…", "a\nb\nb\nc"))
        self.assertIsNone(self.lacks("…\na\n…\nc", "x\na\nc"))

    def test_the_order_counts(self):
        self.assertEqual(self.lacks("…\nc\n…\na", "a\nb\nc"), "a")

    def test_a_stretch_may_begin_again(self):
        self.assertIsNone(self.lacks("…\na\nb", "a\na\nb"))


class Lessons(TreeTest):
    """Whole lessons of a small tree."""

    def look(self, commands, shown, place="day02"):
        """What is said of a lesson with one block."""
        self.write("docs/day02.md", LESSON.format(
            place=place, commands=commands, shown=shown))
        return list(typed.look("docs/day02.md", self.root))

    def test_types_in_the_folder(self):
        self.assertEqual(self.look("ls", "CMakeLists.txt\nREADME.md\n…"), [
            (True, "docs/day02.md: prints what is shown: ls")])

    def test_what_is_not_printed(self):
        [(good, words)] = self.look("echo one\necho two", "one\nthree")
        self.assertFalse(good)
        self.assertIn("echo one: not as shown: 'three'", words)
        self.assertIn("    two", words)

    def test_a_command_that_fails(self):
        [(good, words)] = self.look("echo one; false; echo two", "one")
        self.assertFalse(good)
        self.assertIn("exit code 1", words)
        [(good, _)] = self.look("false | echo one", "one")
        self.assertFalse(good)

    def test_errors_are_printed_too_and_settings_of_ours_are_not_set(self):
        with mock.patch.dict("os.environ", POOL_STATS="1"):
            [(good, words)] = self.look("echo \"-$POOL_STATS-\" >&2", "--")
        self.assertTrue(good, words)

    def test_what_does_not_end(self):
        with mock.patch.object(typed, "PATIENCE", 0.2):
            [(good, words)] = self.look("sleep 60", "one")
        self.assertFalse(good)
        self.assertIn("does not end within 0.2 s", words)

    def test_the_exit_code(self):
        for shown, code in (("one", 0), ("two", 1)):
            self.write("docs/day02.md", LESSON.format(
                place=".", commands="echo one", shown=shown))
            self.write("docs/day01.md", "no block")
            out = io.StringIO()
            with redirect_stdout(out):
                self.assertEqual(typed.check(["day01", "day02"], self.root),
                                 code)
            self.assertIn("docs/day02.md", out.getvalue())

    def test_a_block_without_its_output(self):
        for text in ("<!-- typed in: . -->\n```sh\nls\n```\n",
                     "<!-- typed in: . -->\n```sh\nls\n```\n"
                     "```text\n…\n```\n",
                     "<!-- typed in: . -->\n```sh\n```\n```text\na\n```\n",
                     "<!--typed in . -->\n```sh\nls\n```\n"):
            self.write("docs/day02.md", text)
            with self.assertRaisesRegex(project.Failure, "something in each"):
                list(typed.look("docs/day02.md", self.root))

    def test_a_folder_that_is_not_there(self):
        with self.assertRaisesRegex(project.Failure, "no folder day09"):
            self.look("ls", "a", "day09")

    def test_each_lesson_of_the_course_shows_its_tests(self):
        for day in project.days():
            text = (project.ROOT / f"docs/{day}.md").read_text()
            commands = [row[1] for row in typed.pairs(text)]
            self.assertIn(f"common/course test {int(day[3:])}", commands)


if __name__ == "__main__":
    unittest.main()
