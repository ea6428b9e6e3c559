"""Which files differ between two folders, and by how many lines."""

import subprocess
from pathlib import Path
from typing import NamedTuple

from project import Failure

# The order in which a difference reads best.
PLACES = ("README.md", "CMakeLists.txt", "include", "src", "tests", "bench",
          "examples")
GIT_DIFF = ("git", "-c", "core.quotePath=off", "diff", "--no-index",
            "--no-renames", "--no-ext-diff", "--no-textconv",
            "--diff-algorithm=myers")


class FileChange(NamedTuple):
    """A file that two folders do not share as it is."""
    name: str     # relative to the folder: include/pool/pool.h
    state: str    # "new", "changed" or "gone"
    more: int     # lines that are only in the second folder
    fewer: int    # lines that are only in the first folder


def reading_order(name):
    """Sorts files as one reads them: headers, sources, tests, the rest."""
    top = name.split("/", 1)[0]
    place = PLACES.index(top) if top in PLACES else len(PLACES)
    return place, name


def run_git_diff(arguments, **options):
    """Runs git diff between files or folders, tracked or not."""
    try:
        return subprocess.run([*GIT_DIFF, *arguments], check=False,
                              **options)
    except FileNotFoundError:
        raise Failure("git is missing; as root, type: "
                      "apt-get install git") from None


def folder_files(folder):
    """Names of all files of a folder; none if there is no such folder."""
    if folder is None:
        return set()
    return {str(path.relative_to(folder)) for path in folder.rglob("*")
            if path.is_file() and path.relative_to(folder).parts[0] != "build"}


def _changed_lines(before, after, name):
    """How many lines of a file came and went."""
    done = run_git_diff(["--numstat", "--", str(before / name),
                         str(after / name)], capture_output=True, text=True)
    more, fewer = done.stdout.split("\t")[:2] if done.stdout else ("0", "0")
    return tuple(int(n) if n.isdigit() else 0 for n in (more, fewer))


def _lines(path):
    return len(path.read_bytes().splitlines())


def compare(before, after):
    """The files that differ between two folders; before may be None."""
    before, after = before and Path(before), Path(after)
    old, new = folder_files(before), folder_files(after)
    found = []
    for name in sorted(old | new, key=reading_order):
        if name not in old:
            found.append(FileChange(name, "new", _lines(after / name), 0))
        elif name not in new:
            found.append(FileChange(name, "gone", 0, _lines(before / name)))
        elif (before / name).read_bytes() != (after / name).read_bytes():
            found.append(FileChange(name, "changed",
                                    *_changed_lines(before, after, name)))
    return found
