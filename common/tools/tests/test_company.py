"""Tests of what others do while something is measured."""

import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import company

WORK = "import time\nwhile time.process_time() < 0.4: pass"


def stat(busy, idle):
    """/proc/stat's first line, times in hundredths of a second."""
    return mock.mock_open(read_data=f"cpu  {busy} 0 0 {idle} 7 0 0 0 0 0\n")


class Processors(unittest.TestCase):
    """The time of others."""

    def measured(self, before, after, own):
        """What is said when a second has passed."""
        with mock.patch("time.monotonic", side_effect=[10.0, 11.0]), \
                mock.patch.object(company, "_own_seconds",
                                  side_effect=[5.0, 5.0 + own]):
            with mock.patch("builtins.open", before):
                watch = company.Company()
            with mock.patch("builtins.open", after):
                return watch.processors()

    def test_what_is_not_ours_is_others(self):
        self.assertEqual(self.measured(stat(100, 0), stat(250, 50), 1.0), 0.5)

    def test_idle_time_is_nobodys(self):
        self.assertEqual(self.measured(stat(100, 0), stat(200, 900), 1.0), 0)

    def test_less_than_nothing_is_nothing(self):
        self.assertEqual(self.measured(stat(100, 0), stat(199, 0), 1.0), 0)

    def test_where_nobody_counts_nothing_is_said(self):
        nobody = mock.Mock(side_effect=FileNotFoundError)
        self.assertIsNone(self.measured(nobody, nobody, 1.0))
        strange = mock.mock_open(read_data="cpu 1 2\n")
        self.assertIsNone(self.measured(strange, strange, 1.0))

    def test_our_own_children_are_not_others(self):
        before = company._own_seconds()
        subprocess.run([sys.executable, "-c", WORK], check=True)
        self.assertGreater(company._own_seconds() - before, 0.35)


class Words(unittest.TestCase):
    """What is told after a race."""

    def run_of(self, others, row="pair/1"):
        """One run of a race."""
        return {"row": row, "allocator": "malloc", "others": others}

    def test_nothing_of_a_quiet_machine(self):
        self.assertEqual(company.words([self.run_of(0.1), self.run_of(None),
                                        {"row": "x", "allocator": "y"}]), "")

    def test_how_many_and_the_worst(self):
        text = company.words([self.run_of(0.0), self.run_of(0.3),
                              self.run_of(1.2, "burst/32")])
        self.assertIn("in 2 of 3 runs\n(burst/32, malloc: 1.2 processors)",
                      text)
        self.assertLess(max(map(len, text.splitlines())), 80)


if __name__ == "__main__":
    unittest.main()
