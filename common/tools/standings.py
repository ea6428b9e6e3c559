"""What the race's runs say: medians, ratios to malloc, means, and the table.

The results are what race.py writes to race.json: {"machine": …, "allocators":
[name, …], "rows": [name, …], "runs": [{"allocator", "row", "repetition",
"benchmark" or "error"}, …]}, each benchmark as Google Benchmark printed it.
"""

import math
import statistics
import textwrap
from typing import NamedTuple

MALLOC = "malloc"
PROMISED = {8: 2.05, 16: 1.63, 32: 3.06, 64: 3.86, 128: 4.60, 256: 5.97,
            512: 6.48, 1024: 6.58, 2048: 7.37}
BURST_OPERATIONS = 16 * 10_000  # of a whole round
LEVEL = 0.05  # less apart than that is level
# Below that, what the threads' stacks hold is most of the memory.
LEAST_ASKED = 2 ** 20
WIDTH = 80


def is_day(name):
    """True for a day's folder name, false for malloc and peers."""
    return name.startswith("day")


class Line(NamedTuple):
    """One line of the tables: a row of the race, or a part of one."""
    name: str     # "burst/64", "cold free"
    row: str      # the row that it is measured in
    counter: str  # the counter that holds its nanoseconds


def lines_of(rows):
    """The lines of the tables; `cold` has two, each timed apart."""
    lines = []
    for row in rows:
        if row == "cold":
            lines += [Line("cold free", row, "free_ns"),
                      Line("cold malloc", row, "malloc_ns")]
        else:
            lines.append(Line(row, row, "ns_per_op"))
    return lines


class Results:
    """The runs of a race, by row and allocator."""

    def __init__(self, results):
        self.raw = results
        self.machine = results["machine"]
        self.names = results["allocators"]
        self.rows = results["rows"]
        self.lines = lines_of(self.rows)
        self.days = [name for name in self.names if is_day(name)]
        self.peers = [name for name in self.names
                      if not is_day(name) and name != MALLOC]
        self._runs = {}
        for run in results["runs"]:
            key = run["row"], run["allocator"]
            self._runs.setdefault(key, []).append(run)

    def newest(self):
        """The day that the promise is held against."""
        return self.days[-1] if self.days else None

    def _benchmarks(self, row, name):
        """The benchmarks of an allocator's runs that were served."""
        runs = self._runs.get((row, name), [])
        return [run["benchmark"] for run in runs
                if run.get("benchmark", {}).get("served")]

    def scale(self, row, name):
        """How much of the row the allocator did at most; None: nothing."""
        return max((one["scale"] for one in self._benchmarks(row, name)),
                   default=None)

    def served(self, row, name, beside=None):
        """The benchmarks of the runs at the allocator's own scale.

        With beside, at that allocator's scale: only what did the same work
        is compared.
        """
        scale = self.scale(row, beside or name)
        return [one for one in self._benchmarks(row, name)
                if one["scale"] == scale]

    def counter(self, row, name, counter, beside=None):
        """The median over the repetitions; None if nothing was measured."""
        values = [one[counter] for one in self.served(row, name, beside)
                  if counter in one]
        return statistics.median(values) if values else None

    def time(self, line, name, beside=None):
        """Nanoseconds per operation on a line."""
        return self.counter(line.row, name, line.counter, beside)

    def is_part(self, row, name):
        """Whether the allocator did only a part of the work."""
        return (self.scale(row, name) or 1) < 1

    def note(self, row, name):
        """What an allocator's runs of a row have to say, in a few words."""
        words = []
        for run in self._runs.get((row, name), []):
            text = run.get("error") or run.get("benchmark", {}).get("label")
            if run.get("benchmark", {}).get("served") and (
                    run["benchmark"]["scale"] != self.scale(row, name)):
                continue  # only there for others to be compared with
            # A repetition names the part again, without the reason for it.
            if text and not any(said.startswith(text) for said in words):
                words.append(text)
        return "; ".join(words)

    def errors(self):
        """The runs that failed, as (row, allocator, what happened)."""
        return [(run["row"], run["allocator"], run["error"])
                for run in self.raw["runs"] if run.get("error")]

    def best(self, line, names, beside=None):
        """The quickest of the names on a line and its time, or None."""
        times = [(self.time(line, name, beside), name) for name in names]
        times = [(time, name) for time, name in times if time]
        return min(times)[::-1] if times else None

    def memory(self, row, name, beside=None):
        """Bytes resident at the peak for each byte asked for, or None."""
        asked = self.counter(row, name, "asked_bytes", beside)
        peak = self.counter(row, name, "peak_bytes", beside)
        whole = max((self.counter(row, other, "asked_bytes") or 0
                     for other in self.names), default=0)
        if not asked or not peak or whole < LEAST_ASKED:
            return None
        return peak / asked

    def relative_times(self, name):
        """Time over malloc's, for each line that both have."""
        pairs = [(self.time(line, name), self.time(line, MALLOC, name))
                 for line in self.lines]
        return [mine / other for mine, other in pairs if mine and other]

    def relative_memory(self, name):
        """Peak memory over malloc's, for each row that both have."""
        pairs = [(self.memory(row, name), self.memory(row, MALLOC, name))
                 for row in self.rows]
        return [mine / other for mine, other in pairs if mine and other]


def geometric_mean(values):
    """The mean for ratios; None for no values."""
    values = list(values)
    if not values:
        return None
    return math.exp(sum(math.log(value) for value in values) / len(values))


def verdict(ratio):
    """What a ratio (the other's time over ours) means for us."""
    if ratio > 1 + LEVEL:
        return "wins"
    return "loses" if ratio < 1 / (1 + LEVEL) else "level"


class BurstRow(NamedTuple):
    """One of the nine promised rows; times in milliseconds a round."""
    size: int
    ours: float
    malloc: float
    ratio: float
    promised: float
    peer: str       # the best of malloc and the peers
    peer_ms: float
    peer_ratio: float
    is_part: bool   # of the work, scaled up


def promised_rows(results):
    """The nine rows, as far as they were measured."""
    rows, day = [], results.newest()
    for size, promised in PROMISED.items():
        line = Line(f"burst/{size}", f"burst/{size}", "ns_per_op")
        ours = results.time(line, day) if day else None
        malloc = results.time(line, MALLOC, day)
        # Of a part of the work only malloc has a figure.
        best = results.best(line, [MALLOC, *results.peers], day)
        if not ours or not malloc:
            continue
        milliseconds = BURST_OPERATIONS / 1e6
        rows.append(BurstRow(
            size, ours * milliseconds, malloc * milliseconds, malloc / ours,
            promised, best[0], best[1] * milliseconds, best[1] / ours,
            results.is_part(line.row, day)))
    return rows


def short(value):
    """A number in at most four characters: 9.7, 18, 231, 8.7k, 16k, 3.1M."""
    for limit, size, letter in ((999.5, 1, ""), (999.5e3, 1e3, "k"),
                                (999.5e6, 1e6, "M"), (999.5e9, 1e9, "G")):
        if value < limit:
            value /= size
            return f"{value:.{1 if value < 9.95 else 0}f}{letter}"
    return "lots"


def promise_table(results):
    """The nine promised rows, as lines of text."""
    rows, day = promised_rows(results), results.newest()
    if not rows:
        return []
    text = ["The promised table: 16 threads, 10,000 blocks each; milliseconds"
            " a round",
            f"{'size':>5}{day:>9}{'malloc':>9}{'ratio':>8}{'promised':>10}"
            f"  {'':6}{'best other':>15}{'ratio':>8}"]
    for row in rows:
        ours = ("~" if row.is_part else "") + short(row.ours)
        text.append(
            f"{row.size:>5}{ours:>9}{short(row.malloc):>9}"
            f"{row.ratio:>7.2f}×{row.promised:>9.2f}×  "
            f"{verdict(row.ratio):<6}{row.peer:>10}{short(row.peer_ms):>5}"
            f"{row.peer_ratio:>7.2f}×  {verdict(row.peer_ratio)}")
    count = len(rows)
    text.append(
        f"{'mean':>5}{'':18}{sum(row.ratio for row in rows) / count:>7.2f}×"
        f"{sum(row.promised for row in rows) / count:>9.2f}×  {'':21}"
        f"{sum(row.peer_ratio for row in rows) / count:>7.2f}×")
    return text


def means_table(results):
    """Geometric means over all rows, relative to malloc, as lines of text."""
    text = ["Geometric means, relative to malloc (less is better)",
            f"{'':>10}{'time':>9}{'peak memory':>14}"]
    for name in results.names:
        time = geometric_mean(results.relative_times(name))
        memory = geometric_mean(results.relative_memory(name))
        cells = [f"{cell:.2f}×" if cell else "–" for cell in (time, memory)]
        text.append(f"{name:>10}{cells[0]:>9}{cells[1]:>14}")
    return text


def cell(results, line, name):
    """A time in at most five characters."""
    time = results.time(line, name)
    if time is None:
        return "–"
    return ("~" if results.is_part(line.row, name) else "") + short(time)


def rows_table(results):
    """A line for each row with each day, as lines of text."""
    others = [MALLOC, *results.peers]
    while 12 + 6 * (len(results.days) + len(others)) > WIDTH - 1:
        others.pop()  # ten days leave no room for the peers
    names = [name for name in results.names if is_day(name)] + others
    head = "".join(f"{name[:5] if is_day(name) else name[:4]:>6}"
                   for name in names)
    text = ["Nanoseconds per operation (a block's life, a step of growth)",
            f"{'':12}{head}"]
    for line in results.lines:
        cells = "".join(f"{cell(results, line, name):>6}" for name in names)
        text.append(f"{line.name:<12}{cells}")
    return text


def notes(results):
    """What the marks in the tables mean, as far as they are there."""
    parts = [(row, name) for row in results.rows for name in results.names
             if results.is_part(row, name)]
    unserved = [(row, name, results.note(row, name)) for row in results.rows
                for name in results.names
                if results.note(row, name).startswith("cannot be served")]
    text = []
    if parts:
        names = ", ".join(dict.fromkeys(name for _, name in parts))
        text.append(f"~ on a part of the work; the report says which: {names}."
                    " Ratios and means compare it with malloc on the same part")
    text += [f"– {name}, {row}: {why}" for row, name, why in unserved]
    text += [f"! {name}, {row}: {what}" for row, name, what in
             results.errors()]
    return [wrapped for line in text for wrapped in
            textwrap.wrap(line, WIDTH - 1, subsequent_indent="  ")]


def table(results):
    """All of it, for a terminal of 80 columns."""
    parts = [promise_table(results), means_table(results),
             rows_table(results), notes(results)]
    return "\n\n".join("\n".join(part) for part in parts if part)
