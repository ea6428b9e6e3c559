"""course instructions: what a pair of calls costs, in instructions."""

import concurrent.futures
import json
import re
import shutil
import subprocess
from typing import NamedTuple

import builds
import contestants
import project
from project import COMMAND, Failure

SUMMARY = "count the instructions of an allocation and its free"
DESCRIPTION = """\
Counts, with valgrind's callgrind, the instructions that one block of 64 bytes
takes, from its allocation to its free, in a loop of nothing else: by each day's
façade, and by malloc and free where the day has them. Unlike a time, a count
repeats. It is compared with the newest one in docs/results/instructions.json
that the same compiler and C library gave; exit code 1 if one is more than 2 %
higher."""
EXAMPLES = """
  common/course instructions            all days from the second on
  common/course instructions 7 8        two days
  common/course instructions --write    all, and add them to the history
"""
HISTORY = "docs/results/instructions.json"
# On the first day it is the kernel that works, which callgrind does not see.
FIRST = "day02"
SHORT, LONG = 20_000, 120_000  # pairs in a run
BOUND = 1.02  # a count may be so many times the one before
# What must be the same where two counts are compared.
SETTING = ("compiler", "C library", "architecture")
COLLECTED = re.compile(r"Collected : (\d+)")


class Way(NamedTuple):
    """Whose pair is counted: the name in the history, and the program."""
    name: str      # "day08", "day08 malloc", "malloc"
    day: str
    target: str
    call: str      # "facade" or "malloc"


def add_arguments(parser):
    """Which days, and whether to keep what was counted."""
    parser.add_argument("days", nargs="*", default=[], metavar="DAY",
                        help="1, 01 or day01 (default: all that can be "
                        "counted)")
    parser.add_argument("--write", action="store_true",
                        help=f"add the counts to {HISTORY}")


def ways(days, root=None):
    """What is counted for these days; the C library's malloc comes last."""
    found = []
    for day in days:
        found.append(Way(day, day, f"{day}_pair_count", "facade"))
        if ((root or project.ROOT) / day / "src/malloc.cc").exists():
            found.append(Way(f"{day} malloc", day, f"{day}_malloc_pair_count",
                             "malloc"))
    return found + [Way("malloc", days[-1], f"{days[-1]}_pair_count",
                        "malloc")]


def _collected(way, pairs):
    """The instructions of a whole run."""
    program = project.BUILD / "release" / way.day / way.target
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         str(program), way.call, str(pairs)], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, errors="replace", check=False)
    found = COLLECTED.search(done.stderr)
    if done.returncode != 0 or not found:
        words = done.stderr.strip().splitlines() or ["no reason given"]
        raise Failure(f"valgrind could not count {way.target}: {words[-1]}; "
                      f"type: valgrind --tool=callgrind {program} {way.call} "
                      "1000")
    return int(found.group(1))


def count(way):
    """The instructions of one pair. The start of the program falls out."""
    more = _collected(way, LONG) - _collected(way, SHORT)
    return round(more / (LONG - SHORT), 1)


def read_history(path):
    """The entries, the oldest first."""
    if not path.is_file():
        return []
    try:
        return json.loads(path.read_text(encoding="utf-8"))["history"]
    except (ValueError, KeyError, TypeError):
        raise Failure(f"{path} is not what this command writes; type: "
                      f"git checkout {HISTORY}") from None


def before(history, machine):
    """The newest entry that can be compared, or None."""
    for entry in reversed(history):
        if all(entry["machine"].get(key) == machine.get(key)
               for key in SETTING):
            return entry
    return None


def compare(counts, entry):
    """Prints each count beside the one before; the names that rose."""
    known = entry["instructions"] if entry else {}
    rose = []
    print("instructions of a pair: 64 bytes, allocated and freed")
    for name, now in counts.items():
        then = known.get(name)
        words = ""
        if then is not None:
            words = f"  before {then:8.1f}"
            if name != "malloc" and now > then * BOUND:
                rose.append(name)
                words += f"  MORE by {(now / then - 1) * 100:.1f} %"
        print(f"  {name:<14}{now:8.1f}{words}")
    return rose


def write(path, history, machine, counts):
    """Adds an entry, unless nothing has changed since the last one."""
    if history and history[-1]["instructions"] == counts and before(
            history[-1:], machine):
        print(f"nothing has changed: {HISTORY} stays as it is")
        return
    project.make_folder(path.parent)
    entries = [*history, {"machine": machine, "instructions": counts}]
    about = "instructions of a pair: 64 bytes allocated and freed, in a loop"
    path.write_text(json.dumps({"what": about, "history": entries}, indent=1,
                               ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written: {HISTORY} ({len(entries)} entries)")


def _measure(days):
    """Builds the programs and counts; None where they cannot be built."""
    project.ensure_setup("build", "check")
    if not shutil.which("valgrind"):
        raise Failure("valgrind is missing; as root, type: "
                      "apt-get install valgrind")
    chosen = ways(days)
    builds.configure("release")
    targets = dict.fromkeys(way.target for way in chosen)
    if not builds.compile_targets("release", list(targets)):
        return None
    with concurrent.futures.ThreadPoolExecutor(project.jobs()) as pool:
        counts = pool.map(count, chosen)
        return dict(zip((way.name for way in chosen), counts))


def run(args):
    """Counts, compares, and keeps the counts where that is asked for."""
    if args.days and args.write:
        raise Failure("the history is of all days; type: "
                      f"{COMMAND} instructions --write")
    days = [day for day in project.existing_days(args.days) if day >= FIRST]
    if not days:
        raise Failure(f"counting begins with {FIRST}; type: {COMMAND} "
                      "instructions")
    path = project.ROOT / HISTORY
    history = read_history(path)
    counts = _measure(days)
    if counts is None:
        print("the build failed; nothing was counted")
        return 1
    machine = contestants.describe_machine(project.BUILD / "release")
    entry = before(history, machine)
    rose = compare(counts, entry)
    if args.write:
        write(path, history, machine, counts)
    elif not entry:
        print(f"nothing in {HISTORY} to compare with: none of its entries has "
              + ", ".join(machine.get(key) or "?" for key in SETTING))
    if rose:
        print(f"more than {BOUND - 1:.0%} above the count before: "
              + ", ".join(rose) + f"; if that must be: {COMMAND} instructions "
              "--write")
    return 1 if rose and not args.write else 0
