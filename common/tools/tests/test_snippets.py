"""Tests of snippets.py: python3 -m unittest, from any folder."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import snippets

SOURCE = """\
#include "pool/pool.h"

namespace pool {

  //! [Take]
  void* Take() {
    //! [inner]
    return Next();
    //! [inner]
  }
  //! [Take]

//! [open]
int lost;
//! [empty]

//! [empty]

}  // namespace pool
"""
LESSON = """\
# A lesson

Prose.

<!-- code: day01/src/pool.cc Take -->
<!-- code:end -->

More prose.
"""
TAKE = """\
```cpp
void* Take() {
  return Next();
}
```
"""


class SnippetsTest(unittest.TestCase):
    """A project of one source and one lesson, in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.put("day01/src/pool.cc", SOURCE)
        self.lesson = self.put("docs/day01.md", LESSON)

    def put(self, name, text):
        """Writes a file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def findings(self, write=False):
        """What refresh says, as text."""
        return [str(finding)
                for finding in snippets.refresh(self.root, write)]

    def one_finding(self, lesson):
        """The only finding that a lesson gives, whether one writes or not."""
        self.put("docs/day01.md", lesson)
        found = self.findings()
        self.assertEqual(len(found), 1, found)
        self.assertEqual(self.findings(write=True), found)
        self.assertEqual(self.lesson.read_text(), lesson)
        return found[0]


class Writing(SnippetsTest):
    """What stands in the lesson afterwards."""

    def test_an_empty_place_is_found_and_filled(self):
        found = self.findings()
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith(
            "docs/day01.md:5: the code of Take is not the snapshot's"))
        self.assertIn("common/course check --write", found[0])
        self.assertEqual(self.lesson.read_text(), LESSON)
        self.assertEqual(self.findings(write=True), [])
        self.assertEqual(self.lesson.read_text(),
                         LESSON.replace(" Take -->\n", " Take -->\n" + TAKE))

    def test_it_is_the_same_the_second_time(self):
        self.findings(write=True)
        once = self.lesson.read_text()
        self.assertEqual(self.findings(), [])
        self.assertEqual(self.findings(write=True), [])
        self.assertEqual(self.lesson.read_text(), once)

    def test_a_source_that_changed_is_found_and_followed(self):
        self.findings(write=True)
        self.put("day01/src/pool.cc", SOURCE.replace("Next()", "nullptr"))
        self.assertEqual(len(self.findings()), 1)
        self.assertEqual(self.findings(write=True), [])
        self.assertIn("  return nullptr;\n", self.lesson.read_text())
        self.assertNotIn("Next", self.lesson.read_text())

    def test_a_lesson_that_was_edited_is_found(self):
        self.findings(write=True)
        edited = self.lesson.read_text().replace("Next()", "next()")
        self.lesson.write_text(edited)
        self.assertEqual(len(self.findings()), 1)

    def test_several_places_are_filled_each_with_its_own(self):
        self.put("docs/day01.md", LESSON + LESSON.replace("Take", "inner"))
        self.assertEqual(self.findings(write=True), [])
        text = self.lesson.read_text()
        self.assertEqual(text.count("```cpp\n"), 2)
        self.assertIn(" inner -->\n```cpp\nreturn Next();\n```\n", text)

    def test_what_the_reader_is_to_write_is_folded(self):
        self.put("common/hints/day01.md", "# Day 1\n\n## Take\n\nwhere: "
                 "src/pool.cc\n\nnudge: N.\n\nquestion: Q?\n")
        both = LESSON + LESSON.replace("Take", "inner")
        self.put("docs/day01.md", both)
        self.put("docs/guide.md", both)
        self.assertEqual(self.findings(write=True), [])
        text = self.lesson.read_text()
        self.assertIn("<details>\n<summary><code>Take</code></summary>\n\n"
                      + TAKE + "\n</details>\n<!-- code:end -->", text)
        self.assertEqual(text.count("<details>"), 1)
        guide = (self.root / "docs/guide.md").read_text()
        self.assertNotIn("<details>", guide)
        self.assertIn(TAKE, guide)

    def test_without_a_name_the_whole_file_is_shown(self):
        self.put("day01/CMakeLists.txt", "include(Course)\n\ncourse_day()\n")
        self.put("docs/day01.md", "<!-- code: day01/CMakeLists.txt -->\n"
                 "<!-- code:end -->\n")
        self.assertEqual(self.findings(write=True), [])
        self.assertIn("```cmake\ninclude(Course)\n\ncourse_day()\n```\n",
                      self.lesson.read_text())

    def test_markers_may_stand_in_cmake_too(self):
        self.put("a.cmake", "#! [one]\nset(A 1)\n#! [one]\n")
        self.put("docs/day01.md", "<!-- code: a.cmake one -->\n"
                 "<!-- code:end -->\n")
        self.assertEqual(self.findings(write=True), [])
        self.assertIn("\nset(A 1)\n", self.lesson.read_text())

    def test_comments_shown_inside_a_fence_are_prose(self):
        page = "```\n" + LESSON + "```\n"
        self.put("docs/day01.md", page)
        self.assertEqual(self.findings(write=True), [])
        self.assertEqual(self.lesson.read_text(), page)

    def test_all_pages_are_looked_at(self):
        self.put("docs/guides/more.md", LESSON)
        self.assertEqual(len(self.findings()), 2)


class Missing(SnippetsTest):
    """What cannot be filled is named, and left alone."""

    def test_a_file_that_is_not_there(self):
        self.assertEqual(
            self.one_finding(LESSON.replace("pool.cc", "loop.cc")),
            "docs/day01.md:5: Take: day01/src/loop.cc is not there")

    def test_a_marker_that_is_not_there(self):
        self.assertEqual(
            self.one_finding(LESSON.replace("Take", "Give")),
            "docs/day01.md:5: Give: day01/src/pool.cc has 0 lines [Give], "
            "not a pair")

    def test_a_marker_without_its_second(self):
        self.assertIn("has 1 lines [open]",
                      self.one_finding(LESSON.replace("Take", "open")))

    def test_a_pair_with_nothing_in_it(self):
        self.assertIn("nothing between its two lines [empty]",
                      self.one_finding(LESSON.replace("Take", "empty")))

    def test_a_place_without_an_end(self):
        self.assertEqual(
            self.one_finding(LESSON.replace(snippets.END + "\n", "")),
            "docs/day01.md:5: the code has no <!-- code:end -->")

    def test_an_end_without_a_beginning(self):
        self.assertEqual(
            self.one_finding("Prose.\n" + snippets.END + "\n"),
            "docs/day01.md:2: <!-- code:end --> without a beginning")

    def test_one_bad_place_does_not_spoil_the_next(self):
        bad = LESSON.replace(snippets.END + "\n", "").replace("Take", "Give")
        self.put("docs/day01.md", bad + LESSON)
        found = self.findings(write=True)
        self.assertEqual(found, ["docs/day01.md:5: the code has no "
                                 "<!-- code:end -->"])
        self.assertIn(TAKE, self.lesson.read_text())

    def test_lines_are_named_where_they_are_after_writing(self):
        self.put("docs/day01.md", LESSON + LESSON.replace("Take", "Give"))
        found = self.findings(write=True)
        self.assertEqual(len(found), 1)
        line = int(found[0].split(":")[1])
        self.assertIn("Give", self.lesson.read_text().splitlines()[line - 1])


if __name__ == "__main__":
    unittest.main()
