"""Which piece of a lesson a failed test is about: what the learner reads next.

What is certain comes first: the function that a failed CHECK or a crash stands
in. Then the page of hints, where it names the test. Then the names that the
test's own source uses, before the line that failed. And where nothing tells,
what is told of the file under test.
"""

import re
from pathlib import Path

import project
import scanner
import starter
import topics


def stem_of(case):
    """What a program of tests is about: free_list for free_list_test."""
    return re.sub(r"(_model)?_test$", "", case.program.name)


def subject_of(case):
    """What a suite is about, as in Sizes/FreeListModel.OneThread/Pareto."""
    suite = [part for part in case.test.split(".")[0].split("/")
             if not part.isdigit()][-1]
    return re.sub(r"(DeathTest|Model|Threads)$", "", suite)


def of_its_file(case, wanted):
    """The pieces of the class or the file under test."""
    return [topic for topic in wanted
            if topic.name.split("::")[0] == subject_of(case)
            or Path(topic.path).stem == stem_of(case)]


def function_at(folder, name, line):
    """The function around a line of a file called so in a day's folder."""
    for path in starter.code_files(folder):
        if Path(path).name == Path(name).name:
            text = (Path(folder) / path).read_text(errors="replace")
            for entity in scanner.scan(text):
                if entity.kind == "function" and entity.body and (
                        entity.first <= line <= entity.last):
                    return entity.name
    return ""


def of_function(name, wanted, functions):
    """The piece that a function is part of; None if of none."""
    for topic in wanted:
        if name and name in (topic.name, *functions.get(topic.name, ())):
            return topic
    return None


def of_hints(case, wanted):
    """The piece whose hints name the test; None if none do."""
    test = re.split(r"[./]", case.test.partition(".")[2])[0]
    named = re.compile(rf"\b{re.escape(test)}\b")
    for topic in wanted:
        if named.search(topic.nudge + " " + topic.question):
            return topic
    return None


def _test_lines(case):
    """(source, the number of its first line, its lines) of a test."""
    # Sizes/Model.OneThread/Pareto is written Model, OneThread.
    suite, _, test = case.test.partition(".")
    names = {f"{part}.{test.split('/')[0]}" for part in suite.split("/")}
    for path in case.program.sources:
        text = path.read_text(errors="replace")
        for entity in scanner.scan(text):
            if entity.kind == "test" and entity.name in names:
                lines = scanner.shape(text).splitlines()
                return path, entity.first, lines[entity.first - 1:entity.last]
    return None, 0, []


def _uses(topic, line):
    """Whether a line calls, or names, what a piece is about."""
    name = topic.name.rpartition("::")[2]
    return re.search(rf"(?<!\w){re.escape(name)}\b", line)


def of_source(case, place, wanted):
    """The piece that the test used last before its line that failed.

    place is that line, as in free_list_test.cc:83, or "". Of the other files'
    pieces only those count whose class the test's file names.
    """
    path, begin, lines = _test_lines(case)
    if path is None:
        return None
    name, _, number = place.partition(":")
    if name == path.name and number.isdigit():
        lines = lines[:max(0, int(number) - begin) + 1]
    whole = scanner.shape(path.read_text(errors="replace"))
    own = of_its_file(case, wanted)
    others = [topic for topic in wanted if topic not in own
              and "::" in topic.name and re.search(
                  rf"\b{re.escape(topic.name.split('::')[0])}\b", whole)]
    for some in (own, others):
        for line in reversed(lines):
            found = [topic for topic in some if _uses(topic, line)]
            if found:
                return found[0]
    return None


def place_of_file(case, day, root=None):
    """Where the lesson tells of a file that no piece is in: its heading, or
    that of the code at large."""
    page = f"docs/{day}.md"
    text = ((root or project.ROOT) / page).read_text(encoding="utf-8")
    for _, anchor, line in topics.headings_of(text):
        if re.search(rf"/{re.escape(stem_of(case))}\.(h|cc)\)", line):
            return f"{page}#{anchor}"
    return f"{page}#{topics.CODE_HEADING}"


def find(case, place, function, wanted, functions):
    """The piece that a test's failure points to, or None.

    place is where the test says that it failed; function is the one that a
    CHECK or a crash stands in; functions is {piece: its functions}.
    """
    found = (of_function(function, wanted, functions)
             or of_hints(case, wanted) or of_source(case, place, wanted))
    if found:
        return found
    return next(iter(of_its_file(case, wanted)), None)
