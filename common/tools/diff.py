"""course diff: what one day changes in another."""

import os
import re
import shutil
import subprocess
import sys

import differences
import project
from project import Failure

SUMMARY = "show the difference between two days"
EXAMPLES = """
  common/course diff 1 2               all of it, headers first
  common/course diff 1 2 --stat        only the files, and how many lines
  common/course diff 4 5 pool.cc src   some files, by name or folder
"""
ESCAPE = re.compile(r"\033\[[0-9;]*m")


def add_arguments(parser):
    """Two days, and which files."""
    parser.add_argument("a", metavar="A", help="a day: 1, 01 or day01")
    parser.add_argument("b", metavar="B", help="another day")
    parser.add_argument("files", nargs="*", default=[], metavar="FILE",
                        help="pool.h, include/pool/pool.h or a folder")
    parser.add_argument("--stat", action="store_true",
                        help="only a table of files and lines")


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


def table(changes):
    """The short table, as lines."""
    width = max(len(change.name) for change in changes)
    for change in changes:
        yield (f"{change.name:<{width}}  {change.state:<7} "
               f"{'+%d' % change.more:>6} {'-%d' % change.fewer:>6}")
    more = sum(change.more for change in changes)
    fewer = sum(change.fewer for change in changes)
    yield f"{f'{len(changes)} files':<{width}}          +{more:<5} -{fewer}"


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
            for day in (before.name, after.name):
                line = re.sub(rf"\b([ab])/{day}/", r"\1/", line)
        yield line


def text(changes, before, after, colour):
    """The difference of all files, one after the other."""
    for change in changes:
        old = f"{before.name}/{change.name}"
        new = f"{after.name}/{change.name}"
        done = differences.run_git_diff(
            ["--color=always" if colour else "--color=never",
             "--src-prefix=a/", "--dst-prefix=b/", "--",
             old if change.state != "new" else os.devnull,
             new if change.state != "gone" else os.devnull],
            cwd=before.parent, stdout=subprocess.PIPE)
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


def run(args):
    """Shows the table or the text."""
    before = project.ROOT / project.existing_day(args.a)
    after = project.ROOT / project.existing_day(args.b)
    project.ensure_setup("git")
    found = choose(differences.compare(before, after), args.files, before,
                   after)
    if not found:
        print(f"{before.name} and {after.name} do not differ"
              + (" there" if args.files else ""))
        return 0
    show(table(found) if args.stat else
         text(found, before, after, sys.stdout.isatty()))
    return 0
