"""course latency: how long single calls take, as a picture."""

import json
import re

import bench
import builds
import chart
import latency_picture
import project
from project import BUILD, COMMAND, Failure
from race import shown, write

SUMMARY = "measure how long single calls take, and draw it"
DESCRIPTION = """\
Runs a day's bench/latency_bench.cc for some seconds in each row, the pool and
malloc in turn, and draws the median of all calls, what one in a hundred and one
in a thousand exceeds, and the longest. The picture and the figures are written
to build/latency/."""
EXAMPLES = f"""
  {COMMAND} latency                  the newest day
  {COMMAND} latency 9 --write        and put both into docs/
  {COMMAND} latency 9 --from docs/results/day09-latency.json"""
NAME = "latency_bench"
SECONDS = 2  # of a row, at least
FIGURES = ("p50", "p99", "p999", "max")
WORDS = ("median", "1 in 100 exceeds", "1 in 1,000", "longest")


def add_arguments(parser):
    """Which day, and where the picture goes."""
    parser.add_argument("day", nargs="?", metavar="DAY",
                        help="9, 09 or day09 (default: the newest that can)")
    parser.add_argument("--write", action="store_true",
                        help="write into docs/figures/ and docs/results/")
    parser.add_argument("--from", dest="source", metavar="FILE",
                        help="measure nothing, draw what was written before")


def day_of(word):
    """The day that is meant."""
    able = [day for day in project.days()
            if (project.ROOT / day / "bench" / f"{NAME}.cc").exists()]
    if not able:
        raise Failure(f"no day has bench/{NAME}.cc yet")
    day = project.existing_day(word) if word else able[-1]
    if day not in able:
        raise Failure(f"{day} has no bench/{NAME}.cc; type one of: "
                      + " ".join(able))
    return day


def measure(day, folder):
    """Runs the benchmark; the JSON's path, None if that failed."""
    project.ensure_setup("build")
    builds.configure("release")
    if not builds.compile_targets("release", [f"{day}_{NAME}"]):
        return None
    source = project.ROOT / day / "bench" / f"{NAME}.cc"
    if not bench.run_one(day, source, folder,
                         [f"--benchmark_min_time={SECONDS}"]):
        return None
    return folder / f"{NAME}.json"


def load(path):
    """The rows by their name: (figures of who, ...) for pool and malloc."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        rows = {re.sub("/real_time$", "", row["name"]): row
                for row in json.loads(text)["benchmarks"]}
        clock = rows.pop("clock")
        return text, {
            "pool": {name: [row[f"pool_{which}"] for which in FIGURES]
                     for name, row in rows.items()},
            "malloc": {name: [row[f"malloc_{which}"] for which in FIGURES]
                       for name, row in rows.items()},
            "the clock alone": {"nothing": [clock[which]
                                            for which in FIGURES]}}
    except (OSError, ValueError, KeyError, TypeError):
        raise Failure(f"{path} is not what {COMMAND} latency writes; type: "
                      f"{COMMAND} latency") from None


def draw(figures):
    """The picture, as text."""
    categories = ["nothing", *figures["pool"]]
    series = [chart.Series(who, [figures[who].get(name)
                                 for name in categories], color)
              for who, color in (("pool", 0), ("malloc", 1),
                                 ("the clock alone", 2))]
    return latency_picture.draw(
        "How long a single call takes",
        "to allocate, free or reallocate, and to read the clock; most of the "
        "longest had to wait for a core",
        categories, series, WORDS, chart.TIME)


def print_table(figures):
    """What the picture shows, in figures."""
    for who, rows in figures.items():
        for name, values in rows.items():
            print(f"  {name:<10}{who:<16}" + "".join(
                f"{chart.write_time(value):>10}" for value in values))


def run(args):
    """Measures, or reads, and draws."""
    day = day_of(args.day)
    if args.source:
        path = args.source
    else:
        path = measure(day, project.make_folder(BUILD / "latency"))
    if path is None:
        print("nothing was measured")
        return 1
    text, figures = load(path)
    print_table(figures)
    picture = BUILD / "latency" / f"{day}-latency.svg"
    if args.write:
        picture = project.ROOT / "docs/figures" / f"{day}-latency.svg"
        result = project.ROOT / "docs/results" / f"{day}-latency.json"
        write(result, text)
        print(f"written: {shown(result)}")
    write(picture, draw(figures))
    print(f"written: {shown(picture)}")
    return 0
