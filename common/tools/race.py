"""course race: every day, malloc and its peers on the same workloads.

For each row of the race, for each repetition, each allocator in turn runs in
a fresh process, so that what disturbs the machine disturbs all of them alike.

malloc and its peers always do the whole of the work. A day that would take too
long, or cannot serve it all, does a part (a half, a quarter, … of it); malloc
then runs that same part as well, and the day is compared with that.
"""

import json
import math
import os
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import builds
import company
import contestants
import lookups
import options
import progress
import project
import report
import standings
from outputs import shown, write
from project import BUILD, COMMAND, Failure

SUMMARY = "race all days, malloc and its peers on the same workloads"
DESCRIPTION = """\
Runs each workload on every day, on malloc and on each installed peer, in turn;
shows the standings and writes build/race/report.html (pictures and tables) and
build/race/race.json (every figure, with the machine)."""
EXAMPLES = f"""
  {COMMAND} race --quick                a first impression
  {COMMAND} race                        figures to rely on
  {COMMAND} race --days 1 2 --only burst cold
  {COMMAND} race --from docs/results/race.json --figure race.svg"""
SECONDS_FOR_A_RUN = 300  # then it is stuck, not slow


class Settings(NamedTuple):
    """How long to look: see Limits in common/workloads/measure.h."""
    repetitions: int
    seconds: float
    rounds: int
    stay: float


FULL = Settings(repetitions=3, seconds=0.8, rounds=11, stay=2.0)
QUICK = Settings(repetitions=1, seconds=0.3, rounds=5, stay=0.3)
SMOKE = Settings(repetitions=1, seconds=0.0, rounds=1, stay=0.0)


def add_arguments(parser):
    """Who runs what, how often, and where the outcome goes."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true",
                     help="once, and less of everything: a first impression")
    how.add_argument("--smoke", action="store_true",
                     help="only see that every row runs for every allocator")
    how.add_argument("--from", dest="source", metavar="FILE",
                     help="show these results; run nothing")
    parser.add_argument("--days", nargs="+", metavar="DAY", default=[],
                        help="these days only (default: all that are here)")
    parser.add_argument("--only", nargs="+", metavar="WORKLOAD", default=[],
                        help="these workloads or rows: burst, pair/4, …")
    parser.add_argument("--repetitions", type=options.positive, metavar="N",
                        help=f"how often each row runs (default: "
                        f"{FULL.repetitions})")
    parser.add_argument("--no-peers", action="store_true",
                        help="leave out mimalloc, jemalloc and tcmalloc")
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="where the report goes (default: build/race)")
    parser.add_argument("--figure", type=Path, metavar="FILE",
                        help="also write the picture of the race, as SVG")
    parser.add_argument("--results", type=Path, metavar="FILE",
                        help="also write the raw results there, as JSON")


def settings_of(args):
    """The settings that the arguments ask for."""
    chosen = SMOKE if args.smoke else QUICK if args.quick else FULL
    if args.repetitions:
        chosen = chosen._replace(repetitions=args.repetitions)
    return chosen


def build(days):
    """Builds the racing programs and returns their build tree."""
    project.ensure_setup("race")
    builds.configure("release")
    targets = [f"{day}_race" for day in days] + ["malloc_race"] + [
        f"{day}_{lookups.BENCH}" for day in lookups.days_of(days)]
    if not builds.compile_targets("release", targets):
        raise Failure("the build failed (above); mend it, then type: "
                      f"{COMMAND} race")
    return BUILD / "release"


def choose_rows(program, wanted):
    """The rows that are asked for, in the program's order."""
    done = subprocess.run([str(program), "--rows"], capture_output=True,
                          text=True, check=False)
    rows = done.stdout.split()
    if done.returncode != 0 or not rows:
        raise Failure(f"{program} does not run; type: {COMMAND} build")
    unknown = [name for name in wanted if not any(
        name in (row, row.split("/")[0]) for row in rows)]
    if unknown:
        names = dict.fromkeys(row.split("/")[0] for row in rows)
        raise Failure(f"there is no workload {unknown[0]!r}; type one of: "
                      + " ".join(names))
    return [row for row in rows if not wanted or row in wanted
            or row.split("/")[0] in wanted]


def run_once(contestant, row, settings, part=None):
    """Runs a row in a fresh process: its part of a run in the results.

    part 1 is the whole work, 16 a sixteenth of it; with None the program does
    as much as it can in the time it has.
    """
    argv = [str(contestant.program), f"--row={row}",
            f"--seconds={settings.seconds}", f"--rounds={settings.rounds}",
            f"--stay={settings.stay}", "--benchmark_format=json"]
    if part:
        argv.append("--scale=1" if part == 1 else f"--scale=1/{part}")
    environment = dict(os.environ)
    if contestant.library:
        environment["LD_PRELOAD"] = contestant.library
    try:
        done = subprocess.run(argv, env=environment, capture_output=True,
                              text=True, errors="replace", check=False,
                              stdin=subprocess.DEVNULL,
                              timeout=SECONDS_FOR_A_RUN)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {SECONDS_FOR_A_RUN} s"}
    except OSError as error:
        return {"error": f"does not start: {error.strerror}"}
    return read_run(contestant, done)


def read_run(contestant, done):
    """What a finished process has to say."""
    if done.returncode != 0:
        words = done.stderr.strip().split("\n")[-1][:200]
        how = (f"killed by signal {-done.returncode}" if done.returncode < 0
               else f"exit code {done.returncode}")
        return {"error": f"{how}: {words}" if words else how}
    try:
        output = json.loads(done.stdout)
        benchmark = output["benchmarks"][0]
    except (ValueError, KeyError, IndexError):
        return {"error": "its output is not Google Benchmark's JSON"}
    if not contestants.serves(contestant, output["context"]):
        return {"error": f"{contestant.library} did not take malloc's place"}
    return {"benchmark": benchmark}


def schedule(rows, field, repetitions):
    """Who runs what when: (row, repetition, contestant), …

    Each repetition begins with another contestant, so that nobody always
    runs in the same one's wake.
    """
    for row in rows:
        for repetition in range(repetitions):
            first = repetition % len(field)
            for contestant in field[first:] + field[:first]:
                yield row, repetition, contestant


def time_left(start, done, total):
    """About how long the rest takes, in words."""
    left = (time.monotonic() - start) / done * (total - done)
    return f"{left / 60:.0f} min left" if left >= 90 else f"{left:.0f} s left"


def part_of(outcome):
    """The part that a run did: 1 for all, 16 for a sixteenth; None: failed."""
    benchmark = outcome.get("benchmark", {})
    if not benchmark.get("served"):
        return None
    return 2 ** round(-math.log2(benchmark["scale"]))


class Parts:
    """Who does how much of a row: found in the first run, then kept."""

    def __init__(self, settings):
        self._whole = None if settings is SMOKE else 1
        self._found = {}

    def of(self, row, name):
        """What the allocator is told to do of the row."""
        if not standings.is_day(name):
            return self._whole
        return self._found.get((row, name))

    def note(self, row, name, outcome):
        """Keeps what a day could do."""
        if self._whole and standings.is_day(name) and part_of(outcome):
            self._found.setdefault((row, name), part_of(outcome))

    def to_compare(self, row):
        """The parts, other than the whole, that days do of the row."""
        return sorted({part for (of_row, _), part in self._found.items()
                       if of_row == row and part > 1})


def run_all(rows, field, settings, runs):
    """Fills runs; returns False if it was interrupted."""
    turns = list(schedule(rows, field, settings.repetitions))
    reference = next((one for one in field if one.name == standings.MALLOC),
                     None)
    parts = Parts(settings)

    def take(contestant, part):
        others = company.Company()
        outcome = run_once(contestant, row, settings, part)
        parts.note(row, contestant.name, outcome)
        runs.append({"row": row, "allocator": contestant.name,
                     "repetition": repetition, **outcome,
                     "others": others.processors()})

    status, start = progress.StatusLine(), time.monotonic()
    try:
        for done, (row, repetition, contestant) in enumerate(turns):
            left = time_left(start, done, len(turns)) if done else ""
            status.show(f"[{done + 1}/{len(turns)}] {row} {contestant.name}"
                        f"  {left}")
            take(contestant, parts.of(row, contestant.name))
            if reference and (done + 1) % len(field) == 0:
                for part in parts.to_compare(row):
                    take(reference, part)
    except KeyboardInterrupt:
        status.say(f"stopped after {done} of {len(turns)} runs; what is done "
                   "follows")
        return False
    finally:
        status.clear()
    return True


def race(args):
    """Builds and runs; returns (results, whether nothing interrupted it)."""
    days = project.existing_days(args.days)
    tree = build(days)
    field = contestants.find(days, tree, not args.no_peers)
    rows = choose_rows(field[-1].program, args.only)
    settings = settings_of(args)
    results = {
        "machine": contestants.describe_machine(tree, field),
        "settings": settings._asdict(),
        "allocators": [one.name for one in field],
        "rows": rows,
        "runs": [],
    }
    print(f"course: {len(rows)} rows, {len(field)} allocators ("
          + ", ".join(results["allocators"]) + ")", flush=True)
    finished = run_all(rows, field, settings, results["runs"])
    if finished and not args.only:
        results["lookups"] = lookups.run(
            lookups.days_of(days), tree, settings.repetitions,
            max(settings.seconds / 4, 0.001))
    return results, finished


def load(path):
    """Results that an earlier race wrote."""
    try:
        results = json.loads(Path(path).read_text(encoding="utf-8"))
        standings.Results(results)
    except OSError as error:
        raise Failure(f"cannot read {path} ({error.strerror}); type: "
                      f"{COMMAND} race, which writes build/race/race.json"
                      ) from None
    except (ValueError, KeyError, TypeError):
        raise Failure(f"{path} is not what {COMMAND} race writes; type: "
                      f"{COMMAND} race") from None
    return results


def publish(results, args):
    """Writes the report and whatever else was asked for."""
    known = standings.Results(results)
    raw = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    folder = args.out or BUILD / "race"
    written = [(folder / "report.html", report.page(known))]
    if not args.source:
        written.append((folder / "race.json", raw))
    if args.figure:
        written.append((args.figure, report.figure(known) + "\n"))
    if args.results:
        written.append((args.results, raw))
    for path, text in written:
        write(path, text)
    return [path for path, _ in written]


def smoke_summary(results):
    """Only whether every row ran: these figures mean nothing."""
    errors = standings.Results(results).errors()
    errors += [("look-ups", day, what)
               for day, what in lookups.errors(results.get("lookups", []))]
    for row, name, what in errors:
        print(f"course race: {name}, {row}: {what}")
    print(f"{len(results['runs'])} runs, {len(errors)} failed")


def check_targets(args):
    """Fails before the race, not after it, where nothing can be written."""
    for path in (args.figure, args.results):
        if path and path.is_dir():
            raise Failure(f"{path} is a folder; type a file's name after it")
        if path:
            project.make_folder(path.parent)
    if args.out:
        project.make_folder(args.out)


def run(args):
    """Races, shows the table, writes the report."""
    check_targets(args)
    if args.source:
        results, finished = load(args.source), True
    else:
        results, finished = race(args)
    if args.smoke:
        smoke_summary(results)
    elif results["runs"]:
        print("\n" + standings.table(standings.Results(results)) + "\n")
        if busy := company.words(results["runs"]):
            print(busy + "\n")
        for path in publish(results, args):
            print(f"written: {shown(path)}")
    if not finished:
        return 130
    return 1 if (standings.Results(results).errors()
                 or lookups.errors(results.get("lookups", []))) else 0
