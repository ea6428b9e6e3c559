"""course bench: runs a day's own benchmarks."""

import json
import subprocess
from pathlib import Path

import builds
import contestants
import project
from project import Failure

SUMMARY = "run a day's own benchmarks"
DESCRIPTION = """\
Builds a day with optimisation and runs its own benchmarks (dayNN/bench/). The
results also go to build/bench/dayNN/: JSON with the machine's description, or
a C program's table."""
EXAMPLES = """
  common/course bench 1                     all benchmarks of a day
  common/course bench 1 fixed_pool_bench    one of them
  common/course bench 1 --smoke             only see that each runs
"""
SMOKE_SECONDS = 120
SMOKE_OPTIONS = ("--benchmark_min_time=0.001",)


def add_arguments(parser):
    """Which day, which of its benchmarks."""
    parser.add_argument("day", metavar="DAY", help="1, 01 or day01")
    parser.add_argument("names", nargs="*", default=[], metavar="NAME",
                        help="a file of dayNN/bench, without its ending")
    parser.add_argument("--smoke", action="store_true",
                        help="as short as can be: does it run?")


def chosen(day, names):
    """The sources to run: those named, or all."""
    present = {path.stem: path for path in sorted(
        (project.ROOT / day / "bench").glob("*.c*"))}
    for name in names:
        if name not in present:
            raise Failure(f"{day} has no benchmark {name!r}; type one of: "
                          + " ".join(present))
    if not present:
        raise Failure(f"{day} has no benchmarks in {day}/bench")
    return [present[name] for name in names or present]


def command(day, source, folder, options):
    """The program and its arguments."""
    program = str(builds.executable("release", day, source.stem))
    if source.suffix == ".c":
        return [program]
    return [program, f"--benchmark_out={folder / source.stem}.json",
            "--benchmark_out_format=json", *options]


def describe(path, machine):
    """Puts the machine into a benchmark's JSON; takes out who and where."""
    output = json.loads(path.read_text(encoding="utf-8"))
    context = output["context"]
    context.pop("host_name", None)
    if "executable" in context:
        context["executable"] = Path(context["executable"]).name
    context["machine"] = machine
    path.write_text(json.dumps(output, indent=1, ensure_ascii=False) + "\n",
                    encoding="utf-8")


def run_one(day, source, folder, options=(), smoke=False):
    """Runs a benchmark that is built; True if it ended well."""
    argv = command(day, source, folder, options)
    quiet = subprocess.PIPE if smoke or source.suffix == ".c" else None
    print(f"{day}: {source.stem}", flush=True)
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=quiet,
            stderr=subprocess.STDOUT if smoke else None, text=True,
            timeout=SMOKE_SECONDS if smoke else None, check=False)
    except subprocess.TimeoutExpired:
        print(f"  still running after {SMOKE_SECONDS} s: stopped")
        return False
    if source.suffix == ".c" and done.returncode == 0:
        (folder / f"{source.stem}.txt").write_text(done.stdout)
    elif done.returncode == 0:
        describe(folder / f"{source.stem}.json",
                 contestants.describe_machine(project.BUILD / "release"))
    if quiet and (not smoke or done.returncode != 0):
        print(done.stdout, end="")
    if done.returncode != 0:
        print(f"  failed with exit code {done.returncode}")
    return done.returncode == 0


def run(args):
    """Builds the benchmarks, runs them in turn."""
    day = project.existing_day(args.day)
    sources = chosen(day, args.names)
    project.ensure_setup("build")
    folder = project.make_folder(project.BUILD / "bench" / day)
    builds.configure("release")
    targets = [f"{day}_{source.stem}" for source in sources]
    if not builds.compile_targets("release", targets):
        print("the build failed; nothing was measured")
        return 1
    options = SMOKE_OPTIONS if args.smoke else ()
    failed = [source.stem for source in sources
              if not run_one(day, source, folder, options, args.smoke)]
    if failed:
        print(f"failed: {' '.join(failed)}")
        return 1
    print(f"{len(sources)} benchmarks ran; results in build/bench/{day}")
    return 0
