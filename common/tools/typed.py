"""What a lesson shows as a command's output is what the command prints.

A lesson marks such a pair, commands and then what they print:

    <!-- typed in: day08 -->
    ```sh
    …
    ```

    ```text
    …
    ```

`check --outputs` types the commands in that folder. Figures may differ, and the
width of the gaps between words, and whether a machine skips a test; a line "…"
stands for any number of lines.
"""

import itertools
import os
import re
import subprocess

import project

PAIR = re.compile(r"<!-- typed in: (\S+) -->\n+```sh\n(.*?)```\n"
                  r"(?:\n*```text\n(.*?)```)?", re.S)
MARK = "<!-- typed in:"
# A number, with its sign, its separators, its unit of bytes or of time: what
# was 980 KiB here may be 1.1 MiB there.
FIGURE = re.compile(r"-?\d[\d,.]*(\s(Ki|Mi|Gi)?B\b|\s(ns|us|ms|s)\b)?")
SKIPPED = re.compile(r", \d+ skipped")
ANY = "…"
PATIENCE = 900  # seconds for one block of commands
SHOWN = 12      # lines of what was printed instead


def pairs(text):
    """(folder, commands, the lines that they print) of a lesson's blocks."""
    found = [(place, commands, shown.splitlines() if shown else [])
             for place, commands, shown in PAIR.findall(text)]
    if text.count(MARK) != len(found) or not all(row[2] for row in found):
        raise project.Failure(f"a block behind {MARK} … --> is not a block of "
                              "sh and then a block of text")
    return found


def essence(line):
    """A line without its figures and its gaps."""
    return " ".join(FIGURE.sub("#", SKIPPED.sub("", line)).split())


def _stretches(shown):
    """The shown lines between one "…" and the next."""
    return [[essence(line) for line in lines] for any_lines, lines
            in itertools.groupby(shown, lambda line: line.strip() == ANY)
            if not any_lines]


def missing(shown, printed):
    """The first shown line that was not printed where it should be, or None."""
    lines, start = [essence(line) for line in printed], 0
    for stretch in _stretches(shown):
        best = 0
        for at in range(start, len(lines)):
            same = sum(1 for _ in itertools.takewhile(
                lambda pair: pair[0] == pair[1], zip(stretch, lines[at:])))
            best = max(best, same)
            if same == len(stretch):
                start = at + same
                break
        else:
            return stretch[best]
    return None


def run(commands, folder):
    """Types the commands; returns (exit code, the lines printed)."""
    # What a reader of a lesson has not set is not set here.
    settings = {name: value for name, value in os.environ.items()
                if not name.startswith(("POOL_", "COURSE_", "LD_", "GTEST_"))}
    done = subprocess.run(
        ["bash", "-e", "-c", commands], cwd=folder, env=settings, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False, timeout=PATIENCE,
        errors="replace")
    return done.returncode, done.stdout.splitlines()


def look(page, root):
    """Types what a lesson shows; yields a line for each block."""
    for place, commands, shown in pairs((root / page).read_text()):
        first = commands.splitlines()[0]
        code, printed = run(commands, root / place)
        lacks = missing(shown, printed)
        if code == 0 and lacks is None:
            yield True, f"{page}: prints what is shown: {first}"
            continue
        why = f"exit code {code}" if code else f"did not print {lacks!r}"
        tail = "\n".join(f"    {line}" for line in printed[-SHOWN:])
        yield False, f"{page}: {first}: {why}; it ended with\n{tail}"


def check(days):
    """Types what the days' lessons show; the exit code."""
    project.ensure_setup("build")
    failed = 0
    for day in days:
        for good, words in look(f"docs/{day}.md", project.ROOT):
            print(words, flush=True)
            failed += not good
    return 1 if failed else 0
