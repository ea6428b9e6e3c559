"""Explains one failed test: what was expected, what was seen, what to read.

It reads what GoogleTest prints, what CHECK writes before it aborts, and the one
line of a body that is not written yet.
"""

import re
import shlex
import shutil
import signal
import textwrap
from typing import NamedTuple

import day_tests
import project
import starter
import topics

WIDTH = 80
LABEL = 10
FAILURE = re.compile(r"^(\S+):(\d+): Failure$", re.M)
OURS = re.compile(r"^(?:\S*/)?([\w.]+:\d+: CHECK failed: .*)$", re.M)
NOISE = re.compile(r"^(\[[ =\-A-Z]+\]|Running main|Note: |\s*$)")


class Reason(NamedTuple):
    """Why a test failed."""
    expected: str
    seen: str
    place: str = ""  # free_list_test.cc:88, where the test says so
    read: str = ""   # docs/day04.md#…, where the message says so


def _block(words, match):
    """The lines that GoogleTest prints below "file:line: Failure"."""
    lines = []
    for line in words[match.end():].lstrip("\n").splitlines():
        if not line.strip() or NOISE.match(line) or FAILURE.match(line):
            break
        lines.append(line)
    return lines


def _equality(lines):
    """What EXPECT_EQ prints: two expressions, each with its value."""
    sides = []
    for line in lines[1:]:
        value = re.match(r"\s+Which is: (.*)", line)
        if value and sides:
            sides[-1][1] = value.group(1)
        elif line.startswith("  ") and not value:
            sides.append([line.strip(), None])
    if len(sides) < 2:
        return None
    (left, mine), (right, theirs) = sides[:2]
    values = [f"{name} is {value}" for name, value in (
        (left, mine), (right, theirs)) if value is not None]
    return f"{left} equals {right}", ", ".join(values) or "they differ"


def _expectation(lines):
    """(expected, seen) of a failed expectation, from its lines."""
    if lines and lines[0].startswith("Expected equality"):
        pair = _equality(lines)
        if pair:
            return pair
    text = "\n".join(lines)
    value = re.match(r"Value of: (.*)\n\s*Actual: (.*)\nExpected: (.*)", text)
    if value:
        return f"{value.group(1)} is {value.group(3)}", value.group(2)
    compared = re.match(r"Expected: (.*), actual: (.*)", text)
    if compared:
        return compared.group(1), compared.group(2)
    death = re.match(r"Death test: (.*)\n\s*Result: (.*)", text)
    if death:
        return f"{death.group(1)} ends the process", death.group(2)
    return "what the test says", " ".join(text.split()) or "it failed"


def _ending(outcome):
    """How a process ended that reported no failed expectation."""
    if outcome.code < 0:
        try:
            name = signal.Signals(-outcome.code).name
        except ValueError:
            name = "unknown"
        return f"the process was ended by signal {-outcome.code} ({name})"
    return f"the process ended with exit code {outcome.code}"


def reason(outcome):
    """Why a test failed, as far as its words tell."""
    unwritten = starter.MESSAGE.search(outcome.words)
    if unwritten:
        return Reason(f"a body for {unwritten.group(2)}",
                      f"{unwritten.group(2)} is yours to write",
                      read=unwritten.group(3))
    if outcome.verdict == day_tests.HUNG:
        return Reason("the test ends", "still running after "
                      f"{day_tests.SECONDS_FOR_A_TEST} s: a loop without an "
                      "end, or a lock that nobody gives back")
    check = OURS.search(outcome.words)
    if check:
        place, _, what = check.group(1).partition(": CHECK failed: ")
        return Reason(what, f"it does not hold in {place}")
    match = FAILURE.search(outcome.words)
    if match:
        place = f"{match.group(1).rpartition('/')[2]}:{match.group(2)}"
        return Reason(*_expectation(_block(outcome.words, match)), place)
    last = [line for line in outcome.words.splitlines()
            if not NOISE.match(line)]
    return Reason("the test passes", _ending(outcome)
                  + (f"; its last words: {last[-1].strip()}" if last else ""))


def lesson_part(outcome, day):
    """The part of the lesson that the test's subject is in."""
    # As in Sizes/Model.OneThread/Pareto or Typed/0.Case: Model, Typed.
    suite = [part for part in outcome.case.test.split(".")[0].split("/")
             if not part.isdigit()][-1]
    subject = re.sub(r"(DeathTest|Model|Threads)$", "", suite)
    stem = re.sub(r"_test$", "", outcome.case.program.name)
    wanted = topics.of_day(day)
    for topic in wanted:
        if topic.name.split("::")[0] == subject:
            return topics.lesson_place(topic)
    for topic in wanted:
        if re.sub(r".*/|\.\w+$", "", topic.path) == stem:
            return topics.lesson_place(topic)
    return f"docs/{day}.md#{topics.CODE_HEADING}"


def debugger(case):
    """The command that repeats a test under the debugger."""
    argv = [*case.command(), "--gtest_break_on_failure"]
    return "gdb -ex run --args " + shlex.join(argv)


def _row(label, words):
    """A labelled paragraph within 80 columns."""
    head = f"  {label:<{LABEL}}"
    return textwrap.fill(words, WIDTH - 1, initial_indent=head,
                         subsequent_indent=" " * len(head),
                         break_long_words=False, break_on_hyphens=False)


def text(outcome, day):
    """The explanation, as lines for a terminal.

    The last line is a command, which is not broken: it is to be copied.
    """
    why = reason(outcome)
    lines = [f"First failure: {outcome.case.name}"
             + (f" ({why.place})" if why.place else ""),
             _row("expected", why.expected), _row("seen", why.seen),
             _row("read", why.read or lesson_part(outcome, day)),
             "  again, under the debugger:", f"    {debugger(outcome.case)}"]
    if not shutil.which("gdb"):
        lines.append("  gdb is missing; as root, type: "
                     "apt-get install gdb")
    return "\n".join(lines)


def first(outcomes, day, order):
    """The failure to begin with: that of the topic that comes first.

    A test that fails for a body that is not written is placed by that body in
    the lesson's order; others come before, since what is written comes first.
    """
    failed = [outcome for outcome in outcomes if not outcome.good]

    def rank(outcome):
        unwritten = starter.MESSAGE.search(outcome.words)
        if not unwritten:
            return -1
        return order.index(unwritten.group(2)) if (
            unwritten.group(2) in order) else len(order)
    return min(failed, key=rank, default=None)
