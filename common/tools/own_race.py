"""course try --bench: a learner's code in the race, and in its picture.

Their code, the day's snapshot and malloc run in turn on every workload. The
picture is the race's own, one point for each day, with theirs among them. The
other days are from another run, and perhaps another machine: they are drawn
where they would stand if the day itself had done then as it did now.
"""

import json
import math
import statistics
import textwrap
from typing import NamedTuple

import chart
import contestants
import project
import race
import report
import standings
import trial
from chart import RATIO, Point
from project import COMMAND, Failure

# A day's name, so that it may do a part of the work, as days do.
MINE = "{day} (yours)"
COLOR = 5
KNOWN = ("build/race/race.json", "docs/results/race.json")


def known_race():
    """The newest race of all days: on this machine, or the committed one."""
    for name in KNOWN:
        path = project.ROOT / name
        if path.is_file():
            return standings.Results(race.load(path)), name
    return None, ""


class Duel(NamedTuple):
    """The learner's code and the snapshot, in one run, on the same lines."""
    mine: list   # time over malloc's, line by line
    theirs: list

    @property
    def ratio(self):
        """The learner's time over the snapshot's."""
        return (standings.geometric_mean(self.mine)
                / standings.geometric_mean(self.theirs))

    @property
    def each(self):
        """The same, line by line."""
        return [mine / theirs for mine, theirs in zip(self.mine, self.theirs)]

    def within_noise(self):
        """Whether the two may be equally fast, for all that the run shows.

        Each row was measured once, so how far the rows disagree is what we
        know of the noise: two standard errors of their mean.
        """
        logs = [math.log(ratio) for ratio in self.each]
        error = (statistics.stdev(logs) / math.sqrt(len(logs))
                 if len(logs) > 1 else 0)
        return abs(math.log(self.ratio)) <= max(
            2 * error, math.log(1 + standings.LEVEL))


def duel(results, day, mine):
    """What both were measured on; None if there is no such line."""
    pairs = []
    for line in results.lines:
        times = [(results.time(line, name),
                  results.time(line, standings.MALLOC, name))
                 for name in (mine, day)]
        if all(time and malloc for time, malloc in times):
            pairs.append([time / malloc for time, malloc in times])
    return Duel(*map(list, zip(*pairs))) if pairs else None


def mean(results, name):
    """Time relative to malloc; None if nothing was measured."""
    return standings.geometric_mean(results.relative_times(name))


def stretch(known, day, found):
    """What the figures of another run are multiplied by to stand in this."""
    before = mean(known, day) if known and found else None
    return standings.geometric_mean(found.theirs) / before if before else None


def picture(known, day, found):
    """The race's picture, with a point for the learner's code.

    The day, malloc and the learner's are this run's. All others are moved by
    one factor, so that the day meets itself: they keep their distances to it
    and to each other.
    """
    factor, points = stretch(known, day, found), []
    names = known.names if factor else [day, standings.MALLOC]
    for name in names:
        value = mean(known, name) if factor else 1.0
        if name == day:
            value = found and standings.geometric_mean(found.theirs)
        elif factor and name != standings.MALLOC:
            value = value and value * factor
        color = 0 if standings.is_day(name) else (
            report.color_of(known, name) if known else 1)
        points.append(Point(name, value, color))
        if name == day:
            points.append(Point(
                "yours", found and standings.geometric_mean(found.mine),
                COLOR))
    words = "time relative to malloc; geometric mean; lower is better"
    if factor:  # it must fit the picture's width
        words = ("time relative to malloc; lower is better; but for yours, "
                 f"{day} and malloc: another run's, times {factor:.2f}")
    return chart.ladder("The race so far, and you", words, points, RATIO, 1)


def measure(folder, field):
    """Runs every row, in turn; returns the results."""
    rows = race.choose_rows(field[-1].program, [])
    results = {
        "machine": contestants.describe_machine(project.BUILD / "release"),
        "settings": race.QUICK._asdict(),
        "allocators": [one.name for one in field], "rows": rows, "runs": []}
    print(f"course: {len(standings.lines_of(rows))} rows, with {folder.day} and malloc beside you",
          flush=True)
    finished = race.run_all(rows, field, race.QUICK, results["runs"])
    return results, finished


def summary(found, day):
    """How both did, in a few lines."""
    if not found:
        return "  not measured"
    rows = [(words, standings.geometric_mean(values)) for words, values in (
        ("yours", found.mine), (day, found.theirs))]
    lines = [f"  {words:<12}{value:6.2f} × malloc's time"
             for words, value in rows]
    said = (f"Geometric means over {len(found.mine)} rows, each measured once."
            f" Yours takes {found.ratio:.2f} × the time of {day}'s, row by row "
            f"from {min(found.each):.2f} × to {max(found.each):.2f} ×: "
            + (f"within noise of {day}." if found.within_noise() else
               "faster." if found.ratio < 1 else "slower."))
    return "\n".join([*lines, textwrap.fill(
        said, 79, initial_indent="  ", subsequent_indent="  ")])


def run(folder):
    """Builds, races, draws."""
    left = folder.open_topics()
    if left:
        raise Failure(f"{left[0]} is not written yet, and the race would end "
                      f"there; type: {COMMAND} try {folder.shown}")
    tree = race.build([folder.day])
    trial.configure(folder, "release")
    if not trial.compile_targets(folder, "release", [f"{folder.day}_race"]):
        print("it does not compile (above); nothing was measured")
        return 1
    mine = MINE.format(day=folder.day)
    theirs = contestants.find([folder.day], tree, False)
    # Behind the snapshot: the report's tables are about the last of the days.
    field = [theirs[0], contestants.Contestant(
        mine, trial.tree_of(folder, "release") / f"{folder.day}_race"),
        *theirs[1:]]
    raw, finished = measure(folder, field)
    results = standings.Results(raw)
    found = duel(results, folder.day, mine)
    print(summary(found, folder.day))
    known, source = known_race()
    where = folder.state / "race"
    race.write(where / "race.svg",
               picture(known, folder.day, found) + "\n")
    race.write(where / "race.json", json.dumps(raw, indent=1) + "\n")
    race.write(where / "report.html", report.page(results))
    print(f"written: {where}/race.svg" + (
        f"\n         (the others from {source}, times "
        f"{stretch(known, folder.day, found):.2f})"
        if stretch(known, folder.day, found) else "")
        + f"\n         {where}/report.html (every row)")
    for row, name, what in results.errors():
        print(f"! {name}, {row}: {what}")
    return 1 if results.errors() or not finished else 0
