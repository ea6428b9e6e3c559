"""Each rule of check is shown a breach and must name it."""

import shutil
import unittest

import trees
import check
import rules_days
import rules_lessons
import rules_links
from trees import HEADER, SOURCE, TreeTest


class Rules(TreeTest):
    """One breach at a time in a tree that is otherwise in order."""

    def setUp(self):
        super().setUp()
        rules_days.write_tables(self.root)

    def found(self):
        """All findings, one a line (the small tree's lessons are none)."""
        rules = [rule for rule in check.RULES
                 if rule not in rules_lessons.RULES]
        return "\n".join(map(str, check.look(self.root, rules)))

    def both(self, name, text):
        """The same file in both days, the tables written anew."""
        for day in ("day01", "day02"):
            self.write(f"{day}/{name}", text)
        rules_days.write_tables(self.root)

    def test_a_tree_in_order(self):
        self.assertEqual(self.found(), "")

    def test_a_difference_that_no_table_lists(self):
        self.write("day02/README.md", "# Another card\n")
        rules_days.write_tables(self.root)
        self.write("day02/src/pool.cc", SOURCE + "\n")
        self.assertIn("day02/src/pool.cc:1: differs from day01, and "
                      "docs/day02.md does not list it", self.found())

    def test_a_table_that_is_empty(self):
        self.write("docs/day01.md", "# A lesson\n\n<!-- changes:begin -->\n"
                   "<!-- changes:end -->\n")
        self.assertIn("docs/day01.md:4: the table of changes is empty",
                      self.found())

    def test_a_row_without_a_difference(self):
        self.write("day02/src/pool.cc", SOURCE + "\n")
        rules_days.write_tables(self.root)
        self.write("day02/src/pool.cc", SOURCE)
        self.assertRegex(self.found(), r"docs/day02.md:\d+: lists src/pool.cc,"
                         " which does not differ")

    def test_a_row_that_is_wrong(self):
        self.write("docs/day01.md",
                   self.read("docs/day01.md").replace("+7", "+8"))
        self.assertIn("the row of src/pool.cc is not what", self.found())

    def test_a_table_that_is_wrong_elsewhere(self):
        self.write("docs/day01.md",
                   self.read("docs/day01.md").replace("5 files", "6 files"))
        self.assertIn("docs/day01.md:3: the table of changes is not",
                      self.found())

    def test_a_lesson_without_markers(self):
        self.write("docs/day02.md", "# A lesson\n")
        self.assertIn("docs/day02.md:1: needs one pair", self.found())

    def test_no_lesson(self):
        (self.root / "docs/day02.md").unlink()
        self.assertIn("docs/day02.md: the lesson is missing", self.found())

    def test_a_day_number_in_code(self):
        for words in ("// as on day 3", "// Day 10", "int day01_count;",
                      "namespace day2 {}", "// days 4"):
            self.both("src/pool.cc", SOURCE + words + "\n")
            self.assertIn("day01/src/pool.cc:8: names a day", self.found())
        self.both("src/pool.cc", SOURCE + "// holiday 3, day 11, dayNN\n")
        self.assertEqual(self.found(), "")

    def test_a_day_number_in_the_build_and_in_common(self):
        self.both("CMakeLists.txt", "add_library(day01)\n")
        self.write("common/testing/a.h", "// For day 1: a gang.\n")
        text = self.found()
        self.assertIn("day02/CMakeLists.txt:1: names a day", text)
        self.assertIn("common/testing/a.h:1: names a day", text)

    def test_markers_left_open_or_doubled(self):
        self.both("src/pool.cc", SOURCE + "//! [open]\n")
        self.assertIn("day01/src/pool.cc:8: the marker [open] is left open",
                      self.found())
        self.both("src/pool.cc", SOURCE + "//! [twice]\n" * 4)
        self.assertIn("[twice] is doubled", self.found())
        self.both("src/pool.cc", SOURCE + "//! [ok]\n//! [ok]\n")
        self.assertEqual(self.found(), "")

    def test_a_marker_that_names_a_day(self):
        self.both("src/pool.cc", SOURCE + "//! [day3-take]\n" * 2)
        self.assertIn("names a day in code: 'day3'", self.found())

    def test_a_header_without_its_comment(self):
        self.both("include/pool/pool.h", HEADER.split("\n", 1)[1])
        self.assertIn("day02/include/pool/pool.h:1: the header does not open",
                      self.found())

    def test_different_cmake_lists(self):
        self.write("day02/CMakeLists.txt", "course_day() # here\n")
        rules_days.write_tables(self.root)
        self.assertIn("day02/CMakeLists.txt:1: is not the same as "
                      "day01/CMakeLists.txt  [cp ", self.found())

    def test_a_facade_that_shrinks(self):
        self.write("day02/include/pool/pool.h",
                   HEADER.replace("Allocate", "Take"))
        rules_days.write_tables(self.root)
        self.assertIn("the façade lost Allocate(unsigned long bytes)",
                      self.found())

    def test_a_facade_that_grows(self):
        self.write("day02/include/pool/pool.h", HEADER.replace(
            "}\n#endif", "void Reserve();\n}\n#endif"))
        rules_days.write_tables(self.root)
        self.assertEqual(self.found(), "")

    def test_too_long(self):
        self.both("src/long.cc", "int F() {\n" + "  G();\n" * 39 + "}\n")
        self.assertIn("F has 41 lines, more than 40", self.found())
        self.both("src/long.cc", "int F();\n" * 401)
        self.assertIn("day01/src/long.cc:401: the file has 401 lines",
                      self.found())

    def test_a_long_tool(self):
        self.write("common/tools/a.py", "def f():\n" + "    g()\n" * 40)
        self.assertIn("common/tools/a.py:1: f has 41 lines", self.found())

    def test_strangers_in_the_layout(self):
        self.write("notes.txt", "x")
        self.write("day01/notes/a.txt", "x")
        self.write("common/misc/a.txt", "x")
        text = self.found()
        self.assertIn("notes.txt: is not in the agreed layout", text)
        self.assertIn("day01/notes: is not in the agreed layout", text)
        self.assertIn("common/misc: is not in the agreed layout", text)

    def test_no_card(self):
        (self.root / "day01/README.md").unlink()
        self.assertIn("day01/README.md: the day's card is missing",
                      self.found())

    def test_directives(self):
        for words in ("#if defined(__linux__)\n#endif", "#define F(x) x",
                      "#ifdef NDEBUG\n#endif"):
            self.both("src/pool.cc", SOURCE + words + "\n")
            self.assertIn("day01/src/pool.cc:8: #", self.found())
        self.both("src/pool.cc", SOURCE)
        self.both("src/system_memory.cc", "#if A\n#endif\n// #define B\n")
        self.both("include/pool/macros.h", "// The assertions of all.\n"
                  "#ifndef A\n#define A\n#define CHECK(x) x\n#endif\n")
        self.both("include/pool/face.h", "// The C face of all.\n#ifndef A\n"
                  "#define A\n#ifdef __cplusplus\n#endif\n#endif\n")
        self.both("bench/loop.c", "#define _POSIX_C_SOURCE 200809L\n")
        self.assertNotIn("#", self.found().replace("[rules", ""))

    def test_an_include_that_goes_up(self):
        self.both("include/pool/central_cache.h",
                  '// The central cache of all.\n#include "pool/pool.h"\n')
        self.assertIn("central_cache.h:2: central_cache includes pool.h, a "
                      "layer above it", self.found())

    def test_a_file_without_a_layer(self):
        self.both("src/strange.cc", '#include "pool/pool.h"\n')
        self.assertIn("strange has no layer yet", self.found())

    @unittest.skipUnless(shutil.which("clang-format"), "no clang-format")
    def test_layout_of_code(self):
        self.write(".clang-format", "BasedOnStyle: Google\n")
        self.both("src/pool.cc", SOURCE + "int   F( );\n")
        self.assertIn("day01/src/pool.cc:8: clang-format would", self.found())

    def test_links(self):
        self.write("README.md", "# A b, c!\n\n[a](#a-b-c) [b](docs/day01.md)\n"
                   "[c](docs) [d](https://example.org/x) `[e](gone.md)`\n"
                   "```\n[f](gone.md)\n```\n![g](gone.svg)\n"
                   "[h](docs/day01.md#no-such)\n<img src=\"gone.png\">\n"
                   "[i]: gone.md\n[j](day01/src/pool.cc#L900)\n[k](../x)\n")
        text = self.found()
        for number, target in ((8, "gone.svg"), (9, "docs/day01.md#no-such"),
                               (10, "gone.png"), (11, "gone.md"),
                               (12, "day01/src/pool.cc#L900"), (13, "../x")):
            self.assertIn(f"README.md:{number}: the link {target} ", text)
        self.assertEqual(text.count("the link"), 6)

    def test_shown_code_that_is_not_the_snapshots(self):
        self.write("docs/guide.md", "<!-- code: day01/README.md -->\n```\n"
                   "# Another card\n```\n<!-- code:end -->\n")
        self.assertIn("docs/guide.md:1: the code of day01/README.md is not "
                      "the snapshot's", self.found())

    def test_a_link_to_what_git_does_not_have(self):
        self.write(".gitignore", "/build/\n")
        self.write("build/report.html", "x")
        self.write("README.md", "[a](build/report.html)\n")
        self.commit()
        self.assertIn("build/report.html is not part of the project",
                      self.found())


class Anchors(unittest.TestCase):
    """Anchors as GitHub makes them."""

    def test_slugs(self):
        self.assertEqual(rules_links.slug("What *changes* `today`?"),
                         "what-changes-today")
        self.assertEqual(rules_links.slug("[A](b.md) – c_d"), "a--c_d")

    def test_the_second_of_a_name(self):
        self.assertEqual(rules_links.anchors("# A\n## A\n<a id=\"x\"></a>"),
                         {"a", "a-1", "x"})


if __name__ == "__main__":
    unittest.main()
