"""A page of Markdown as the site's HTML, the way GitHub shows it.

markdown-it reads it, a parser that follows the same rules as GitHub's, so that
the lessons stay as they are. What is ours: where links lead, the headings'
anchors, colours, and the place that shown code was taken from.
"""

import importlib
import re
import sys
from html import escape
from typing import NamedTuple

import changes
import diff_page
import rules_links
import site_places
import snippets

MODULE = "markdown_it"
COMMENT = re.compile(r"\s*(<!--.*?-->\s*)+", re.S)
LEXERS = {"sh": "bash", "text": "text", "markdown": "text", "": "text"}
PICTURE = re.compile(r"<img [^>]*>")
CODE = re.compile(r"(?<=<code>)[^<]+")
BREAK = re.compile(r"[/_](?=\w)|::(?=\w)")
FROM = re.compile(r"\s*" + snippets.BEGIN.pattern + r"\s*")


class Heading(NamedTuple):
    """A heading, and where it stands in the page's HTML."""
    level: int
    text: str    # plain
    anchor: str  # as GitHub makes it


def parser():
    """The parser, None if it is not installed."""
    for place in ([], [diff_page.DEBIAN]):
        sys.path += place
        try:
            return importlib.import_module(MODULE).MarkdownIt(
                "commonmark").enable(["table", "strikethrough"])
        except ImportError:
            importlib.invalidate_caches()
        finally:
            if place:
                sys.path.remove(diff_page.DEBIAN)
    return None


def coloured(code, language):
    """Code as HTML, its words in colours."""
    pygments = diff_page.highlighter()
    lexers = importlib.import_module("pygments.lexers")
    formatters = importlib.import_module("pygments.formatters")
    lexer = lexers.get_lexer_by_name(LEXERS.get(language, language),
                                     stripnl=False)
    return pygments.highlight(code, lexer,
                              formatters.HtmlFormatter(nowrap=True))


class Page:
    """One file of Markdown; `page` is where it stands in the site."""

    def __init__(self, root, name, page, places):
        self.root, self.name, self.page = root, name, page
        self.places = places
        self.markdown = parser()
        self.tokens = self.markdown.parse(
            (root / name).read_text(encoding="utf-8"))
        self.seen = {}
        self.under = None  # the heading that was read last
        self.source = ""  # of the next block of code, if a lesson shows some
        self.names = []   # (heading, name): what stands as code below it
        self.made = False  # whether this is the table of what changes today

    def link(self, target):
        """A link of the file as one of the page."""
        return self.places.link(target, self.name, self.page)

    def parts(self):
        """(heading or None, HTML) in turn: the page, cut at its headings."""
        heading, done = None, []
        for index, token in enumerate(self.tokens):
            if token.type == "heading_open" and token.level == 0:
                yield heading, "".join(done)
                heading, done = self.heading(self.tokens[index + 1],
                                             int(token.tag[1])), []
                self.under = heading
                token.attrs["id"] = heading.anchor
                token.attrs["class"] = "lesson"
            done.append(self.block(index, token))
        yield heading, "".join(done)

    def heading(self, inline, level):
        """A heading, whose anchor is that of GitHub."""
        anchor = rules_links.slug(inline.content)
        count = self.seen.get(anchor, 0)
        self.seen[anchor] = count + 1
        words = "".join(child.content for child in inline.children
                        if child.type in ("text", "code_inline"))
        return Heading(level, words, f"{anchor}-{count}" if count else anchor)

    def block(self, index, token):
        """The HTML of one token of the page's structure."""
        if token.type in ("fence", "code_block"):
            return self.fence(token)
        if token.type == "html_block":
            return self.html(token.content)
        if token.type == "inline":
            return self.inline(token)
        if token.type == "table_open":
            return '<div class="wide"><table class="lesson">\n'
        if token.type == "table_close":
            return "</table></div>\n"
        return self.markdown.renderer.renderToken(
            self.tokens, index, self.markdown.options, {})

    def inline(self, token):
        """Words, with links and pictures led to where the site has them."""
        for child in token.children:
            if child.type == "link_open":
                child.attrs["href"] = self.link(child.attrs["href"])
            elif child.type == "image":
                child.attrs["src"] = self.link(child.attrs["src"])
                child.attrs["class"] = "figure"
            elif child.type == "code_inline" and not self.made:
                self.names.append((self.under, child.content))
        html = self.markdown.renderer.renderInline(
            token.children, self.markdown.options, {})
        html = PICTURE.sub(r'<span class="wide">\g<0></span>', html)
        # A long path or name may be broken there, where a screen is narrow.
        return CODE.sub(lambda code: BREAK.sub(r"\g<0><wbr>", code.group()),
                        html)

    def html(self, content):
        """HTML that stands in the file; of its comments only the one that
        says which code follows has a meaning here."""
        if changes.BEGIN in content or changes.END in content:
            self.made = changes.END not in content
        match = FROM.fullmatch(content)
        if match:
            self.source = self.taken_from(*match.groups())
        return "" if COMMENT.fullmatch(content) else content

    def taken_from(self, path, name):
        """A link to the lines that a lesson shows."""
        anchor = ""
        if name:
            lines = (self.root / path).read_text(
                encoding="utf-8").splitlines()
            anchor = next(f"L{number + 1}" for number, line in
                          enumerate(lines, 1) if f"! [{name}]" in line)
        page = self.places.page(path)
        place = anchor and "#" + self.places.anchor(page, anchor)
        return (f'<div class="from"><a href="'
                f'{site_places.relative(page, self.page)}{place}">'
                f"{escape(path)}</a></div>")

    def fence(self, token):
        """A block of code, and where it was taken from."""
        source, self.source = self.source, ""
        language = token.info.strip()
        return (f'<div class="shown">{source}<pre class="code">'
                f"{coloured(token.content, language)}</pre></div>\n")
