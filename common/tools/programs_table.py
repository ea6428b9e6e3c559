"""What the runs of real programs come to: medians, ratios, the table."""

import json
import statistics
import textwrap

import project
from standings import geometric_mean, short

ENOUGH = 100_000  # allocations: below, a program does not count
SLOW = 1.05       # as a multiple of glibc's time


class Results:
    """Results as `course programs` writes them, looked at."""

    def __init__(self, raw):
        self.raw = raw
        self.machine = raw["machine"]
        self.names = raw["allocators"]
        self.glibc, self.ours = self.names[:2]
        self.programs = raw["programs"]
        self._found = {}
        for run in raw["runs"]:
            if "error" not in run:
                self._found.setdefault((run["program"], run["allocator"]),
                                       []).append(run)

    def median(self, program, name, what):
        """The median of "seconds" or "peak_bytes"; None if there is none."""
        found = [run[what] for run in self._found.get((program, name), [])]
        return statistics.median(found) if found else None

    def ratio(self, program, name, what):
        """The median as a multiple of glibc's."""
        value = self.median(program, name, what)
        glibc = self.median(program, self.glibc, what)
        return value / glibc if value is not None and glibc else None

    def mean(self, name, what):
        """The geometric mean of the ratios of the programs that count."""
        ratios = [self.ratio(program["name"], name, what)
                  for program in self.programs if counts(program)]
        return geometric_mean([ratio for ratio in ratios if ratio])

    def slow(self):
        """The programs that we slow down: (name, wall, processor time)."""
        found = [(name, *(self.ratio(name, self.ours, what)
                          for what in ("seconds", "cpu_seconds")))
                 for name in (program["name"] for program in self.programs)]
        return [(name, wall, cpu) for name, wall, cpu in found
                if wall and wall > SLOW]

    def errors(self):
        """What went wrong with an allocator: (program, name, words), …"""
        found = [(program["name"], self.ours, error)
                 for program in self.programs for error in program["errors"]]
        found += [(run["program"], run["allocator"], run["error"])
                  for run in self.raw["runs"] if "error" in run]
        return list(dict.fromkeys(found))


def counts(program):
    """True if enough allocations went through us."""
    return program["allocations"] >= ENOUGH and not program["errors"]


def counted(programs):
    """The last word of a run: how many count."""
    number = sum(map(counts, programs))
    return (f"{len(programs)} programs, {number} count ({ENOUGH:,} allocations"
            " or more, nothing wrong)")


def line_of(program):
    """A finished program's line."""
    if program["errors"]:
        return "\n".join(textwrap.wrap(
            f"{program['name']}: " + "; ".join(program["errors"]), 79,
            initial_indent="FAILED  ", subsequent_indent=" " * 8,
            break_long_words=False))
    enough = program["allocations"] >= ENOUGH
    return (f"{'ok' if enough else 'few':<8}{program['name']:<20}"
            f"{program['allocations']:>12,} allocations"
            + ("" if enough else ": does not count"))


def _cell(value, name):
    return f"{'–' if value is None else f'{value:.2f}':>{_width(name)}}"


def _width(name):
    return max(9, len(name) + 1)


def _rows(results, what, unit):
    """The lines of a table: a program, glibc's figure, everybody's ratio."""
    for program in results.programs:
        name = program["name"]
        glibc = results.median(name, results.glibc, what)
        yield (f"{name:<20}{short(program['allocations']):>6}"
               + _cell(glibc and glibc / unit, "glibc MiB")
               + "".join(_cell(results.ratio(name, other, what), other)
                         for other in results.names[1:]))
    yield (f"{'geometric mean':<36}"
           + "".join(_cell(results.mean(other, what), other)
                     for other in results.names[1:]))


def text(results):
    """The tables, for a terminal of 80 columns."""
    lines = []
    for title, what, unit, head in (
            ("Wall time", "seconds", 1, "glibc s"),
            ("Peak memory of the largest process", "peak_bytes", 2**20,
             "glibc MiB")):
        lines += [f"{title}; for all but glibc: how many times glibc's", "",
                  f"{'program':<20}{'calls':>6}{head:>10}"
                  + "".join(f"{name:>{_width(name)}}"
                            for name in results.names[1:]),
                  *_rows(results, what, unit), ""]
    lines.append(f"more than 5 % slower with {results.ours}: "
                 + ("" if results.slow() else "none"))
    lines += [f"  {name}: {wall:.2f} (processor time: {cpu:.2f})"
              for name, wall, cpu in results.slow()]
    lines += [line for program, name, words in results.errors()
              for line in textwrap.wrap(f"{name}, {program}: {words}", 79,
                                        initial_indent="! ",
                                        subsequent_indent="  ")]
    return "\n".join(lines)


def newest(root=None):
    """The newest results here: this machine's own, else those in docs/."""
    root = root or project.ROOT
    paths = [root / "build" / "programs" / "programs.json",
             *sorted((root / "docs" / "results").glob("day*-programs.json"),
                     reverse=True)]
    for path in paths:
        try:
            return Results(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError):
            continue
    return None
