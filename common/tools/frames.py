"""Where a test crashed: the debugger's frames that lie in the learner's code."""

import re
import shutil
from typing import NamedTuple

import day_tests

SECONDS = 60   # as long as a debugger may take to come to the crash
SHOWN = 4
# "#1  0x000055… in pool::FreeList::Pop (this=0x0) at /home/me/free_list.h:83"
FRAME = re.compile(r"^#\d+\s+(?:0x[0-9a-f]+ in )?(.+?) \(.*\) at (\S+):(\d+)$",
                   re.M)


class Frame(NamedTuple):
    """A call that had not returned."""
    function: str  # FreeList::Pop
    path: str      # include/pool/free_list.h
    line: int


def parse(words, folder):
    """The frames in a debugger's words that lie in a folder, inmost first."""
    found = []
    for function, path, line in FRAME.findall(words):
        if path.startswith(f"{folder}/"):
            name = re.sub(r"^pool::|\(anonymous namespace\)::", "", function)
            name = re.sub(r"^\w+_Test::TestBody$", "the test", name)
            found.append(Frame(name, path[len(str(folder)) + 1:], int(line)))
    return found


def of_crash(case, folder):
    """The learner's frames of a test that crashes; none without a debugger."""
    if not shutil.which("gdb"):
        return []
    words, _ = day_tests.output_of(
        ["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off",
         "-iex", "set auto-load off", "-ex", "run", "-ex", "bt", "--args",
         *case.command()], case.program.path.parent, SECONDS)
    return parse(words, folder)
