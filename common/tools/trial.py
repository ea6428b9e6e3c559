"""course try: builds a learner's folder, and runs the day's tests on it."""

import json
import re
import shlex
import textwrap
import time
from collections import Counter
from pathlib import Path

import builds
import day_tests
import explain
import learner
import own_race
import project
import upnext
from progress import StatusLine
from project import COMMAND, Failure

SUMMARY = "build your own code, run the day's tests, explain a failure"
DESCRIPTION = """\
Builds the folder DIR that `start` laid down, runs the day's tests in it, each
in a process of its own, and explains the first failure. What passed is kept in
DIR; `progress` shows it."""
EXAMPLES = """
  common/course try ../day04                   all of the day's tests
  common/course try ../day04 --only free_list  some, by program or name
  common/course try ../day04 --watch           again, whenever you save
  common/course try ../day04 --bench           your line in the race
  common/course try 4 ../day04                 the same as the first
"""
PATIENCE = 3  # with tests that do not end
SANITIZERS = {"asan": "address,undefined", "tsan": "thread"}
NAMES = {"dev": "", "asan": "under the address sanitizer",
         "tsan": "under the thread sanitizer, those with threads"}
# What ninja and make say around a compiler's words: which command it was, which
# target, and that they stop. The compiler's words name the file and the line.
AROUND_THE_COMPILER = re.compile(
    r"^(FAILED: |ninja: (no work|Entering|build stopped)|: && )|^\s*$"
    r"|^make(\[\d+\])?: (\*\*\* \[|Entering|Leaving)"
    r"|^(\S*/)?(ccache|c\+\+|g\+\+|gcc|cc|clang(\+\+)?)(-\d+)? .* -[co] ")
SECONDS_BETWEEN_LOOKS = 0.5


def add_arguments(parser):
    """Which folder, and how far to go."""
    parser.usage = ("%(prog)s [DAY] DIR [--only REGEX] [--all]\n"
                    f"{'':25}[--watch | --bench]")
    parser.add_argument("words", metavar="[DAY] DIR", nargs="+",
                        help="the folder that start laid down, which knows "
                        "its day")
    parser.add_argument("--only", metavar="REGEX", default="",
                        help="only tests whose program or name matches")
    parser.add_argument("--all", action="store_true",
                        help="also under the sanitizers")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--watch", action="store_true",
                     help="again whenever a file changes, until Ctrl-C")
    how.add_argument("--bench", action="store_true",
                     help="race it, and draw it into the race's picture")


def tree_of(folder, preset):
    """Where a folder is built."""
    return folder.state / "build" / preset


def configure(folder, preset):
    """Configures a learner's build tree."""
    tree = tree_of(folder, preset)
    kind = "Release" if preset == "release" else "Debug"
    make = builds.generator() or ["-G", "Ninja"]
    code, lines = project.run_with_progress(
        ["cmake", "-S", str(folder.path), "-B", str(tree), *make, "-Wno-dev",
         f"-DCMAKE_BUILD_TYPE={kind}", f"-DCOURSE={project.ROOT}",
         "--compile-no-warning-as-error",
         f"-DCOURSE_SANITIZE={SANITIZERS.get(preset, '')}"],
        f"configuring {folder.shown}", quiet=True)
    if code != 0:
        print("\n".join(lines))
        raise Failure(f"cmake could not configure {folder.shown} (above); if "
                      f"it was moved, type: rm -r {tree}")
    return tree


def compile_targets(folder, preset, targets):
    """Builds targets of a learner's folder; True if that worked."""
    code, _ = project.run_with_progress(
        ["cmake", "--build", str(tree_of(folder, preset)),
         f"-j{project.jobs()}", "--target", *targets],
        f"building {folder.shown}", hide=AROUND_THE_COMPILER.match)
    return code == 0


def left_out(preset):
    """The tests that a preset of the course leaves out, as a pattern."""
    presets = json.loads((project.ROOT / "CMakePresets.json").read_text())
    for one in presets["testPresets"]:
        if one["name"] == preset:
            return one.get("filter", {}).get("exclude", {}).get("name")
    return None


def choose(programs, pattern):
    """The programs to build for a pattern: those that may have such tests."""
    def may(program):
        # A pattern for tests can only be held against the sources.
        return re.search(pattern, program.name) or any(
            re.search(pattern, f"{program.day}.{test}")
            for test in day_tests.from_source(program))
    return [program for program in programs if not pattern or may(program)]


def cases_of(programs, pattern, without):
    """The tests to run."""
    return [case for program in programs for case in day_tests.cases(program)
            if (not pattern or re.search(pattern, program.name)
                or re.search(pattern, case.name))
            and not (without and re.search(without, case.name))]


def run_tests(folder, preset, pattern):
    """Builds and runs; the outcomes, or None where it does not compile."""
    tree = configure(folder, preset)
    programs = choose(day_tests.programs(folder.day, folder.path, tree),
                      pattern)
    if not programs and preset == "dev":
        raise Failure(f"no test matches {pattern!r}; type --only with a part "
                      "of a test's name, or of a file's in tests/")
    # Without threads, the thread sanitizer has nothing to say.
    if programs and not compile_targets(folder, preset, [
            program.target for program in programs]):
        return None
    wanted = cases_of(programs, pattern, left_out(preset))
    status = StatusLine()

    def tell(done, outcome):
        status.show(f"[{done}/{len(wanted)}] {outcome.case.name}")

    # Under a sanitizer, a test may well need more of the processor's time.
    work = day_tests.SECONDS_OF_WORK if preset == "dev" else None
    outcomes = day_tests.run_all(wanted, tell, work, PATIENCE)
    status.clear()
    if len(outcomes) < len(wanted):
        print(f"{PATIENCE} tests do not end; the other "
              f"{len(wanted) - len(outcomes)} were not run")
    return outcomes


def summary(folder, outcomes, before):
    """What is written, and what passes."""
    good = sum(outcome.good for outcome in outcomes)
    left, total = len(folder.open_topics()), len(folder.topics)
    words = (f"{folder.day} in {folder.shown}: {total - left} of {total} pieces"
             f" written, {good} of {len(outcomes)} tests pass")
    known = [outcome for outcome in outcomes
             if outcome.case.name in before]
    fresh = sum(outcome.good and before[outcome.case.name] not in (
        day_tests.PASSED, day_tests.SKIPPED) for outcome in known)
    lost = [outcome.case.name for outcome in known if not outcome.good
            and before[outcome.case.name] == day_tests.PASSED]
    words = textwrap.fill(words, 79, subsequent_indent="  ",
                          break_long_words=False, break_on_hyphens=False)
    if fresh:
        words += f"\n{fresh} more than before"
    if lost:
        words += (f"\n{len(lost)} passed before and fail now: {lost[0]}"
                  + (" …" if len(lost) > 1 else ""))
    return words


def waiting_for(outcomes):
    """What the failures wait for, most first; "" if for nothing."""
    found = Counter(match.group(2) for match in (
        explain.starter.MESSAGE.search(outcome.words) for outcome in outcomes
        if not outcome.good) if match)
    if not found:
        return ""
    names = ", ".join(f"{name} ({count})"
                      for name, count in found.most_common(3))
    others = sum(found.values()) - sum(
        count for _, count in found.most_common(3))
    if others:
        names += f", others ({others})"
    return textwrap.fill(f"failures that wait for a body: {names}", 79,
                         subsequent_indent="  ")


def report(folder, outcomes, before):
    """Says what passes, and explains the first failure; True if all do."""
    print(summary(folder, outcomes, before))
    order = [function for functions in folder.topics.values()
             for function in functions]
    failure = explain.first(outcomes, folder.day, order)
    if failure is None:
        return True
    waiting = waiting_for(outcomes)
    if waiting:
        print(waiting)
    why = explain.reason(failure, folder.path)
    topic = explain.piece(failure, why, folder.day, folder.topics)
    folder.point_to(failure.case.name, topic.name if topic else "")
    print("\n" + explain.text(failure, folder.day, why, topic,
                              folder.shown))
    return False


def try_once(folder, pattern, everything):
    """Builds, runs and explains; True if all is well."""
    for preset in ("dev", *SANITIZERS) if everything else ("dev",):
        if NAMES[preset]:
            print(f"{NAMES[preset]}:")
        outcomes = run_tests(folder, preset, pattern)
        if outcomes is None:
            print("it does not compile (above); no test was run")
            return False
        before = folder.progress().get("tests", {})
        if preset == "dev":
            folder.keep({outcome.case.name: outcome.verdict
                         for outcome in outcomes}, not pattern)
        if not outcomes:
            print("nothing to look at")
        elif not report(folder, outcomes, before if preset == "dev" else {}):
            return False
    if not pattern and not folder.open_topics():
        print("\n" + "\n".join(upnext.lines(folder)))
    return True


def files_now(folder):
    """{file: when it was written} of what the learner may change."""
    found = {}
    for path in folder.path.rglob("*"):
        if folder.state in path.parents or path == folder.state:
            continue
        try:
            if path.is_file():
                found[path] = path.stat().st_mtime_ns
        except OSError:
            continue  # an editor's file that is gone already
    return found


def watch(folder, args):
    """Tries again whenever a file changes."""
    command = f"{COMMAND} try {folder.shown}"
    if args.only:
        command += f" --only {shlex.quote(args.only)}"
    while True:
        seen = files_now(folder)
        try_once(folder, args.only, args.all)
        print(f"\nwatching {folder.shown} (Ctrl-C ends it); by hand, type:"
              f"\n  {command}", flush=True)
        while files_now(folder) == seen:
            time.sleep(SECONDS_BETWEEN_LOOKS)


def place_of(words):
    """(day or None, folder's name) of [DAY] DIR."""
    if len(words) == 1:
        name = project.day_name(words[0])
        if name and not Path(words[0]).is_dir():
            raise Failure(f"which folder of {name}? type: {COMMAND} try "
                          f"../{name}")
        return None, words[0]
    if len(words) > 2 or (not project.day_name(words[0])
                          and Path(words[0]).is_dir()):
        folder = next((word for word in words if Path(word).is_dir()), "DIR")
        raise Failure(f"one folder, and at most its day before it; type: "
                      f"{COMMAND} try {folder}")
    return project.existing_day(words[0]), words[1]


def check_options(args):
    """Options that say nothing together are refused, not left out."""
    if args.bench and (args.only or args.all):
        raise Failure("--bench races all of it, and runs no test; leave out "
                      + ("--only" if args.only else "--all"))
    if args.watch and args.all:
        raise Failure("--all builds three times, too long for each save; "
                      "leave out --all, or --watch")
    try:
        re.compile(args.only)
    except re.error as error:
        raise Failure(f"--only {args.only!r} is no regular expression "
                      f"({error})") from None


def run(args):
    """Tries, once or again and again, or races."""
    day, name = place_of(args.words)
    folder = learner.open_folder(name, day)
    check_options(args)
    project.ensure_setup("build")
    if args.bench:
        return own_race.run(folder)
    if args.watch:
        return watch(folder, args)
    return 0 if try_once(folder, args.only, args.all) else 1
