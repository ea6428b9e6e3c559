"""The table "What changes today" of a day's lesson, made from the snapshots.

Its rows are the files that differ from the day before; beside each stand the
classes and functions that it brings, changes or drops. New tests follow, by
suite. The same input gives the same text, so that check can compare.
"""

import re
from typing import NamedTuple

import differences
import scanner
from project import day_before, days

BEGIN = "<!-- changes:begin -->"
END = "<!-- changes:end -->"
NOTE = ("<!-- Made from the snapshots by `common/course check --write`. "
        "Do not edit. -->")
CODE = (".h", ".cc", ".c")


class Names(NamedTuple):
    """What one file declares or defines, by what became of it."""
    new: tuple
    changed: tuple
    gone: tuple


def _read(folder, name):
    path = folder and folder / name
    return path.read_text(errors="replace") if path and path.is_file() else ""


def _by_name(entities):
    """{name: {key: texts}}: overloads stay apart, bodies stay together."""
    found = {}
    for entity in entities:
        texts = found.setdefault(entity.name, {})
        texts.setdefault(entity.key, []).append(entity.text)
    return found


def _of_kind(text, kinds):
    return [entity for entity in scanner.scan(text) if entity.kind in kinds]


def names_of(old_text, new_text, kinds):
    """The Names of a file, in the order in which they stand in it."""
    old = _by_name(_of_kind(old_text, kinds))
    now = _by_name(_of_kind(new_text, kinds))
    new, changed, gone = [], [], [name for name in old if name not in now]
    for name, keys in now.items():
        if name not in old:
            new.append(name)
            continue
        came = [key for key in keys if key not in old[name]]
        went = [key for key in old[name] if key not in keys]
        both = [key for key in keys if key in old[name]]
        if any(keys[key] != old[name][key] for key in both) or (
                came and went):
            changed.append(name)
        else:  # an overload more, or one fewer
            new += came
            gone += went
    return Names(tuple(new), tuple(changed), tuple(gone))


def _short(names, private):
    """The names without what a new or lost class says already."""
    whole = set(names)
    kept = []
    for name in names:
        owner, _, last = name.rpartition("::")
        special = last.startswith("~") or last == owner.rpartition("::")[2]
        if owner in whole and (special or "operator" in last
                               or name in private):
            continue
        kept.append(name)
    return kept


def _grouped(names, private):
    """`Pool` (`Take`, `Give`) for a class and its public functions."""
    kept, groups = _short(names, private), {}
    for name in kept:
        owner = name.rpartition("::")[0]
        while owner and owner not in kept:
            owner = owner.rpartition("::")[0]
        groups.setdefault(owner or name, [])
        if owner:
            groups[owner].append(name[len(owner) + 2:])
    words = []
    for name, members in groups.items():
        inner = ", ".join(f"`{member}`" for member in members)
        words.append(f"`{name}` ({inner})" if inner else f"`{name}`")
    return ", ".join(words)


def _declared(before, after, changes):
    """Names that the headers bring or drop: sources need not repeat them."""
    new, gone = set(), set()
    for change in changes:
        if change.name.startswith("include/"):
            names = names_of(_read(before, change.name),
                             _read(after, change.name), ("class", "function"))
            new.update(names.new)
            gone.update(names.gone)
    return new, gone


def _what(before, after, change, declared):
    """The cell that says what a file brings, changes and drops."""
    if not change.name.endswith(CODE) or not change.name.startswith(
            ("include/", "src/")):
        return ""
    texts = _read(before, change.name), _read(after, change.name)
    names = names_of(*texts, ("class", "function"))
    private = {entity.name for text in texts for entity in scanner.scan(text)
               if not entity.public}
    new, gone = names.new, names.gone
    if change.name.startswith("src/"):
        new = [name for name in new if name not in declared[0]]
        gone = [name for name in gone if name not in declared[1]]
    parts = (("new", new), ("changed", names.changed), ("gone", gone))
    return "; ".join(f"{word}: {_grouped(group, private)}"
                     for word, group in parts if group)


def _count(change):
    signs = [f"+{change.more}" if change.more else "",
             f"−{change.fewer}" if change.fewer else ""]
    return " ".join(sign for sign in signs if sign) or "0"


def _tests(before, after, changes):
    """{"new" | "changed" | "gone": {suite: [case, …]}} over all tests."""
    found = {}
    for change in changes:
        if not change.name.startswith("tests/"):
            continue
        names = names_of(_read(before, change.name),
                         _read(after, change.name), ("test",))
        for word, group in zip(Names._fields, names):
            for name in group:
                suite, case = name.split(".")
                found.setdefault(word, {}).setdefault(suite, []).append(case)
    return found


def _test_lines(tests):
    for word in Names._fields:
        suites = tests.get(word, {})
        if not suites:
            continue
        count = sum(len(cases) for cases in suites.values())
        title = {"new": "New", "changed": "Changed", "gone": "Gone"}[word]
        yield ""
        yield f"{title} tests ({count}):"
        yield ""
        for suite, cases in suites.items():
            yield f"- `{suite}`: " + ", ".join(f"`{case}`" for case in cases)


def _size(folder, *places):
    """The lines of code in some of a day's folders."""
    return sum(len(_read(folder, name).splitlines())
               for name in differences.folder_files(folder)
               if name.endswith(CODE) and name.startswith(places))


def _summary(day, before, after, changes):
    """One sentence: against what, how much, and how large it is now."""
    against = f"against day {int(before.name[3:])}" if before else (
        "against nothing")
    more = sum(change.more for change in changes)
    fewer = sum(change.fewer for change in changes)
    return (f"Day {int(day[3:])} {against}: {len(changes)} files differ, "
            f"{more} lines more and {fewer} fewer. The allocator is now "
            f"{_size(after, 'include/', 'src/')} lines, its own tests "
            f"{_size(after, 'tests/')}.")


def described(before, after, changes):
    """(change, what it brings, changes and drops) for each change."""
    declared = _declared(before, after, changes)
    for change in changes:
        yield change, _what(before, after, change, declared)


def block(day, root):
    """The table of a day, as lines, without the markers around it."""
    after, earlier = root / day, day_before(day)
    before = root / earlier if earlier in days(root) else None
    changes = differences.compare(before, after)
    lines = [NOTE, "", _summary(day, before, after, changes), ""]
    if not changes:
        return lines
    lines += ["| file | | lines | classes and functions |",
              "| --- | --- | --- | --- |"]
    for change, what in described(before, after, changes):
        home = before.name if change.state == "gone" else day
        cells = (f"[`{change.name}`](../{home}/{change.name})",
                 change.state if change.state != "changed" else "",
                 _count(change), what)
        lines.append("| " + " | ".join(cells) + " |")
    # A blank line at the end: the marker after it is no row.
    return [*lines, *_test_lines(_tests(before, after, changes)), ""]


ROW = re.compile(r"\| \[`([^`]+)`\]")


def rows(lines):
    """{file: index of its line} of a table's lines."""
    found = {}
    for index, line in enumerate(lines):
        match = ROW.match(line)
        if match:
            found[match.group(1)] = index
    return found


def find_block(lines):
    """(index of BEGIN, index of END) in a lesson, None if not one pair."""
    begins = [i for i, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [i for i, line in enumerate(lines) if line.strip() == END]
    if len(begins) == len(ends) == 1 and begins[0] < ends[0]:
        return begins[0], ends[0]
    return None
