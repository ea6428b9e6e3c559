"""course steps: what each step of tuning brings, by itself."""

import json
import re
import statistics
import subprocess
from pathlib import Path
from typing import NamedTuple

import bank
import builds
import contestants
import instructions
import project
import race
from mutant_runner import LINKS
from progress import StatusLine
from project import COMMAND, Failure

SUMMARY = "measure each step of tuning by itself"
DESCRIPTION = """\
Takes one step of tuning back, or tries another value for a number, in a copy
of the newest day; builds it; runs the rows of the race that the step is for, in
turn with the day as it is; and counts the instructions of a pair. The ratio
says what the step brings: 1.30 means that without it, the row takes 1.30 times
as long. A step is a file common/steps/NAME.step:

  step: What the day does, and why.
  rows: burst/64 mixed/1
  without: What is done instead.
  --- a/src/…                   (a diff that does it, relative to the day)

or, in place of the diff, other values of one number in tuning.h:

  values: kMagazineBytes = 16 * 1024 | 256 * 1024"""
EXAMPLES = f"""
  {COMMAND} steps                         all of them (half an hour)
  {COMMAND} steps depot --repetitions 9   one, with more runs
  {COMMAND} steps --list                  what there is
  {COMMAND} steps --write                 all, the figures into docs/
"""
FOLDER = "common/steps"
FIELDS = ("step", "rows", "without", "values")
TUNING = "include/pool/tuning.h"


class Variant(NamedTuple):
    """The day, a little different."""
    step: str
    label: str     # what is different, in words
    patch: Path    # a diff; or None, and
    number: str    # a number of tuning.h
    value: str     # with this value instead


class Step(NamedTuple):
    """A step, and the variants that it is compared with."""
    name: str
    what: str
    rows: list
    variants: list


def add_arguments(parser):
    """Which steps, how often, and where the figures go."""
    parser.add_argument("names", nargs="*", default=[], metavar="STEP",
                        help="steps by name (default: all)")
    parser.add_argument("--list", action="store_true",
                        help="only list them, with what each does")
    parser.add_argument("--repetitions", type=int, default=5, metavar="N",
                        help="how often each row runs (default: 5)")
    parser.add_argument("--write", action="store_true",
                        help="write the figures into docs/results/")


def parse(path):
    """A step from its file."""
    fields = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("--- "):
            break
        match = re.match(r"(\w+): +(.*\S)\s*$", line)
        if not match or match.group(1) not in FIELDS:
            raise Failure(f"{FOLDER}/{path.name}: {line[:40]!r} is none of "
                          + " ".join(f"{field}:" for field in FIELDS))
        fields[match.group(1)] = match.group(2)
    if not {"step", "rows"} <= set(fields) or (
            "without" in fields) == ("values" in fields):
        raise Failure(f"{FOLDER}/{path.name}: needs step:, rows:, and either "
                      "without: with a diff, or values:")
    if "without" in fields:
        variants = [Variant(path.stem, fields["without"], path, "", "")]
    else:
        number, values = fields["values"].split(" = ", 1)
        variants = [Variant(path.stem, f"{number} = {value.strip()}", None,
                            number, value.strip())
                    for value in values.split("|")]
    return Step(path.stem, fields["step"], fields["rows"].split(), variants)


def choose(names, folder=None):
    """The steps that are named, or all."""
    folder = folder or project.ROOT / FOLDER
    found = {path.stem: path for path in sorted(folder.glob("*.step"))}
    for name in names:
        if name not in found:
            raise Failure(f"there is no step {name!r}; type: {COMMAND} steps "
                          "--list")
    return [parse(path) for name, path in found.items()
            if not names or name in names]


def set_value(text, number, value):
    """tuning.h with another value for a number."""
    pattern = rf"(\b{number}(?:\[\])? =)[^;]*;"
    changed, count = re.subn(pattern, lambda m: f"{m.group(1)} {value};", text)
    if count != 1:
        raise Failure(f"{TUNING} has no {number} = …; mend the step")
    return changed


class Copy:
    """A copy of the project with one day in it, which is changed and built."""

    def __init__(self, day):
        self.day = day
        self.root = project.BUILD / "steps"
        self.home = self.root / day

    def prepare(self):
        """The day as it is; what did not change is not built anew."""
        project.make_folder(self.home)
        for name in LINKS:
            if not (self.root / name).is_symlink():
                (self.root / name).symlink_to(project.ROOT / name)
        bank.copy_changed(project.ROOT / self.day, self.home)
        builds.configure("release", self.root, [
            f"-DCOURSE_DAYS={self.day}", "--compile-no-warning-as-error"])

    def change(self, variant):
        """Makes the day the variant."""
        bank.copy_changed(project.ROOT / self.day, self.home)
        if variant.patch:
            done = subprocess.run(
                ["patch", "-p1", "--no-backup-if-mismatch", "-s", "-i",
                 str(variant.patch)], cwd=self.home, capture_output=True,
                text=True, check=False, stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                raise Failure(f"{FOLDER}/{variant.patch.name} does not apply: "
                              + done.stdout.strip().split("\n")[-1])
        else:
            path = self.home / TUNING
            path.write_text(set_value(path.read_text(), variant.number,
                                      variant.value))

    def build(self):
        """Its programs, or a failure."""
        targets = [f"{self.day}_race", f"{self.day}_pair_count"]
        if not builds.compile_targets("release", targets, self.root):
            raise Failure("the variant does not build (above)")
        return self.root / "build/release" / self.day


def measure_rows(rows, field, repetitions, tell):
    """{row: {name: figures}}: medians of runs that take turns."""
    figures = {}
    for row in rows:
        runs = {one.name: [] for one in field}
        for repetition in range(repetitions):
            tell(f"{row}, run {repetition + 1} of {repetitions}")
            for one in field[repetition % 2:] + field[:repetition % 2]:
                outcome = race.run_once(one, row, race.FULL)
                if "error" in outcome:
                    raise Failure(f"{row} of {one.name}: {outcome['error']}")
                runs[one.name].append(outcome["benchmark"])
        ratios = [b["ns_per_op"] / a["ns_per_op"] for a, b in zip(
            *(runs[one.name] for one in field))]
        figures[row] = {"time": round(statistics.median(ratios), 3)}
        peaks = [statistics.median(run["peak_bytes"] for run in runs[one.name])
                 for one in field]
        figures[row]["peak_mib"] = [round(peak / 2**20, 2) for peak in peaks]
        figures[row]["ns_per_op"] = {
            name: [round(run["ns_per_op"], 3) for run in of_one]
            for name, of_one in runs.items()}
    return figures


def count(program):
    """Instructions of a pair."""
    way = instructions.Way("", "", str(program), "facade")
    return instructions.count(way)


def run_step(step, copy, plain, repetitions, status):
    """Measures one step; returns its entry in the results."""
    entry = {"step": step.what, "rows": step.rows, "variants": []}
    for variant in step.variants:
        status.show(f"{step.name}: building: {variant.label}")
        copy.change(variant)
        folder = copy.build()
        field = [contestants.Contestant("as it is", plain / plain_race(copy)),
                 contestants.Contestant("variant", folder / plain_race(copy))]
        figures = measure_rows(step.rows, field, repetitions,
                               lambda words: status.show(
                                   f"{step.name}: {words}"))
        entry["variants"].append({
            "variant": variant.label,
            "instructions": count(folder / f"{copy.day}_pair_count"),
            "rows": figures})
        status.clear()
        show(step, variant, entry["variants"][-1])
    return entry


def plain_race(copy):
    """The racing program's name."""
    return f"{copy.day}_race"


def show(step, variant, outcome):
    """A line for each row."""
    print(f"{step.name}: {variant.label}: "
          f"{outcome['instructions']:.0f} instructions")
    for row, found in outcome["rows"].items():
        plain, other = found["peak_mib"]
        print(f"    {row:<14}{found['time']:6.2f}×   peak {plain:8.1f} MiB "
              f"→ {other:8.1f}", flush=True)


def run(args):
    """Lists, or measures."""
    steps = choose(args.names)
    if args.repetitions < 1:
        raise Failure("--repetitions needs 1 or more; type: --repetitions 5")
    if args.list:
        for step in steps:
            print(f"{step.name}: {step.what}")
            for variant in step.variants:
                print(f"      or else: {variant.label}")
        return 0
    day = project.days()[-1]
    if not (project.ROOT / day / TUNING).exists():
        raise Failure(f"{day} has no {TUNING}: there is nothing to tune yet")
    project.ensure_setup("build", "check")
    builds.configure("release")
    if not builds.compile_targets("release", [f"{day}_race",
                                              f"{day}_pair_count"]):
        raise Failure(f"the build failed (above); type: {COMMAND} build")
    plain = project.BUILD / "release" / day
    copy, status = Copy(day), StatusLine()
    copy.prepare()
    results = {
        "context": contestants.describe_machine(project.BUILD / "release"),
        "what": "ratio of time and peak memory, of the variant to the day as "
                "it is; medians of ratios of neighbouring runs",
        "instructions": count(plain / f"{day}_pair_count"), "steps": {}}
    for step in steps:
        results["steps"][step.name] = run_step(step, copy, plain,
                                               args.repetitions, status)
    path = (project.ROOT / "docs/results" if args.write
            else project.BUILD / "steps") / f"{day}-steps.json"
    if args.write and args.names and path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))["steps"]
        results["steps"] = {**known, **results["steps"]}
    race.write(path, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(f"\nwritten: {race.shown(path)}")
    return 0
