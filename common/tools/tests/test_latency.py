"""Tests of latency.py and its picture: what is read, and what is drawn."""

import json
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import latency
import test_chart
from project import Failure

ROWS = ("pair/1", "mixed/1", "mixed/4", "burst/64", "handoff", "cold", "churn",
        "grow", "large")


def result(rows=ROWS):
    """What Google Benchmark writes, as far as it is read."""
    figures = {"p50": 20, "p99": 31, "p999": 450, "max": 8e6}
    return {"context": {}, "benchmarks": [
        {"name": "clock/real_time", **figures},
        *({"name": f"{row}/real_time",
           **{f"{who}_{which}": value * times
              for who, times in (("pool", 1), ("malloc", 3))
              for which, value in figures.items()}} for row in rows)]}


class Latency(unittest.TestCase):
    """From the benchmark's JSON to a picture."""

    def load(self, text):
        """What latency.load makes of a file with this text."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "latency.json"
            path.write_text(text, encoding="utf-8")
            return latency.load(path)

    def test_reads_all_rows(self):
        text, figures = self.load(json.dumps(result()))
        self.assertEqual(json.loads(text), result())
        self.assertEqual(tuple(figures["pool"]), ROWS)
        self.assertEqual(figures["malloc"]["cold"], [60, 93, 1350, 24e6])
        self.assertEqual(figures["the clock alone"]["nothing"],
                         [20, 31, 450, 8e6])

    def test_says_what_is_no_result(self):
        no_clock = result()
        del no_clock["benchmarks"][0]
        for text in ("", "[]", "{}", json.dumps(no_clock)):
            with self.assertRaisesRegex(Failure, "type: "):
                self.load(text)
        with self.assertRaisesRegex(Failure, "type: "):
            latency.load("/no/such/file.json")

    def test_draws_every_figure(self):
        svg = latency.draw(self.load(json.dumps(result()))[1])
        hints = [title.text for title in ElementTree.fromstring(svg).iter(
            test_chart.SVG + "title") if title.text]
        # The longest has a line instead of a mark.
        self.assertEqual(len(hints), 3 * (2 * len(ROWS) + 1))
        self.assertIn("malloc, cold, median: 60 ns", hints)
        test_chart.Overlap().check(svg)

    def test_draws_what_is_nothing(self):
        none = result()
        for row in none["benchmarks"]:
            row.update({key: 0 for key in row if key.endswith("p50")})
        test_chart.Overlap().check(
            latency.draw(self.load(json.dumps(none))[1]))

    def test_finds_the_day(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for day in ("day01", "day02", "day03"):
                (root / day / "bench").mkdir(parents=True)
            (root / "day02/bench/latency_bench.cc").touch()
            with mock.patch.object(latency.project, "ROOT", root), \
                    mock.patch.object(latency.project, "days",
                                      lambda: ["day01", "day02", "day03"]), \
                    mock.patch.object(latency.project, "existing_day",
                                      lambda day: f"day0{day}"):
                self.assertEqual(latency.day_of(None), "day02")
                self.assertEqual(latency.day_of("2"), "day02")
                with self.assertRaisesRegex(Failure, "type one of: day02"):
                    latency.day_of("3")


if __name__ == "__main__":
    unittest.main()
