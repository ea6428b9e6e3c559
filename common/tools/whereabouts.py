"""course progress: which days a learner has begun, and how far each is."""

from collections import Counter

import day_tests
import learner
import upnext
from project import COMMAND, Failure

SUMMARY = "show which days you have begun, and what passes"
DESCRIPTION = """\
Looks into a folder, and those in it, for days that `start` laid down, and shows
what is written there and what passed when you last tried. All of it is kept in
those folders; nothing is in the course's own."""
EXAMPLES = """
  common/course progress ../day04    one day: what is left
  common/course progress ..          each day beside the course
"""
SHOWN = 8  # names of tests that fail


def add_arguments(parser):
    """Where to look."""
    parser.add_argument("folder", nargs="?", default="..", metavar="DIR",
                        help="a day's folder, or the one that has them "
                        "(default: .., beside the course)")


def counts(folder):
    """(topics written, topics, tests that pass, tests) of a folder."""
    total = len(folder.topics)
    verdicts = Counter(folder.progress().get("tests", {}).values())
    good = verdicts[day_tests.PASSED] + verdicts[day_tests.SKIPPED]
    return total - len(folder.open_topics()), total, good, sum(
        verdicts.values())


def is_done(folder):
    """Whether all is written, and all tests passed when last tried."""
    return bool(folder.progress().get("whole")) and not (
        folder.open_topics() or folder.failing())


def table(folders):
    """A line for each day."""
    yield f"{'day':<7}{'written':>10}{'tests':>12}  {'last tried':<18}folder"
    for folder in folders:
        written, total, good, tests = counts(folder)
        kept = folder.progress()
        passed = f"{good} of {tests}" if tests else "–"
        some = "*" if tests and not kept.get("whole") else " "
        yield (f"{folder.day:<7}{f'{written} of {total}':>10}{passed:>12}"
               f"{some} {kept.get('last', 'never'):<18}{folder.shown}")
    if any(folder.progress() and not folder.progress().get("whole")
           for folder in folders):
        yield "* of some tests; try runs all of them without --only"


def _list(title, names):
    """Names below a title, as many as fit a screen."""
    more = len(names) - SHOWN
    lines = [f"\n{title}:", *(f"  {name}" for name in names[:SHOWN])]
    return lines + ([f"  and {more} more"] if more > 0 else [])


def details(folder):
    """What is left of one day."""
    left = folder.open_topics()
    failing = folder.failing()
    if left:
        yield from _list("still to write, in the lesson's order", left)
    if failing:
        yield from _list("fail", failing)
    if not folder.progress():
        yield f"\nnot tried yet; type: {COMMAND} try {folder.shown}"
    elif is_done(folder):
        yield "\nall done"
        yield from upnext.lines(folder)
    elif not left and not failing:
        yield ("\nwhat was tried passes; all of it: "
               f"{COMMAND} try {folder.shown}")


def run(args):
    """Shows the table, and of a single day what is left."""
    folders = learner.below(args.folder)
    if not folders:
        raise Failure(f"no day was begun in {args.folder}; type: {COMMAND} "
                      "start 1 ../day01")
    print("\n".join(table(folders)))
    if len(folders) == 1:
        print("\n".join(details(folders[0])))
    return 0
