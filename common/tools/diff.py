"""course diff: what one day changes in another."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import diff_page
import differences
import findings
import workshop
import outputs
import project
import starter
from project import BUILD, COMMAND, Failure

SUMMARY = "show the difference between two days"
DESCRIPTION = """\
Shows what differs between two days, or between a day and a folder of your own.
With --html it becomes one page, side by side and coloured, with a table at its
top: the files, in the order in which the lesson comes to them, and the classes
and functions that are new, changed or gone."""
EXAMPLES = """
  common/course diff 1 2               all of it, headers first
  common/course diff 1 2 --stat        only the files, and how many lines
  common/course diff 4 5 pool.cc src   some files, by name or folder
  common/course diff 4 5 --html        a page: build/diff/day04-day05.html
  common/course diff 5 ../day05        our day 5, and your code
  common/course diff 4 ../day04 --html the same, side by side
"""
EDITORS = re.compile(r"/\.[^/]*$|~$")  # swap files, copies: nobody's code
ESCAPE = re.compile(r"\033\[[0-9;]*m")


def add_arguments(parser):
    """Two days, and which files."""
    parser.add_argument("a", metavar="A", help="a day: 1, 01 or day01; or a "
                        "folder")
    parser.add_argument("b", metavar="B", help="another one")
    parser.add_argument("files", nargs="*", default=[], metavar="FILE",
                        help="pool.h, include/pool/pool.h or a folder")
    parser.add_argument("--stat", action="store_true",
                        help="only a table of files and lines")
    parser.add_argument("--html", nargs="?", const="", metavar="FILE",
                        help="write a page (default: into build/diff/)")


def side(word):
    """The folder of a day, or the learner's folder, that a word means."""
    if workshop.means_day(word):
        return project.ROOT / project.existing_day(word)
    return workshop.existing_folder(word)


def compare(before, after):
    """What differs; of a learner's folder only what is a day's."""
    found = differences.compare(before, after)
    for folder in (before, after):
        if folder.parent != project.ROOT:
            places = tuple(f"{place}/" for place in findings.DAY_FOLDERS
                           if (folder / place).is_dir())
            found = [one for one in found if one.name.startswith(places)
                     and one.name not in starter.OWN_FILES.values()
                     and not EDITORS.search(one.name)]
    return found


def _means(word, name):
    """True if what the user typed means a file of the day."""
    word = word.rstrip("/")
    return name == word or name.startswith(word + "/") or (
        name.rpartition("/")[2] == word)


def choose(found, words, before, after):
    """The changes that the words name; a word that names no file fails."""
    names = differences.folder_files(before) | differences.folder_files(after)
    for word in words:
        if not any(_means(word, name) for name in names):
            raise Failure(f"neither {before.name} nor {after.name} has "
                          f"{word!r}; type: {project.COMMAND} diff "
                          f"{before.name} {after.name} --stat")
    return [change for change in found if not words or any(
        _means(word, change.name) for word in words)]


def count(changes):
    """How many files that are, in words."""
    return "1 file" if len(changes) == 1 else f"{len(changes)} files"


def table(changes):
    """The short table, as lines."""
    width = max(len(change.name) for change in changes)
    for change in changes:
        yield (f"{change.name:<{width}}  {change.state:<7} "
               f"{'+%d' % change.more:>6} {'-%d' % change.fewer:>6}")
    more = sum(change.more for change in changes)
    fewer = sum(change.fewer for change in changes)
    yield f"{count(changes):<{width}}          +{more:<5} -{fewer}"


def _plain_header(lines, before, after):
    """Headers that say include/pool/pool.h, whatever the day's folder."""
    in_header = False
    for line in lines:
        bare = ESCAPE.sub("", line)
        if bare.startswith("diff --git "):
            in_header = True
        elif bare.startswith("@@"):
            in_header = False
        if in_header:
            for folder in (before, after):
                line = line.replace(str(folder).lstrip("/") + "/", "")
        yield line


def text(changes, before, after, colour):
    """The difference of all files, one after the other."""
    for change in changes:
        old, new = before / change.name, after / change.name
        done = differences.run_git_diff(
            ["--color=always" if colour else "--color=never",
             "--src-prefix=a/", "--dst-prefix=b/", "--",
             old if change.state != "new" else os.devnull,
             new if change.state != "gone" else os.devnull],
            stdout=subprocess.PIPE)
        lines = done.stdout.decode(errors="replace").splitlines()
        yield from _plain_header(lines, before, after)


def show(lines):
    """Prints, through the user's pager where there is a terminal."""
    pager = os.environ.get("PAGER", "less")
    if not sys.stdout.isatty() or pager == "cat" or (
            not shutil.which(pager.split()[0] if pager.split() else "")):
        for line in lines:
            print(line)
        return
    # As git does: colours pass, a short text needs no key to leave.
    with subprocess.Popen(pager, shell=True, stdin=subprocess.PIPE, text=True,
                          env={"LESS": "FRX", **os.environ}) as process:
        try:
            process.stdin.writelines(line + "\n" for line in lines)
            process.stdin.close()
        except BrokenPipeError:
            pass  # left before the end


def write_page(found, before, after, path):
    """Writes the page; False if what colours the code is missing."""
    if not diff_page.highlighter():
        project.ensure_setup("pages")
    if not diff_page.highlighter():
        return False
    outputs.write(path, diff_page.page(found, before, after))
    print(f"written: {outputs.shown(path)}")
    return True


def show_page(found, before, after, name):
    """The page; without what it needs, the plain text and one line."""
    path = Path(name) if name else (
        BUILD / "diff" / f"{before.name}-{after.name}.html")
    outputs.may_write(path, diff_page.MARK, "page")
    if write_page(found, before, after, path):
        return
    show(text(found, before, after, sys.stdout.isatty()))
    raise Failure("this is the plain form, since python3-pygments is "
                  f"missing; type: {COMMAND} setup pages")


def run(args):
    """Shows the table or the text, or writes the page."""
    before, after = side(args.a), side(args.b)
    if args.stat and args.html is not None:
        raise Failure("the page has the table, too; leave out --stat")
    project.ensure_setup("git")
    found = choose(compare(before, after), args.files, before, after)
    if not found:
        print(f"{before.name} and {after.name} do not differ"
              + (" there" if args.files else ""))
        return 0
    if args.html is not None:
        show_page(found, before, after, args.html)
        return 0
    show(table(found) if args.stat else
         text(found, before, after, sys.stdout.isatty()))
    return 0
