"""Tests of rules_lessons.py: a lesson's shape, length and names."""

import unittest

import trees
import check
import project
import rules_lessons
from findings import Tree
from trees import TreeTest

PAGE = "docs/day02.md"


def lesson(sections=None, words=200, pictures=2):
    """A lesson with these sections, so many words in each."""
    names = sections or [name for name in rules_lessons.SECTIONS
                         if not name.endswith("?")]
    return "# Day 2\n\n" + "".join(
        f"![a]({number}.svg)\n" for number in range(pictures)) + "\n".join(
        f"## {name}\n\n{'word ' * words}\n" for name in names)


class Lessons(TreeTest):
    """One lesson in a small tree."""

    def found(self, rule, text):
        """What a rule says of the lesson."""
        self.write(PAGE, text)
        return [str(finding) for finding in rule(Tree(self.root))
                if finding.place.startswith(PAGE)]

    def test_the_usual_shape(self):
        self.assertEqual(self.found(rules_lessons.shape, lesson()), [])

    def test_legends_are_for_days_that_have_them(self):
        names = [name.rstrip("?") for name in rules_lessons.SECTIONS]
        self.assertEqual(self.found(rules_lessons.shape, lesson(names)), [])

    def test_three_sittings_are_the_code(self):
        text = lesson().replace(
            "## The code, in reading order", "## First sitting: a\n\n"
            "## Second sitting: b\n\n## Third sitting: c")
        self.assertEqual(self.found(rules_lessons.shape, text), [])

    def test_a_section_that_lacks_and_one_too_many(self):
        text = lesson().replace("## The idea", "## An idea")
        self.assertEqual(self.found(rules_lessons.shape, text), [
            f"{PAGE}: has no section 'The idea'",
            f"{PAGE}: has a section of its own: 'An idea'"])

    def test_another_order(self):
        names = [name for name in rules_lessons.SECTIONS if "?" not in name]
        names[0], names[1] = names[1], names[0]
        [finding] = self.found(rules_lessons.shape, lesson(names))
        self.assertIn("in another order", finding)

    def test_a_section_twice(self):
        [finding] = self.found(rules_lessons.shape,
                               lesson() + "\n## Exercises\n")
        self.assertIn("not just once", finding)

    def test_a_sitting_out_of_place(self):
        text = lesson().replace(
            "## The code, in reading order", "## First sitting: a")
        self.assertEqual(self.found(rules_lessons.shape, text), [])
        [finding] = self.found(rules_lessons.shape,
                               text + "\n## Second sitting: b\n")
        self.assertIn("not just once", finding)

    def test_a_heading_in_code_is_none(self):
        text = lesson() + "```sh\n## A comment\n```\n"
        self.assertEqual(self.found(rules_lessons.shape, text), [])

    def test_the_length(self):
        self.assertEqual(self.found(rules_lessons.length, lesson()), [])
        [finding] = self.found(rules_lessons.length, lesson(words=50))
        self.assertIn("words besides code and tables", finding)
        [finding] = self.found(rules_lessons.length, lesson(words=300))
        self.assertIn("2,000 to 4,000", finding)

    def test_code_tables_and_comments_are_no_words(self):
        more = ("~~~cpp\n" + "a b c\n" * 3000 + "~~~\n<!-- "
                + "no " * 3000 + "-->\n" + "| a | b |\n" * 3000)
        self.assertEqual(
            self.found(rules_lessons.length, lesson() + more), [])

    def test_pictures(self):
        [finding] = self.found(rules_lessons.length, lesson(pictures=1))
        self.assertIn("fewer than 2 pictures", finding)
        self.assertEqual(self.found(rules_lessons.length, lesson(
            pictures=1) + '<img src="b.svg">\n'), [])
        [finding] = self.found(rules_lessons.length, lesson(
            pictures=0) + "![a](b.svg)\n![b](b.svg)\n~~~\n![c](c.svg)\n~~~\n")
        self.assertIn("fewer than 2 pictures", finding)

    def test_names_are_those_of_the_code(self):
        self.assertEqual(self.found(rules_lessons.names, (
            "`pool::Allocate(bytes)`, ``pool_test``, `0x7fff'e000` and "
            "`constinit`; Nowhere is no code.\n```sh\n`Nothing`\n```\n")), [])

    def test_a_name_that_is_nowhere(self):
        # (The tools are not the code: a docstring may say Alocate.)
        self.write("common/tools/tool.py", "Alocate\n")
        [finding] = self.found(rules_lessons.names, "a\nb `Alocate` c\n")
        self.assertIn(f"{PAGE}:2: `Alocate` is nowhere in the code", finding)

    def test_a_name_in_letters_that_go_over_a_line(self):
        [finding] = self.found(rules_lessons.names, (
            "# A\n\nwith `pool\nAllocate` words between and `pool_test`;\n"
            "`Alocate`\n\nor one ` alone\n\nwords `Allocate`\n"))
        self.assertIn(f"{PAGE}:5: `Alocate`", finding)

    def test_no_name_is_allowed_that_no_page_needs(self):
        needed = {name for _, _, name
                  in rules_lessons.foreign(Tree(project.ROOT))}
        self.assertEqual(sorted(rules_lessons.FOREIGN - needed), [])

    def test_check_has_the_rules(self):
        for rule in (rules_lessons.shape, rules_lessons.length,
                     rules_lessons.names):
            self.assertIn(rule, check.RULES)


if __name__ == "__main__":
    unittest.main()
