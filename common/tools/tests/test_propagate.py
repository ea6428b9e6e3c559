"""A change goes through the later days, or stops without leaving a mess."""

import unittest
from unittest import mock

import trees
import merging
import project
import propagate
from trees import TreeTest

LINES = "".join(f"line {n}\n" for n in range(1, 20))
LABELS = ("ours", "base", "theirs")


class Carry(unittest.TestCase):
    """One file, one day."""

    def step(self, base, theirs, ours):
        """What becomes of ours."""
        return merging.carry("f", *(text if text is None else text.encode()
                                    for text in (base, theirs, ours)), LABELS)

    def test_same_file_is_copied(self):
        self.assertEqual(self.step("a", "b", "a").after, b"b")

    def test_two_changes_apart_are_merged(self):
        step = self.step(LINES, LINES.replace("line 2\n", "second\n"),
                         LINES.replace("line 18\n", "last\n"))
        self.assertEqual(step.conflict, "")
        self.assertIn(b"second", step.after)
        self.assertIn(b"last", step.after)

    def test_two_changes_in_one_place_are_a_conflict(self):
        step = self.step("a\n", "b\n", "c\n")
        self.assertTrue(step.conflict)
        self.assertEqual(step.before, step.after)
        self.assertIn(b"<<<<<<<", step.draft)

    def test_new_file(self):
        self.assertEqual(self.step(None, "b", None).after, b"b")
        self.assertTrue(self.step(None, "b", "other").conflict)

    def test_deleted_file(self):
        self.assertIsNone(self.step("a", None, "a").after)
        self.assertTrue(self.step("a", None, "other").conflict)

    def test_file_that_is_gone_later(self):
        step = self.step("a", "b", None)
        self.assertEqual((step.after, step.conflict), (None, ""))

    def test_what_is_there_already(self):
        step = self.step("a", "b", "b")
        self.assertEqual((step.before, step.after), (b"b", b"b"))


class Propagate(TreeTest):
    """The verb, over three days."""

    def setUp(self):
        super().setUp()
        for day in ("day01", "day02", "day03"):
            self.write(f"{day}/src/pool.cc", LINES)
            self.write(f"{day}/src/other.cc", "a\n")
        self.write("day03/src/pool.cc", LINES.replace("line 18", "lesson"))
        self.commit()
        patch = mock.patch.object(project, "ROOT", self.root)
        patch.start()
        self.addCleanup(patch.stop)

    def run_verb(self, *words):
        """The verb without its tests."""
        return trees.run_main("propagate", *words, "--no-test")

    def test_clean(self):
        self.write("day01/src/pool.cc", LINES.replace("line 2\n", "fixed\n"))
        code, out, _ = self.run_verb("1", "src/pool.cc")
        self.assertEqual(code, 0)
        self.assertIn("carried to: day02 day03", out)
        self.assertIn("fixed", self.read("day02/src/pool.cc"))
        text = self.read("day03/src/pool.cc")
        self.assertIn("fixed", text)
        self.assertIn("lesson", text)

    def test_dry_run_writes_nothing(self):
        self.write("day01/src/pool.cc", LINES.replace("line 2\n", "fixed\n"))
        code, out, _ = self.run_verb("1", "src/pool.cc", "--dry-run")
        self.assertEqual(code, 0)
        self.assertIn("day03/src/pool.cc changed", out)
        self.assertEqual(self.read("day02/src/pool.cc"), LINES)

    def test_conflict_leaves_the_whole_day_alone(self):
        self.write("day01/src/pool.cc", LINES.replace("line 18", "mine"))
        self.write("day01/src/other.cc", "b\n")
        code, out, _ = self.run_verb("1", "src/other.cc", "src/pool.cc")
        self.assertEqual(code, 1)
        self.assertIn("conflict: day03/src/pool.cc", out)
        self.assertIn("comes from day02", out)
        self.assertIn("mine", self.read("day02/src/pool.cc"))
        self.assertEqual(self.read("day02/src/other.cc"), "b\n")
        self.assertEqual(self.read("day03/src/other.cc"), "a\n")
        self.assertNotIn("<<<<", self.read("day03/src/pool.cc"))
        self.assertIn("<<<<", self.read(
            "build/propagate/day03/src_pool.cc"))

    def test_goes_on_after_a_conflict_was_mended(self):
        self.write("day01/src/pool.cc", LINES.replace("line 18", "mine"))
        self.run_verb("1", "src/pool.cc")
        self.write("day03/src/pool.cc", LINES.replace("line 18", "both"))
        self.assertEqual(self.run_verb("1", "src/pool.cc")[0], 1)
        # As the conflict's words say: from the mended day on.
        code, _, err = self.run_verb("3", "src/pool.cc")
        self.assertEqual(code, 2)
        self.assertIn("day03 is the last day", err)

    def test_new_file_and_deletion(self):
        self.write("day01/src/new.cc", "new\n")
        (self.root / "day01/src/other.cc").unlink()
        code, _, _ = self.run_verb("1", "src/new.cc", "src/other.cc")
        self.assertEqual(code, 0)
        self.assertEqual(self.read("day03/src/new.cc"), "new\n")
        self.assertFalse((self.root / "day03/src/other.cc").exists())

    def test_a_day_that_has_it_already_passes_it_on(self):
        fixed = LINES.replace("line 2\n", "fixed\n")
        self.write("day01/src/pool.cc", fixed)
        self.write("day02/src/pool.cc", fixed)
        code, out, _ = self.run_verb("1", "day01/src/pool.cc")
        self.assertEqual(code, 0)
        self.assertIn("day02/src/pool.cc has it already", out)
        self.assertIn("fixed", self.read("day03/src/pool.cc"))

    def test_what_is_committed_needs_from(self):
        self.write("day01/src/pool.cc", LINES.replace("line 2\n", "fixed\n"))
        self.commit()
        code, _, err = self.run_verb("1", "src/pool.cc")
        self.assertEqual(code, 2)
        self.assertIn("--from HEAD~1", err)
        code, _, _ = self.run_verb("1", "src/pool.cc", "--from", "HEAD~1")
        self.assertEqual(code, 0)
        self.assertIn("fixed", self.read("day03/src/pool.cc"))

    def test_wrong_words(self):
        for words, part in ((("1", "src/none.cc"), "has no src/none.cc"),
                            (("1", "../README.md"), "is not a file of day01"),
                            (("3", "src/pool.cc"), "is the last day"),
                            (("1", "src/pool.cc", "--from", "nowhere"),
                             "there is no revision 'nowhere'")):
            code, _, err = self.run_verb(*words)
            self.assertEqual(code, 2, words)
            self.assertIn(part, err)
            self.assertEqual(err.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
