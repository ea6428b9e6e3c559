"""Doxygen reads code through this file: the comments as it wants them.

The snapshots have plain comments, for who reads the code. Here, what stands
before a declaration becomes its description, what stands behind one too, and
the words at the top of a header are the file's. Drawings stay as drawn. No
line gets another number, since Doxygen's links to the source count them. Of a
source only the marks of the lessons' snippets go: Doxygen would read them.

    python3 site_filter.py FILE
"""

import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from scanner import shape

COMMENT = re.compile(r"(\s*)//(?!!)(.*)")
MARK = re.compile(r"\s*//! \[.*\]\s*")
BEHIND = re.compile(r"(\s*[^\s/#}].*?[\w,;)])(\s+)// (.*)")
GUARD = re.compile(r"#ifndef \w+_H_")
# The words at the top of span.h: "Span: a run of pages."
ABOUT = re.compile(r"/\*\* (\w+)(?:\\<\w+\\>)?: (.+)")
# What cannot have a description: Doxygen would give it to the next that can.
UNDESCRIBED = re.compile(r"\s*($|#(?!define)|\}|//|static_assert|friend\b|"
                         r"(public|private|protected):)")
# What opens a brace whose inside has declarations; any other is a body.
OUTER = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b[^()=]*$")
ATTRIBUTE = re.compile(r"alignas\([^)]*\)|\b[A-Z_]{3,}\([^)]*\)|extern \"C\"")
IN_BACKTICKS = re.compile(r"(`[^`]*`)")
SPECIAL = re.compile(r"([@\\#&<>%$])")


def escaped(text):
    """Words in which Doxygen finds no command and no tag."""
    text = text.replace("*/", "* /")
    return "".join(part if part.startswith("`") else SPECIAL.sub(r"\\\1", part)
                   for part in IN_BACKTICKS.split(text))


def outside_bodies(text):
    """For each line, whether it begins outside of all functions' bodies."""
    code, opened, start, found = shape(text), [], 0, [True]
    for place, sign in enumerate(code):
        if sign == "{":
            head = ATTRIBUTE.sub("extern" if start == 0 else "",
                                 code[start:place])
            opened.append(bool(OUTER.search(head)))
        elif sign == "}" and opened:
            opened.pop()
        elif sign == "\n":
            found.append(all(opened))
        if sign in "{};":
            start = place + 1
    return found


def drawings(texts):
    """(first, last) of each drawing or table among a comment's lines: between
    empty lines, and indented further than words and lists are."""
    found, start = [], 0
    for index in [*(place for place, text in enumerate(texts)
                    if not text.strip()), len(texts)]:
        part = texts[start:index]
        if part and all(text.startswith("   ") for text in part):
            if found and found[-1][1] == start - 2:
                found[-1] = found[-1][0], index - 1
            else:
                found.append((start, index - 1))
        start = index + 1
    # Its two frames need the empty lines around it.
    return [(first, last) for first, last in found
            if first > 0 and last + 1 < len(texts)]


def description(texts):
    """A comment's lines as the inside of Doxygen's comment."""
    lines = [escaped(text) for text in texts]
    for first, last in drawings(texts):
        lines[first:last + 1] = [text.replace("*/", "* /")
                                 for text in texts[first:last + 1]]
        lines[first - 1] = " \\verbatim"
        lines[last + 1] = " \\endverbatim"
    return lines


def describe(lines, first, last, opening="/**"):
    """Turns the comment lines first … last into a description."""
    margin = COMMENT.fullmatch(lines[first]).group(1)
    texts = description([COMMENT.fullmatch(line).group(2)
                         for line in lines[first:last + 1]])
    lines[first:last + 1] = [margin + text for text in texts]
    lines[first] = f"{margin}{opening}{texts[0]}"
    lines[last] += " */"


def describe_file(lines):
    """The words at the top are the file's; its guard makes room for that."""
    guard = next((index for index, line in enumerate(lines)
                  if GUARD.fullmatch(line)), None)
    end = max((index for index, line in enumerate(lines)
               if line.startswith("#endif")), default=None)
    if not guard or not all(map(COMMENT.fullmatch, lines[:guard])):
        return
    describe(lines, 0, guard - 1)
    lines[guard - 1] = lines[guard - 1][:-len(" */")]
    lines[guard:guard + 2] = [" \\file */", ""]
    lines[end] = ""


def describe_class(lines, name):
    """The class that the words at the top are about gets the first of them, if
    it has none of its own."""
    match = ABOUT.fullmatch(lines[0])
    place = match and next((index for index, line in enumerate(lines)
                            if re.match(rf"(class|struct)\b[^;]*\b"
                                        rf"{match.group(1)}\b[^;:]*$", line)),
                           None)
    if not place:
        return
    if lines[place - 1].startswith("template"):
        place -= 1
    if lines[place - 1].endswith("*/"):
        return
    end = next(index for index, line in enumerate(lines)
               if line.strip() in ("", "\\verbatim", "\\file */"))
    words = " ".join([match.group(2), *map(str.strip, lines[1:end])])
    sentence = re.split(r"(?<=[.?])\s", words)[0]
    lines[place] = (f"/** {sentence[0].upper()}{sentence[1:]} All about it is "
                    f"at the top of {name}. */ {lines[place]}")


def describe_behind(lines, index):
    """Turns a comment behind a declaration, and what goes on below it."""
    match = BEHIND.fullmatch(lines[index])
    column = match.start(3) - len("// ")
    last = index
    while last + 1 < len(lines) and re.fullmatch(
            rf" {{{column}}}//(?!!).*", lines[last + 1]):
        last += 1
    lines[index] = (f"{match.group(1)}{match.group(2)}/**< "
                    f"{escaped(match.group(3))}")
    for place in range(index + 1, last + 1):
        lines[place] = escaped(COMMENT.fullmatch(lines[place]).group(2))
    lines[last] += " */"
    return last + 1


def header(text, name):
    """A header as Doxygen should see it."""
    lines, outside = text.split("\n"), outside_bodies(text)
    describe_file(lines)
    index = 0
    while index < len(lines):
        last = index
        while last < len(lines) and COMMENT.fullmatch(lines[last]):
            last += 1
        if not outside[index]:
            index += 1
        elif last > index:
            if last < len(lines) and not UNDESCRIBED.match(lines[last]):
                describe(lines, index, last - 1)
            index = last
        elif BEHIND.fullmatch(lines[index]):
            index = describe_behind(lines, index)
        else:
            index += 1
    describe_class(lines, name)
    return "\n".join(lines)


def c_header(text):
    """A header for C as Doxygen should see it: its comments are blocks."""
    top, closing, rest = text.partition("*/")
    return re.sub(r"^/\*(?!\*)", "/**", f"{top}\\file {closing}{rest}",
                  flags=re.M)


def filtered(name, text):
    """A file's text, for Doxygen."""
    text = "\n".join("" if MARK.fullmatch(line) else line
                     for line in text.split("\n"))
    if not name.endswith(".h"):
        return text
    return c_header(text) if text.startswith("/*") else header(text, name)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    sys.stdout.write(filtered(path.name, path.read_text(encoding="utf-8")))
