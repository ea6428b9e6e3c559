"""Tests of typed.py: what a lesson shows is what its commands print."""

import unittest

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
        self.assertIsNone(self.lacks("b\nc", "a\nb\nc\nd"))

    def test_other_figures_and_gaps(self):
        self.assertIsNone(self.lacks("day01  84 passed  (3.2 s)\n 1.5 MiB in",
                                     "day01   9 passed (11.0 s)\n 980 B  in"))

    def test_a_skipped_test_is_no_failure(self):
        self.assertIsNone(self.lacks("322 passed, 1 skipped", "323 passed"))
        self.assertIsNotNone(self.lacks("323 passed", "322 passed, 1 FAILED"))

    def test_other_words(self):
        self.assertEqual(self.lacks("84 passed", "84 FAILED"), "# passed")

    def test_what_should_be_together_is(self):
        self.assertEqual(self.lacks("a\nc", "a\nb\nc"), "c")

    def test_an_ellipsis_stands_for_any_lines(self):
        self.assertIsNone(self.lacks("a\n…\nc\n…", "a\nb\nb\nc"))
        self.assertIsNone(self.lacks("…\na\n…\nc", "x\na\nc"))

    def test_the_order_counts(self):
        self.assertEqual(self.lacks("c\n…\na", "a\nb\nc"), "a")

    def test_a_stretch_may_begin_again(self):
        self.assertIsNone(self.lacks("a\nb", "a\na\nb"))


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
        self.assertIn("echo one: did not print 'three'", words)
        self.assertIn("    two", words)

    def test_a_command_that_fails(self):
        [(good, words)] = self.look("echo one; false; echo two", "one")
        self.assertFalse(good)
        self.assertIn("exit code 1", words)

    def test_a_block_without_its_output(self):
        self.write("docs/day02.md", "<!-- typed in: . -->\n```sh\nls\n```\n")
        with self.assertRaisesRegex(project.Failure, "and then a block of"):
            list(typed.look("docs/day02.md", self.root))

    def test_each_lesson_of_the_course_shows_its_tests(self):
        for day in project.days():
            text = (project.ROOT / f"docs/{day}.md").read_text()
            commands = [row[1] for row in typed.pairs(text)]
            self.assertIn(f"common/course test {int(day[3:])}\n", commands)


if __name__ == "__main__":
    unittest.main()
