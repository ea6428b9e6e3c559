"""What a learner does next, once a day's folder is written and passes."""

import re
from pathlib import Path

import project
from project import COMMAND


def next_folder(folder):
    """What to call the next day's folder, as the user typed this one."""
    day = int(folder.day[3:])
    path = Path(folder.shown)
    # ../my04 becomes ../my05; mine becomes its neighbour day05.
    match = re.fullmatch(rf"(.*?)(0*){day}", path.name)
    if not match:
        return path.parent / f"day{day + 1:02}"
    width = len(match.group(2)) + len(str(day)) if match.group(2) else 0
    return path.with_name(f"{match.group(1)}{day + 1:0{width or 1}}")


def lines(folder):
    """The commands to type next, as lines."""
    day = int(folder.day[3:])
    rows = [(f"diff {day} {folder.shown}", "the snapshot and yours"),
            (f"bench {day}", "what the day gained; then its questions"),
            (f"try {folder.shown} --bench", "your line in the race"),
            (f"review {folder.shown}", "what a careful reader says"),
            (f"hunt {day} {Path(folder.shown).parent / 'hunt'}",
             "find a bug in a copy")]
    if f"day{day + 1:02}" in project.days():
        rows.append((f"start {day + 1} {next_folder(folder)}",
                     "the next day"))
    else:
        rows.append(("race", "all days, malloc and its peers"))
    width = max(len(command) for command, _ in rows)
    yield "next:"
    for command, words in rows:
        line = f"  {COMMAND} {command:<{width}}  {words}"
        yield line if len(line) <= 80 else f"  {COMMAND} {command}"
