"""course start: lays down a day for the learner to write."""

import re
import shutil
import textwrap
from pathlib import Path

import learner
import project
import starter
import topics
from project import COMMAND, Failure

SUMMARY = "lay down a day, with its bodies left for you to write"
DESCRIPTION = """\
Makes the folder DIR: what the day before ended with, the day's headers, tests
and benchmarks, and in place of each body that the lesson is about a call that
says so. It compiles as it is; each test that needs a missing body fails."""
EXAMPLES = """
  common/course start 4 ../day04     day 4, in a new folder beside the course
  common/course try ../day04         builds it and runs the day's tests
"""
README = """\
# Day {number}, yours to write

{title}. The lesson is
`docs/{day}.md` in the course's folder,
`{root}`.

## What to write

In the lesson's order. Each is a body that now only calls `YoursToWrite`; put
yours in its place. In brackets are further functions that stand empty with it.
Below some calls stands, as a comment, what the body was the day before.

{topics}

All else is the course's, to be read. `yours_to_write.h` and `.cc` are there for
that call, and may stay.

## What to type, in the course's folder

```sh
# build, and run the tests; with --watch: again, whenever you save
common/course try {folder}
# what is left, and help with it
common/course hint {folder}
# where you are
common/course progress {folder}
# what the snapshot has that yours has not
common/course diff {number} {folder}
# your line in the race
common/course try {folder} --bench
```

Without the course's command:

```sh
cmake -S . -B .course/build/dev -DCMAKE_BUILD_TYPE=Debug
cmake --build .course/build/dev
ctest --test-dir .course/build/dev
```
"""
# An editor's clangd finds how each file is compiled, once `try` has configured.
CLANGD = """\
CompileFlags:
  CompilationDatabase: .course/build/dev
  Remove: -fno-allocation-dce
"""


def add_arguments(parser):
    """Which day, and where."""
    parser.add_argument("day", metavar="DAY", help="1, 01 or day01")
    parser.add_argument("folder", metavar="DIR",
                        help="a new folder, outside of the course's own")


def check_target(folder):
    """Nothing is overwritten, and nothing lands in the course's folder."""
    if folder.exists() or folder.is_symlink():
        raise Failure(f"{folder} is there already, and is not overwritten; "
                      "type another folder")
    whole = folder.resolve()
    if whole == project.ROOT or project.ROOT in whole.parents:
        raise Failure(f"{folder} lies in the course's own folder; type one "
                      f"outside of it: ../{whole.name}")


def functions_of(day, wanted, root=None):
    """{topic: names of its bodies to write}, in the lesson's order."""
    root = root or project.ROOT
    before = project.day_before(day)
    yesterday = starter.Yesterday(root / before if before else None)
    texts = {topic.path: (root / day / topic.path).read_text(encoding="utf-8")
             for topic in wanted}
    return {topic.name: [body.name for body in starter.to_write(
        texts[topic.path], topic, yesterday)] for topic in wanted}


def item(topic, functions):
    """A line of the list, with the functions that its name does not name."""
    # Its own class need not be said again, whether it is one or is in one.
    outer = topic.name.rpartition("::")[0]
    known = re.compile(rf"({re.escape(topic.name)}|{re.escape(outer)})::")
    more = ", ".join(f"`{known.sub('', name, count=1)}`"
                     for name in dict.fromkeys(functions)
                     if name != topic.name)
    words = f"- [ ] `{topic.name}`" + (f" (with {more})" if more else "")
    return textwrap.fill(words, 80, subsequent_indent="      ",
                         break_long_words=False, break_on_hyphens=False)


def readme(day, folder, wanted, root):
    """What is to write, and what to type."""
    lesson = (root / "docs" / f"{day}.md").read_text(encoding="utf-8")
    title = lesson.split("\n", 1)[0].partition(": ")[2] or day
    rows, place, functions = [], None, functions_of(day, wanted, root)
    for topic in wanted:
        here = topic.path, topics.lesson_place(topic, root)
        if here != place:
            place = here
            rows += ["", f"`{here[0]}`, told in", f"{here[1]}:", ""]
        rows.append(item(topic, functions[topic.name]))
    return README.format(number=int(day[3:]), day=day, title=title, root=root,
                         topics="\n".join(rows).strip(),
                         folder=folder.resolve())


def lay_down(day, folder, root=None):
    """The whole folder or none: it takes its name when it is complete."""
    root = root or project.ROOT
    draft = folder.with_name(f".{folder.name}.part")
    if draft.exists():
        shutil.rmtree(draft)
    project.make_folder(draft)
    try:
        wanted = starter.lay_down(day, draft, root)
        (draft / "README.md").write_text(readme(day, folder, wanted, root),
                                         encoding="utf-8")
        (draft / ".clangd").write_text(CLANGD, encoding="utf-8")
        learner.begin(day, draft, functions_of(day, wanted, root))
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return wanted


def run(args):
    """Lays it down, and says what to do first."""
    day = project.existing_day(args.day)
    folder = Path(args.folder)
    check_target(folder)
    wanted = lay_down(day, folder)
    first = wanted[0]
    print(f"{folder} is {day}, with {len(wanted)} pieces to write:\n"
          f"  all    {folder}/README.md\n"
          f"  first  {first.name} in {first.path}\n"
          f"  read   {topics.lesson_place(first)}\n"
          f"  type   {COMMAND} try {folder}")
    return 0
