"""The table of changes says what differs, and only that."""

import unittest

import trees
import changes
from trees import SOURCE, TEST, TreeTest


class Names(unittest.TestCase):
    """What becomes of the names of one file."""

    def names(self, old, new):
        """The three groups, as lists."""
        return [list(group) for group in changes.names_of(
            old, new, ("class", "function"))]

    def test_new_changed_gone(self):
        self.assertEqual(
            self.names("int A() { return 1; } int B() {} int D() {}",
                       "int A() { return 2; } int C() {} int D() {}"),
            [["C"], ["A"], ["B"]])

    def test_an_overload_more(self):
        self.assertEqual(self.names("void F(int a);",
                                    "void F(int a); void F(char b);"),
                         [["F(char b)"], [], []])

    def test_another_signature_is_a_change(self):
        self.assertEqual(self.names("void F(int a);", "void F(long a);"),
                         [[], ["F"], []])

    def test_white_space_and_comments_are_nothing(self):
        self.assertEqual(self.names("int A() { return 1; }",
                                    "int A() {\n  // why\n  return 1;\n}"),
                         [[], [], []])


class Block(TreeTest):
    """The whole table."""

    def table(self, day="day02"):
        """The table as one text."""
        return "\n".join(changes.block(day, self.root))

    def test_first_day_is_all_new(self):
        text = self.table("day01")
        self.assertIn("Day 1 against nothing: 5 files differ", text)
        self.assertIn("| [`src/pool.cc`](../day01/src/pool.cc) | new | +7 |",
                      text)
        self.assertIn("- `Pool`: `Allocates`", text)

    def test_same_days_have_no_rows(self):
        self.assertEqual(changes.rows(changes.block("day02", self.root)), {})

    def test_changed_new_and_gone_files(self):
        self.write("day02/src/pool.cc", SOURCE.replace("nullptr", "0"))
        self.write("day02/include/pool/cache.h",
                   "class Cache { public: Cache(); void Take(); private: "
                   "void Grow(); };\n")
        (self.root / "day02/README.md").unlink()
        text = self.table()
        self.assertIn("](../day02/src/pool.cc) |  | +1 −1 | changed: "
                      "`Allocate` |", text)
        self.assertIn("| new | +1 | new: `Cache` (`Take`) |", text)
        self.assertIn("| [`README.md`](../day01/README.md) | gone | −1 |",
                      text)

    def test_sources_do_not_repeat_their_header(self):
        self.write("day02/include/pool/a.h", "void Take();\n")
        self.write("day02/src/a.cc", "void Help() {}\nvoid Take() {}\n")
        self.assertIn("](../day02/src/a.cc) | new | +2 | new: `Help` |",
                      self.table())

    def test_tests_by_what_became_of_them(self):
        self.write("day02/tests/pool_test.cc", TEST.replace("1)", "2)")
                   + "TEST(Pool, GivesBack) {}\n")
        text = self.table()
        self.assertIn("New tests (1):\n\n- `Pool`: `GivesBack`", text)
        self.assertIn("Changed tests (1):\n\n- `Pool`: `Allocates`", text)

    def test_same_input_gives_same_text(self):
        self.assertEqual(self.table(), self.table())


if __name__ == "__main__":
    unittest.main()
