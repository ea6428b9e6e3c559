"""course fuzz: lets libFuzzer look for calls that break a day."""

import re
import subprocess

import builds
import options
import project

SUMMARY = "let libFuzzer look for calls that break a day"
DESCRIPTION = """\
Builds the façade's fuzz targets (common/fuzz/: in C++, and in C where the day
speaks it) with Clang, its address and undefined-behaviour sanitizers and
libFuzzer, and runs each for its part of the time, from the inputs in
common/fuzz/corpus. What they learn stays in build/fuzz/corpus-dayNN. An input
that breaks the day is kept beside it, with the command that plays it again."""
EXAMPLES = """
  common/course fuzz                 the newest day, for a minute
  common/course fuzz 7 --seconds 600
"""
CORPUS = "common/fuzz/corpus"
UNSIZED = re.compile(r"^void Deallocate\(void\* [a-z]+\) noexcept;", re.M)


def add_arguments(parser):
    """Which day, how long."""
    parser.add_argument("day", nargs="?", metavar="DAY",
                        help="1, 01 or day01 (default: the newest)")
    parser.add_argument("--seconds", type=options.positive, default=60,
                        metavar="N", help="how long to look (default: 60)")


def choose(text):
    """The day that is meant."""
    return options.day_declaring(UNSIZED, text, "fuzz",
                                 "a block goes back without its size")


def run(args):
    """Builds the target and runs it; 1 if it found something."""
    day = choose(args.day)
    names = targets(day)
    project.ensure_setup(*builds.groups_for("fuzz"))
    builds.configure("fuzz")
    if not builds.compile_targets("fuzz", [f"{day}_{name}" for name in names]):
        print("the build failed; nothing was tried")
        return 1
    each = max(args.seconds // len(names), 1)
    return max([look(day, name, each) for name in names])


def targets(day):
    """The day's fuzz targets, as common/cmake sees them."""
    in_c = project.ROOT / day / "include/pool/pool_c.h"
    return ["facade_fuzz"] + (["pool_c_fuzz"] if in_c.exists() else [])


def look(day, name, seconds):
    """Runs one target; 1 if it found something."""
    tree = project.BUILD / "fuzz"
    learnt = project.make_folder(tree / f"corpus-{day}")
    done = subprocess.run(
        [str(builds.executable("fuzz", day, name)), str(learnt),
         str(project.ROOT / CORPUS), f"-max_total_time={seconds}",
         "-timeout=25", "-rss_limit_mb=0", "-print_final_stats=1",
         f"-artifact_prefix={tree}/{day}-"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode != 0:
        print(done.stdout)
        print(f"{day} {name}: broken; the input is in build/fuzz (Test unit, "
              "above)")
        return 1
    found = re.search(r"number_of_executed_units:\s*(\d+)", done.stdout)
    print(f"{day} {name}: {int(found.group(1)) if found else 0:,} inputs in "
          f"{seconds} s, nothing found")
    return 0 if found else 1
