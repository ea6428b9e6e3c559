"""Tests of rules_lines.py: links to lines that say what stands there."""

import unittest

import trees
import check
import rules_days
import rules_lines
from findings import Tree
from trees import TreeTest

POOL = "../day02/src/pool.cc"


class Lines(TreeTest):
    """A page of docs/ with one link to a line of day 2's pool.cc."""

    def page(self, text):
        """Writes the page."""
        self.write("docs/guide.md", text + "\n")

    def found(self):
        """What the rule says, as text."""
        return [str(finding) for finding in rules_lines.lines(Tree(self.root))]

    def one_finding(self, text):
        """The only finding that a page gives, and that no writing changes."""
        self.page(text)
        found = self.found()
        self.assertEqual(len(found), 1, found)
        self.assertEqual(rules_lines.write_lines(self.root), [])
        self.assertEqual(self.read("docs/guide.md"), text + "\n")
        return found[0]

    def test_the_line_has_the_words(self):
        self.page(f'[a]({POOL}#L3 "void* Allocate(unsigned long bytes)")')
        self.assertEqual(self.found(), [])

    def test_the_line_has_moved(self):
        self.page(f'# A\n\n[a]({POOL}#L7 "return nullptr;") and '
                  f"[b]({POOL}#L1 'namespace pool {{')")
        self.assertEqual(self.found(), [
            f"docs/guide.md:3: {POOL}#L7 means line 5 by now  "
            "[common/course check --write]",
            f"docs/guide.md:3: {POOL}#L1 means line 2 by now  "
            "[common/course check --write]"])

    def test_writing_brings_the_number_up_to_date(self):
        self.page(f'[a]({POOL}#L99 "return nullptr;") and [b]({POOL}#L1 '
                  '"(void)bytes;")\n`[c](x.cc#L1)`')
        self.assertEqual(rules_lines.write_lines(self.root),
                         ["docs/guide.md"])
        self.assertEqual(self.read("docs/guide.md"),
                         f'[a]({POOL}#L5 "return nullptr;") and [b]({POOL}#L4 '
                         '"(void)bytes;")\n`[c](x.cc#L1)`\n')
        self.assertEqual(self.found(), [])
        self.assertEqual(rules_lines.write_lines(self.root), [])

    def test_words_that_are_gone(self):
        self.assertIn("'int gone;' is nowhere in day02/src/pool.cc",
                      self.one_finding(f'[a]({POOL}#L3 "int gone;")'))

    def test_words_of_several_lines(self):
        self.assertIn("'pool' stands on 3 lines in day02/src/pool.cc",
                      self.one_finding(f'[a]({POOL}#L2 "pool")'))

    def test_no_words(self):
        self.assertIn("must name one line and say what stands there",
                      self.one_finding(f"[a]({POOL}#L3)"))

    def test_a_title_that_is_none(self):
        for title in ('"return \\"a\\";"', '"return nullptr;', "return"):
            self.assertIn("must name one line", self.one_finding(
                f"[a]({POOL}#L3 {title})"))

    def test_several_lines(self):
        self.assertIn("must name one line", self.one_finding(
            f'[a]({POOL}#L3-L6 "return nullptr;")'))

    def test_what_other_rules_look_at(self):
        self.page("[a](gone.cc#L3) [b](https://example.org/x#L3) "
                  f"`[c]({POOL}#L3)`\n```\n[d]({POOL}#L3)\n```\n"
                  f"[e]({POOL}) [f](day02.md#a-lesson)")
        self.assertEqual(self.found(), [])

    def test_check_has_the_rule(self):
        self.page(f'[a]({POOL}#L1 "return nullptr;")')
        rules_days.write_tables(self.root)
        self.assertIn(f"{POOL}#L1 means line 5 by now", [
            finding.what for finding in check.look(self.root)])


if __name__ == "__main__":
    unittest.main()
