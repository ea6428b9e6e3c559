"""Tests of diff's page: nothing is lost, both sides stand side by side, and
nothing that is not ours is overwritten."""

import re
import unittest
from unittest import mock

import trees
import diff
import diff_page
import project
from html.parser import HTMLParser
from trees import SOURCE, TreeTest, run_main

NEW = SOURCE.replace("  return nullptr;", "  char* none = nullptr;\n"
                     "  return none;  // a < b").replace("bytes)", "size)")


class Reader(HTMLParser):
    """The cells of a page, and whether its elements are closed in turn."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.open, self.links = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [attrs[name] for name in ("href", "src")
                       if name in attrs]
        if tag in ("meta", "br"):
            return
        side = attrs.get("class", "").split(" ")
        self.open.append((tag, side[0] in ("l", "r")))
        if self.open[-1][1]:
            self.cells.append([side[0], side[-1], attrs.get("data-n"), ""])

    def handle_endtag(self, tag):
        if self.open.pop()[0] != tag:
            raise AssertionError(f"</{tag}> closes another element")

    def handle_data(self, data):
        if any(is_cell for _, is_cell in self.open):
            self.cells[-1][3] += data


@unittest.skipUnless(diff_page.highlighter(), "python3-pygments is missing")
class Page(TreeTest):
    """A small difference as a page."""

    def setUp(self):
        super().setUp()
        self.write("day02/src/pool.cc", NEW)
        self.write("day02/include/pool/more.h", "// More.\nint More();\n")
        (self.root / "day01/src/old.cc").write_text("int Old() { return 1; }\n")
        for where, name, value in (
                (project, "ROOT", self.root), (diff, "BUILD", self.root / "b"),
                (project, "ensure_setup", lambda *groups: None)):
            patch = mock.patch.object(where, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def page(self, *words):
        """The page's text."""
        path = self.root.parent / "page.html"
        code, out, err = run_main("diff", *(words or ("1", "2")), "--html",
                                  str(path))
        self.assertEqual((code, err), (0, ""), out)
        return path.read_text()

    def side(self, text, side):
        """The lines that a side shows of src/pool.cc."""
        place = text.index('<code>src/pool.cc</code> <span')
        part = text[place:text.index("</details>", place)]
        return [cell[3] for cell in Reader("<p><p>" + part[part.index("<div"):]
                                           ).cells
                if cell[0] == side and cell[1] != "none"]

    def test_both_sides_are_whole_and_in_order(self):
        text = self.page()
        self.assertEqual(self.side(text, "l"), SOURCE.splitlines())
        self.assertEqual(self.side(text, "r"), NEW.splitlines())

    def test_what_went_stands_beside_what_came(self):
        cells = Reader(self.page()).cells
        kinds = [(side, kind, number) for side, kind, number, text in cells
                 if "char* none" in text or "return nullptr" in text]
        self.assertEqual(kinds, [("l", "out", "5"), ("r", "in", "5")])

    def test_files_of_one_side_are_shown_whole(self):
        cells = Reader(self.page()).cells
        self.assertIn(["l", "in", "2", "int More();"], cells)
        self.assertIn(["l", "out", "1", "int Old() { return 1; }"], cells)

    def test_it_is_well_formed_and_needs_no_network(self):
        reader = Reader(self.page())
        self.assertEqual(reader.open, [])
        self.assertTrue(reader.links)
        self.assertTrue(all(link.startswith("#") for link in reader.links))
        self.assertNotIn("url(", self.page())

    def test_the_table_names_files_and_functions(self):
        text = self.page()
        head = text[text.index("<table"):text.index("</table>")]
        for part in ("include/pool/more.h", "new: <code>More</code>",
                     "changed: <code>Allocate</code>",
                     "gone: <code>Old</code>"):
            self.assertIn(part, head)

    def test_the_lesson_says_in_which_order_files_come(self):
        self.write("docs/day02.md", "First day02/src/pool.cc, then "
                   "[`more`](../day02/include/pool/more.h).\n")
        names = re.findall(r'<a href="#f\d+"><code>([^<]+)', self.page())
        self.assertEqual(names, ["src/pool.cc", "include/pool/more.h",
                                 "src/old.cc"])

    def test_a_folder_stands_for_a_day(self):
        mine = self.root.parent / "mine"
        (self.root / "day02").rename(mine)
        (mine / ".course").mkdir()
        (mine / ".course/day").write_text("2\n")
        (mine / "CMakeLists.txt").write_text("# another\n")
        (mine / "src/yours_to_write.cc").write_text("int only_a_starter;\n")
        (mine / "src/.pool.cc.swp").write_bytes(b"an editor's")
        (mine / "src/pool.cc~").write_text("an editor's")
        text = self.page("1", str(mine))
        self.assertIn("From day 1 to mine/", text)
        self.assertNotIn("CMakeLists.txt", text)
        self.assertNotIn(".course", text)
        self.assertNotIn("yours_to_write", text)
        self.assertNotIn("an editor", text)
        plain = run_main("diff", "1", str(mine), "src/pool.cc")[1]
        self.assertIn("--- a/src/pool.cc\n+++ b/src/pool.cc\n", plain)

    def test_only_a_page_of_ours_is_overwritten(self):
        self.page()
        self.page()
        other = self.root.parent / "page.html"
        other.write_text("mine")
        code, _, err = run_main("diff", "1", "2", "--html", str(other))
        self.assertEqual((code, err.count("\n")), (2, 1))
        self.assertIn("no page of ours", err)
        self.assertEqual(other.read_text(), "mine")
        code, _, err = run_main("diff", "1", "2", "--html", str(self.root))
        self.assertEqual(code, 2)
        self.assertIn("is a folder", err)

    def test_without_the_package_the_plain_form_is_shown(self):
        with mock.patch.object(diff_page, "highlighter", lambda: None):
            code, out, err = run_main("diff", "1", "2", "--html")
        self.assertIn("+  char* none = nullptr;", out)
        self.assertEqual((code, err.count("\n")), (2, 1))
        self.assertIn("common/course setup pages", err)
        self.assertFalse((self.root / "b/diff/day01-day02.html").exists())


if __name__ == "__main__":
    unittest.main()
