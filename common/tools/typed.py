"""What a lesson shows as a command's output is what the command prints.

A lesson marks such a pair, commands and then what they print:

    <!-- typed in: day08 -->
    ```sh
    …
    ```

    ```text
    …
    ```

`check --outputs` types the commands in that folder. Figures and addresses may
differ, and the width of the gaps between words, and whether a machine skips a
test; a line "…" stands for any number of lines, at either end, too.
"""

import itertools
import os
import re
import signal
import subprocess

import project

PAIR = re.compile(r"<!-- typed in: (\S+) -->\n+```sh\n(.*?)```\n"
                  r"(?:\n*```text\n(.*?)```)?", re.S)
MARK = re.compile(r"<!--\s*typed")
# A number, with its sign, its separators, its unit of bytes or of time: what
# was 980 KiB here may be 1.1 MiB there.
FIGURE = re.compile(r"0x[0-9a-f]+|"
                    r"-?\d[\d,.]*(\s(Ki|Mi|Gi)?B\b|\s(ns|us|ms|s)\b)?")
SKIPPED = re.compile(r", \d+ skipped")
ANY = "…"
PATIENCE = 900  # seconds for one block of commands
TOO_LONG = 124  # its exit code, if they take longer
SHOWN = 12      # lines of what was printed instead


def pairs(text, page="a lesson"):
    """(folder, commands, the lines that they print) of a lesson's blocks."""
    found = [(place, commands.strip(), shown.splitlines() if shown else [])
             for place, commands, shown in PAIR.findall(text)]
    if len(MARK.findall(text)) != len(found) or not all(
            commands and any(line.strip() not in ("", ANY) for line in shown)
            for _, commands, shown in found):
        raise project.Failure(
            f"{page}: what stands behind <!-- typed in: FOLDER --> must be a "
            "block of sh and then a block of text, with something in each")
    return found


def essence(line):
    """A line without its figures and its gaps."""
    return " ".join(FIGURE.sub("#", SKIPPED.sub("", line)).split())


def _stretches(shown):
    """The shown lines between one "…" and the next; [] for none at an end."""
    found = [[]]
    for line in shown:
        if line.strip() == ANY:
            found.append([])
        else:
            found[-1].append(essence(line))
    return found


def missing(shown, printed):
    """The first shown line that was not printed where it should be, or None."""
    lines, start = [essence(line) for line in printed], 0
    stretches = _stretches(shown)
    for number, stretch in enumerate(stretches):
        if not stretch:
            continue
        first = number == 0                   # must begin what is printed
        last = number == len(stretches) - 1   # must end it
        best = 0
        for at in range(0 if first else start, len(lines) + 1):
            same = sum(1 for _ in itertools.takewhile(
                lambda pair: pair[0] == pair[1], zip(stretch, lines[at:])))
            best = max(best, same)
            ends = not last or at + same == len(lines)
            if same == len(stretch) and ends:
                start = at + same
                break
            if first:
                return stretch[same] if same < len(stretch) else lines[same]
        else:
            return stretch[best] if best < len(stretch) else lines[-1]
    return None


def run(commands, folder):
    """Types the commands; returns (exit code, the lines printed)."""
    # What a reader of a lesson has not set is not set here.
    settings = {name: value for name, value in os.environ.items()
                if not name.startswith(("POOL_", "COURSE_", "LD_", "GTEST_"))}
    with subprocess.Popen(
            ["bash", "-e", "-o", "pipefail", "-c", commands], cwd=folder,
            env={**settings, "LC_ALL": "C.UTF-8"}, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True) as shell:
        try:
            printed, _ = shell.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            return TOO_LONG, [f"(does not end within {PATIENCE} s)"]
    return shell.returncode, printed.splitlines()


def look(page, root):
    """Types what a lesson shows; yields (good?, a line) for each block."""
    for place, commands, shown in pairs((root / page).read_text(), page):
        if not (root / place).is_dir():
            raise project.Failure(f"{page}: there is no folder {place}")
        first = commands.splitlines()[0]
        code, printed = run(commands, root / place)
        lacks = missing(shown, printed)
        if code == 0 and lacks is None:
            yield True, f"{page}: prints what is shown: {first}"
            continue
        why = f"exit code {code}" if code else f"not as shown: {lacks!r}"
        tail = "\n".join(f"    {line}" for line in printed[-SHOWN:])
        yield False, f"{page}: {first}: {why}; it ended with\n{tail}"


def check(days, root=project.ROOT):
    """Types what the days' lessons show; the exit code."""
    failed = 0
    for day in days:
        for good, words in look(f"docs/{day}.md", root):
            print(words, flush=True)
            failed += not good
    return 1 if failed else 0
