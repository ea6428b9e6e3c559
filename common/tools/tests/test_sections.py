"""Which piece a failure is about: python3 -m unittest, from any folder."""

import re
import unittest
from pathlib import Path

import trees
import day_tests
import frames
import project
import sections
import topics
import trial


class Pieces(unittest.TestCase):
    """Which piece of the lesson a failure is about, on the true day 4."""

    def find(self, program, test, place="", function=""):
        """The name of the piece."""
        path = project.ROOT / "day04/tests" / f"{program}.cc"
        case = day_tests.Case(day_tests.Program(
            "day04", program, Path("x"), (path,) if path.is_file() else ()),
            test)
        found = sections.find(case, place, function, topics.of_day("day04"),
                              {"ThreadCache::Own": ["Helper"]})
        return found and found.name

    def test_the_function_that_it_went_wrong_in(self):
        for function, name in (("FreeList::PopRange", "FreeList::PopRange"),
                               ("Helper", "ThreadCache::Own")):
            self.assertEqual(self.find(
                "stress_test", "Stress.A", function=function), name)

    def test_the_hint_that_names_the_test(self):
        self.assertEqual(self.find(
            "thread_cache_test",
            "ThreadCache.ScavengingTakesFromListsThatAreNotUsed"),
            "ThreadCache::Scavenge")

    def test_what_the_test_used_last_before_it_failed(self):
        test = "ThreadCache.GivesBackTheObjectThatWasFreedLast"
        source = (project.ROOT / "day04/tests/thread_cache_test.cc")
        lines = source.read_text().splitlines()
        begin = next(number for number, line in enumerate(lines, 1)
                     if test.partition(".")[2] in line)
        first = next(number for number in range(begin, len(lines))
                     if re.search(r"\bAllocate", lines[number - 1]))
        self.assertEqual(
            self.find("thread_cache_test", test, f"{source.name}:{first}"),
            "ThreadCache::Allocate")
        self.assertEqual(self.find("thread_cache_test", test),
                         "ThreadCache::Deallocate")

    def test_the_file_or_the_class_under_test(self):
        self.assertEqual(self.find("free_list_test", "FreeList.Gone"),
                         "FreeList::PushRange")
        for test in ("ThreadCache.Gone", "Sizes/ThreadCacheModel.Gone/Small"):
            self.assertEqual(self.find("other_test", test),
                             "ThreadCache::Allocate")

    def test_what_no_piece_is_about_has_its_files_section(self):
        for program, part in (("size_class_test", "#size_classh-two-small"),
                              ("stress_test", "#the-code-in-reading-order")):
            case = day_tests.Case(day_tests.Program(
                "day04", program, Path("x"), ()), "Gone.Is")
            self.assertIsNone(self.find(program, "Gone.Is"))
            self.assertIn(part, sections.place_of_file(case, "day04"))

    def test_a_line_of_the_learners_lies_in_a_function(self):
        home = project.ROOT / "day04"
        lines = (home / "include/pool/free_list.h").read_text().splitlines()
        line = 1 + next(number for number, line in enumerate(lines, 1)
                        if "void PopRange(" in line)
        self.assertEqual(sections.function_at(home, "free_list.h", line),
                         "FreeList::PopRange")
        self.assertEqual(sections.function_at(home, "free_list.h", 1), "")

    def test_the_debuggers_words_are_read(self):
        words = ("Program received signal SIGSEGV\n"
                 "#0  0x00007f in raise () from /lib/libc.so.6\n"
                 "#1  0x000055 in pool::(anonymous namespace)::Cut (n=2) at "
                 "/home/me/src/a.cc:7\n"
                 "#2  pool::FreeList::Pop (this=0x0) at /home/me/src/b.h:83\n"
                 "#3  0x000055 in main () at /elsewhere/main.cc:3\n")
        self.assertEqual(frames.parse(words, Path("/home/me")), [
            frames.Frame("Cut", "src/a.cc", 7),
            frames.Frame("FreeList::Pop", "src/b.h", 83)])

    def test_failures_that_wait_add_up(self):
        case = day_tests.Case(None, "Pool.Allocates")
        waiting = [day_tests.Outcome(
            case, day_tests.FAILED, f"day 04: {name} is yours to write, see "
            "docs/day04.md#a\n", -6) for name in "AAABBCDE"]
        self.assertEqual(trial.waiting_for(waiting), "failures that wait for "
                         "a body: A (3), B (2), C (1), others (2)")
        self.assertNotIn("others", trial.waiting_for(waiting[:6]))


if __name__ == "__main__":
    unittest.main()
