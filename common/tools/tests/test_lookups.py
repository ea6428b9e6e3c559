"""Tests of lookups.py: the race's second discipline."""

import tempfile
import unittest
from pathlib import Path

import lookups
import report
import standings
from race_samples import whole_race


def rows(*pairs):
    """Benchmark's JSON with (name, nanoseconds) as rows, as a program."""
    inner = ", ".join(f'{{"name": "{name}", "real_time": {time}}}'
                      for name, time in pairs)
    return f"#!/bin/sh\necho '{{\"benchmarks\": [{inner}]}}'\n"


class Lookups(unittest.TestCase):
    """Who runs, what is read, what is shown."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, name, text):
        """A file below the folder, executable."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def test_a_day_runs_if_its_map_is_its_own(self):
        for day, header in (("day04", None), ("day05", "hash"),
                            ("day06", "tree"), ("day07", "tree")):
            if header:
                self.write(f"{day}/{lookups.HEADER}", header)
                self.write(f"{day}/bench/{lookups.BENCH}.cc", "")
        days = ["day04", "day05", "day06", "day07"]
        self.assertEqual(lookups.days_of(days, self.root), ["day05", "day06"])

    def test_reads_threads_and_takes_the_median(self):
        name = f"lookup/pages:{lookups.PAGES}/real_time/threads:"
        self.write(f"day05/day05_{lookups.BENCH}", rows(
            (f"{name}1", 20), (f"{name}16", 200), ("lookup/pages:9/x", 1)))
        self.write(f"day06/day06_{lookups.BENCH}", rows((f"{name}1", 3)))
        runs = lookups.run(["day05", "day06"], self.root, 3, 0.01)
        self.assertEqual(lookups.medians(runs), {
            "day05": {1: 20, 16: 200}, "day06": {1: 3}})
        self.assertEqual(lookups.errors(runs), [])

    def test_words_what_went_wrong(self):
        self.write(f"day05/day05_{lookups.BENCH}", "#!/bin/sh\necho no\n")
        self.write(f"day06/day06_{lookups.BENCH}", rows(("other", 1)))
        runs = lookups.run(["day05", "day06", "day07"], self.root, 1, 0.01)
        found = dict(lookups.errors(runs))
        self.assertIn("not Google Benchmark's JSON", found["day05"])
        self.assertIn("no such rows", found["day06"])
        self.assertIn("JSON", found["day07"])

    def test_is_a_section_of_the_report(self):
        results = whole_race(7)
        self.assertNotIn("From a page", report.page(
            standings.Results(results)))
        results["lookups"] = [
            {"day": "day05", "threads": 1, "ns": 21.25},
            {"day": "day06", "threads": 16, "ns": 2.5}]
        text = report.page(standings.Results(results))
        for word in ("From a page to its span", "21.2", "2.5", "day06"):
            self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()
