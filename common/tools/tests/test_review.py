"""Tests of review.py and its three questions: a mistake is found and placed,
and the snapshots themselves give no reason to complain."""

import types
import unittest
from pathlib import Path
from unittest import mock

import trees
import workshop
import project
import review
import review_headers
import review_invariants
import review_tidy
from trees import HEADER, SOURCE, TOOLS, TreeTest, run_main

ROOT = TOOLS.parents[1]
LIST = """\
// A list.
class FreeList {
 public:
  // Several at once.
  void PushRange(void* start, void* end, size_t n);
  void* Pop() {
    return nullptr;
  }
  size_t Length() const noexcept { return length_; }
  template <typename T>
  static bool Holds(const std::map<int, T>& all, bool deep = false);
  explicit FreeList(size_t most) : length_(most) {}
  FreeList(const FreeList&) = delete;

 private:
  void Hidden();
  size_t length_;
};
"""


class Declarations(unittest.TestCase):
    """What is missing, and what is another."""

    def findings(self, theirs):
        """[(place, what)] of a header that stands in place of LIST."""
        return [(one.place, one.what) for one in
                review_headers.compare("list.h", LIST, theirs)]

    def test_names_of_parameters_bodies_and_private_parts_are_ones_own(self):
        mine = LIST.replace("void* start, void* end, size_t n",
                            "void* first,\n      void* last, size_t")
        mine = mine.replace("{\n    return nullptr;\n  }", ";")
        mine = mine.replace("void Hidden();", "int mine_;")
        mine = mine.replace("bool deep = false", "bool deep")
        self.assertEqual(self.findings(mine), [])

    def test_inline_bodies_may_stand_below_the_class(self):
        mine = LIST.replace("void* Pop() {\n    return nullptr;\n  }",
                            "void* Pop();")
        mine += "inline void* FreeList::Pop() { return nullptr; }\n"
        self.assertEqual(self.findings(mine), [])

    def test_a_function_that_is_missing_is_shown(self):
        found = list(review_headers.compare(
            "list.h", LIST, LIST.replace("PushRange", "PushMany")))
        self.assertEqual([one.what for one in found],
                         ["FreeList::PushRange is not declared"])
        self.assertEqual(found[0].mend, "Declare it: void PushRange(void* "
                         "start, void* end, size_t n);")

    def test_one_that_is_private_is_missing(self):
        mine = LIST.replace("  // Several", " private:\n  // Several")
        self.assertIn(("list.h", "FreeList::Pop is not declared"),
                      self.findings(mine))

    def test_each_part_of_a_signature_counts(self):
        for old, new in (("size_t n);", "int n);"), ("size_t n);", ");"),
                         ("void* Pop", "char* Pop"),
                         ("() const noexcept", "() noexcept"),
                         ("() const noexcept", "() const"),
                         ("std::map<int, T>", "std::map<long, T>")):
            self.assertIn(old, LIST)
            found = self.findings(LIST.replace(old, new))
            self.assertEqual(len(found), 1, (old, new, found))
            self.assertIn("another signature", found[0][1])
            self.assertRegex(found[0][0], r"list.h:\d+$")

    def test_the_snapshots_differ_from_themselves_in_nothing(self):
        for day in project.days(ROOT):
            for path in (ROOT / day / "include/pool").glob("*.h"):
                text = path.read_text()
                self.assertEqual(list(review_headers.compare(
                    path.name, text, text + "\n")), [], path)
                for entities in review_headers.public(text).values():
                    for one in entities:
                        if one.kind == "function":
                            self.assertTrue(review_headers.signature(one),
                                            (path, one.name))


class Invariants(unittest.TestCase):
    """Who is asked, and what a run's end means."""

    SHOP = types.SimpleNamespace(
        folder=Path("/mine"), words=lambda text: text.replace("/w", "/mine"))

    def judge(self, code, said="", errors=""):
        """The finding of a run."""
        return review_invariants.judge(
            self.SHOP, code, "asked: PageHeap, step 250\n" + said, errors,
            "REPEAT")

    def test_each_day_has_someone_to_ask(self):
        asked = {day: review_invariants.asked(ROOT / day)
                 for day in project.days(ROOT)}
        self.assertEqual(asked["day01"], ["FixedPool", "ObjectPool"])
        for day in ("day05", "day10"):
            self.assertEqual(asked[day], ["CentralCache", "PageHeap",
                                          "ThreadCache", "ObjectPool"])

    def test_the_program_asks_them(self):
        text = review_invariants.source(ROOT / "day04")
        for part in ('#include "pool/thread_cache.h"', "PlayFixedPool<pool::FixedPool>",
                     "pool::ThreadCache::Current().Validate()"):
            self.assertIn(part, text)
        self.assertNotIn("PlayFixedPool<pool::FixedPool>", review_invariants.source(ROOT / "day05"))

    def test_a_check_that_fails_is_placed_in_the_learners_file(self):
        found = self.judge(-6, errors="/w/src/page_heap.cc:41: CHECK failed: "
                           "a == b\n")
        self.assertEqual(found.place, "src/page_heap.cc:41")
        self.assertIn("a == b (asked of PageHeap after about 250",
                      found.what)
        self.assertIn("REPEAT", found.mend)

    def test_a_body_that_is_not_written_is_no_crash(self):
        found = self.judge(-6, errors="day 04: FreeList::Pop is yours to "
                           "write, see docs/day04.md#lists\n")
        self.assertEqual(found.what, "FreeList::Pop is yours to write")
        self.assertIn("(see docs/day04.md#lists)", found.mend)

    def test_faults_crashes_and_hangs(self):
        self.assertIsNone(self.judge(0))
        self.assertEqual(self.judge(1, "fault: it overlaps\n").what,
                         "it overlaps")
        self.assertIn("ends with SIGSEGV", self.judge(-11).what)
        self.assertIn("does not end", self.judge(None).what)
        self.assertIn("code 3, after PageHeap was asked in step 250: why",
                      self.judge(3, errors="why\n").what)


class Folder(TreeTest):
    """A learner's folder, of a day of the small project."""

    def setUp(self):
        super().setUp()
        self.mine = self.root.parent / "mine"
        for name, text in (("include/pool/pool.h", HEADER),
                           ("src/pool.cc", SOURCE)):
            (self.mine / name).parent.mkdir(parents=True, exist_ok=True)
            (self.mine / name).write_text(text)
        workshop.write_note(self.mine, "day", "1")
        for where, name, value in (
                (project, "ROOT", self.root),
                (workshop, "BUILD", self.root / "build"),
                (project, "ensure_setup", lambda *groups: None)):
            patch = mock.patch.object(where, name, value)
            patch.start()
            self.addCleanup(patch.stop)


class Tidy(Folder):
    """What clang-tidy reads, and what is kept of what it says."""

    def findings(self, line, check, where="src/pool.cc"):
        """The findings of one warning about a line."""
        shop = workshop.Workshop("day01", self.mine)
        said = f"{shop.home}/{where}:{line}:3: warning: words [{check}]\n"
        own = review_tidy.to_read(self.root / "day01", self.mine)[1]
        return list(review_tidy.findings(said, shop, self.root / "day01", own))

    def change(self):
        """Makes line 5 of the source the learner's own."""
        (self.mine / "src/pool.cc").write_text(
            SOURCE.replace("return nullptr", "return 0"))

    def test_only_what_differs_is_read(self):
        day = self.root / "day01"
        self.assertEqual(review_tidy.to_read(day, self.mine), ([], set()))
        self.change()
        self.assertEqual(review_tidy.to_read(day, self.mine)[0],
                         ["src/pool.cc"])

    def test_a_header_is_read_by_way_of_a_source(self):
        (self.mine / "include/pool/pool.h").write_text(HEADER + "// more\n")
        self.assertEqual(review_tidy.to_read(self.root / "day01", self.mine),
                         (["src/pool.cc"], {"include/pool/pool.h"}))

    def test_a_header_that_only_tests_include_is_read_itself(self):
        (self.mine / "include/pool/more.h").write_text("int More();\n")
        self.assertEqual(review_tidy.to_read(self.root / "day01", self.mine),
                         (["include/pool/more.h"], {"include/pool/more.h"}))

    def test_what_an_editor_leaves_there_is_no_code(self):
        (self.mine / "src/.pool.cc.swp").write_bytes(b"\0\xff")
        (self.mine / "src/pool.cc~").write_text(SOURCE)
        (self.mine / "src/.#pool.cc").symlink_to("me@there.12")
        (self.mine / "include/pool/pool.h").write_text(HEADER + "// more\n")
        self.assertEqual(review_tidy.to_read(self.root / "day01", self.mine),
                         (["src/pool.cc"], {"include/pool/pool.h"}))

    def test_a_line_of_the_snapshot_is_the_courses_business(self):
        self.change()
        self.assertEqual(self.findings(4, "bugprone-x"), [])
        found = self.findings(5, "bugprone-x")
        self.assertEqual([one.place for one in found], ["src/pool.cc:5"])
        self.assertEqual(found[0].what, "words [bugprone-x]")
        self.assertEqual(len(self.findings(4, "clang-analyzer-x")), 1)

    def test_files_that_are_not_the_learners_are_left_out(self):
        self.change()
        self.assertEqual(self.findings(2, "clang-analyzer-x",
                                       "include/pool/pool.h"), [])

    def test_each_check_has_words(self):
        self.change()
        for check in ("clang-analyzer-a", "google-a", "misc-a",
                      "readability-identifier-naming"):
            found = self.findings(5, check)[0]
            self.assertTrue(found.why and found.mend, check)


class Verb(Folder):
    """The three questions together."""

    def review(self, errors="", ended=None, warned=""):
        """(exit code, text) with tools that say this."""
        with mock.patch.object(
                workshop.Workshop, "build", lambda *words: errors
        ), mock.patch.object(
            review_invariants, "compile_program", lambda shop: ("p", "")
        ), mock.patch.object(
            review_invariants, "run_program", lambda *words: ended
        ), mock.patch.object(
            review_tidy, "read", lambda *words: warned
        ), mock.patch.object(review.shutil, "which", lambda name: name):
            code, out, err = run_main("review", str(self.mine), "--seed", "7")
        self.assertEqual(err, "")
        return code, out

    def test_nothing_to_say(self):
        code, out = self.review()
        self.assertEqual(code, 0, out)
        self.assertIn("--seed 0x7", out)
        self.assertIn("this day has no Validate()", out)
        self.assertIn("nothing to say against it", out)

    def test_findings_of_all_questions(self):
        (self.mine / "include/pool/pool.h").write_text(
            HEADER.replace("unsigned long", "int"))
        (self.mine / "src/pool.cc").write_text("int x = 0;\n")
        home = workshop.Workshop("day01", self.mine).home
        code, out = self.review(
            ended=review_headers.Finding("src/pool.cc:9", "a", "b", "c"),
            warned=f"{home}/src/pool.cc:1:1: warning: d [google-e]\n")
        self.assertEqual(code, 1)
        places = [line for line in out.splitlines()
                  if line.startswith(("src/", "include/"))]
        self.assertEqual(places, ["include/pool/pool.h:5", "src/pool.cc:9",
                                  "src/pool.cc:1"])
        self.assertIn("review: 3 findings", out)
        self.assertLessEqual(max(map(len, out.splitlines())), 80)

    def test_what_does_not_compile_is_named(self):
        code, out = self.review(errors=f"{self.mine}/src/pool.cc:3:1: error: "
                                "no")
        self.assertEqual(code, 1)
        self.assertIn("\nsrc/pool.cc:3\n  it does not compile: no", out)

    def test_what_does_not_compile_is_named_once(self):
        (self.mine / "src/pool.cc").write_text("int x = ;\n")
        home = workshop.Workshop("day01", self.mine).home
        code, out = self.review(
            errors=f"{self.mine}/src/pool.cc:1:9: error: no",
            warned=f"{home}/src/pool.cc:1:9: error: no [clang-diagnostic-e]\n")
        self.assertEqual(code, 1)
        self.assertIn("review: 1 finding\n", out)

    def test_without_clang_tidy_one_line_says_so(self):
        with mock.patch.object(review.shutil, "which", lambda name: None):
            shop = workshop.Workshop("day01", self.mine)
            with mock.patch("builtins.print") as said:
                self.assertEqual(review.tidy(shop, self.root / "day01"), [])
        self.assertIn("common/course setup review", said.call_args[0][0])

    def test_wrong_words_are_one_line(self):
        (self.mine / ".course/day").unlink()
        for words, part in (((), "arguments are required"),
                            (("nowhere",), "there is no folder nowhere"),
                            ((str(self.root),), "has no include/"),
                            ((str(self.mine),), "add: --day DAY"),
                            ((str(self.mine), "--day", "9"), "no day09"),
                            ((str(self.mine), "--seed", "x"), "no number")):
            code, _, err = run_main("review", *words)
            self.assertEqual((code, err.count("\n")), (2, 1), words)
            self.assertIn(part, err)


if __name__ == "__main__":
    unittest.main()
