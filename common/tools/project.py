"""What every verb shares: where the project lies, its days, and failures.

A verb that cannot go on raises Failure with one line for the user: what is
wrong and what to type instead. main.py prints that line and exits with 2.
"""

import os
import re
import subprocess
from pathlib import Path

import progress

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
COMMAND = "common/course"
LAST_DAY = 10

run_with_progress = progress.run_with_progress


class Failure(Exception):
    """One line for the user: what is wrong and what to type instead."""


def days(root=None):
    """The names of the days that are here, in order: ["day01", …]."""
    return sorted(path.name for path in Path(root or ROOT).glob("day[0-9][0-9]")
                  if path.is_dir())


def day_name(text):
    """The folder's name for 1, 01, day1 or day01/; None if it is no day."""
    match = re.fullmatch(r"(?:day)?0*([1-9]\d?)/?", text)
    if not match or int(match.group(1)) > LAST_DAY:
        return None
    return "day%02d" % int(match.group(1))


def existing_day(text, root=None):
    """Like day_name, but it is a Failure when the day is not there."""
    name, present = day_name(text), days(root)
    if not present:
        raise Failure(f"there is no day folder in {root or ROOT}; clone the "
                      "repository again")
    if name in present:
        return name
    raise Failure(f"there is no {name or repr(text)} here; type one of: "
                  + " ".join(present))


def existing_days(texts, root=None):
    """The days named by texts, in order, each once; all days for none."""
    if texts:
        return sorted({existing_day(text, root) for text in texts})
    if not days(root):
        existing_day("day01", root)
    return days(root)


def day_before(day):
    """day02 for day03, None for day01: also when it is not there."""
    number = int(day[3:])
    return "day%02d" % (number - 1) if number > 1 else None


def jobs():
    """How many things to run at once: the cores that we may use."""
    return len(os.sched_getaffinity(0))


def make_folder(path):
    """Makes a folder to write into, or fails with one line."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        writable = os.access(path, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise Failure(f"cannot write into {path}; make it writable "
                      f"(ls -ld {path.parent}) or clone into a folder of "
                      "your own")
    return path


def ensure_setup(*groups):
    """Installs what the groups ("build", "race", "check", …) lack."""
    import packages  # packages needs Failure from here
    packages.ensure(groups)


def git(*arguments, root, check=True, text=True):
    """The output of a git command in the project, as text or bytes."""
    argv = ["git", "-c", f"safe.directory={root}", "-c", "core.quotePath=off",
            "-C", str(root), *arguments]
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
    except FileNotFoundError:
        raise Failure("git is missing; as root, type: "
                      "apt-get install git") from None
    if check and done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise Failure(f"git {arguments[0]} failed: "
                      + (words[-1] if words else "no reason given"))
    return done.stdout.decode(errors="replace") if text else done.stdout


def files(root):
    """Every file that belongs to the project, relative to its root.

    Those are the tracked ones and those that git would track; in a copy
    without git, everything outside build/.
    """
    root = Path(root)
    if (root / ".git").exists():
        listed = git("ls-files", "-z", "--cached", "--others",
                     "--exclude-standard", root=root).split("\0")
        names = {name for name in listed if name}
        return sorted(name for name in names if (root / name).is_file())
    found = (path.relative_to(root) for path in root.rglob("*")
             if path.is_file())
    return sorted(str(path) for path in found
                  if path.parts[0] != "build" and "__pycache__" not in
                  path.parts)
