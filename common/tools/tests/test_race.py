"""Tests of the race's medians, tables, report and ways to fail."""

import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import contestants
import main
import race
import report
import standings
from contestants import Contestant
from race_samples import ROWS, one_run, results_of, whole_race


def known(runs):
    """Standings of these runs."""
    return standings.Results(results_of(runs))


class Figures(unittest.TestCase):
    """What is computed from the runs."""

    def test_median_of_the_repetitions(self):
        results = known([one_run("pair/1", "malloc", time, i)
                         for i, time in enumerate((9.0, 1.0, 5.0))])
        self.assertEqual(results.time(results.lines[0], "malloc"), 5.0)

    def test_runs_not_served_do_not_count(self):
        results = known([one_run("large", "malloc", 0, served=0.0, scale=0,
                                 label="cannot be served: too many blocks")])
        self.assertIsNone(results.time(results.lines[0], "malloc"))
        self.assertIn("– malloc, large: cannot be served: too many blocks",
                      standings.table(results))

    def test_cold_is_two_lines(self):
        results = known([one_run("cold", "malloc", 100.0)])
        self.assertEqual([line.name for line in results.lines],
                         ["cold free", "cold malloc"])
        self.assertEqual([results.time(line, "malloc")
                          for line in results.lines], [25.0, 75.0])

    def test_geometric_mean(self):
        self.assertAlmostEqual(standings.geometric_mean([1, 4, 16]), 4)
        self.assertIsNone(standings.geometric_mean([]))

    def test_relative_to_malloc_where_both_have_a_figure(self):
        results = known([one_run("pair/1", "day01", 30.0),
                         one_run("pair/1", "malloc", 10.0),
                         one_run("mixed/1", "malloc", 10.0)])
        self.assertEqual(results.relative_times("day01"), [3.0])

    def test_a_part_of_the_work_is_compared_with_the_same_part(self):
        results = known([one_run("pair/1", "day01", 30.0, scale=1 / 16),
                         one_run("pair/1", "day02", 30.0),
                         one_run("pair/1", "malloc", 10.0),
                         one_run("pair/1", "malloc", 15.0, scale=1 / 16,
                                 label="at 1/16 of the work"),
                         one_run("mixed/1", "day01", 30.0, scale=1 / 16),
                         one_run("mixed/1", "malloc", 10.0)])
        self.assertEqual(results.relative_times("day01"), [2.0])
        self.assertEqual(results.relative_times("day02"), [3.0])
        self.assertEqual(results.relative_times("malloc"), [1.0, 1.0])
        self.assertEqual(results.time(results.lines[0], "malloc"), 10.0)
        self.assertTrue(results.is_part("pair/1", "day01"))
        self.assertFalse(results.is_part("pair/1", "malloc"))
        self.assertEqual(results.note("pair/1", "malloc"), "")

    def test_memory_is_for_each_byte_asked_for(self):
        runs = [one_run("burst/8", "day01", 1, asked_bytes=2.0 ** 14,
                        peak_bytes=2.0 ** 20),
                one_run("burst/8", "malloc", 1, asked_bytes=2.0 ** 24,
                        peak_bytes=2.0 ** 25)]
        results = known(runs)
        self.assertEqual(results.memory("burst/8", "day01"), 64)
        self.assertEqual(results.relative_memory("day01"), [32])

    def test_memory_of_little_rows_does_not_count(self):
        results = known([one_run("pair/1", "malloc", 1, asked_bytes=1000.0)])
        self.assertIsNone(results.memory("pair/1", "malloc"))

    def test_level_is_within_five_percent(self):
        self.assertEqual([standings.verdict(ratio) for ratio in
                          (0.94, 0.96, 1.0, 1.04, 1.06)],
                         ["loses", "level", "level", "level", "wins"])

    def test_short_numbers(self):
        for value, words in ((0.123, "0.1"), (9.94, "9.9"), (9.96, "10"),
                             (999.4, "999"), (999.6, "1.0k"), (8709, "8.7k"),
                             (65503, "66k"), (3.28e6, "3.3M")):
            self.assertEqual(standings.short(value), words)
            self.assertLessEqual(len(words), 4)


class Promise(unittest.TestCase):
    """The nine promised rows."""

    def test_ratios_against_malloc_and_the_best(self):
        results = known([one_run("burst/8", "day01", 99.0),
                         one_run("burst/8", "day02", 20.0),
                         one_run("burst/8", "malloc", 50.0),
                         one_run("burst/8", "jemalloc", 10.0),
                         one_run("burst/8", "mimalloc", 15.0)])
        row, = standings.promised_rows(results)
        self.assertAlmostEqual(row.ours, 3.2)  # 160,000 * 20 ns, newest day
        self.assertEqual((row.ratio, row.promised), (2.5, 2.05))
        self.assertEqual((row.peer, row.peer_ratio), ("jemalloc", 0.5))
        text = "\n".join(standings.promise_table(results))
        self.assertRegex(text, r"2\.50× +2\.05×  wins +jemalloc +1\.6 +0\.50×"
                               r"  loses")

    def test_mean_is_the_promise_s_own(self):
        table = standings.promise_table(standings.Results(whole_race()))
        self.assertIn("4.62×", table[-1])

    def test_a_part_of_the_work_is_marked(self):
        results = known([one_run("burst/8", "day01", 50.0, scale=0.25),
                         one_run("burst/8", "malloc", 50.0),
                         one_run("burst/8", "malloc", 75.0, scale=0.25),
                         one_run("burst/8", "jemalloc", 10.0)])
        row = standings.promise_table(results)[2]
        self.assertRegex(row, r"~8\.0 +12 +1\.50×.*malloc +12 +1\.50×")

    def test_no_day_no_promise(self):
        results = known([one_run("burst/8", "malloc", 50.0)])
        self.assertEqual(standings.promise_table(results), [])


class Table(unittest.TestCase):
    """What the terminal shows."""

    def test_fits_into_eighty_columns(self):
        for days in (1, 2, 5, 9, 10):
            text = standings.table(standings.Results(whole_race(days)))
            longest = max(text.split("\n"), key=len)
            self.assertLessEqual(len(longest), 79, longest)

    def test_has_a_line_for_each_row_with_each_day(self):
        text = standings.table(standings.Results(whole_race(10)))
        for row in [row for row in ROWS if row != "cold"] + ["cold free"]:
            line, = re.findall(rf"^{row}\s.*$", text, re.MULTILINE)
            self.assertGreaterEqual(len(line.split()), 11)

    def test_the_promise_comes_first(self):
        text = standings.table(standings.Results(whole_race(10)))
        self.assertLess(text.index("promised table"),
                        text.index("Geometric means"))
        self.assertLess(text.index("Geometric means"),
                        text.index("Nanoseconds per operation"))

    def test_works_with_one_run_only(self):
        for name in ("day01", "malloc", "jemalloc"):
            results = known([one_run("pair/1", name, 5.0)])
            self.assertIn("pair/1", standings.table(results))
            report.page(results)
            ElementTree.fromstring(report.figure(results))


class Page(HTMLParser):
    """Finds what a page takes from elsewhere, and tags left open."""

    def __init__(self, text):
        super().__init__()
        self.open, self.foreign = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "line", "path", "circle", "rect", "text"):
            self.open.append(tag)
        self.foreign += [value for name, value in attrs
                         if name in ("src", "href") or tag in ("script",)]

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                self.foreign.append(f"</{tag}> closes another")


class Report(unittest.TestCase):
    """The page and the figure."""

    def test_is_whole_and_needs_nothing_from_elsewhere(self):
        text = report.page(standings.Results(whole_race(10)))
        page = Page(text)
        self.assertEqual((page.open, page.foreign), ([], []))
        self.assertNotIn("url(", text)
        self.assertIn("A &lt;Processor&gt;", text)
        for word in ("prefers-color-scheme:dark", "at 1/64 of the work",
                     "glibc 2.36", "Peak memory", "after ordinary use"):
            self.assertIn(word, text)

    def test_has_a_picture_for_each_workload(self):
        text = report.page(standings.Results(whole_race(2)))
        for name in {row.split("/")[0] for row in ROWS}:
            self.assertIn(f'aria-label="{name}"', text)

    def test_figure_stands_alone(self):
        figure = report.figure(standings.Results(whole_race(10)))
        ElementTree.fromstring(figure)
        self.assertIn("<style>", figure)
        self.assertIn("256×", figure)  # day 1: 10,240 ns to malloc's 40


def program(folder, text):
    """A racing program that does what the shell text says."""
    path = Path(folder) / "malloc_race"
    path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    path.chmod(0o755)
    return path


class Running(unittest.TestCase):
    """Processes: who runs when, and what can go wrong."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def run_program(self, text, library=""):
        """A run of a program under a preload."""
        contestant = Contestant("x", program(self.folder, text), library)
        return race.run_once(contestant, "pair/1", race.SMOKE)

    def test_reads_the_benchmark(self):
        output = {"context": {}, "benchmarks": [{"ns_per_op": 5}]}
        outcome = self.run_program(f"echo '{json.dumps(output)}'")
        self.assertEqual(outcome, {"benchmark": {"ns_per_op": 5}})

    def test_words_what_went_wrong(self):
        self.assertEqual(self.run_program("echo oh >&2; exit 3"),
                         {"error": "exit code 3: oh"})
        self.assertEqual(self.run_program("kill -9 $$"),
                         {"error": "killed by signal 9"})
        self.assertIn("JSON", self.run_program("echo hello")["error"])
        missing = Contestant("x", self.folder / "nowhere")
        self.assertIn("does not start", race.run_once(
            missing, "pair/1", race.SMOKE)["error"])

    def test_a_preload_without_effect_is_found(self):
        output = {"context": {"malloc_library": "/lib/libc.so.6"},
                  "benchmarks": [{}]}
        done = subprocess.CompletedProcess([], 0, json.dumps(output), "")
        peer = Contestant("mimalloc", Path("x"), "/lib/libmimalloc.so.2")
        self.assertIn("did not take", race.read_run(peer, done)["error"])
        self.assertTrue(contestants.serves(
            peer, {"malloc_library": "/lib/libmimalloc.so.2"}))

    def test_allocators_take_turns(self):
        field = [Contestant(name, Path(name)) for name in "abc"]
        turns = [(row, repetition, one.name) for row, repetition, one in
                 race.schedule(["x", "y"], field, 2)]
        self.assertEqual(turns[:3], [("x", 0, name) for name in "abc"])
        self.assertEqual(turns[3:6], [("x", 1, name) for name in "bca"])
        self.assertEqual(turns[6][0], "y")

    def told(self, settings, scales):
        """Who was told to do which part, if the days manage these scales."""
        told = []

        def run_once(one, row, _, part):
            told.append((one.name, part))
            scale = 1 / part if part else scales.get(one.name, 1.0)
            return {"benchmark": {"served": 1.0, "scale": scale}}
        field = [Contestant(name, Path(name)) for name in
                 ("day01", "day02", "malloc", "jemalloc")]
        runs = []
        with mock.patch.object(race, "run_once", run_once):
            self.assertTrue(race.run_all(["x"], field, settings, runs))
        self.assertEqual(len(runs), len(told))
        return told

    def test_malloc_also_runs_each_part_that_a_day_does(self):
        once = race.FULL._replace(repetitions=2)
        self.assertEqual(
            self.told(once, {"day01": 39 / 10000}),
            [("day01", None), ("day02", None), ("malloc", 1), ("jemalloc", 1),
             ("malloc", 256),
             ("day02", 1), ("malloc", 1), ("jemalloc", 1), ("day01", 256),
             ("malloc", 256)])

    def test_a_smoke_run_asks_for_nothing(self):
        told = self.told(race.SMOKE, {"day01": 1 / 16})
        self.assertEqual({part for _, part in told}, {None})
        self.assertEqual(len(told), 4)

    def test_a_part_is_asked_for_by_its_name(self):
        for part, words in ((None, "none"), (1, "--scale=1 "),
                            (16, "--scale=1/16 ")):
            one = Contestant("x", program(self.folder, 'echo "$* none" >&2; '
                                          "exit 3"))
            said = race.run_once(one, "pair/1", race.FULL, part)["error"]
            self.assertIn(words, said)
            self.assertEqual("--scale" in said, part is not None)

    def test_interrupted_keeps_what_is_done(self):
        runs, outcomes = [], [{"benchmark": {}}, KeyboardInterrupt]
        field = [Contestant(name, Path(name)) for name in "ab"]
        with mock.patch.object(race, "run_once", side_effect=outcomes), \
                contextlib.redirect_stdout(io.StringIO()) as said:
            finished = race.run_all(["x"], field, race.FULL, runs)
        self.assertFalse(finished)
        self.assertEqual(len(runs), 1)
        self.assertIn("stopped after 1 of 6 runs", said.getvalue())

    def test_chooses_rows_by_workload_and_by_name(self):
        path = program(self.folder, "printf 'burst/8\\nburst/16\\ncold\\n'")
        self.assertEqual(race.choose_rows(path, ["burst"]),
                         ["burst/8", "burst/16"])
        self.assertEqual(race.choose_rows(path, ["cold", "burst/16"]),
                         ["burst/16", "cold"])
        with self.assertRaisesRegex(race.Failure, "'bursts'.*burst cold"):
            race.choose_rows(path, ["bursts"])


class Command(unittest.TestCase):
    """The verb as it is typed."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def course(self, *words):
        """Exit code, standard output, standard error."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main.main(["race", *map(str, words)])
        return code, out.getvalue(), err.getvalue()

    def test_shows_earlier_results_and_writes_the_rest(self):
        source = self.folder / "race.json"
        source.write_text(json.dumps(whole_race(2)), encoding="utf-8")
        code, out, _ = self.course(
            "--from", source, "--out", self.folder / "a" / "b",
            "--figure", self.folder / "c" / "race.svg",
            "--results", self.folder / "copy.json")
        self.assertEqual(code, 0)
        self.assertIn("The promised table", out)
        self.assertTrue((self.folder / "a" / "b" / "report.html").exists())
        self.assertTrue((self.folder / "c" / "race.svg").exists())
        copy = (self.folder / "copy.json").read_text(encoding="utf-8")
        self.assertEqual(json.loads(copy), whole_race(2))

    def test_a_failed_run_is_shown_and_fails(self):
        results = whole_race(1)
        results["runs"].append({"row": "pair/1", "allocator": "day01",
                                "repetition": 1, "error": "killed"})
        source = self.folder / "race.json"
        source.write_text(json.dumps(results), encoding="utf-8")
        code, out, _ = self.course("--from", source, "--out", self.folder)
        self.assertEqual(code, 1)
        self.assertIn("! day01, pair/1: killed", out)

    def test_wrong_arguments_are_one_line(self):
        bad = self.folder / "bad.json"
        bad.write_text("{}", encoding="utf-8")
        for words, said in (
                (["--repetitions", "0"], "not a number above 0"),
                (["--days", "77"], "there is no"),
                (["--from", self.folder / "none.json"], "cannot read"),
                (["--from", bad], "is not what"),
                (["--quick", "--smoke"], "not allowed"),
                (["--figure", self.folder], "is a folder"),
                (["--fast"], "unrecognized")):
            code, out, err = self.course(*words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertRegex(err, rf"\Acourse race: .*{said}.*\n\Z")


if __name__ == "__main__":
    unittest.main()
