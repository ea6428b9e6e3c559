"""A learner's own folder of a day: what is kept in it, and nowhere else.

DIR/.course/start.json says which day it is and what is to write; progress.json
holds what the last `course try` saw; build/ what it built.
"""

import json
import time
from pathlib import Path

import day_tests
import outputs
import project
import starter
from project import COMMAND, Failure

START, PROGRESS = "start.json", "progress.json"


def today():
    """The time now, as it is kept: 2026-11-22 01:12."""
    return time.strftime("%Y-%m-%d %H:%M")


def write(path, content):
    """Writes JSON."""
    outputs.write(path, json.dumps(content, indent=1, ensure_ascii=False)
                  + "\n")


def _read(path):
    """What is kept there; None if nothing is, or nothing that is ours."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def how_to_start(day, folder):
    """The command that lays a day down; DAY where we do not know which."""
    return f"{COMMAND} start {int(day[3:]) if day else 'DAY'} {folder}"


class Folder:
    """One folder that `course start` laid down."""

    def __init__(self, path, shown=None):
        self.path = Path(path).resolve()
        self.shown = str(shown or path)  # as the user typed it
        self.state = self.path / starter.STATE
        start = _read(self.state / START) or {}
        self.day = start.get("day")
        self.topics = start.get("topics", {})
        self.started = start.get("started", "")
        if project.day_name(self.day or "") is None:
            raise Failure(f"{self.shown} was not laid down by {COMMAND} start;"
                          f" type: {COMMAND} start --help")

    def unwritten(self):
        """{function: place in the lesson} of what is still to write."""
        return starter.unwritten(self.path)

    def open_topics(self):
        """The topics that are still to write, in the lesson's order."""
        left = self.unwritten()
        return [name for name, functions in self.topics.items()
                if any(function in left for function in functions)]

    def progress(self):
        """What the last `course try` saw; {} if there was none."""
        kept = _read(self.state / PROGRESS) or {}
        return kept if isinstance(kept.get("tests"), dict) else {}

    def failing(self):
        """The tests that did not pass when they were last tried."""
        return [name for name, verdict in self.progress().get(
            "tests", {}).items()
            if verdict in (day_tests.FAILED, day_tests.HUNG)]

    def keep(self, tests, whole):
        """Keeps {test: verdict} of a try; of some tests, beside the others."""
        before = self.progress()
        if not whole:
            tests = {**before.get("tests", {}), **tests}
        write(self.state / PROGRESS, {
            "tries": before.get("tries", 0) + 1, "last": today(),
            "whole": whole or before.get("whole", False),
            "tests": dict(sorted(tests.items()))})

    def point_to(self, test, topic):
        """Keeps the first failure, and the piece that it points to."""
        kept = self.progress()
        if kept:
            write(self.state / PROGRESS,
                  {**kept, "first": {"test": test, "topic": topic}})


def begin(day, path, functions):
    """Notes, in a new folder, which day it is and what is to write."""
    write(path / starter.STATE / START,
          {"day": day, "started": today(), "topics": functions})
    # For who reads nothing else of it.
    (path / starter.STATE / "day").write_text(f"{int(day[3:])}\n",
                                              encoding="utf-8")


def open_folder(text, day=None):
    """The folder that the user names, which must be of that day."""
    path = Path(text)
    if not path.is_dir():
        raise Failure(f"there is no folder {text}; to begin a day there, "
                      f"type: {how_to_start(day, text)}")
    found = Folder(path, text)
    if day and found.day != day:
        raise Failure(f"{text} is {found.day}, not {day}; type: {COMMAND} try "
                      f"{text}")
    return found


def below(path):
    """The folder itself, or those in it, that were laid down."""
    name, path = project.day_name(str(path)), Path(path)
    if name and not path.is_dir():
        raise Failure(f"progress is of a folder, not of a day; type: {COMMAND}"
                      f" progress ../{name}")
    if not path.is_dir():
        raise Failure(f"there is no folder {path}; type: {COMMAND} progress "
                      "DIR, or without DIR: it looks beside the course")
    places = [path, *sorted(place for place in path.iterdir()
                            if place.is_dir())]
    found = [Folder(place) for place in places
             if (place / starter.STATE / START).is_file()]
    return sorted(found, key=lambda one: one.day)
