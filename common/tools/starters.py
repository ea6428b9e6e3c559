"""course starters: proves what a learner gets on each day."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import bank
import builds
import day_tests
import project
import starter
import topics
from progress import StatusLine
from project import COMMAND, Failure

SUMMARY = "prove that each day's starter builds and fails as listed"
DESCRIPTION = """\
Lays each day's starter down in build/starters/, builds it, runs each of the
day's tests in a process of its own, and compares those that fail with the list
in common/starters/dayNN.txt. (That the snapshot passes them all, `test` shows.)
A test whose sources include no header with a missing body is linked from what
`test` has built, if that is there."""
EXAMPLES = """
  common/course starters              all days
  common/course starters 4            one
  common/course starters 4 --write    write its list anew, from three runs
"""
RUNS_TO_WRITE = 3
HEAD = """\
# The tests that fail as long as nothing is written in {day}'s starter:
# common/course starters {number} --write
"""
DIFFERS = "# from run to run: "


def add_arguments(parser):
    """Which days, and whether to write."""
    builds.add_days(parser)
    parser.add_argument("--write", action="store_true",
                        help="write the lists anew")
    parser.add_argument("--alone", action="store_true",
                        help="compile everything, link nothing that is there")


def list_path(day):
    """Where a day's list is."""
    return project.ROOT / starter.TEMPLATES / f"{day}.txt"


def read_list(day):
    """(tests that fail, tests that fail in some runs) of a day's list."""
    path = list_path(day)
    if not path.is_file():
        raise Failure(f"{starter.TEMPLATES}/{day}.txt is missing; type: "
                      f"{COMMAND} starters {int(day[3:])} --write")
    lines = path.read_text(encoding="utf-8").splitlines()
    return ({line for line in lines if line and not line.startswith("#")},
            {line[len(DIFFERS):] for line in lines
             if line.startswith(DIFFERS)})


def write_list(day, failing, differing):
    """Writes a day's list."""
    text = HEAD.format(day=day, number=int(day[3:]))
    text += "".join(f"{name}\n" for name in sorted(failing))
    text += "".join(f"{DIFFERS}{name}\n" for name in sorted(differing))
    list_path(day).write_text(text, encoding="utf-8")


def lay_down(day):
    """The starter in build/starters/; what did not change keeps its time."""
    home = project.BUILD / "starters" / day
    draft = project.make_folder(project.BUILD / "starters" / "draft" / day)
    shutil.rmtree(draft)
    draft.mkdir()
    starter.lay_down(day, draft)
    bank.copy_changed(draft, project.make_folder(home))
    return home


def _dependencies(tree):
    """{object: files that it was made of} of a build tree, as ninja knows."""
    if not (tree / "build.ninja").is_file() or not shutil.which("ninja"):
        return {}
    done = subprocess.run(["ninja", "-C", str(tree), "-t", "deps"],
                          capture_output=True, text=True, check=False)
    found, files = {}, []
    for line in done.stdout.splitlines():
        match = re.match(r"(\S+): #deps \d+, .*\((\w+)\)$", line)
        if match:
            files = []
            if match.group(2) == "VALID":
                found[match.group(1)] = files
        elif line.startswith("    "):
            files.append(str((tree / line.strip()).resolve()))
    return found


def _up_to_date(path, files):
    """Whether an object is newer than all that it was made of."""
    try:
        made = path.stat().st_mtime_ns
        return all(Path(file).stat().st_mtime_ns <= made for file in files)
    except OSError:
        return False


def ready_objects(day, home):
    """Lines TARGET|SOURCE|OBJECT: what need not be compiled again.

    That is each object of the day's tests that is made of no header in which
    the starter lacks a body, and that knows no folder of the build.
    """
    tree = project.BUILD / "dev"
    changed = {str(project.ROOT / day / name)
               for name in starter.code_files(home)
               if starter.CALL.search((home / name).read_text())}
    commands = tree / "compile_commands.json"
    known = _dependencies(tree)
    if not known or not commands.is_file():
        return []
    lines, here = [], f"{project.ROOT / day}/"
    for entry in json.loads(commands.read_text(encoding="utf-8")):
        match = re.search(rf" -o ({day}/CMakeFiles/({day}_\w+_test)\.dir/\S+)",
                          entry["command"])
        files = known.get(match.group(1), []) if match else []
        if not files or changed & set(files) or (
                "COURSE_LIBRARY_DIR" in entry["command"]) or (
                not _up_to_date(tree / match.group(1), files)):
            continue
        source = entry["file"]
        if source.startswith(here):
            source = str(home / source[len(here):])
        lines.append(f"{match.group(2)}|{source}|{tree / match.group(1)}")
    return lines


def configure(day, home, alone):
    """Configures the starter's build."""
    ready = home / "build" / "ready.txt"
    project.make_folder(ready.parent)
    lines = [] if alone else ready_objects(day, home)
    ready.write_text("".join(line + "\n" for line in lines))
    code, words = project.run_with_progress(
        ["cmake", "-S", str(home), "-B", str(home / "build"),
         *(builds.generator() or ["-G", "Ninja"]), "-Wno-dev",
         "-DCMAKE_BUILD_TYPE=Debug", f"-DCOURSE={project.ROOT}",
         f"-DCOURSE_READY_OBJECTS={ready}"],
        f"configuring {day}", quiet=True)
    if code != 0:
        print("\n".join(words))
        raise Failure(f"cmake could not configure {day}'s starter (above)")
    return len(lines)


def build(day, home, alone):
    """Builds the library and the tests: the programs, or None."""
    configure(day, home, alone)
    tree = home / "build"
    found = day_tests.programs(day, home, tree)
    code, _ = project.run_with_progress(
        ["cmake", "--build", str(tree), f"-j{project.jobs()}", "--target", day,
         *(program.target for program in found)],
        f"building {day}'s starter", hide=builds.NINJA_QUIET.match)
    return found if code == 0 else None


def failing(found, status):
    """(tests that fail, all tests) of a starter that is built."""
    wanted = [case for program in found for case in day_tests.cases(program)]

    def tell(done, outcome):
        status.show(f"[{done}/{len(wanted)}] {outcome.case.name}")

    outcomes = day_tests.run_all(wanted, tell)
    status.clear()
    return ({outcome.case.name for outcome in outcomes if not outcome.good},
            {case.name for case in wanted})


def judge(day, failed, every):
    """Lines about what differs from the list; none if nothing does."""
    listed, differing = read_list(day)
    lines = [f"  passes, though it is listed: {name}"
             for name in sorted((listed & every) - failed - differing)]
    lines += [f"  fails, and is not listed: {name}"
              for name in sorted(failed - listed - differing)]
    lines += [f"  is listed, and there is no such test: {name}"
              for name in sorted((listed | differing) - every)]
    return lines


def prove(day, write, alone):
    """Builds a day's starter and holds it against its list; True if so."""
    start, status = time.monotonic(), StatusLine()
    wanted, home = topics.of_day(day), lay_down(day)
    found = build(day, home, alone)
    if found is None:
        print(f"{day}: the starter does not build (above)")
        return False
    runs = [failing(found, status)
            for _ in range(RUNS_TO_WRITE if write else 1)]
    every = runs[0][1]
    if write:
        always = set.intersection(*(failed for failed, _ in runs))
        write_list(day, always, set.union(*(run[0] for run in runs)) - always)
    lines = judge(day, runs[0][0], every)
    print(f"{day}: {len(wanted)} pieces to write; {len(runs[0][0])} of "
          f"{len(every)} tests fail"
          + (", as listed" if not lines else "; the list differs:")
          + f" ({time.monotonic() - start:.0f} s)", flush=True)
    for line in lines:
        print(line)
    return not lines


def run(args):
    """Proves the days in turn."""
    days = project.existing_days(args.days)
    project.ensure_setup("build")
    wrong = [day for day in days if not prove(day, args.write, args.alone)]
    if wrong:
        print(f"differ: {' '.join(wrong)}; if that is right, type: {COMMAND} "
              f"starters {' '.join(wrong)} --write")
        return 1
    print(f"{len(days)} starters build, and fail as they should")
    return 0
