"""course try --bench: a learner's code in the race, and in its picture.

Their code, the day's snapshot and malloc run in turn on every workload. The
picture is the race's own, one point for each day, with theirs among them.
"""

import json

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


def mean(results, name):
    """Time relative to malloc; None if nothing was measured."""
    return standings.geometric_mean(results.relative_times(name))


def picture(results, known, day, mine):
    """The race's picture, with a point for the learner's code."""
    points = []
    for name in known.names if known else [day, standings.MALLOC]:
        source = known or results
        points.append(Point(name, mean(source, name),
                            report.color_of(source, name)))
        if name == day:
            points.append(Point("yours", mean(results, mine), COLOR))
    return chart.ladder(
        "The race so far, and you",
        "time per operation relative to malloc; geometric mean; lower is "
        "better", points, RATIO, 1)


def measure(folder, field):
    """Runs every row, in turn; returns the results."""
    rows = race.choose_rows(field[-1].program, [])
    results = {
        "machine": contestants.describe_machine(project.BUILD / "release"),
        "settings": race.QUICK._asdict(),
        "allocators": [one.name for one in field], "rows": rows, "runs": []}
    print(f"course: {len(rows)} rows, with {folder.day} and malloc beside you",
          flush=True)
    finished = race.run_all(rows, field, race.QUICK, results["runs"])
    return results, finished


def line(results, name, words):
    """How an allocator did, in a line."""
    value = mean(results, name)
    return f"  {words:<12}" + (f"{value:6.2f} × malloc's time" if value
                               else "     – not measured")


def run(folder):
    """Builds, races, draws."""
    left = folder.open_topics()
    if left:
        raise Failure(f"{left[0]} is not written yet, and the race would end "
                      f"there; type: {COMMAND} try {int(folder.day[3:])} "
                      f"{folder.shown}")
    tree = race.build([folder.day])
    trial.configure(folder, "release")
    if not trial.compile_targets(folder, "release", [f"{folder.day}_race"]):
        print("it does not compile (above); nothing was measured")
        return 1
    mine = MINE.format(day=folder.day)
    theirs = contestants.find([folder.day], tree, False)
    field = [contestants.Contestant(
        mine, trial.tree_of(folder, "release") / f"{folder.day}_race"),
        *theirs]
    raw, finished = measure(folder, field)
    results = standings.Results(raw)
    print(line(results, mine, "yours"))
    print(line(results, folder.day, folder.day))
    known, source = known_race()
    where = folder.state / "race"
    race.write(where / "race.svg",
               picture(results, known, folder.day, mine) + "\n")
    race.write(where / "race.json", json.dumps(raw, indent=1) + "\n")
    race.write(where / "report.html", report.page(results))
    print(f"written: {where}/race.svg" + (
        f" (the other days from {source})" if source else "")
        + f"\n         {where}/report.html (every row)")
    for row, name, what in results.errors():
        print(f"! {name}, {row}: {what}")
    return 1 if results.errors() or not finished else 0
