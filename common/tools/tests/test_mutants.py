"""The bank's files are read strictly, and a patch that does not fit is named.

That a mutant is killed by its test is proved by the verb itself, in CI.
"""

import argparse
import unittest
from unittest import mock

import trees
import bank
import mutants
import project
from mutant_runner import Worker
from trees import SOURCE, TreeTest, run_main

HEADER = """\
what: Nothing is handed out.
kills: pool_test Pool.Allocates
symptom: Each request gets nullptr.
"""
DIFF = """\
--- a/src/pool.cc
+++ b/src/pool.cc
@@ -2,5 +2,5 @@
 namespace pool {
 void* Allocate(unsigned long bytes) noexcept {
   (void)bytes;
-  return nullptr;
+  return 0;
 }
"""


class Bank(TreeTest):
    """Files and patches."""

    def mutant(self, text):
        """The mutant of a text."""
        self.write("common/mutants/day01/a.patch", text)
        return bank.parse("day01", self.root / "common/mutants/day01/a.patch",
                          self.root)

    def test_header(self):
        mutant = self.mutant(HEADER + DIFF)
        self.assertEqual(mutant.what, "Nothing is handed out.")
        self.assertEqual(mutant.target, "day01_pool_test")
        self.assertEqual(mutant.filter, "Pool.Allocates")
        self.assertEqual(mutant.files, ("src/pool.cc",))

    def test_wrong_headers_are_named(self):
        for text, part in (
                (DIFF, "has no line what:"),
                (HEADER.replace("kills", "kill") + DIFF, "a.patch:2: 'kill:"),
                (HEADER.replace(" Pool.Allocates", "") + DIFF,
                 "kills: needs an executable and a test"),
                (HEADER.replace("symptom: Each", "symptom:\nx") + DIFF,
                 "a.patch:3"),
                (HEADER, "has no unified diff"),
                (HEADER + DIFF.replace("src/", "tests/"),
                 "changes tests/pool.cc")):
            with self.assertRaises(project.Failure, msg=text) as caught:
                self.mutant(text)
            self.assertIn(part, str(caught.exception))

    def test_fewer_than_six_are_an_error_for_a_run_of_all(self):
        self.mutant(HEADER + DIFF)
        with self.assertRaisesRegex(project.Failure, "day01 has 1 mutants and "
                                    "needs 6"):
            mutants.choose([], self.root)

    def test_the_first_one_of_a_day_can_be_tried(self):
        self.mutant(HEADER + DIFF)
        for words in (["1"], ["1", "a"], ["a"]):
            self.assertEqual([mutant.name for mutant in
                              mutants.choose(words, self.root)], ["a"], words)
        with self.assertRaisesRegex(project.Failure, "no mutant 'b'"):
            mutants.choose(["2", "b"], self.root)

    def test_a_patch_applies_to_a_copy_and_is_taken_back(self):
        mutant = self.mutant(HEADER + DIFF)
        copy = self.root / "build/copy/day01"
        bank.copy_changed(self.root / "day01", copy)
        self.assertEqual(bank.apply(mutant, copy), "")
        self.assertIn("return 0;", (copy / "src/pool.cc").read_text())
        untouched = (copy / "README.md").stat().st_mtime_ns
        (copy / "stranger.txt").write_text("x")
        bank.copy_changed(self.root / "day01", copy)
        self.assertEqual((copy / "src/pool.cc").read_text(), SOURCE)
        self.assertEqual((copy / "README.md").stat().st_mtime_ns, untouched)
        self.assertFalse((copy / "stranger.txt").exists())

    def test_a_patch_that_no_longer_fits_names_the_line(self):
        self.commit()  # inside a repository, too
        mutant = self.mutant(HEADER + DIFF.replace("(void)bytes", "bytes++"))
        copy = self.root / "build/copy/day01"
        bank.copy_changed(self.root / "day01", copy)
        self.assertIn("no longer applies at day01/src/pool.cc:2",
                      bank.apply(mutant, copy))

    def test_choosing(self):
        for number in range(6):
            for day in ("day01", "day02"):
                self.write(f"common/mutants/{day}/m{number}.patch",
                           HEADER + DIFF)
        self.assertEqual(len(mutants.choose([], self.root)), 12)
        self.assertEqual(len(mutants.choose(["2"], self.root)), 6)
        chosen = mutants.choose(["1", "m3.patch"], self.root)
        self.assertEqual([(m.day, m.name) for m in chosen],
                         [("day01", "m3")])
        with self.assertRaisesRegex(project.Failure, "no mutant 'm9'"):
            mutants.choose(["m9"], self.root)

    def test_a_share_is_every_third(self):
        self.assertEqual(mutants.share("2/3"), (2, 3))
        for wrong in ("0/3", "4/3", "1", "a/b", "1/3/4"):
            with self.assertRaises(argparse.ArgumentTypeError):
                mutants.share(wrong)
        code, out, err = run_main("mutants", "1", "--share", "4/3", "--list")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("'4/3' is no share, as 1/3 is", err)

    def test_shares(self):
        for number in range(6):
            self.write(f"common/mutants/day01/m{number}.patch", HEADER + DIFF)
        six = bank.of_day("day01", self.root)
        self.assertEqual([len(group) for _, _, group in
                          mutants.shares(six, 2)], [3, 3])
        twelve = six + [one._replace(day="day02") for one in six]
        self.assertEqual([(day, len(group)) for day, _, group in
                          mutants.shares(twelve, 2)],
                         [("day01", 6), ("day02", 6)])


class Help(TreeTest):
    """What an author has to know."""

    def test_names_every_line_of_the_header(self):
        for field in (*bank.FIELDS, "preset"):
            self.assertIn(f"{field}: ", mutants.DESCRIPTION)


class Judge(TreeTest):
    """What counts as a kill."""

    def judge(self, *codes):
        """The verdict when the test's runs end with these codes."""
        mutant = bank.Mutant("day01", "a", self.root, "", "pool_test", "A.B",
                             "", "dev", ())
        worker = Worker("day01", 0, 1)
        worker.limits["dev", "pool_test", "A.B"] = 20
        with mock.patch.object(worker, "_test", side_effect=[
                (code, "") for code in codes]):
            return worker.judge(mutant)

    def test_a_failure_and_a_crash_are_kills(self):
        self.assertTrue(self.judge(1).killed)
        self.assertTrue(self.judge(-11).killed)
        self.assertTrue(self.judge(0, 0, 1).killed)

    def test_a_hang_is_a_kill_by_time(self):
        self.assertIn("killed by time", self.judge(None).words)

    def test_a_preset_that_is_none_is_refused(self):
        self.write("common/mutants/day01/odd.patch",
                   "what: a\nkills: a_test A.B\nsymptom: c\npreset: odd\n"
                   "--- a/src/a.cc\n+++ b/src/a.cc\n@@ -1 +1 @@\n-a\n+b\n")
        with self.assertRaisesRegex(project.Failure, "preset: is one of dev"):
            bank.parse("day01", self.root / "common/mutants/day01/odd.patch",
                       self.root)

    def test_passing_is_survival(self):
        self.assertFalse(self.judge(0, 0, 0).killed)


if __name__ == "__main__":
    unittest.main()
