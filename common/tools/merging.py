"""Carries a change of one day's files into the next day, by three-way merge.

Nothing here writes into the project: a Step is the plan for one day, so that
a day gets all of a change or none of it.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple, Optional


class Step(NamedTuple):
    """What one file of the next day is to become."""
    name: str
    before: Optional[bytes]  # None: the file is not there
    after: Optional[bytes]   # None: the file is to go
    conflict: str = ""       # why it cannot be done by a tool
    draft: bytes = b""       # the merge with its conflict marks


def merge_text(ours, base, theirs, labels):
    """git's three-way merge: (merged bytes, number of conflicts)."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, data in zip(("ours", "base", "theirs"),
                              (ours, base, theirs)):
            paths.append(Path(folder) / name)
            paths[-1].write_bytes(data)
        marks = [word for label in labels for word in ("-L", label)]
        done = subprocess.run(
            ["git", "merge-file", "-p", "--diff3", *marks, *map(str, paths)],
            stdin=subprocess.DEVNULL, capture_output=True, check=False)
    # Above 127 it is an error, for example a binary file.
    conflicts = done.returncode if 0 <= done.returncode < 128 else -1
    return done.stdout, conflicts


def carry(name, base, theirs, ours, labels):
    """The Step of one file.

    base and theirs are the earlier day's file before and after its change,
    ours is the later day's file; each None where there is no file.
    """
    if ours == theirs:
        return Step(name, ours, ours)
    if ours == base:
        return Step(name, ours, theirs)
    if ours is None:  # changed there, gone here: the change ends here
        return Step(name, None, None)
    if base is None:
        return Step(name, ours, ours, "another file of that name is here")
    if theirs is None:
        return Step(name, ours, ours, "deleted there, different here")
    merged, conflicts = merge_text(ours, base, theirs, labels)
    if conflicts:
        return Step(name, ours, ours, "the change does not fit", merged)
    return Step(name, ours, merged)
