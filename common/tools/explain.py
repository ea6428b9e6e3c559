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
import frames
import sections
import starter
import topics
from project import COMMAND

WIDTH = 80
LABEL = 10
# They look at the pool as a whole: what is wrong with a part, its own tests
# say better.
WHOLE = re.compile(r"(^|_)(contract|model|fault|stress)_test$")
FAILURE = re.compile(r"^(\S+):(\d+): Failure$", re.M)
OURS = re.compile(r"^(?:\S*/)?([\w.]+:\d+: CHECK failed: .*)$", re.M)
NOISE = re.compile(r"^(\[[ =\-A-Z]+\]|Running main|Note: |\s*$)")


class Reason(NamedTuple):
    """Why a test failed."""
    expected: str
    seen: str
    place: str = ""  # free_list_test.cc:88, where the test says so
    read: str = ""   # docs/day04.md#…, where the message says so
    function: str = ""  # of the learner's, where it went wrong
    frames: tuple = ()  # of a crash, inmost first


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


def reason(outcome, folder=None):
    """Why a test failed, as far as its words, and a debugger's, tell."""
    unwritten = starter.MESSAGE.search(outcome.words)
    if unwritten:
        return Reason(f"a body for {unwritten.group(2)}",
                      f"{unwritten.group(2)} is yours to write",
                      read=unwritten.group(3), function=unwritten.group(2))
    if outcome.verdict == day_tests.HUNG:
        return Reason("the test ends", "still running after "
                      f"{day_tests.SECONDS_OF_WORK} s of work, or "
                      f"{day_tests.SECONDS_FOR_A_TEST} s of waiting: a loop "
                      "without an end, or a lock that nobody gives back")
    check = OURS.search(outcome.words)
    if check:
        place, _, what = check.group(1).partition(": CHECK failed: ")
        name, _, line = place.partition(":")
        return Reason(what, f"it does not hold in {place}", function=folder
                      and sections.function_at(folder, name, int(line)) or "")
    match = FAILURE.search(outcome.words)
    if match:
        place = f"{match.group(1).rpartition('/')[2]}:{match.group(2)}"
        return Reason(*_expectation(_block(outcome.words, match)), place)
    return _crash(outcome, folder)


def _crash(outcome, folder):
    """Why a test failed that had no time to say it."""
    last = [line for line in outcome.words.splitlines()
            if not NOISE.match(line)]
    seen = _ending(outcome) + (f"; its last words: {last[-1].strip()}"
                               if last else "")
    calls = frames.of_crash(outcome.case, folder) if (
        folder and outcome.code < 0) else []
    names = [call.function for call in calls
             if not call.path.startswith("tests/")]
    places = [f"{call.path.rpartition('/')[2]}:{call.line}" for call in calls
              if call.path.startswith("tests/")]
    return Reason("the test passes", seen, place=next(iter(places), ""),
                  function=next(iter(names), ""),
                  frames=tuple(calls[:frames.SHOWN]))


def piece(outcome, why, day, functions):
    """The piece of the day that a failure points to, or None."""
    return sections.find(outcome.case, why.place, why.function,
                         topics.of_day(day), functions)


def debugger(case):
    """The command that repeats a test under the debugger, as lines."""
    words = ["gdb", "-ex", "run", "--args", *case.command(),
             "--gtest_break_on_failure"]
    lines = ["   "]
    for word in map(shlex.quote, words):
        if len(lines[-1]) + len(word) + 3 > WIDTH and lines[-1].strip():
            lines[-1] += " \\"
            lines.append("     ")
        lines[-1] += f" {word}"
    return lines


def _row(label, words):
    """A labelled paragraph within 80 columns."""
    head = f"  {label:<{LABEL}}"
    return textwrap.fill(words, WIDTH - 1, initial_indent=head,
                         subsequent_indent=" " * len(head),
                         break_long_words=False, break_on_hyphens=False)


def text(outcome, day, why, topic, shown):
    """The explanation, as lines for a terminal.

    topic is the piece that it points to, or None; shown is the folder as the
    user typed it.
    """
    calls = [f"{call.function}, {call.path}:{call.line}"
             for call in why.frames]
    read = why.read or (topics.lesson_place(topic) if topic else
                        sections.place_of_file(outcome.case, day))
    lines = [f"First failure: {outcome.case.name}"
             + (f" ({why.place})" if why.place else ""),
             _row("expected", why.expected), _row("seen", why.seen)]
    lines += [_row("in" if not i else "from", call)
              for i, call in enumerate(calls)]
    lines.append(_row("read", read))
    if topic:
        lines.append(_row("ask", f"{COMMAND} hint {shown} {topic.name}"))
    lines += ["  again, under the debugger:", *debugger(outcome.case)]
    if not shutil.which("gdb"):
        lines.append("  gdb is missing; as root, type: "
                     "apt-get install gdb")
    return "\n".join(lines)


def _place_of_program(case, wanted):
    """Where the lesson comes to what a program of tests is about."""
    own = sections.of_its_file(case, wanted)
    found = own[0] if own else sections.of_hints(case, wanted)
    return wanted.index(found) if found else len(wanted)


def first(outcomes, day, order):
    """The failure to begin with; None if there is none.

    The tests of parts stand before those of the whole. What is written comes
    first, in the order in which the lesson tells of it; then what waits for a
    body, in the order of those bodies.
    """
    wanted = topics.of_day(day)

    def rank(outcome):
        case = outcome.case
        whole = bool(WHOLE.search(case.program.name)) or any(
            path.parent.name == "drop_in" for path in case.program.sources)
        unwritten = starter.MESSAGE.search(outcome.words)
        if not unwritten:
            return whole, False, _place_of_program(case, wanted)
        return whole, True, order.index(unwritten.group(2)) if (
            unwritten.group(2) in order) else len(order)
    return min((outcome for outcome in outcomes if not outcome.good),
               key=rank, default=None)
