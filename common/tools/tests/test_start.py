"""What `course start` lays down: python3 -m unittest, from any folder."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import trees
import differences
import learner
import project
import start
import starter
import topics
from trees import TreeTest, run_main

YESTERDAY = """\
#include "pool/list.h"
namespace pool {
void List::Push(int n) {
  head_ = n;
}
void List::Kept() { head_ = 0; }
}  // namespace pool
"""
TODAY = """\
#include "pool/list.h"
namespace pool {
//! [List]
List::List(int n) : head_{n}, tail_{n} {
  Push(n);
}

// Told above it.
void List::Push(int n) {
  //! [inner]
  tail_ = n;
  //! [inner]
}

void List::Kept() { head_ = 0; }

constexpr int Twice(int n) { return 2 * n; }

constexpr int Given(int n) { return n; }
//! [List]

int Other() { return 1; }
}  // namespace pool
"""
HINTS = """\
# What is to write

Some words before the first.

## List

where: src/list.cc
supplied: Given
nudge: Think of
two ends.

question: Which one moves?
"""
LESSON = """\
# Day 2: Lists

## The code, in reading order

### [`list.cc`](../day02/src/list.cc): a list

<!-- code: day02/src/list.cc List -->
<!-- code:end -->

## The code, in reading order
"""


def fill(text, whole):
    """A starter's file with the bodies of the snapshot's file put in."""
    known = {}
    for body in starter.bodies(whole):
        known.setdefault(body.key, []).append(body.text)
    for body in reversed(starter.bodies(text)):  # so that places stay right
        theirs = known[body.key].pop()
        if starter.CALL.search(body.text):
            text = text[:body.first] + theirs + text[body.last + 1:]
    return text


class Topics(unittest.TestCase):
    """The page that lists what is to write."""

    def test_a_topic_has_its_fields_and_paragraphs_go_on(self):
        found = topics.parse("day02", HINTS)
        self.assertEqual(found, [topics.Topic(
            "day02", "List", "src/list.cc", ("Given",), "Think of two ends.",
            "Which one moves?")])

    def test_a_topic_without_its_file_is_named_by_its_line(self):
        with self.assertRaisesRegex(project.Failure,
                                    r"hints/day02\.md:3: B has no line where"):
            topics.parse("day02", "# A\n\n## B\n\nnudge: c\n")

    def test_each_of_the_courses_topics_has_a_place_in_its_lesson(self):
        for day in project.days():
            wanted = topics.of_day(day)
            self.assertGreater(len(wanted), 5, day)
            names = [topic.name for topic in wanted]
            self.assertEqual(len(set(names)), len(names), day)
            for topic in wanted:
                self.assertIn(f"docs/{day}.md#", topics.lesson_place(topic))


class Blanks(TreeTest):
    """A small day, with its bodies taken out."""

    def setUp(self):
        super().setUp()
        self.write("day01/src/list.cc", YESTERDAY)
        self.write("day02/src/list.cc", TODAY)
        self.write("common/hints/day02.md", HINTS)
        self.write("docs/day02.md", LESSON)
        self.topic = topics.of_day("day02", self.root)[0]
        self.yesterday = starter.Yesterday(self.root / "day01")
        self.text = starter.blank(TODAY, [self.topic], self.yesterday,
                                  self.root)

    def test_the_place_is_the_nearest_heading_of_the_lesson(self):
        self.assertEqual(topics.lesson_place(self.topic, self.root),
                         "docs/day02.md#listcc-a-list")

    def test_new_and_changed_bodies_are_out_and_no_others(self):
        names = [body.name for body in starter.to_write(
            TODAY, self.topic, self.yesterday)]
        self.assertEqual(names, ["List::List", "List::Push", "Twice"])
        self.assertNotIn("2 * n", self.text)
        for kept in ("Kept() { head_ = 0; }", "return n; }", "return 1; }",
                     ": head_{n}, tail_{n} {\n", "// Told above it."):
            self.assertIn(kept, self.text)

    def test_the_call_names_the_function_and_the_lesson(self):
        self.assertIn('void List::Push(int n) {\n  ::pool::YoursToWrite(\n'
                      '      "day 02: List::Push is yours to write, see '
                      'docs/day02.md#listcc-a-list");\n', self.text)
        self.assertLessEqual(max(map(len, self.text.splitlines())), 80)

    def test_a_constexpr_function_has_a_return_for_clang(self):
        self.assertIn("  return Twice(n);\n}\n", self.text)
        self.assertEqual(self.text.count("return"), 3)

    def test_what_it_was_yesterday_is_a_comment(self):
        self.assertIn("  // Yesterday:\n  //   head_ = n;\n}", self.text)
        self.assertEqual(self.text.count("// Yesterday:"), 1)

    def test_a_long_line_of_it_goes_on_below_and_stays_a_comment(self):
        word = "a" * 30
        self.assertEqual(starter.within(f"  // {word} {word}", 40),
                         [f"  // {word}", f"  // {word}"])
        self.assertEqual(starter.within(f"  {word} {word}", 40),
                         [f"  {word}", f"      {word}"])
        self.assertEqual(starter.within(f"{' ' * 30}? {word}", 40),
                         [f"{' ' * 8}? {word}"])
        self.assertEqual(starter.within("", 40), [""])

    def test_what_is_unwritten_is_found_again(self):
        self.write("mine/src/list.cc", self.text)
        self.assertEqual(starter.unwritten(self.root / "mine"), dict.fromkeys(
            ("List::List", "List::Push", "Twice"),
            "docs/day02.md#listcc-a-list"))

    def test_the_snapshots_bodies_make_it_the_snapshot(self):
        self.assertNotEqual(self.text, TODAY)
        self.assertEqual(fill(self.text, TODAY), TODAY)

    def test_a_name_without_markers_is_one_line(self):
        with self.assertRaisesRegex(project.Failure, r"no pair of lines \[Lis"):
            starter.blank("int f();\n", [self.topic], self.yesterday,
                          self.root)


class TheCoursesDays(unittest.TestCase):
    """Each day's starter, with the bodies put back, is the day."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_only_bodies_are_out(self):
        own = {*starter.OWN_FILES.values(), "CMakeLists.txt"}
        for day in project.days():
            home = self.folder / day
            wanted = starter.lay_down(day, home)
            self.assertGreaterEqual(len(starter.unwritten(home)), len(wanted))
            snapshot = project.ROOT / day
            self.assertEqual(differences.folder_files(home) - own,
                             differences.folder_files(snapshot) - own)
            for name in differences.folder_files(snapshot) - own:
                theirs = (snapshot / name).read_text()
                mine = (home / name).read_text()
                if name in starter.code_files(snapshot):
                    mine = fill(mine, theirs)
                self.assertEqual(mine, theirs, f"{day}/{name}")

    def test_each_topic_has_something_to_write(self):
        import start
        for day in project.days():
            functions = start.functions_of(day, topics.of_day(day))
            for name, bodies in functions.items():
                self.assertTrue(bodies, f"{day}: {name}")


class Verb(unittest.TestCase):
    """`course start` as a user meets it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_it_lays_down_a_day_that_knows_itself(self):
        mine = self.folder / "mine"
        code, out, _ = run_main("start", "4", str(mine))
        self.assertEqual(code, 0)
        self.assertIn("first  FreeList::PushRange", out)
        self.assertIn(f'set(COURSE "{project.ROOT}"',
                      (mine / "CMakeLists.txt").read_text())
        self.assertIn("- [ ] `ThreadCache::Scavenge`",
                      (mine / "README.md").read_text())
        found = learner.open_folder(str(mine), "day04")
        self.assertEqual(len(found.open_topics()), len(found.topics))
        self.assertEqual([path.name for path in self.folder.iterdir()],
                         ["mine"])

    def test_what_it_writes_fits_the_width(self):
        for day in project.days():
            mine = self.folder / day
            start.lay_down(day, mine)
            names = {"README.md", ".clangd"} | {
                topic.path for topic in topics.of_day(day)}
            for name in names:
                for line in (mine / name).read_text().splitlines():
                    self.assertLessEqual(len(line), 80, f"{day} {name}: {line}")

    def test_the_list_names_the_functions_that_stand_empty_with_a_piece(self):
        start.lay_down("day08", self.folder / "mine")
        text = (self.folder / "mine/README.md").read_text()
        self.assertIn("- [ ] `malloc` (with `free`, `calloc`, `realloc`)\n",
                      text)
        self.assertIn("- [ ] `Mutex` (with `HeldByThisThread`, ", text)
        self.assertIn("- [ ] `NewSlow`\n", text)

    def test_nothing_is_overwritten(self):
        (self.folder / "note.txt").write_text("mine")
        code, _, err = run_main("start", "4", str(self.folder))
        self.assertEqual((code, err.count("\n")), (2, 1))
        self.assertIn("is there already, and is not overwritten", err)
        self.assertEqual([path.name for path in self.folder.iterdir()],
                         ["note.txt"])

    def test_nothing_lands_in_the_courses_folder(self):
        code, _, err = run_main("start", "4", str(project.ROOT / "mine"))
        self.assertEqual(code, 2)
        self.assertIn("outside of it: ../mine", err)
        self.assertFalse((project.ROOT / "mine").exists())

    def test_a_failure_leaves_nothing_behind(self):
        broken = mock.patch.object(learner, "begin", side_effect=OSError)
        with broken, self.assertRaises(OSError):
            import start
            start.lay_down("day01", self.folder / "mine")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_wrong_day_is_one_line(self):
        code, _, err = run_main("start", "11", str(self.folder / "mine"))
        self.assertEqual((code, err.count("\n")), (2, 1))


if __name__ == "__main__":
    unittest.main()
