"""The race's second discipline: which span does a page belong to?

Each day whose page map is its own (a hash table under a lock, a tree that is
read without one) looks up random live pages, with 1 to 16 threads at once.
"""

import json
import re
import statistics
import subprocess

import project

BENCH = "page_map_bench"
HEADER = "include/pool/page_map.h"
PAGES = 2 ** 17  # live ones: a gigabyte
ROW = re.compile(rf"lookup/pages:{PAGES}/real_time/threads:(\d+)$")
SECONDS_FOR_A_RUN = 120


def days_of(days, root=None):
    """Those of the days whose page map differs from the day before."""
    root = root or project.ROOT

    def header(day):
        path = root / day / HEADER
        return path.read_bytes() if path.exists() else None

    return [day for day in days
            if (root / day / "bench" / f"{BENCH}.cc").exists()
            and header(day) != header(project.day_before(day) or "")]


def _run_once(program, seconds):
    """One run: {threads: nanoseconds}, or what went wrong as text."""
    argv = [str(program), f"--benchmark_filter=^lookup/pages:{PAGES}/",
            f"--benchmark_min_time={seconds}", "--benchmark_format=json"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL,
                              timeout=SECONDS_FOR_A_RUN)
        found = {}
        for row in json.loads(done.stdout)["benchmarks"]:
            match = ROW.match(row["name"])
            if match and not row.get("error_occurred"):
                found[int(match.group(1))] = row["real_time"]
    except subprocess.TimeoutExpired:
        return f"not done after {SECONDS_FOR_A_RUN} s"
    except (OSError, ValueError, KeyError):
        return "its output is not Google Benchmark's JSON"
    return found or "has no such rows"


def run(days, tree, repetitions, seconds):
    """Runs the days in turn: a list of {"day", "threads", "ns"} or errors."""
    runs = []
    for _ in range(repetitions):
        for day in days:
            found = _run_once(tree / day / f"{day}_{BENCH}", seconds)
            if isinstance(found, str):
                runs.append({"day": day, "error": found})
                continue
            runs += [{"day": day, "threads": threads, "ns": nanoseconds}
                     for threads, nanoseconds in found.items()]
    return runs


def errors(runs):
    """What went wrong: (day, words), …"""
    return [(run["day"], run["error"]) for run in runs if "error" in run]


def medians(runs):
    """{day: {threads: nanoseconds}}, days in the order of their runs."""
    found = {}
    for run in runs:
        if "ns" in run:
            found.setdefault(run["day"], {}).setdefault(
                run["threads"], []).append(run["ns"])
    return {day: {threads: statistics.median(times)
                  for threads, times in sorted(rows.items())}
            for day, rows in found.items()}
