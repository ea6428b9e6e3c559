"""Running and explaining a learner's tests: python3 -m unittest, anywhere."""

import shlex
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import trees
import day_tests
import explain
import frames
import learner
import trial
from trees import run_main

# Answers as a program of GoogleTest does.
PROGRAM = """\
#!/bin/sh
case $1 in
  --gtest_list_tests)
    echo 'Running main() from gtest_main.cc'
    echo 'List.'
    echo '  Passes'
    echo '  DISABLED_Never'
    echo '  Aborts'
    echo 'Sizes/Model.'
    echo '  Skips/Small  # GetParam() = 8' ;;
  *List.Passes) echo '[  PASSED  ] 1 test.' ;;
  *Skips/Small) echo '[  SKIPPED ] Sizes/Model.Skips/Small' ;;
  *List.Aborts) echo 'day 04: Push is yours to write, see docs/day04.md#a'
                kill -ABRT $$ ;;
  *List.Hangs) sleep 60 ;;
  *List.Loops) while :; do :; done ;;
  *) echo '[  PASSED  ] 0 tests.' ;;
esac
"""
EQUALITY = """\
[ RUN      ] List.Length
/home/me/day04/tests/free_list_test.cc:83: Failure
Expected equality of these values:
  list.Length()
    Which is: 3
  2u
    Which is: 2
More words of the test.

[  FAILED  ] List.Length (0 ms)
"""
TRUTH = """\
/home/me/day04/tests/free_list_test.cc:9: Failure
Value of: list.Empty()
  Actual: false
Expected: true
[  FAILED  ] List.Length (0 ms)
"""
COMPARED = """\
/x/a_test.cc:9: Failure
Expected: (p) != (nullptr), actual: NULL vs (nullptr)
"""
CHECKED = "/home/me/day04/src/central_cache.cc:40: CHECK failed: n > 0\n"


class ProgramTest(unittest.TestCase):
    """A test with a program of tests in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.program = self.make(PROGRAM)

    def make(self, script, name="free_list_test"):
        """A program of that name."""
        path = self.folder / f"day04_{name}"
        path.write_text(script)
        path.chmod(0o755)
        source = self.folder / f"{name}.cc"
        source.write_text("TEST(List, Passes) {}\nTEST(Other, Is) {}\n")
        return day_tests.Program("day04", name, path, (source,))

    def run_one(self, test, **options):
        """What becomes of a test."""
        return day_tests.run_case(day_tests.Case(self.program, test), **options)

    def failed(self, words, test="List.Passes", code=1):
        """A test that failed with these words."""
        return day_tests.Outcome(day_tests.Case(self.program, test),
                                 day_tests.FAILED, words, code)


class Running(ProgramTest):
    """Each test in a process of its own."""

    def test_the_names_are_those_that_ctest_shows(self):
        self.assertEqual(
            [case.name for case in day_tests.cases(self.program)],
            ["day04.List.Passes", "day04.List.Aborts",
             "day04.Sizes/Model.Skips/Small"])

    def test_a_program_that_cannot_list_is_asked_by_its_source(self):
        broken = self.make("#!/bin/sh\nkill -ABRT $$\n", "broken_test")
        self.assertEqual([case.test for case in day_tests.cases(broken)],
                         ["List.Passes", "Other.Is"])

    def test_each_way_to_end_has_its_verdict(self):
        self.assertEqual(self.run_one("List.Passes").verdict, "passed")
        self.assertEqual(self.run_one("Sizes/Model.Skips/Small").verdict,
                         "skipped")
        aborted = self.run_one("List.Aborts")
        self.assertEqual((aborted.verdict, aborted.code), ("failed", -6))

    def test_a_test_that_does_not_exist_does_not_pass(self):
        self.assertEqual(self.run_one("List.Gone").verdict, "failed")

    def test_a_hang_ends_with_all_that_it_started(self):
        start = time.monotonic()
        outcome = self.run_one("List.Hangs", limit=0.2)
        self.assertEqual(outcome.verdict, "hung")
        self.assertLess(time.monotonic() - start, 30)

    def test_a_loop_is_known_by_its_work_and_a_few_are_enough(self):
        self.assertEqual(self.run_one("List.Loops", work=1).verdict, "hung")
        loops = [day_tests.Case(self.program, "List.Loops")] * 40
        outcomes = day_tests.run_all(loops, lambda *_: None, 1, 2)
        self.assertLess(len(outcomes), 6)

    def test_outcomes_keep_the_order_of_the_tests(self):
        wanted = [day_tests.Case(self.program, test) for test in (
            "List.Aborts", "List.Passes", "List.Gone")]
        told = []
        outcomes = day_tests.run_all(
            wanted, lambda done, outcome: told.append(done))
        self.assertEqual([one.case for one in outcomes], wanted)
        self.assertEqual(told, [1, 2, 3])

    def test_only_programs_of_the_build_are_run(self):
        (self.folder / "tests").mkdir()
        for name in ("a_test.cc", "b_test.cc", "helper.h"):
            (self.folder / "tests" / name).write_text("")
        (self.folder / "targets.txt").write_text(
            "day04\nday04_a_test\nday04_contract_test\nday04_race\n")
        found = day_tests.programs("day04", self.folder, self.folder)
        self.assertEqual([program.name for program in found],
                         ["a_test", "contract_test"])
        self.assertGreater(len(found[1].sources), 5)


class Explaining(ProgramTest):
    """What was expected, what was seen, what to read, what to type."""

    def reason(self, words, **options):
        """Why a test with these words failed."""
        return explain.reason(self.failed(words, **options))

    def test_two_values_that_differ(self):
        self.assertEqual(self.reason(EQUALITY), explain.Reason(
            "list.Length() equals 2u", "list.Length() is 3, 2u is 2",
            "free_list_test.cc:83"))

    def test_what_should_be_true(self):
        self.assertEqual(self.reason(TRUTH)[:2],
                         ("list.Empty() is true", "false"))

    def test_a_comparison(self):
        self.assertEqual(self.reason(COMPARED)[:2],
                         ("(p) != (nullptr)", "NULL vs (nullptr)"))

    def test_a_check_that_does_not_hold(self):
        self.assertEqual(self.reason(CHECKED, code=-6)[:2],
                         ("n > 0", "it does not hold in central_cache.cc:40"))

    def test_a_body_that_is_not_written(self):
        found = self.reason(
            "[  DEATH   ] day 04: FreeList::Pop is yours to write, see "
            "docs/day04.md#here\n" + EQUALITY)
        self.assertEqual(found.seen, "FreeList::Pop is yours to write")
        self.assertEqual(found.read, "docs/day04.md#here")

    def test_a_crash_names_its_signal_and_the_last_words(self):
        seen = self.reason("[ RUN      ] A.B\ndouble free\n", code=-11).seen
        self.assertIn("signal 11 (SIGSEGV)", seen)
        self.assertIn("double free", seen)

    def test_a_hang(self):
        hung = self.failed("")._replace(verdict=day_tests.HUNG)
        self.assertIn("still running", explain.reason(hung).seen)

    def text(self, outcome, **options):
        """The explanation of a failure on day 4."""
        why = explain.reason(outcome)._replace(**options)
        topic = explain.piece(outcome, why, "day04", {})
        return explain.text(outcome, "day04", why, topic, "../my04")

    def test_the_text_has_the_debuggers_command_and_fits(self):
        with mock.patch("shutil.which", return_value="/usr/bin/gdb"):
            text = self.text(self.failed(EQUALITY))
        self.assertIn("First failure: day04.List.Passes (free_list_test.cc:83)",
                      text)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        command = text.partition("again, under the debugger:\n")[2]
        self.assertEqual(shlex.split(command.replace("\\\n", "")), [
            "gdb", "-ex", "run", "--args", str(self.program.path),
            "--gtest_filter=List.Passes", "--gtest_break_on_failure"])

    def test_the_text_says_where_to_read_and_whom_to_ask(self):
        text = self.text(self.failed(EQUALITY, "FreeList.TakesARangeAtItsHead"))
        self.assertIn("read      docs/day04.md#free_listh-ranges", text)
        self.assertIn("ask       common/course hint ../my04 "
                      "FreeList::PushRange\n", text)

    def test_a_crash_shows_its_calls(self):
        calls = (frames.Frame("FreeList::Pop", "include/pool/free_list.h", 7),
                 frames.Frame("main", "tests/free_list_test.cc", 9))
        text = self.text(self.failed("", code=-11), frames=calls,
                         function="FreeList::PopRange")
        self.assertIn("  in        FreeList::Pop, include/pool/free_list.h:7\n"
                      "  from      main, tests/free_list_test.cc:9\n", text)
        self.assertIn("hint ../my04 FreeList::PopRange", text)

    def test_a_crash_is_placed_by_its_calls(self):
        words = ("#0  Push () at /home/me/src/a.cc:7\n"
                 "#1  0x5 in pool::(anonymous namespace)::List_Passes_Test::"
                 "TestBody (this=0x0) at /home/me/tests/list_test.cc:9\n")
        crash = self.failed("", code=-11)
        with mock.patch("shutil.which", return_value="/usr/bin/gdb"), \
                mock.patch.object(day_tests, "output_of",
                                  return_value=(words, 0)):
            why = explain.reason(crash, Path("/home/me"))
        self.assertEqual((why.function, why.place),
                         ("Push", "list_test.cc:9"))
        self.assertEqual(why.frames[1].function, "the test")

    def test_a_missing_debugger_is_one_line(self):
        with mock.patch("shutil.which", return_value=None):
            text = self.text(self.failed(EQUALITY))
        self.assertEqual(text.splitlines()[-1].strip(), "gdb is missing; as "
                         "root, type: apt-get install gdb")

    def test_parts_stand_before_the_whole_and_in_the_lessons_order(self):
        def of(name, words=""):
            program = self.make("", name)
            return day_tests.Outcome(day_tests.Case(program, "Other.Is"),
                                     day_tests.FAILED, words, 1)
        list_test, cache, contract, stress = map(of, (
            "free_list_test", "thread_cache_test", "contract_test",
            "stress_test"))
        for outcomes in ([stress, contract, cache, list_test],
                         [list_test, cache, stress]):
            self.assertEqual(explain.first(outcomes, "day04", []), list_test)
        self.assertEqual(explain.first([stress, cache], "day04", []), cache)
        waits = of("free_list_test", "day 04: Push is yours to write, see x#y")
        self.assertEqual(explain.first([stress, waits], "day04", []), waits)

    def test_the_first_failure_is_of_what_is_written_then_of_the_lesson(self):
        def waits(name):
            return self.failed(f"day 04: {name} is yours to write, see x#y")
        order = ["Push", "Pop"]
        wrong, push, pop = self.failed(EQUALITY), waits("Push"), waits("Pop")
        self.assertEqual(explain.first([pop, push], "day04", order), push)
        self.assertEqual(explain.first([pop, wrong], "day04", order), wrong)
        good = wrong._replace(verdict="passed")
        self.assertIsNone(explain.first([good], "day04", order))


class Trying(ProgramTest):
    """The verb, with the compiler left out."""

    def setUp(self):
        super().setUp()
        self.mine = self.folder / "mine"
        learner.begin("day04", self.mine, {"Push": ["Push"], "Pop": ["Pop"]})
        for name, value in (("configure", self.folder),
                            ("compile_targets", True)):
            patch = mock.patch.object(trial, name, return_value=value)
            setattr(self, name, patch.start())
            self.addCleanup(patch.stop)
        patch = mock.patch.object(day_tests, "programs",
                                  return_value=[self.program])
        patch.start()
        self.addCleanup(patch.stop)

    def test_the_first_failure_is_explained_and_all_is_kept(self):
        code, out, err = run_main("try", "4", str(self.mine))
        self.assertEqual((code, err), (1, ""))
        self.assertIn("2 of 2 pieces written, 2 of 3 tests pass", out)
        self.assertIn("First failure: day04.List.Aborts", out)
        self.assertIn("seen      Push is yours to write", out)
        self.assertIn("read      docs/day04.md#a", out)
        kept = learner.Folder(self.mine).progress()
        self.assertEqual(kept["tests"], {
            "day04.List.Aborts": "failed", "day04.List.Passes": "passed",
            "day04.Sizes/Model.Skips/Small": "skipped"})

    def test_what_passes_anew_and_what_fails_anew_is_said(self):
        learner.Folder(self.mine).keep({"day04.List.Passes": "failed",
                                        "day04.List.Aborts": "passed"}, True)
        out = run_main("try", "4", str(self.mine))[1]
        self.assertIn("1 more than before", out)
        self.assertIn("1 passed before and fail now: day04.List.Aborts", out)

    def test_some_tests_alone(self):
        code, out, _ = run_main("try", "4", str(self.mine), "--only", "Passes")
        self.assertEqual(code, 0)
        self.assertIn("1 of 1 tests pass", out)

    def test_the_folder_knows_its_day(self):
        whole = run_main("try", "4", str(self.mine))
        self.assertEqual(run_main("try", str(self.mine)), whole)
        self.assertEqual(run_main("try", "--only", "Gone", str(self.mine))[2],
                         run_main("try", "4", str(self.mine), "--only",
                                  "Gone")[2])

    def test_when_all_is_green_it_says_what_comes_next(self):
        with mock.patch.object(explain, "first", return_value=None):
            out = run_main("try", str(self.mine))[1]
            self.assertIn(f"\nnext:\n  common/course diff 4 {self.mine}", out)
            self.assertIn(f"start 5 {self.folder}/day05", out)
            self.assertNotIn("next:", run_main(
                "try", str(self.mine), "--only", "Passes")[1])

    def test_of_a_failed_build_only_the_compilers_words_are_shown(self):
        shown = ["/x/a.h:79:5: error: expected ';'", "   79 |     Set();",
                 "      |     ^~~~", "/usr/bin/ld: a.o: undefined reference",
                 "ninja: error: missing and no known rule", "make: *** No rule"]
        hidden = ["FAILED: CMakeFiles/a.dir/a.cc.o", "",
                  "/usr/bin/c++ -DX -I/y -std=c++17 -o a.o -c /x/a.cc",
                  "ccache /usr/bin/g++-12 -O2 -c /x/a.cc -o a.o",
                  ": && /usr/bin/c++ -g a.o -o a && :",
                  "ninja: build stopped: subcommand failed.",
                  "make[2]: *** [a.o] Error 1"]
        for line in shown:
            self.assertIsNone(trial.AROUND_THE_COMPILER.match(line), line)
        for line in hidden:
            self.assertTrue(trial.AROUND_THE_COMPILER.match(line), line)

    def test_all_means_the_sanitizers_too(self):
        with mock.patch.object(trial, "report", return_value=True):
            out = run_main("try", "4", str(self.mine), "--all")[1]
        self.assertIn("thread sanitizer, those with threads:", out)
        self.assertEqual([call.args[1] for call
                          in self.configure.call_args_list],
                         ["dev", "asan", "tsan"])

    def test_what_the_thread_sanitizer_leaves_out_is_the_presets(self):
        self.assertIn("TwentyThousand", trial.left_out("tsan"))
        self.assertIsNone(trial.left_out("dev"))

    def test_code_that_does_not_compile_is_no_failure_of_a_test(self):
        self.compile_targets.return_value = False
        code, out, _ = run_main("try", "4", str(self.mine))
        self.assertEqual(code, 1)
        self.assertIn("it does not compile (above); no test was run", out)
        self.assertEqual(learner.Folder(self.mine).progress(), {})

    def test_wrong_words_are_one_line(self):
        cases = [(("4", "/nowhere"), "type: common/course start 4 /nowhere"),
                 (("3", str(self.mine)), "is day04, not day03; type: "),
                 (("4", str(self.folder)), "was not laid down by"),
                 (("4", str(self.mine), "--only", "("), "no regular"),
                 (("4", str(self.mine), "--only", "Nothing"), "no test match"),
                 (("4", str(self.mine), "--watch", "--bench"), "not allowed"),
                 (("4",), "which folder of day04? type: common/course try"),
                 (("/nowhere",), "type: common/course start DAY /nowhere"),
                 ((str(self.mine), "4"), f"type: common/course try {self.mine}"),
                 ((str(self.mine), "--bench", "--only", "x"), "out --only"),
                 ((str(self.mine), "--bench", "--all"), "out --all"),
                 ((str(self.mine), "--watch", "--all"), "out --all, or")]
        for words, part in cases:
            code, _, err = run_main("try", *words)
            self.assertEqual((code, err.count("\n")), (2, 1), words)
            self.assertIn(part, err)

    def test_a_watch_tries_again_when_a_file_changes(self):
        tried = []

        def change(folder, *_):
            tried.append(folder)
            if len(tried) == 3:
                raise KeyboardInterrupt
            (self.mine / "pool.cc").write_text("x" * len(tried))
            (folder.state / "progress.json").write_text("{}")
        # Files change while it tries, so it need not wait.
        with mock.patch.object(trial, "try_once", side_effect=change):
            code, out, err = run_main("try", "4", str(self.mine), "--watch")
        self.assertEqual((code, len(tried)), (130, 3))
        self.assertIn(f"by hand, type:\n  common/course try {self.mine}", out)
        self.assertIn("interrupted", err)

    def test_what_try_writes_itself_is_not_watched(self):
        folder = learner.Folder(self.mine)
        before = trial.files_now(folder)
        folder.keep({"a": "passed"}, True)
        self.assertEqual(trial.files_now(folder), before)


if __name__ == "__main__":
    unittest.main()
