"""Tests of docs: what becomes of comments, links, pages and words on the way
to the site, and that a broken link of the site is found. Without Doxygen."""

import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import trees
import diff_page
import docs
import packages
import project
import site_doxygen
import site_files
import site_filter
import site_links
import site_markdown
import site_pages
import site_places
import site_search
from trees import TreeTest, run_main

HEADER = """\
// Span: a run of pages.
//
//   pages   │ 1 │ 2 │
//           ╰ first
//
// What <always> holds:
//  - `count` is right.
#ifndef POOL_SPAN_H_
#define POOL_SPAN_H_

namespace pool {

// A free-standing thought.

// One of them.
// @home here.
struct alignas(64) Span {
  size_t pages;  // how many, and
                 // no less
  //! [Open]
  // Makes it ready.
  void Open() {
    // Not for readers of the API.
    int step = 1;  // nor this
  }
  //! [Open]
};

}  // namespace pool

#endif  // POOL_SPAN_H_
"""
LESSON = """\
# Day 1: A lesson

See [the code](../day01/src/pool.cc#L2), [`a heading`](day02.md#the-idea),
![A picture](figures/a.svg) and [others](https://example.org/).

## The idea

| size | time |
| ---: | --- |
| 1 | `PageMap::Find` |

<!-- changes:begin -->
`ATestOfManyWords`
<!-- changes:end -->

### [`pool.h`](../day01/include/pool/pool.h): the façade

<!-- code: day01/src/pool.cc Allocate -->
```cpp
return nullptr;
```
<!-- code:end -->

    indented

## The idea

<details><summary>Question?</summary>

*Folded.*

</details>
"""


class Filter(unittest.TestCase):
    """The snapshots' comments, as Doxygen wants them."""

    def setUp(self):
        self.lines = site_filter.filtered("span.h", HEADER).split("\n")

    def test_each_line_keeps_its_number(self):
        self.assertEqual(len(self.lines), len(HEADER.split("\n")))
        for number, line in enumerate(HEADER.split("\n")):
            code = line.split("//")[0].rstrip()
            if code and not code.startswith("#"):
                self.assertTrue(self.lines[number].startswith(code), code)

    def test_the_words_at_the_top_are_the_files(self):
        self.assertEqual(self.lines[:9], [
            "/** Span: a run of pages.", " \\verbatim",
            "   pages   │ 1 │ 2 │", "           ╰ first", " \\endverbatim",
            " What \\<always\\> holds:", "  - `count` is right.", " \\file */",
            ""])

    def test_what_stands_before_and_behind_is_a_description(self):
        text = "\n".join(self.lines)
        self.assertIn("/** One of them.\n \\@home here. */\nstruct", text)
        self.assertIn("size_t pages;  /**< how many, and\n no less */", text)
        self.assertIn("  /** Makes it ready. */\n  void Open() {", text)

    def test_the_class_gets_the_first_words_if_it_has_none(self):
        text = HEADER.replace("// One of them.\n// @home here.\n", "")
        self.assertIn("/** A run of pages. All about it is at the top of "
                      "span.h. */ struct alignas(64) Span {",
                      site_filter.filtered("span.h", text))
        self.assertNotIn("All about it", "\n".join(self.lines))

    def test_bodies_and_thoughts_of_their_own_stay(self):
        text = "\n".join(self.lines)
        for part in ("// A free-standing thought.", "// Not for readers",
                     "// nor this", "}  // namespace pool"):
            self.assertIn(part, text)
        self.assertNotIn("//!", text)

    def test_a_header_for_c_has_block_comments(self):
        text = site_filter.filtered("c.h", "/* For C.\n */\n#ifndef A_H_\n"
                                    "/* A block. */\nvoid* a(void);\n")
        self.assertEqual(text, "/** For C.\n \\file */\n#ifndef A_H_\n"
                         "/** A block. */\nvoid* a(void);\n")

    def test_every_header_of_the_course_keeps_its_lines(self):
        headers = sorted(project.ROOT.glob("day*/include/pool/*.h"))
        self.assertTrue(headers)
        for path in headers:
            text = path.read_text(encoding="utf-8")
            done = site_filter.filtered(path.name, text)
            self.assertEqual(text.count("\n"), done.count("\n"), path)
            self.assertEqual(done.count("\\file"), 1, path)
            self.assertEqual(done.count("/*"), done.count("*/"), path)


class Places(unittest.TestCase):
    """Where a link of the project leads in the site."""

    def setUp(self):
        self.places = site_places.Places(
            ["README.md", "docs/day01.md", "docs/day02.md", "docs/results/a.json",
             "docs/figures/a.svg", "day01/src/pool.cc", "day01/tests/a b.cc"],
            {"day01": {"src/pool.cc": "pool_8cc_source.html"}})

    def test_links_of_a_lesson(self):
        for target, link in (
                ("day02.md#the-idea", "day02.html#the-idea"),
                ("#here", "#here"), ("../README.md", "index.html"),
                ("figures/a.svg", "figures/a.svg"),
                ("../day01/src/pool.cc#L7-L9",
                 "api/day01/pool_8cc_source.html#l00007"),
                ("results/a.json#L3", "files/docs/results/a.json.html#L3"),
                ("../day01/tests/a%20b.cc", "files/day01/tests/a%20b.cc.html"),
                ("../day01/", "files/day01/index.html"),
                ("https://example.org/#a", "https://example.org/#a")):
            self.assertEqual(
                self.places.link(target, "docs/day01.md", "day01.html"), link)

    def test_links_from_a_page_further_down(self):
        self.assertEqual(self.places.link(
            "../../docs/day01.md", "day01/tests/README.md",
            "files/day01/tests/README.md.html"), "../../../day01.html")

    def test_what_is_not_there_is_said(self):
        with self.assertRaisesRegex(project.Failure, "docs/none.md is not"):
            self.places.link("none.md", "docs/day01.md", "day01.html")

    def test_doxygen_says_how_it_calls_a_page(self):
        with tempfile.TemporaryDirectory() as folder:
            tags = Path(folder) / "tags"
            tags.write_text(
                '<tagfile><compound kind="file"><name>span.h</name><path>'
                "/x/day01/include/pool/</path><filename>span_8h.html"
                "</filename></compound></tagfile>")
            self.assertEqual(site_places.source_pages(tags, "/x/day01"), {
                "include/pool/span.h": "span_8h_source.html"})


@unittest.skipUnless(diff_page.highlighter() and site_markdown.parser(),
                     "python3-markdown-it or python3-pygments is missing")
class Pages(TreeTest):
    """A lesson on its way to Doxygen."""

    def setUp(self):
        super().setUp()
        self.write("docs/day01.md", LESSON)
        self.write("docs/day02.md", "# Day 2: Another\n\n## The idea\n")
        self.write("docs/glossary.md", "# Words\n\n## A\n")
        self.write("docs/figures/a.svg", "<svg/>")
        self.write("day01/src/pool.cc", "//! [Allocate]\nreturn nullptr;\n"
                   "//! [Allocate]\n")
        places = site_places.Places(project.files(self.root), {})
        self.places, self.words = places, site_search.Words()
        self.work = self.root.parent / "work"
        self.files = site_pages.lay_out(self.root, self.work, places,
                                        self.words)

    def html(self, name):
        """All pieces of a page."""
        text = (self.work / f"{name}.dox").read_text()
        return "".join((self.work / piece).read_text() for piece in
                       re.findall(r"htmlinclude\[block\] (\S+)", text))

    def test_pages_come_in_order(self):
        self.assertEqual([path.name for path in self.files], [
            "index.dox", "day01.dox", "day02.dox", "glossary.dox"])
        first = self.html("day01")
        self.assertIn('rel="next" href="day02.html"', first)
        self.assertNotIn('rel="prev"', first)
        self.assertIn('rel="prev" href="day01.html"', self.html("day02"))
        self.assertNotIn("neighbours", self.html("glossary"))

    def test_doxygen_gets_the_headings(self):
        text = (self.work / "day01.dox").read_text()
        self.assertTrue(text.startswith("/** \\page day01 Day 1: A lesson\n"))
        self.assertIn("\\section day01-the-idea The idea\n", text)
        self.assertIn("\\subsection day01-poolh-the-façade pool.h: the façade\n", text)

    def test_headings_keep_their_anchors_and_links(self):
        html = self.html("day01")
        for anchor in ("day-1-a-lesson", "the-idea", "the-idea-1",
                       "poolh-the-façade"):
            self.assertIn(f'id="{anchor}"', html)
        self.assertIn('<a href="files/day01/include/pool/pool.h.html"><code>',
                      html)
        self.assertNotIn("<h1", html)

    def test_words_pictures_tables_and_folds(self):
        html = self.html("day01")
        for part in ('href="files/day01/src/pool.cc.html#L2"',
                     'href="day02.html#the-idea"', 'src="figures/a.svg"',
                     'href="https://example.org/"', '<div class="wide"><table',
                     'style="text-align:right"', "<em>Folded.</em>",
                     "<summary>Question?</summary>", "indented"):
            self.assertIn(part, html)
        self.assertNotIn("<!--", html)

    def test_shown_code_says_where_it_is_from(self):
        html = self.html("day01")
        self.assertIn('<div class="from"><a href="files/day01/src/pool.cc.html'
                      '#L2">day01/src/pool.cc</a></div><pre class="code">',
                      html)
        self.assertEqual(html.count('class="from"'), 1)

    def test_the_search_knows_headings_and_code(self):
        self.words.add("Map", site_search.Place("a.html", "A < B"))
        found = {entry[1][0]: entry[1][1:] for entries in
                 self.words.entries().values() for entry in entries}
        self.assertIn(["../day01.html#the-idea", 1, "Day 1 · The idea"],
                      found["idea (3 places)"])
        self.assertNotIn("ATestOfManyWords", found)
        self.assertIn(["../a.html", 1, "A &lt; B"], found["Map"])
        self.assertNotIn("The", found)

    def test_a_file_has_a_page_with_its_lines(self):
        page = site_files.file_page(self.root, "day01/src/pool.cc",
                                    self.places)
        self.assertIn('<span class="row" id="L2"><a href="#L2">2</a>', page)
        self.assertNotIn('id="L4"', page)
        self.assertIn('<a href="../../../index.html">The course</a>', page)
        folder = site_files.folder_page("day01", self.places)
        self.assertIn('<a href="src/index.html">src/</a>', folder)


class Search(unittest.TestCase):
    """The words, in the form of Doxygen's search.js."""

    def test_ids_are_those_that_the_script_makes(self):
        self.assertEqual(site_search.identifier("free_list"), "free_5flist")
        self.assertEqual(site_search.identifier("can't"), "can_27t")

    def test_a_name_is_shown_as_it_is_written(self):
        words = site_search.Words()
        for word in ("Lock", "lock", "pagemap", "PageMap"):
            words.add(word, site_search.Place("a.html", "A"))
        self.assertEqual(words.shown, {"lock": "lock", "pagemap": "PageMap"})

    def test_a_letter_has_a_file(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "all_0.html").write_text('<script src="all_0.js">')
            (folder / "pages_0.js").write_text("")
            words = site_search.Words()
            words.add("span", site_search.Place("a.html", "A"))
            words.add("batch", site_search.Place("a.html", "A"))
            words.write(folder)
            self.assertIn('0: "bs"', (folder / "searchdata.js").read_text())
            self.assertIn('"span_1"', (folder / "all_1.js").read_text())
            self.assertIn("all_1.js", (folder / "all_1.html").read_text())
            self.assertFalse((folder / "pages_0.js").exists())


class Links(unittest.TestCase):
    """The links of a built site."""

    def look(self, **pages):
        """What a look at these pages finds; a__js stands for a.js."""
        with tempfile.TemporaryDirectory() as name:
            for page, text in pages.items():
                (Path(name) / page.replace("__", ".")).write_text(text)
            return site_links.look(name)

    def test_what_leads_somewhere(self):
        found = self.look(
            a__html='<a href="b.html#x">b</a> <a href="#y">y</a> '
            '<a href="https://example.org/">o</a><a href="javascript:void(0)">j</a><p id=\'y\'>&lt;a href="no"',
            b__html='<a name="x"></a><img src="c.svg">', c__svg="<svg/>",
            t__js='var T = [["b", "b.html#x"]];\nvar NAVTREEINDEX = '
            '["none.html"]', navtreeindex0__js='"none.html"')
        self.assertEqual(found.broken, [])
        self.assertEqual((found.pages, found.links), (2, 5))
        self.assertEqual(list(found.outside), ["https://example.org/"])

    def test_what_leads_nowhere(self):
        found = self.look(
            a__html='<a href="none.html">n</a><a href="b.html#no">b</a>'
            '<a href="../out.html">o</a>', b__html="<p>b</p>",
            t__js='[["a", "a.html#no"], ["n", "gone.html"]]')
        self.assertEqual(found.broken, [
            "a.html: none.html is not there", "a.html: b.html#no has no place "
            "#no", "a.html: ../out.html is not there",
            "t.js: a.html#no has no place #no", "t.js: gone.html is not there"])


class Command(unittest.TestCase):
    """What the command says where it cannot, or will not, go on."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.build = Path(folder.name)
        self.patch(docs, "BUILD", self.build)
        self.patch(docs, "SITE", self.build / "site")

    def patch(self, where, name, value):
        """Puts a value in its place until the test ends."""
        patch = mock.patch.object(where, name, value)
        patch.start()
        self.addCleanup(patch.stop)

    def test_without_doxygen_it_says_what_to_type(self):
        self.patch(packages, "is_there",
                   lambda need: need.package != "doxygen")
        self.patch(packages, "_as_root", lambda: None)
        code, out, err = run_main("docs")
        self.assertEqual((code, out, err.count("\n")), (2, "", 1))
        self.assertIn("doxygen", err)
        self.assertFalse((self.build / "site").exists())

    def test_what_doxygen_says_is_an_error_and_the_old_site_stays(self):
        (self.build / "site").mkdir()

        def build(site, work):
            raise site_doxygen.Warned("span.h:3: warning: no such command")
        self.patch(docs, "check_tools", lambda: None)
        self.patch(docs, "build", build)
        code, out, err = run_main("docs")
        self.assertEqual((code, err), (1, ""))
        self.assertIn("span.h:3: warning", out)
        self.assertTrue((self.build / "site").exists())

    def test_a_broken_link_is_an_error(self):
        def build(site, work):
            (site / "index.html").write_text('<a href="none.html">n</a>')
        self.patch(docs, "check_tools", lambda: None)
        self.patch(docs, "build", build)
        code, out, _ = run_main("docs")
        self.assertEqual(code, 1)
        self.assertIn("index.html: none.html is not there", out)


if __name__ == "__main__":
    unittest.main()
