"""Tests of fuzz.py: which days it takes, and in which languages."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import fuzz
from project import Failure

SIZED = "void Deallocate(void* block, size_t bytes) noexcept;\n"
UNSIZED = SIZED + "void Deallocate(void* block) noexcept;\n"


class Fuzz(unittest.TestCase):
    """The choice of a day."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        patch = mock.patch.object(fuzz.project, "ROOT", self.root)
        patch.start()
        self.addCleanup(patch.stop)

    def day(self, name, header):
        """A day with this façade."""
        path = self.root / name / "include/pool/pool.h"
        path.parent.mkdir(parents=True)
        path.write_text(header)

    def test_the_newest_unless_another_is_named(self):
        self.day("day06", SIZED)
        self.day("day07", UNSIZED)
        self.day("day08", UNSIZED)
        self.assertEqual(fuzz.choose(None), "day08")
        self.assertEqual(fuzz.choose("7"), "day07")
        with self.assertRaisesRegex(Failure, "fuzz 7"):
            fuzz.choose("6")

    def test_a_day_with_a_header_in_c_is_called_in_c_too(self):
        self.day("day07", UNSIZED)
        self.day("day08", UNSIZED)
        (self.root / "day08/include/pool/pool_c.h").write_text("")
        self.assertEqual(fuzz.targets("day07"), ["facade_fuzz"])
        self.assertEqual(fuzz.targets("day08"), ["facade_fuzz", "pool_c_fuzz"])

    def test_no_day_is_one_line(self):
        self.day("day01", SIZED)
        with self.assertRaisesRegex(Failure, "no day has what fuzz runs"):
            fuzz.choose(None)


if __name__ == "__main__":
    unittest.main()
