"""course programs: real programs on a day's malloc, by LD_PRELOAD.

Each program runs without us, then with us: what it prints and makes must be
the same. Once its allocations are counted, which also proves that they went
through our library. Then it is timed with glibc, with us and with each peer
that is installed, in turn.
"""

import concurrent.futures
import json
import re
import shutil
import tempfile
import textwrap
from pathlib import Path

import builds
import contestants
import options
import packages
import programs_run
import programs_table
import progress
import project
import race
from contestants import Contestant
from programs_list import NAMES, PROGRAMS
from project import BUILD, COMMAND, Failure

SUMMARY = "run real programs on a day's malloc, beside glibc's"
DESCRIPTION = """\
Runs python3, git, g++, nginx and others with the day's libpool_malloc.so
preloaded. Their output must be what it is without; their allocations are
counted; their time and peak memory are compared with those that glibc and the
installed peers need."""
EXAMPLES = f"""
  {COMMAND} programs                 all that are installed: 15 minutes
  {COMMAND} programs perl git        two of them
  {COMMAND} programs --check         only see that each works, as CI does
  {COMMAND} programs --list          what there is
  {COMMAND} setup programs           installs what is missing"""
REPETITIONS = 5
OWN_RESULTS = BUILD / "programs" / "programs.json"


def add_arguments(parser):
    """Which programs, on what, and how often."""
    parser.add_argument("names", nargs="*", default=[], metavar="NAME",
                        help="these programs only (default: all)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--list", action="store_true",
                     help="say what there is; run nothing")
    how.add_argument("--check", action="store_true",
                     help="install what is missing, compare, count; no times")
    how.add_argument("--quick", action="store_true",
                     help="each timed once: a first impression")
    how.add_argument("--from", dest="source", metavar="FILE",
                     help="show these results; run nothing")
    parser.add_argument("--repetitions", type=options.positive, metavar="N",
                        help=f"how often each is timed (default: "
                        f"{REPETITIONS})")
    parser.add_argument("--day", metavar="DAY",
                        help="whose malloc (default: the newest day's)")
    parser.add_argument("--library", type=Path, metavar="FILE",
                        help="this malloc, not what the course would build")
    parser.add_argument("--results", type=Path, metavar="FILE",
                        help="also write the raw results there, as JSON")


def chosen(names):
    """The programs of these names; all for none."""
    for name in names:
        if name not in NAMES:
            raise Failure(f"there is no program {name!r}; type one of: "
                          + " ".join(NAMES))
    return [one for one in PROGRAMS if not names or one.name in names]


def lacking(program):
    """The packages that a program still needs."""
    needs = {need.package: need for need in packages.GROUPS["programs"]}
    return [name for name in program.packages
            if not packages.is_there(needs[name])]


def show_list(programs):
    """Each program, with what is missing."""
    for program in programs:
        missing = lacking(program)
        print(f"{program.name:<20}{program.what}"
              + (f"\n{'':<20}missing: {', '.join(missing)}" if missing
                 else ""))
    if any(map(lacking, programs)):
        print(f"to install what is missing, type: {COMMAND} setup programs")


def installed(programs, asked_for):
    """Those of the programs that are there; a line for each other."""
    for program in programs:
        missing = lacking(program)
        if missing:
            words = (f"{program.name} is left out: {', '.join(missing)} is "
                     f"missing; type: {COMMAND} setup programs")
            if asked_for:
                raise Failure(words)
            print(f"course: {words}", flush=True)
    return [one for one in programs if not lacking(one)]


def day_with_malloc(text):
    """The day whose malloc runs: the newest, unless another is named."""
    having = [day for day in project.days()
              if (project.ROOT / day / "src" / "malloc.cc").exists()]
    day = project.existing_day(text) if text else (having or [None])[-1]
    if day not in having:
        raise Failure((f"{day} has no malloc yet" if day else "no day has a "
                       "malloc yet") + "; type: "
                      f"{COMMAND} programs --library FILE")
    return day


def build(day):
    """Builds the day's library; returns its path."""
    builds.configure("release")
    if not builds.compile_targets("release", [f"{day}_malloc"]):
        raise Failure("the build failed (above); mend it, then type: "
                      f"{COMMAND} programs")
    return BUILD / "release" / day / "libpool_malloc.so"


def ours(args):
    """Our contestant, and the folder of the day that it is from."""
    if not args.library:
        day = day_with_malloc(args.day)
        return Contestant(day, Path(), str(build(day))), project.ROOT / day
    if not args.library.is_file():
        raise Failure(f"{args.library} is not a file; type the path of a "
                      "shared library")
    day = project.existing_day(args.day) if args.day else project.days()[-1]
    stem = args.library.name.split(".", 1)[0]
    name = day if args.day else re.sub("^lib", "", stem)[:12].strip()
    return (Contestant(name, Path(), str(args.library.resolve())),
            project.ROOT / day)


def field_of(own):
    """glibc, we, and the installed peers."""
    found = contestants.find([], Path(), True)
    peers = [one for one in found if one.library and one.name != own.name]
    return [Contestant("glibc", Path(), "", contestants.glibc_version()), own,
            *peers]


def keep(program, seen, name):
    """Writes what a run printed to where it can be looked at."""
    for what, data in seen.items():
        if not what.startswith("file "):
            race.write(BUILD / "programs" / f"{program.name}.{name}."
                       f"{what.split()[-1]}", data.decode(errors="replace"))


def examine(shop, program, own):
    """Runs a program without us, with us, and counted: (facts, seen)."""
    facts = {"name": program.name, "what": program.what, "allocations": 0,
             "calls": {}, "programs": 0, "errors": []}
    wrong, library = shop.prepare(program), shop.copy(own.library)
    plain = None if wrong else shop.run(program)
    if wrong or plain.error:
        facts["errors"].append(wrong or f"without us: {plain.error}")
        return facts, {}
    with_us = shop.run(program, library)
    counted, calls = shop.count(program, library)
    facts.update(allocations=calls.total, calls=calls.kinds,
                 programs=calls.programs)
    for words, outcome in (("with us", with_us), ("counted", counted)):
        found = outcome.error or programs_run.difference(plain.seen,
                                                         outcome.seen)
        if found:
            facts["errors"].append(f"{words}: {found}")
            keep(program, plain.seen, "without")
            keep(program, outcome.seen, words.split(" ")[0])
    found = programs_run.wrong_library(calls, library)
    if found:
        facts["errors"].append(found)
    return facts, plain.seen


def examine_all(shop, programs, own, forget):
    """{name: (facts, seen)} of the programs, several at once.

    One more than there are cores: the first ones mostly sleep.
    """
    found, status = {}, progress.StatusLine()
    pool = concurrent.futures.ThreadPoolExecutor(project.jobs() + 1)
    futures = {pool.submit(examine, shop, one, own): one for one in programs}
    try:
        for future in concurrent.futures.as_completed(futures):
            facts, seen = future.result()
            found[facts["name"]] = facts, seen
            status.say(programs_table.line_of(facts))
            if forget:
                shop.forget(futures[future])
            waiting = [one.name for one in programs if one.name not in found]
            if waiting:
                status.show(textwrap.shorten(
                    f"[{len(found)}/{len(programs)}] still to come: "
                    + " ".join(waiting), 76, placeholder=" …"))
    finally:
        status.clear()
        for future in futures:
            future.cancel()
        if len(found) < len(programs):
            shop.stop()
        pool.shutdown()
    return {one.name: found[one.name] for one in programs}


def turns_of(programs, field, repetitions):
    """Who runs when: (program, repetition, contestant), …"""
    return [turn for program in programs for turn in race.schedule(
        [program], field, min(repetitions, program.repetitions
                              or repetitions))]


def time_all(shop, programs, field, repetitions, expected, runs):
    """Fills runs; returns False if it was interrupted."""
    turns = turns_of(programs, field, repetitions)
    status = progress.StatusLine()
    try:
        for done, (program, repetition, one) in enumerate(turns):
            status.show(f"[{done + 1}/{len(turns)}] {program.name} {one.name}")
            outcome = shop.run(program,
                               shop.copy(one.library) if one.library else "")
            wrong = outcome.error or programs_run.difference(
                expected[program.name], outcome.seen)
            figures = {"error": wrong} if wrong else {
                "seconds": outcome.seconds, "cpu_seconds": outcome.cpu_seconds,
                "peak_bytes": outcome.peak_bytes}
            runs.append({"program": program.name, "allocator": one.name,
                         "repetition": repetition, **figures})
    except KeyboardInterrupt:
        status.say(f"stopped after {done} of {len(turns)} runs; what is done "
                   "follows")
        return False
    finally:
        status.clear()
    return True


def measure(args, programs, own, folder):
    """Examines and times; returns (results, whether it was finished)."""
    field = [own] if args.check else field_of(own)
    repetitions = 1 if args.quick else args.repetitions or REPETITIONS
    results = {
        "machine": contestants.describe_machine(BUILD / "release", field),
        "settings": {"repetitions": repetitions},
        "allocators": [one.name for one in field],
        "programs": [], "runs": []}
    tools = programs_run.build_tools(BUILD / "programs")
    place = tempfile.mkdtemp(prefix="course-programs-",
                             dir=programs_run.quiet_folder())
    try:
        shop = programs_run.Workshop(place, folder, tools)
        found = examine_all(shop, programs, own, args.check)
        results["programs"] = [facts for facts, _ in found.values()]
        if args.check:
            return results, True
        sound = [one for one in programs if not found[one.name][0]["errors"]]
        expected = {name: seen for name, (_, seen) in found.items()}
        finished = time_all(shop, sound, field, repetitions, expected,
                            results["runs"])
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return results, finished


def load(path):
    """Results that an earlier run wrote."""
    try:
        raw = json.loads(Path(path).read_text(encoding="utf-8"))
        programs_table.text(programs_table.Results(raw))
    except OSError as error:
        raise Failure(f"cannot read {path} ({error.strerror}); type: "
                      f"{COMMAND} programs --results FILE") from None
    except (ValueError, KeyError, TypeError):
        raise Failure(f"{path} is not what {COMMAND} programs writes; type: "
                      f"{COMMAND} programs --results FILE") from None
    return raw


def publish(args, results):
    """Shows the table; writes the results."""
    print("\n" + programs_table.text(programs_table.Results(results)))
    raw = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    paths = [] if args.names or args.library or args.source else [OWN_RESULTS]
    for path in [*paths, *([args.results] if args.results else [])]:
        race.write(path, raw)
        print(f"written: {race.shown(path)}")


def check_arguments(args):
    """Fails before the work, not after it."""
    if args.source and (args.names or args.day or args.library):
        raise Failure("--from shows all that a file has; type: "
                      f"{COMMAND} programs --from {args.source}")
    if args.results and (args.check or args.list):
        raise Failure("nothing is timed that --results could write; leave "
                      "one of them out")
    if args.results and args.results.is_dir():
        raise Failure(f"{args.results} is a folder; type a file's name after "
                      "it")
    if args.results:
        project.make_folder(args.results.parent)


def run_programs(args, programs):
    """Gets what is needed, then measures."""
    if args.check:
        project.ensure_setup("build", "programs")
    else:
        project.ensure_setup("race")
    programs = installed(programs, args.names)
    if not programs:
        raise Failure("none of the programs is installed; type: "
                      f"{COMMAND} setup programs")
    own, folder = ours(args)
    print(f"course: {len(programs)} programs on {own.name}; each first "
          "without it, with it, and counted", flush=True)
    return measure(args, programs, own, folder)


def run(args):
    """Runs the programs, shows what came of it."""
    check_arguments(args)
    programs = chosen(args.names)
    if args.list:
        show_list(programs)
        return 0
    if args.source:
        results, finished = load(args.source), True
    else:
        results, finished = run_programs(args, programs)
    if results["runs"]:
        publish(args, results)
    print(programs_table.counted(results["programs"]))
    if not finished:
        return 130
    wrong = [one for one in results["programs"] if one["errors"] or (
        args.check and not programs_table.counts(one))]
    return 1 if wrong else 0
