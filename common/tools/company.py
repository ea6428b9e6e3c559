"""What other programs do while something is measured.

A race on a machine that also plays a film is a race between allocators and a
film. Linux counts the time that all processors were busy, and the time of our
own processes; the rest was others'.
"""

import resource
import time

MUCH = 0.25  # of one processor: from there on it is told


def _busy_seconds():
    """The time that all processors were at work; None where nobody counts."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            words = file.readline().split()
        # user nice system idle iowait irq softirq steal
        counts = [int(word) for word in words[1:9]]
    except (OSError, ValueError):
        return None
    if len(counts) < 8:
        return None
    return (sum(counts) - counts[3] - counts[4]) / 100  # of a second, for all


def _own_seconds():
    """The time of this process, and of its children that have ended."""
    return sum(used.ru_utime + used.ru_stime for used in map(
        resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


class Company:
    """A stopwatch for others' work: from its making on."""

    def __init__(self):
        self._start = time.monotonic(), _busy_seconds(), _own_seconds()

    def processors(self):
        """How many processors others kept busy since; None if unknown."""
        start, busy, own = self._start
        seconds, now = time.monotonic() - start, _busy_seconds()
        if busy is None or now is None or seconds < 0.1:
            return None  # so short a time is a tick or two
        others = (now - busy) - (_own_seconds() - own)
        return max(round(others / seconds, 2), 0.0)


def words(runs):
    """A line if others did much while these ran, else nothing."""
    known = [(run["others"], run) for run in runs
             if run.get("others") is not None]
    disturbed = [(others, run) for others, run in known if others >= MUCH]
    if not disturbed:
        return ""
    most, run = max(disturbed, key=lambda pair: pair[0])
    return (f"Other programs were at work in {len(disturbed)} of {len(known)} "
            f"runs\n({run['row']}, {run['allocator']}: {most:.1f} processors); "
            "race again when the machine is quiet.")
