"""Tests of steps.py: what is read from a step's file, and what is measured."""

import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import contestants
import project
import steps
from project import Failure

VALUES = """\
step: A magazine has a length.
rows: burst/64 mixed/1
values: kBytes = 16 * 1024 | 1 << 20
"""
PATCH = """\
step: What the day does.
rows: pair/1
without: What else could be done.
--- a/src/x.cc
+++ b/src/x.cc
@@ -1 +1 @@
-a
+b
"""


class Steps(unittest.TestCase):
    """From the files to figures."""

    def parse(self, text):
        """What steps.parse makes of a file with this text."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "some.step"
            path.write_text(text, encoding="utf-8")
            return steps.parse(path)

    def test_reads_values(self):
        step = self.parse(VALUES)
        self.assertEqual(step.rows, ["burst/64", "mixed/1"])
        self.assertEqual([(one.number, one.value) for one in step.variants],
                         [("kBytes", "16 * 1024"), ("kBytes", "1 << 20")])
        self.assertTrue(all(one.patch is None for one in step.variants))

    def test_reads_a_diff(self):
        step = self.parse(PATCH)
        self.assertEqual(step.variants[0].label, "What else could be done.")
        self.assertEqual(step.variants[0].patch.name, "some.step")

    def test_says_what_is_wrong(self):
        for text in ("", "what: x\n", VALUES.replace("rows", "row"),
                     VALUES + "without: both\n", PATCH.replace("step:", "s:"),
                     "step: x\nrows: y\n"):
            with self.assertRaises(Failure, msg=text):
                self.parse(text)

    def test_sets_one_number(self):
        text = ("inline constexpr size_t kBytes = 64 * 1024;\n"
                "inline constexpr size_t kLengths[] = {16, 64,\n  128};\n"
                "inline constexpr size_t kBytesOfAll = 1;\n")
        self.assertIn("kBytes = 1 << 20;",
                      steps.set_value(text, "kBytes", "1 << 20"))
        self.assertIn("kLengths[] = {1, 2, 3};",
                      steps.set_value(text, "kLengths", "{1, 2, 3}"))
        self.assertIn("kBytesOfAll = 1;",
                      steps.set_value(text, "kBytes", "1 << 20"))
        with self.assertRaisesRegex(Failure, "kNothing"):
            steps.set_value(text, "kNothing", "1")

    def test_the_project_s_steps_fit_the_newest_day(self):
        tuning = project.ROOT / project.days()[-1] / steps.TUNING
        if not tuning.exists():
            self.skipTest("there is nothing to tune yet")
        rows = {"burst", "pair", "mixed", "cold", "handoff", "bleed", "churn",
                "grow", "large", "ramp"}
        for step in steps.choose([]):
            self.assertLessEqual({row.split("/")[0] for row in step.rows},
                                 rows)
            with tempfile.TemporaryDirectory() as folder:
                copy = steps.Copy(project.days()[-1])
                copy.home = Path(folder)
                for variant in step.variants:
                    copy.change(variant)

    def test_names_an_unknown_step(self):
        with self.assertRaisesRegex(Failure, "type: .* --list"):
            steps.choose(["no_such_step"])

    def test_takes_medians_of_neighbouring_runs(self):
        given = {"plain": [10, 20, 10], "other": [15, 22, 30]}
        calls = {"plain": 0, "other": 0}

        def run_once(one, row, settings):
            value = given[one.name][calls[one.name]]
            calls[one.name] += 1
            return {"benchmark": {"ns_per_op": value,
                                  "peak_bytes": value * 2**20}}

        field = [contestants.Contestant(name, Path(name)) for name in given]
        with mock.patch("race.run_once", run_once):
            figures = steps.measure_rows(["pair/1"], field, 3, lambda _: None)
        self.assertEqual(figures["pair/1"]["time"], 1.5)
        self.assertEqual(figures["pair/1"]["peak_mib"], [10, 22])

    def test_a_run_that_fails_is_a_failure(self):
        with mock.patch("race.run_once", lambda *_: {"error": "killed"}):
            with self.assertRaisesRegex(Failure, "killed"):
                steps.measure_rows(
                    ["pair/1"], [contestants.Contestant("a", Path("a"))] * 2,
                    1, lambda _: None)


if __name__ == "__main__":
    unittest.main()
