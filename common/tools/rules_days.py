"""The rules of check that compare days, lessons and the layout."""

import re

import changes
import project
import scanner
from findings import DAY_FOLDERS, Finding

WRITE = f"{project.COMMAND} check --write"
AT_ROOT = re.compile(r"day(0[1-9]|10)$|(common|docs|CMakeLists\.txt|README\.md"
                     r"|CMakePresets\.json|LICENSE)$|\.[a-z]")
IN_DAY = (*DAY_FOLDERS, "CMakeLists.txt", "README.md")
IN_COMMON = ("cmake", "contract", "testing", "workloads", "classic", "fuzz",
             "course", "tools", "mutants", "programs", "steps",
             "hints", "starters", "CMakeLists.txt")


def _row_findings(day, lines, old, new, first):
    """Names the rows that are missing and those without a difference."""
    lesson = f"docs/{day}.md"
    before = project.day_before(day)
    there, wanted = changes.rows(old), changes.rows(new)
    if not there and wanted:
        yield Finding(f"{lesson}:{first}", "the table of changes is empty",
                      WRITE)
        return
    for name in wanted:
        if name not in there:
            than = f"differs from {before}" if before else "is new"
            drift = (f"; drift: {project.COMMAND} propagate {before} {name}"
                     if before else "")
            yield Finding(f"{day}/{name}:1", f"{than}, and {lesson} does not "
                          "list it: part of the lesson, or drift?",
                          f"lesson: {WRITE}{drift}")
    for name, index in there.items():
        if name not in wanted:
            yield Finding(f"{lesson}:{first + index}", f"lists {name}, which "
                          "does not differ", WRITE)
        elif old[index] != new[wanted[name]]:
            yield Finding(f"{lesson}:{first + index}", f"the row of {name} is "
                          "not what the snapshots say", WRITE)


def tables(tree):
    """Each lesson's table of changes is what the snapshots say."""
    for day in tree.days:
        lesson = f"docs/{day}.md"
        if lesson not in tree.files:
            yield Finding(lesson, "the lesson is missing")
            continue
        lines = tree.read(lesson).splitlines()
        place = changes.find_block(lines)
        if not place:
            yield Finding(f"{lesson}:1", f"needs one pair {changes.BEGIN} … "
                          f"{changes.END} for the table of changes")
            continue
        begin, end = place
        old, new = lines[begin + 1:end], changes.block(day, tree.root)
        if old == new:
            continue
        found = list(_row_findings(day, lines, old, new, begin + 2))
        yield from found or [Finding(f"{lesson}:{begin + 1}", "the table of "
                                     "changes is not what the snapshots say",
                                     WRITE)]


def write_tables(root):
    """Writes each lesson's table anew; returns the lessons that changed."""
    written = []
    for day in project.days(root):
        lesson = root / "docs" / f"{day}.md"
        if not lesson.is_file():
            continue
        text = lesson.read_text()
        lines = text.splitlines()
        place = changes.find_block(lines)
        if not place:
            continue
        lines[place[0] + 1:place[1]] = changes.block(day, root)
        new = "\n".join(lines) + "\n"
        if new != text:
            lesson.write_text(new)
            written.append(f"docs/{day}.md")
    return written


def same_cmake(tree):
    """dayNN/CMakeLists.txt is the same in every day."""
    name = "CMakeLists.txt"
    for before, day in zip(tree.days, tree.days[1:]):
        here, there = f"{day}/{name}", f"{before}/{name}"
        if here in tree.files and there in tree.files and (
                tree.read(here) != tree.read(there)):
            yield Finding(f"{here}:1", f"is not the same as {there}",
                          f"cp {there} {here}")
    for day in tree.days:
        if f"{day}/{name}" not in tree.files:
            yield Finding(f"{day}/{name}", "is missing",
                          f"cp {tree.days[0]}/{name} {day}/{name}")


def _facade(tree, day):
    name = f"{day}/include/pool/pool.h"
    if name not in tree.files:
        return {}
    return {entity.key: entity for entity in scanner.scan(tree.read(name))
            if entity.kind == "function"}


def facade_grows(tree):
    """What a day's façade offers, every later day's offers too."""
    for before, day in zip(tree.days, tree.days[1:]):
        there, here = _facade(tree, before), _facade(tree, day)
        for key, entity in there.items():
            if key not in here:
                yield Finding(f"{day}/include/pool/pool.h:1", f"the façade "
                              f"lost {key}, which {before}/include/pool/"
                              f"pool.h:{entity.first} has")


def layout(tree):
    """Nothing stands at the root, in a day or in common/ but what may."""
    tops = sorted({name.split("/", 1)[0] for name in tree.files})
    for top in tops:
        if not AT_ROOT.match(top):
            yield Finding(top, "is not in the agreed layout of the root")
    for folder, agreed in [(day, IN_DAY) for day in tree.days] + [
            ("common", IN_COMMON)]:
        inside = {name.split("/")[1] for name in tree.files
                  if name.startswith(folder + "/")}
        for name in sorted(inside - set(agreed)):
            yield Finding(f"{folder}/{name}", "is not in the agreed layout "
                          f"of {folder}/")
    for day in tree.days:
        if f"{day}/README.md" not in tree.files:
            yield Finding(f"{day}/README.md", "the day's card is missing")


RULES = (tables, same_cmake, facade_grows, layout)
