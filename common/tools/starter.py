"""Makes a day's starter: its snapshot, with the bodies taken out to be written.

Nothing is kept by hand: which bodies are out comes from common/hints/dayNN.md
(topics.py), and a body that was there the day before in the same form stays.
"""

import functools
import re
import shutil
import textwrap
from pathlib import Path
from typing import NamedTuple

import differences
import project
import scanner
import snippets
import topics
from project import Failure

TEMPLATES = "common/starters"
# What only a starter has, and where it stands in one.
OWN_FILES = {"yours_to_write.h": "include/pool/yours_to_write.h",
             "yours_to_write.cc": "src/yours_to_write.cc"}
STATE = ".course"
CALL = re.compile(r'::pool::YoursToWrite\(\s*((?:"(?:\\.|[^"\\])*"\s*)+)\)')
MESSAGE = re.compile(r"day (\d\d): (.+) is yours to write, see (\S+)")
WIDTH = 80


class Body(NamedTuple):
    """A function's body, as it stands in a file."""
    name: str
    key: str
    first: int  # the place of its opening brace
    last: int   # the place of its closing one
    text: str   # with both braces


@functools.lru_cache(maxsize=256)
def bodies(text):
    """The bodies of all functions of a file, in order."""
    found = []
    for entity in scanner.scan(text):
        if entity.kind == "function" and entity.body:
            first, last = scanner.body_span(text, entity)
            found.append(Body(entity.name, entity.key, first, last,
                              text[first:last + 1]))
    return tuple(found)


def code_files(folder):
    """The sources and headers of a day, relative to its folder."""
    return sorted(name for name in differences.folder_files(folder)
                  if name.startswith(("src/", "include/"))
                  and name.endswith((".h", ".cc")))


class Yesterday:
    """The bodies of the day before, by what they are called."""

    def __init__(self, folder):
        self._bodies = {}
        for name in code_files(folder) if folder else ():
            for body in bodies((folder / name).read_text()):
                self._bodies.setdefault(body.key, []).append(body.text)

    def had(self, body):
        """Whether the body was there as it is."""
        return body.text in self._bodies.get(body.key, ())

    def earlier_form(self, body):
        """What it was the day before, or an empty string."""
        return next(iter(self._bodies.get(body.key, ())), "")


def _region(text, topic):
    """The places between which a topic's code stands."""
    places, place = [], 0
    for line in text.splitlines(keepends=True):
        match = snippets.MARKER.fullmatch(line.rstrip("\n"))
        if match and match.group(1) == topic.name:
            places.append(place)
        place += len(line)
    if len(places) != 2:
        raise Failure(f"{topics.FOLDER}/{topic.day}.md: {topic.day}/"
                      f"{topic.path} has no pair of lines [{topic.name}]; "
                      "write a name that it has")
    return places


def to_write(text, topic, yesterday):
    """The bodies of a topic that the learner writes."""
    first, last = _region(text, topic)
    return [body for body in bodies(text) if first < body.first < last
            and body.name not in topic.supplied and not yesterday.had(body)]


def _as_comment(text, indent):
    """What a body was the day before, to be read above the new one."""
    lines = textwrap.dedent(text[1:-1].strip("\n")).splitlines()
    lines = [line for line in lines if not snippets.MARKER.fullmatch(line)]
    return [f"{indent}// Yesterday:"] + [
        f"{indent}//   {part}".rstrip() for line in lines
        for part in within(line, WIDTH - len(indent) - len("//   "))]


def within(line, width):
    """A line of code, broken where it is too long to be a comment.

    What goes on is indented as C++ does, or is a comment again. A line that
    is mostly one word moves to the left instead.
    """
    bare = line.lstrip()
    indent = line[:len(line) - len(bare)]
    lines = textwrap.wrap(
        line, width, break_long_words=False, break_on_hyphens=False,
        subsequent_indent=indent + (
            "// " if bare.startswith("//") else "    "))
    if max(map(len, lines), default=0) > width:
        return [" " * max(0, width - len(bare)) + bare]
    return lines or [""]


def message(topic, name, root):
    """What the process says as it ends where the body should be."""
    return (f"day {topic.day[3:]}: {name} is yours to write, see "
            + topics.lesson_place(topic, root))


def _call(words, indent):
    """The statement that says so, within the width of a page."""
    statement = f'{indent}::pool::YoursToWrite("{words}");'
    if len(statement) <= WIDTH:
        return [statement]
    width = WIDTH - len(indent) - len('    "");')
    parts = textwrap.wrap(words, width, break_on_hyphens=False,
                          drop_whitespace=False)
    lines = [f'{indent}    "{part}"' for part in parts]
    return [f"{indent}::pool::YoursToWrite(", *lines[:-1], lines[-1] + ");"]


def _return_of(head, body):
    """Clang wants a constexpr function to return something: itself will do."""
    if not re.search(r"\bconstexpr\b", head):
        return []
    parameters = body.key[len(body.name) + 1:-1]
    names = re.findall(r"(\w+)(?=,|$)", parameters)
    return [f"return {body.name.split('::')[-1]}({', '.join(names)});"]


def failing_body(text, body, words, earlier):
    """What stands in a body's place until it is written."""
    begin = text.rfind("\n", 0, text.rfind(body.name.split("::")[-1].split()[0],
                                           0, body.first)) + 1
    head = text[begin:body.first]
    indent = " " * (len(head) - len(head.lstrip()))
    inner = indent + "  "
    lines = _call(words, inner)
    lines += [inner + line for line in _return_of(head, body)]
    if earlier:
        lines += _as_comment(earlier, inner)
    return "\n".join(["{", *lines, indent + "}"])


def blank(text, wanted, yesterday, root=None):
    """A file with the bodies of its topics taken out."""
    out = {body.first: (body, topic) for topic in wanted
           for body in to_write(text, topic, yesterday)}
    for first in sorted(out, reverse=True):  # so that places stay right
        body, topic = out[first]
        text = text[:first] + failing_body(
            text, body, message(topic, body.name, root),
            yesterday.earlier_form(body)) + text[body.last + 1:]
    return text


def unwritten(folder):
    """{function: place in the lesson} of what is still to write there."""
    found = {}
    for name in code_files(Path(folder)):
        text = (Path(folder) / name).read_text(errors="replace")
        for match in CALL.finditer(scanner.without_comments(text)):
            words = "".join(re.findall(r'"((?:\\.|[^"\\])*)"', match.group(1)))
            known = MESSAGE.fullmatch(words)
            if known:
                found[known.group(2)] = known.group(3)
    return found


def _from_template(name, root, **words):
    text = (root / TEMPLATES / name).read_text(encoding="utf-8")
    for key, value in words.items():
        text = text.replace(f"@{key.upper()}@", str(value))
    return text


def lay_down(day, folder, root=None):
    """Writes a day's starter into a new folder; returns what is to write."""
    root = root or project.ROOT
    wanted = topics.of_day(day, root)
    before = project.day_before(day)
    yesterday = Yesterday(root / before if before else None)
    for name in sorted(differences.folder_files(root / day)):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / day / name, target)
    for path in dict.fromkeys(topic.path for topic in wanted):
        if not (folder / path).is_file():
            raise Failure(f"{topics.FOLDER}/{day}.md: {day} has no {path}; "
                          "write a path that it has")
        text = (folder / path).read_text(encoding="utf-8")
        (folder / path).write_text(blank(
            text, [topic for topic in wanted if topic.path == path],
            yesterday, root), encoding="utf-8")
    for name, place in OWN_FILES.items():
        shutil.copyfile(root / TEMPLATES / name, folder / place)
    (folder / "CMakeLists.txt").write_text(
        _from_template("CMakeLists.txt", root, course=root, day=day),
        encoding="utf-8")
    return wanted
