"""course new: lays down the next day as a copy of the day before."""

import shutil

import changes
import project
import rules_days
from project import COMMAND, Failure

SUMMARY = "lay down the next day as a copy of the day before"
EXAMPLES = """
  common/course new 3     day03 from day02, and docs/day03.md to write in
"""
LESSON = """# Day {number}

## What changes today

{begin}
{end}
"""


def add_arguments(parser):
    """Which day."""
    parser.add_argument("day", metavar="DAY", help="the day to lay down")


def copy_day(before, day, root):
    """Copies what belongs to the project; whole, or not at all."""
    draft = project.make_folder(root / "build" / "new" / day)
    shutil.rmtree(draft)
    for name in project.files(root):
        if name.startswith(before + "/"):
            target = draft / name[len(before) + 1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target)
    draft.rename(root / day)


def run(args):
    """Copies, and says what is left to do by hand."""
    root = project.ROOT
    day = project.day_name(args.day)
    if not day:
        raise Failure(f"{args.day!r} is no day of the course; type one of 2 "
                      f"… {project.LAST_DAY}")
    if (root / day).exists():
        raise Failure(f"{day} is there already; to see what it changes, type: "
                      f"{COMMAND} diff {project.day_before(day) or day} {day}")
    before = project.day_before(day)
    if before not in project.days():
        raise Failure(f"{before or 'the day before'} is not there, and {day} "
                      "would be its copy"
                      + (f"; type: {COMMAND} new {before}" if before else ""))
    project.ensure_setup("git")
    copy_day(before, day, root)
    lesson = root / "docs" / f"{day}.md"
    if not lesson.exists():
        project.make_folder(lesson.parent)
        lesson.write_text(LESSON.format(number=int(day[3:]),
                                        begin=changes.BEGIN, end=changes.END))
    rules_days.write_tables(root)
    project.make_folder(root / "common/mutants" / day)
    print(f"{day} is a copy of {before}. Now write:\n"
          f"  {day}/README.md            the day's card\n"
          f"  docs/{day}.md              the lesson, with its title\n"
          f"  common/mutants/{day}/      six mutants or more\n"
          f"and see where you are: {COMMAND} check")
    return 0
