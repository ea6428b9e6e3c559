"""What a rule of check finds: where, what is wrong, and what mends it."""

import functools
import re
from pathlib import Path
from typing import NamedTuple

import project

DAY_FOLDERS = ("include", "src", "tests", "bench", "examples")
CODE = (".h", ".cc", ".c")
IN_DAY = re.compile(r"(day\d\d)/(.+)")


class Finding(NamedTuple):
    """One thing that is wrong."""
    place: str   # file:line, or only a file
    what: str
    mend: str = ""  # the command that mends it, if one does

    def __str__(self):
        mend = f"  [{self.mend}]" if self.mend else ""
        return f"{self.place}: {self.what}{mend}"


def propagate(name):
    """The command that carries a file's mended mistake to later days."""
    match = IN_DAY.match(name)
    if not match:
        return ""
    return f"mend it, then: {project.COMMAND} propagate " + " ".join(
        match.groups())


class Tree:
    """The project's files, each read once."""

    def __init__(self, root):
        self.root = Path(root)
        self.files = project.files(self.root)
        self.days = project.days(self.root)
        self.read = functools.lru_cache(maxsize=None)(self._read)

    def _read(self, name):
        return (self.root / name).read_text(errors="replace")

    def day_code(self, day=None):
        """C and C++ files of a day, or of all days."""
        return [name for name in self.files if name.endswith(CODE)
                and IN_DAY.match(name) and (day is None
                                            or name.startswith(day + "/"))]

    def common_code(self):
        """C and C++ files that all days share."""
        return [name for name in self.files if name.endswith(CODE)
                and name.startswith("common/")]

    def code(self):
        """All C and C++ files."""
        return self.day_code() + self.common_code()
