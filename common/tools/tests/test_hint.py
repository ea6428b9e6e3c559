"""Help in three steps, and its texts: python3 -m unittest, from any folder."""

import re
import tempfile
import unittest
from pathlib import Path

import trees
import differences
import hint
import learner
import project
import snippets
import start
import topics
from trees import run_main

WORDS = re.compile(r"`([^`]+)`")
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
TEST_NAME = re.compile(r"(?:[A-Z]+[a-z0-9]+){3,}")
SENTENCE = re.compile(r"[.?!](?=\s|$)")


def all_topics():
    """Every topic of every day."""
    return [topic for day in project.days() for topic in topics.of_day(day)]


def code_of(day):
    """All that stands in a day's folder, and its tests alone."""
    folder = project.ROOT / day
    texts = {name: (folder / name).read_text(encoding="utf-8")
             for name in differences.folder_files(folder)
             if name.endswith((".h", ".cc", ".c"))}
    return ("\n".join(texts.values()), "\n".join(
        text for name, text in texts.items() if name.startswith("tests/")))


class Texts(unittest.TestCase):
    """What the pages of hints say."""

    def test_every_topic_has_a_nudge_and_a_question(self):
        for topic in all_topics():
            for field in ("nudge", "question"):
                self.assertTrue(hint.paragraph(topic, field))

    def test_a_topic_without_a_text_is_refused(self):
        found = topics.parse("day04", "## Pop\n\nwhere: a.h\nnudge: Think.\n")
        self.assertEqual(hint.paragraph(found[0], "nudge"), "Think.")
        with self.assertRaisesRegex(project.Failure,
                                    r"day04\.md: Pop has no line question"):
            hint.paragraph(found[0], "question")

    def test_no_two_are_the_same(self):
        seen = {}
        for topic in all_topics():
            for text in (topic.nudge, topic.question):
                place = f"{topic.day} {topic.name}"
                self.assertNotIn(text, seen, f"{place}: {seen.get(text)}")
                seen[text] = place

    def test_a_nudge_is_short_and_a_question_asks(self):
        for topic in all_topics():
            place = f"{topic.day} {topic.name}"
            sentences = len(SENTENCE.findall(topic.nudge))
            self.assertIn(sentences, (1, 2), place)
            self.assertLessEqual(len(topic.nudge), 320, place)
            self.assertIn("?", topic.question, place)
            self.assertLessEqual(len(topic.question), 520, place)

    def test_neither_gives_the_code(self):
        for topic in all_topics():
            lines = [line.strip() for line in hint.code(topic)]
            code = [line for line in lines if line.endswith(";")
                    and len(line) > 12]
            for line in code:
                for text in (topic.nudge, topic.question):
                    self.assertNotIn(line.rstrip(";"), text,
                                     f"{topic.day} {topic.name}")

    def test_what_they_name_is_there(self):
        for day in project.days():
            code, tests = code_of(day)
            known = set(IDENTIFIER.findall(code))
            asked = set(IDENTIFIER.findall(tests))
            known |= set(IDENTIFIER.findall(
                (project.ROOT / "docs" / f"{day}.md").read_text()))
            for topic in topics.of_day(day):
                for words in WORDS.findall(topic.nudge + topic.question):
                    place = f"{day} {topic.name}: {words}"
                    for word in IDENTIFIER.findall(words):
                        self.assertTrue(word in known, place)
                        if TEST_NAME.fullmatch(word) and not re.search(
                                rf"\b{word}\(", code):
                            self.assertTrue(word in asked, place)


class Code(unittest.TestCase):
    """The last step."""

    def test_each_topics_code_is_the_snapshots(self):
        for topic in all_topics():
            found = hint.code(topic)
            whole = (project.ROOT / topic.day / topic.path).read_text()
            self.assertEqual(found, snippets.extract(whole, topic.name))
            self.assertLessEqual(max(map(len, found)), hint.WIDTH)


class Names(unittest.TestCase):
    """How a piece may be called."""

    def setUp(self):
        self.wanted = topics.parse("day04", "".join(
            f"## {name}\nwhere: a.h\n" for name in (
                "List::Take", "Allocate", "Cache::Allocate", "Slot", "Bag")))
        self.functions = {topic.name: [topic.name] for topic in self.wanted}
        self.functions["Slot"] = ["Cache::Slot::Push", "Cache::Slot::Full"]
        self.functions["Bag"] = ["Bag::Push"]

    def find(self, word):
        """The name of what a word means."""
        return hint.find_topic(word, "day04", self.wanted,
                               self.functions).name

    def test_its_own_name_in_any_case(self):
        for word in ("List::Take", "list::take", "LIST::TAKE"):
            self.assertEqual(self.find(word), "List::Take")

    def test_the_class_may_be_left_out(self):
        self.assertEqual(self.find("take"), "List::Take")

    def test_a_whole_name_is_not_another_ones_end(self):
        self.assertEqual(self.find("allocate"), "Allocate")
        self.assertEqual(self.find("cache::allocate"), "Cache::Allocate")

    def test_a_function_leads_to_its_piece(self):
        for word in ("Cache::Slot::Full", "slot::full", "full", "slot::push"):
            self.assertEqual(self.find(word), "Slot")

    def test_what_may_be_two_says_which(self):
        with self.assertRaisesRegex(
                project.Failure, "push may be Slot or Bag; type: common/course"
                " hint 4 Slot"):
            self.find("push")

    def test_an_unknown_one_names_the_nearest(self):
        with self.assertRaisesRegex(project.Failure, "did you mean: common/"
                                    "course hint 4 List::Take$"):
            self.find("list::taek")
        with self.assertRaisesRegex(project.Failure, "type common/course hint "
                                    "4 to see"):
            self.find("zzz")


class Verb(unittest.TestCase):
    """`course hint` as a user meets it."""

    def hint(self, *words):
        """The output of a call that must succeed, each line short enough."""
        code, out, err = run_main("hint", *words)
        self.assertEqual((code, err), (0, ""), words)
        for line in out.splitlines():
            if not line.startswith(("Not enough?", "A nudge:")):
                self.assertLessEqual(len(line), hint.WIDTH, line)
        return out

    def test_a_day_is_listed_in_the_lessons_order(self):
        out = self.hint("4")
        names = [topic.name for topic in topics.of_day("day04")]
        places = [out.index(f"  {name} ") for name in names]
        self.assertEqual(places, sorted(places))
        self.assertIn("docs/day04.md#", out)
        self.assertIn(f"A nudge: common/course hint 4 {names[0]}\n", out)

    def test_three_steps_each_naming_the_next(self):
        topic = next(topic for topic in topics.of_day("day04")
                     if topic.name == "FreeList::PopRange")
        nudge = self.hint("4", "poprange")
        self.assertIn(topic.nudge.split()[0], nudge)
        self.assertIn("hint 4 FreeList::PopRange --question", nudge)
        question = self.hint("4", "poprange", "--question")
        self.assertIn(topics.lesson_place(topic), question)
        self.assertIn('"free_list.h: ranges, and a memory"', question)
        self.assertIn("hint 4 FreeList::PopRange --code", question)
        code = self.hint("4", "poprange", "--code")
        self.assertIn("void PopRange(void*& start", code)
        self.assertNotIn("//!", code)

    def test_each_step_of_each_topic_fits_the_width(self):
        for topic in all_topics():
            for level in ("nudge", "question"):
                lines = "\n".join(hint.text(topic, level, "4")).splitlines()
                self.assertLessEqual(max(map(len, lines[:-1])), hint.WIDTH)

    def test_a_name_may_have_two_words(self):
        self.assertIn("day08, operator new in", self.hint("8", "operator",
                                                          "new"))

    def test_a_folder_knows_its_day_and_what_is_left(self):
        with tempfile.TemporaryDirectory() as home:
            mine = Path(home) / "mine"
            start.lay_down("day01", mine)
            names = [topic.name for topic in topics.of_day("day01")]
            self.assertIn(f"  [ ] {names[0]} ", self.hint(str(mine)))
            path = mine / topics.of_day("day01")[0].path
            path.write_bytes((project.ROOT / "day01" / path.relative_to(
                mine)).read_bytes())
            self.assertIn(f"  [x] {names[0]} ", self.hint(str(mine)))
            self.assertIn(f"day01, {names[-1]} in",
                          self.hint(str(mine), names[-1]))

    def test_what_was_typed_comes_back_in_what_to_type(self):
        with tempfile.TemporaryDirectory() as home:
            mine = str(Path(home) / "mine")
            start.lay_down("day04", Path(mine))
            self.assertIn(f"A nudge: common/course hint {mine} FreeList::",
                          self.hint(mine))
            self.assertIn(f"common/course hint {mine} FreeList::PopRange "
                          "--question", self.hint(mine, "poprange"))
            self.assertIn(f"hint {mine} FreeList::PopRange",
                          run_main("hint", mine, "poprang")[2])
        self.assertIn("common/course hint day04 FreeList::PopRange --question",
                      self.hint("day04", "poprange"))

    def test_a_folder_where_all_is_written_leads_on(self):
        with tempfile.TemporaryDirectory() as home:
            mine = str(Path(home) / "mine")
            learner.begin("day04", Path(mine), {"FreeList::PopRange": ["x"]})
            folder = learner.Folder(mine)
            self.assertIn(f"does it pass? common/course try {mine}\n",
                          self.hint(mine))
            folder.keep({"a": "failed", "b": "failed"}, True)
            folder.point_to("b", "ThreadCache::Own")
            self.assertIn("All is written; fails: b\nA nudge: common/course "
                          f"hint {mine} ThreadCache::Own\n", self.hint(mine))
            folder.keep({"a": "passed", "b": "passed"}, True)
            self.assertIn("all tests passed: done.\nnext:\n",
                          self.hint(mine))

    def test_nothing_that_is_not_known_is_said(self):
        self.assertIn("required: DAY|DIR;", run_main("hint")[2])
        self.assertIn("start DAY ../nothing", run_main("hint",
                                                       "../nothing")[2])

    def test_what_is_wrong_is_one_line(self):
        for words in (("11",), ("4", "nothing"), ("4", "--code"),
                      ("no/such/folder",), (str(project.ROOT / "docs"),)):
            code, out, err = run_main("hint", *words)
            self.assertEqual((code, out, err.count("\n")), (2, "", 1), words)


if __name__ == "__main__":
    unittest.main()
