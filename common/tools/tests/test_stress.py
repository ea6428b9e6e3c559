"""Tests of stress.py: which days it takes, and what it tells the program."""

import argparse
import io
import subprocess
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

from trees import run_main
import stress
from project import Failure

SILENT = "void* Allocate(size_t bytes) noexcept;\n"
TELLS = SILENT + "PoolStatistics Statistics() noexcept;\n"


def parsed(*words):
    """The arguments of a command line."""
    parser = argparse.ArgumentParser()
    stress.add_arguments(parser)
    return parser.parse_args(words)


class Stress(unittest.TestCase):
    """The choice of a day, the program's arguments, its answer."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        patch = mock.patch.object(stress.project, "ROOT", self.root)
        patch.start()
        self.addCleanup(patch.stop)
        for day, header in (("day08", SILENT), ("day09", TELLS),
                            ("day10", TELLS)):
            path = self.root / day / "include/pool/pool.h"
            path.parent.mkdir(parents=True)
            path.write_text(header)

    def test_the_newest_unless_another_is_named(self):
        self.assertEqual(stress.choose(None), "day10")
        self.assertEqual(stress.choose("9"), "day09")
        with self.assertRaisesRegex(Failure, "day08 .*type: .* stress 9"):
            stress.choose("8")

    def test_no_day_is_one_line(self):
        for day in ("day09", "day10"):
            (self.root / day / "include/pool/pool.h").write_text(SILENT)
        with self.assertRaisesRegex(Failure, "no day has what stress runs"):
            stress.choose(None)

    def test_what_the_program_is_told(self):
        self.assertEqual(
            stress.arguments(parsed("9", "--seconds", "5", "--threads", "2",
                                    "--seed", "42")),
            ["--seconds", "5", "--threads", "2", "--seed", "0x2a"])
        told = stress.arguments(parsed("--preset", "tsan"))
        self.assertEqual(told[:4], ["--seconds", "60", "--threads", "8"])
        self.assertEqual(told[-1], "--no-forks")

    def test_a_new_seed_each_time(self):
        self.assertGreater(len({stress.arguments(parsed())[5]
                                for _ in range(8)}), 1)

    def test_wrong_numbers_are_one_line_and_exit_code_2(self):
        for words in (("--seconds", "0"), ("--seconds", "soon"),
                      ("--threads", "33"), ("--seed", "0x"),
                      ("--seed", "-1"), ("--seed", "0x1" + "0" * 16),
                      ("7",), ("--preset", "fast"), ("--frobnicate",)):
            code, _, err = run_main("stress", *words)
            self.assertEqual(code, 2, words)
            self.assertEqual(err.count("\n"), 1, (words, err))
            self.assertIn("type", err + "type" * ("preset" in err), words)

    def answer(self, code, *words):
        """What run says, where the program ends so."""
        with mock.patch.object(stress.project, "ensure_setup"), \
                mock.patch.object(stress.builds, "configure"), \
                mock.patch.object(stress.builds, "compile_targets",
                                  return_value=True), \
                mock.patch.object(stress.subprocess, "run",
                                  return_value=subprocess.CompletedProcess(
                                      [], code)), \
                redirect_stdout(io.StringIO()) as out:
            return stress.run(parsed(*words)), out.getvalue()

    def test_a_finding_says_how_to_repeat_it(self):
        self.assertEqual(self.answer(0), (0, ""))
        code, out = self.answer(1, "9", "--seed", "7", "--preset", "tsan")
        self.assertEqual(code, 1)
        self.assertIn("stress 9 --seconds 60 --threads 8 --seed 0x7 "
                      "--preset tsan\n", out)


if __name__ == "__main__":
    unittest.main()
