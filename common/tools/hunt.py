"""course hunt: a bug is put into a copy of a day, for a learner to find.

The bugs are the mutants of common/mutants/. They go by numbers, since their
names and what they say of themselves give them away. A bug counts as mended
when the test that finds it passes, and the others of its file still do.
"""

import hashlib
import os
import random
import re
import shlex
import shutil
import subprocess
import tempfile
import textwrap
from pathlib import Path

import bank
import workshop
import project
from mutant_runner import ATTEMPTS
from progress import StatusLine
from project import COMMAND, Failure

SUMMARY = "find a bug that is put into a copy of a day"
DESCRIPTION = """\
Lays a copy of a day into a new folder, with one small, classic bug in it, and
says what a user of it would see. Find it, mend it, and have it checked: the
test that finds the bug must pass, and the other tests of its file, too."""
EXAMPLES = f"""
  {COMMAND} hunt 4 ../hunt             a bug of day 4, whichever comes
  {COMMAND} hunt 4 ../hunt --number 7  this one
  {COMMAND} hunt 4 ../hunt --check     is it mended?
  {COMMAND} hunt 4 ../hunt --reveal    where it is, and which test finds it
  {COMMAND} hunt 4 --list              what the bugs of day 4 look like"""
SECONDS = 120  # then a test hangs
SANITIZERS = {"tsan": "thread", "asan": "address,undefined"}


def add_arguments(parser):
    """Which day, into which folder, and what to do there."""
    parser.add_argument("day", metavar="DAY", help="1, 01 or day01")
    parser.add_argument("folder", nargs="?", metavar="DIR",
                        help="a new folder, or one with a bug in it")
    parser.add_argument("--number", type=int, metavar="N",
                        help="this bug (default: any)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true",
                      help="say whether the bug is mended")
    what.add_argument("--reveal", action="store_true",
                      help="show the bug, and the test that finds it")
    what.add_argument("--list", action="store_true",
                      help="say what each bug of the day looks like")


def mark(mutant):
    """What stands for a bug in a folder: it tells nothing to who reads it."""
    return hashlib.sha1(f"{mutant.day}/{mutant.name}".encode()).hexdigest()[:12]


def bugs_of(day, root=None):
    """The day's bugs in the order of their numbers, which begin at 1."""
    found = sorted(bank.of_day(day, root or project.ROOT), key=mark)
    if not found:
        raise Failure(f"{day} has no bugs to hunt; type: {COMMAND} hunt 1 DIR")
    return found


def paragraph(text, indent="  "):
    """Words, wrapped for a terminal."""
    return textwrap.fill(text, 78, initial_indent=indent,
                         subsequent_indent=indent)


def show_list(day):
    """A line or two for each bug."""
    for number, mutant in enumerate(bugs_of(day), 1):
        print(textwrap.fill(mutant.symptom, 78, initial_indent=f"{number:4}  ",
                            subsequent_indent="      "))


def numbered(bugs, number):
    """The bug of this number; any of them, in random order, for None."""
    if number is None:
        return random.sample(bugs, len(bugs))
    if not 1 <= number <= len(bugs):
        raise Failure(f"there is no bug {number}; type a number from 1 to "
                      f"{len(bugs)}")
    return [bugs[number - 1]]


def put_in(mutant, target):
    """Copies the day with the bug; what is wrong, "" if all went well."""
    place = tempfile.mkdtemp(prefix=".hunt-", dir=target.parent)
    try:
        copy = Path(place) / target.name
        copy.mkdir()
        workshop.copy_day(mutant.day, copy)
        wrong = bank.apply(mutant, copy)
        if not wrong:
            workshop.write_note(copy, "hunt", mark(mutant))
            os.rename(copy, target)  # whole, or not at all
        return wrong
    finally:
        shutil.rmtree(place, ignore_errors=True)


def lay_out(day, folder, number):
    """Puts a bug into a new folder, and says what there is to see."""
    target, bugs = workshop.new_folder(folder), bugs_of(day)
    for mutant in numbered(bugs, number):
        wrong = put_in(mutant, target)
        if not wrong:
            break
    else:
        raise Failure(f"no such bug fits {day} any more; type: {COMMAND} "
                      f"mutants {day}")
    print(f"Day {int(day[3:])} with bug {bugs.index(mutant) + 1} of "
          f"{len(bugs)} is in {folder}. What is to be seen of it:\n")
    print(paragraph(mutant.symptom) + "\n")
    options = "-DCMAKE_BUILD_TYPE=Debug"
    if mutant.preset in SANITIZERS:
        options += f" -DCOURSE_SANITIZE={SANITIZERS[mutant.preset]}"
        print(paragraph("Only the sanitizer is sure to see it; the first line "
                        "below switches it on.", "") + "\n")
    here, tree = shlex.quote(folder), shlex.quote(f"{folder}/build")
    print(f"Read, or let the tests search, which takes a while:\n\n"
          f"  cmake -S {here} -B {tree} \\\n    {options}\n"
          f"  cmake --build {tree}\n"
          f"  ctest --test-dir {tree} --output-on-failure\n\n"
          f"When you have mended it, type:\n\n"
          f"  {workshop.command('hunt', day, folder, '--check')}")


def bug_in(day, folder):
    """The bug that is noted in a folder."""
    folder = workshop.existing_folder(folder)
    noted, there = workshop.note(folder, "hunt"), workshop.note(folder, "day")
    if not noted:
        raise Failure(f"{folder} has no bug of ours in it; type the name of a "
                      "new folder to get one")
    if there and project.day_name(there) != day:
        raise Failure(f"what is in {folder} is of another day; type: "
                      + workshop.command("hunt", project.existing_day(there),
                                        folder, "--check"))
    for mutant in bugs_of(day):
        if mark(mutant) == noted:
            return mutant, folder
    raise Failure(f"the bug in {folder} is no longer in the course; lay out "
                  "another, into a new folder")


def run_test(program, name, env):
    """What is wrong with one test, "" if it passes."""
    try:
        done = subprocess.run(
            [program, f"--gtest_filter={name}"], env=env, text=True,
            errors="replace", stdin=subprocess.DEVNULL, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
            cwd=program.parent)
    except subprocess.TimeoutExpired:
        return f"does not end within {SECONDS} seconds"
    return "" if done.returncode == 0 else "fails"


def tests_in(program):
    """The names of all tests of a program."""
    said = subprocess.run([program, "--gtest_list_tests"], text=True,
                          capture_output=True, check=False).stdout
    names, suite = [], ""
    for line in said.splitlines():
        word = line.split("#")[0].strip()
        if re.match(r"\S+\.(\s|$)", line):
            suite = word
        elif line.startswith("  "):
            names.append(suite + word)
    return names


def failures(mutant, shop):
    """(what is wrong with the bug's test, the others that do not pass)."""
    program, status = shop.program(mutant.preset, mutant.test), StatusLine()
    try:
        for attempt in range(1, ATTEMPTS + 1):  # a race need not show at once
            status.show(f"the test that finds the bug, run {attempt}")
            wrong = run_test(program, mutant.filter, shop.env)
            if wrong:
                return wrong, []
        names = [name for name in tests_in(program) if name != mutant.filter]
        others = []
        for number, name in enumerate(names, 1):
            status.show(f"the other tests of its file, {number} of "
                        f"{len(names)}")
            wrong = run_test(program, name, shop.env)
            others += [f"{name} {wrong}"] if wrong else []
        return "", others
    finally:
        status.clear()


def check(mutant, folder, shown):
    """Says whether the bug is mended; the exit code."""
    shop = workshop.Workshop(mutant.day, folder)
    errors = shop.build(mutant.preset, [mutant.target])
    if errors:
        print(f"It does not compile:\n{errors}")
        return 1
    wrong, others = failures(mutant, shop)
    if wrong:
        files = " and ".join(mutant.files)
        print("Not mended yet. What is to be seen of it:\n\n"
              + paragraph(mutant.symptom) + "\n\n"
              + paragraph(f"A nudge: the bug is in {files}.", "") + "\n"
              "To be shown it, type: "
              + workshop.command("hunt", mutant.day, shown, "--reveal"))
        return 1
    if others:
        print("The bug is gone, but of the same file's tests\n  "
              + "\n  ".join(others[:10])
              + "\nwhich passed before: mend that, too.")
        return 1
    print(f"Mended: {mutant.filter} passes, and so do the other tests of "
          f"{mutant.test}.")
    return 0


def source_of(mutant):
    """The file that the bug's test is in, as far as its program tells."""
    own = f"{mutant.day}/tests/{mutant.test}.cc"
    if (project.ROOT / own).is_file():
        return own
    shared = f"common/testing/{mutant.test}.cc"
    return shared if (project.ROOT / shared).is_file() else "common/contract/"


def reveal(mutant):
    """Shows the bug, and the test that finds it."""
    text = mutant.path.read_text(encoding="utf-8")
    print(paragraph(mutant.what, "") + "\n")
    print(text[re.search(r"^(--- |diff --git )", text, re.M).start():])
    print(paragraph("Lines with - are the day's, those with + the bug's. It is "
                    f"found by {mutant.filter} in {source_of(mutant)}.", ""))


def run(args):
    """Lists, lays out, checks or reveals."""
    day = project.existing_day(args.day)
    if args.list:
        show_list(day)
        return 0
    if not args.folder:
        raise Failure("into which folder? type: "
                      + workshop.command("hunt", day, "../hunt"))
    project.ensure_setup("git")
    if not args.check and not args.reveal:
        lay_out(day, args.folder, args.number)
        return 0
    mutant, folder = bug_in(day, args.folder)
    if args.number is not None and numbered(bugs_of(day), args.number) != [
            mutant]:
        raise Failure(f"{args.folder} has another bug than {args.number}; "
                      "leave out --number")
    if args.reveal:
        reveal(mutant)
        return 0
    project.ensure_setup("build")
    return check(mutant, folder, args.folder)
