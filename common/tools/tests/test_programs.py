"""Tests of programs.py and its parts: what runs, and what is caught.

The two small tools are compiled, and programs of a few shell words run under
them: what is said of a changed output or a wrong library is seen, not assumed.
"""

import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import trees
import packages
import programs
import programs_list
import programs_run
import programs_table
import report
import standings
from contestants import Contestant
from programs_list import PROGRAMS, Program
from race_samples import MACHINE, whole_race
from trees import run_main

# An allocator to preload: malloc in another library, passed on to glibc's.
ALLOCATOR = """
void* __libc_malloc(unsigned long); void* __libc_calloc(unsigned long,
unsigned long); void* __libc_realloc(void*, unsigned long);
void __libc_free(void*);
void* malloc(unsigned long n) { return __libc_malloc(n); }
void* calloc(unsigned long k, unsigned long n) { return __libc_calloc(k, n); }
void* realloc(void* p, unsigned long n) { return __libc_realloc(p, n); }
void free(void* p) { __libc_free(p); }
"""
# operator new and delete of its own, as ours has.
WITH_NEW = ALLOCATOR + """
void* _Znwm(unsigned long n) { return __libc_malloc(n); }
void _ZdlPvm(void* p, unsigned long n) { (void)n; __libc_free(p); }
"""
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int count, char** words) {
  const int blocks = count > 1 ? atoi(words[1]) : 0;
  for (int i = 0; i < blocks; ++i) {
    char* volatile block = malloc(16);
    block = realloc(block, 4096);
    free(block);
  }
  const char* preload = getenv("LD_PRELOAD");
  puts(preload != NULL && count > 2 ? "preloaded" : "plain");
  fflush(stdout);
  if (fork() == 0) {
    char* volatile block = calloc(1, 8);
    _exit(block == NULL);  /* its count must not be lost */
  }
  return wait(NULL) < 0;
}
"""
SAID = "standard output"


def figures(seconds, peak=2 ** 20):
    """A timed run's figures."""
    return {"seconds": seconds, "cpu_seconds": seconds, "peak_bytes": peak}


def facts(name, allocations=200_000, errors=()):
    """What is known of a program before it is timed."""
    return {"name": name, "what": "runs", "allocations": allocations,
            "calls": {"malloc": allocations}, "programs": 1,
            "errors": list(errors)}


def results(times, programs_=None):
    """Results with {(program, allocator): [seconds, …]}."""
    return {"machine": MACHINE, "settings": {"repetitions": 3},
            "allocators": list(dict.fromkeys(name for _, name in times)),
            "programs": programs_ or [facts(name) for name in dict.fromkeys(
                program for program, _ in times)],
            "runs": [{"program": program, "allocator": name, "repetition": i,
                      **figures(seconds)} for (program, name), all_ in
                     times.items() for i, seconds in enumerate(all_)]}


SAMPLE = {("perl", "glibc"): [9.0, 1.0, 2.0], ("perl", "day08"): [2.2],
          ("perl", "jemalloc"): [1.0], ("lua", "glibc"): [1.0],
          ("lua", "day08"): [1.0], ("lua", "jemalloc"): [4.0]}


class Running(unittest.TestCase):
    """Programs under measure.c and count_calls.c."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.tools = programs_run.build_tools(cls.folder / "tools")
        cls.library = cls.build("liballocator.so", ALLOCATOR, "-shared",
                                "-fPIC", "-fno-builtin")
        cls.program = cls.build("program", PROGRAM, "-O0")

    @classmethod
    def build(cls, name, text, *flags):
        """Compiles a C text; returns its path."""
        source = cls.folder / f"{name}.c"
        source.write_text(text, encoding="ascii")
        subprocess.run(["cc", *flags, "-o", str(cls.folder / name),
                        str(source)], check=True)
        return cls.folder / name

    def setUp(self):
        place = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, place)
        self.shop = programs_run.Workshop(place, self.folder, self.tools)

    def examine(self, command, library=None, **more):
        """What is found out about a program."""
        program = Program("it", "runs", (), command, **more)
        self.shop.forget(program)
        own = Contestant("own", Path(), str(library or self.library))
        with mock.patch.object(programs, "keep", mock.Mock()):
            return programs.examine(self.shop, program, own)

    def test_counts_each_kind_also_in_what_is_forked(self):
        found, seen = self.examine(f"exec {self.program} 1000")
        self.assertEqual(found["errors"], [])
        self.assertEqual(seen[SAID], b"plain\n")
        self.assertGreaterEqual(found["calls"]["malloc"], 1000)
        self.assertIn(found["calls"]["realloc"], range(1000, 1010))
        self.assertGreaterEqual(found["calls"]["calloc"], 1)
        self.assertLess(found["allocations"], 2200)

    def test_counts_what_programs_start(self):
        found, _ = self.examine(f"{self.program} 1000; {self.program} 1000")
        self.assertIn(found["calls"]["realloc"], range(2000, 2010))
        self.assertEqual(found["programs"], 3)  # with the shell

    def test_operator_new_counts_once(self):
        source = self.folder / "new.cc"
        source.write_text("int main() { for (int i = 0; i < 500; ++i) { int* "
                          "volatile p = new int; delete p; } }")
        subprocess.run(["c++", "-O0", "-o", str(self.folder / "new"),
                        str(source)], check=True)
        found, _ = self.examine(f"exec {self.folder}/new")
        self.assertEqual(found["errors"], [])
        # libstdc++'s own: it arrives by malloc.
        self.assertEqual(found["calls"]["new"], 0)
        self.assertIn(found["calls"]["malloc"], range(500, 600))
        own = self.build("libnew.so", WITH_NEW, "-shared", "-fPIC",
                         "-fno-builtin")
        found, _ = self.examine(f"exec {self.folder}/new", own)
        self.assertEqual(found["errors"], [])
        self.assertEqual(found["calls"]["new"], 500)
        self.assertLess(found["calls"]["malloc"], 100)

    def test_a_changed_output_is_caught(self):
        found, _ = self.examine(f"exec {self.program} 9 tell")
        self.assertEqual(found["errors"][0], "with us: standard output, line "
                         "1: 'preloaded' instead of 'plain'")

    def test_a_changed_file_is_caught(self):
        found, _ = self.examine(f"{self.program} 9 tell > made",
                                compare=("made",))
        self.assertIn("with us: file made is not the same", found["errors"])

    def test_a_file_that_is_not_made_is_caught(self):
        found, _ = self.examine('[ "$LD_PRELOAD" ] || : > made',
                                compare=("made",))
        self.assertIn("with us: it did not make made", found["errors"])

    def test_a_wrong_library_is_caught(self):
        # A library without malloc: the program's comes from glibc.
        empty = self.build("libempty.so", "int nothing;", "-shared", "-fPIC")
        found, _ = self.examine(f"exec {self.program} 9", empty)
        self.assertRegex(found["errors"][0], r"its malloc came from .*libc\.")

    def test_a_preload_without_effect_is_caught(self):
        found, _ = self.examine(f"unset LD_PRELOAD; exec {self.program} 9")
        self.assertEqual(found["errors"], [])  # the shell itself counts
        self.assertLess(found["allocations"], 100)
        calls = programs_run.Calls(dict.fromkeys(programs_run.KINDS, 0), 0, 0,
                                   "")
        self.assertIn("no effect", programs_run.wrong_library(calls, "x"))

    def test_another_library_in_one_of_many_is_caught(self):
        calls = programs_run.Calls({"malloc": 5}, 3, 1, "/x.so")
        self.assertEqual(programs_run.wrong_library(calls, "/x.so"),
                         "1 of its 3 programs had another malloc")

    def test_a_crash_is_worded(self):
        found, _ = self.examine('[ -z "$LD_PRELOAD" ] || '
                                "{ echo oh >&2; kill -ABRT $$; }")
        self.assertEqual(found["errors"][0],
                         "with us: killed by signal 6 (SIGABRT): oh")

    def test_what_fails_without_us_is_said_to(self):
        found, _ = self.examine("exit 3")
        self.assertEqual(found["errors"], ["without us: exit code 3"])
        found, _ = self.examine("true", prepare="echo no >&2; exit 4")
        self.assertIn("could not be made: exit code 4: no",
                      found["errors"][0])

    def test_what_hangs_is_ended(self):
        with mock.patch.object(programs_run, "SECONDS_FOR_A_RUN", 0.2):
            found, _ = self.examine("exec sleep 1000")
        self.assertIn("not done after 0.2 s", found["errors"][0])

    def test_peak_memory_is_the_program_s_own(self):
        own = bytearray(128 << 20)  # which the program must not inherit
        own[::4096] = b"x" * len(own[::4096])
        program = Program("it", "runs", (), f"exec {self.program} 9")
        self.shop.prepare(program)
        outcome = self.shop.run(program)
        self.assertEqual(outcome.error, "")
        self.assertLess(outcome.peak_bytes, 64 << 20)
        self.assertGreater(outcome.peak_bytes, 0)

    def test_a_server_runs_and_ends(self):
        server = ("exec /usr/bin/env python3 -c 'import signal, socket, sys\n"
                  "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
                  "s = socket.create_server((\"127.0.0.1\", int(sys.argv[1])))"
                  "\nwhile True: s.accept()[0].close()' $PORT")
        found, seen = self.examine("echo asked", server=server)
        self.assertEqual(found["errors"], [])
        self.assertEqual(seen[SAID], b"asked\n")
        self.assertGreater(found["allocations"], 100)
        found, _ = self.examine("echo asked", server="exit 0")
        self.assertIn("the server does not answer", found["errors"][0])

    def test_timed_runs_take_turns_and_are_compared(self):
        program = Program("it", "runs", (), f"exec {self.program} 9 tell")
        _, seen = self.examine(program.command)
        runs = []
        field = [Contestant("glibc", Path()),
                 Contestant("own", Path(), str(self.library))]
        self.assertTrue(programs.time_all(self.shop, [program], field, 2,
                                          {"it": seen}, runs))
        self.assertEqual([run["allocator"] for run in runs],
                         ["glibc", "own", "own", "glibc"])
        self.assertGreater(runs[0]["peak_bytes"], 0)
        self.assertIn("'preloaded' instead of 'plain'", runs[1]["error"])


class Tables(unittest.TestCase):
    """What the runs come to."""

    def test_medians_and_ratios(self):
        found = programs_table.Results(results(SAMPLE))
        self.assertEqual(found.median("perl", "glibc", "seconds"), 2.0)
        self.assertAlmostEqual(found.ratio("perl", "day08", "seconds"), 1.1)
        self.assertAlmostEqual(found.mean("jemalloc", "seconds"), 2 ** .5)
        self.assertEqual([row[0] for row in found.slow()], ["perl"])

    def test_fits_into_eighty_columns(self):
        times = {(one.name, name): [12.5] for one in PROGRAMS for name in (
            "glibc", "day08", "jemalloc", "mimalloc", "tcmalloc")}
        raw = results(times)
        raw["programs"][0]["errors"] = ["with us: " + "word " * 60]
        text = programs_table.text(programs_table.Results(raw))
        for line in text.splitlines() + programs_table.line_of(
                raw["programs"][0]).splitlines():
            self.assertLessEqual(len(line), 79, line)

    def test_few_allocations_and_errors_do_not_count(self):
        rows = [facts("a"), facts("b", 99_999), facts("c", errors=["x"])]
        self.assertIn("3 programs, 1 count", programs_table.counted(rows))
        self.assertIn("does not count", programs_table.line_of(rows[1]))
        self.assertIn("FAILED  c: x", programs_table.line_of(rows[2]))

    def test_is_a_section_of_the_report(self):
        found = programs_table.Results(results(SAMPLE))
        with mock.patch.object(programs_table, "newest", lambda: None):
            page = report.page(standings.Results(whole_race(8)))
        self.assertNotIn("Real programs", page)
        with mock.patch.object(programs_table, "newest", lambda: found):
            page = report.page(standings.Results(whole_race(8)))
        for words in ("<h2>Real programs</h2>", "1.10×", "4.00×", "200,000"):
            self.assertIn(words, page)

    def test_the_newest_results_are_found(self):
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            self.assertIsNone(programs_table.newest(root))
            (root / "docs" / "results").mkdir(parents=True)
            for day in ("day08", "day09"):
                raw = results({("perl", "glibc"): [1], ("perl", day): [1]})
                (root / "docs" / "results" / f"{day}-programs.json"
                 ).write_text(json.dumps(raw))
            self.assertEqual(programs_table.newest(root).ours, "day09")


class Command(unittest.TestCase):
    """The verb as it is typed."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def test_wrong_arguments_are_one_line(self):
        bad = self.folder / "bad.json"
        bad.write_text("{}", encoding="utf-8")
        for words, said in (
                (["prel"], "there is no program 'prel'"),
                (["--repetitions", "0"], "not a number above 0"),
                (["--quick", "--check"], "not allowed"),
                (["--check", "--results", bad], "nothing is timed"),
                (["--results", self.folder], "is a folder"),
                (["--from", self.folder / "none"], "cannot read"),
                (["--from", bad], "is not what"),
                (["perl", "--from", bad], "shows all"),
                (["--day", "1"], "has no malloc|is left out"),
                (["--library", self.folder / "none.so"], "is not a file")):
            with mock.patch.object(programs, "lacking", lambda _: []), \
                    mock.patch.object(programs.project, "ensure_setup"):
                code, out, err = run_main("programs", *map(str, words))
            self.assertEqual((code, out), (2, ""), words)
            self.assertRegex(err, rf"\Acourse programs: .*{said}.*\n\Z")

    def test_lists_in_eighty_columns(self):
        with mock.patch.object(programs, "lacking",
                               lambda one: list(one.packages)):
            code, out, _ = run_main("programs", "--list")
        self.assertEqual(code, 0)
        for one in PROGRAMS:
            self.assertIn(one.name, out)
        self.assertIn("setup programs", out)
        self.assertLessEqual(max(map(len, out.splitlines())), 80)

    def test_what_is_not_installed_is_left_out_with_a_line(self):
        def lacking(program):
            return ["lua5.4"] if program.name == "lua" else []
        with mock.patch.object(programs, "lacking", lacking), \
                mock.patch("builtins.print") as say:
            left = programs.installed(list(PROGRAMS), [])
            with self.assertRaisesRegex(programs.Failure, "setup programs"):
                programs.installed(programs.chosen(["lua"]), ["lua"])
        self.assertEqual(len(left), len(PROGRAMS) - 1)
        self.assertIn("lua is left out", say.call_args[0][0])

    def test_shows_earlier_results(self):
        source = self.folder / "programs.json"
        source.write_text(json.dumps(results(SAMPLE)), encoding="utf-8")
        copy = self.folder / "copy.json"
        code, out, _ = run_main("programs", "--from", str(source),
                                "--results", str(copy))
        self.assertEqual(code, 0)
        self.assertIn("perl: 1.10", out)
        self.assertEqual(json.loads(copy.read_text()), results(SAMPLE))

    def check(self, found):
        """The exit code of --check when that is found."""
        with mock.patch.object(programs, "run_programs", lambda *_: (
                {"runs": [], "programs": found}, True)):
            return run_main("programs", "--check")[0]

    def test_check_fails_if_a_row_does_not_count(self):
        self.assertEqual(self.check([facts("a")]), 0)
        self.assertEqual(self.check([facts("a"), facts("b", 99_999)]), 1)
        self.assertEqual(self.check([facts("a", errors=["x"])]), 1)

    def test_the_table_of_programs_is_sound(self):
        known = {need.package for need in packages.GROUPS["programs"]}
        used = {name for one in PROGRAMS for name in one.packages}
        self.assertEqual(used, known)
        self.assertEqual(len(set(programs_list.NAMES)), len(PROGRAMS))
        self.assertGreaterEqual(len(PROGRAMS), 11)
        for one in PROGRAMS:
            self.assertLessEqual(len(one.name), 20)


if __name__ == "__main__":
    unittest.main()
