"""The bank of mutants: small classic bugs, each with the test that sees it.

A mutant is a file common/mutants/dayNN/NAME.patch:

  what: The free count is not raised when an object comes home.
  kills: fixed_pool_test FixedPool.CountsWhatComesHome
  symptom: What a learner would see, in one sentence.
  --- a/src/fixed_pool.cc        (a unified diff, relative to the day)

A line "preset: tsan" before the diff has the mutant built and tested with that
preset: a lock left out is certain to be seen only by the thread sanitizer.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import differences
from project import COMMAND, Failure

FEWEST = 6
FIELDS = ("what", "kills", "symptom")
PRESETS = ("dev", "tsan", "asan")  # the first, if a mutant names none


class Mutant(NamedTuple):
    """One small bug."""
    day: str
    name: str
    path: Path
    what: str
    test: str      # the executable, without its day: fixed_pool_test
    filter: str    # FixedPool.CountsWhatComesHome
    symptom: str
    preset: str
    files: tuple   # what the patch touches: src/fixed_pool.cc

    @property
    def target(self):
        """The executable's name in the build."""
        return f"{self.day}_{self.test}"


def _fields(text, place):
    """The header's fields; a wrong one is named by its line."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(("--- ", "diff --git ")):
            break
        match = re.match(r"(\w+):\s*(.*\S)\s*$", line)
        if (match and match.group(1) in FIELDS + ("preset",)
                and match.group(1) not in found):
            found[match.group(1)] = match.group(2)
        elif line.strip():
            raise Failure(f"{place}:{number}: {line[:40]!r} is not one of "
                          "what: kills: symptom:, each once, before the diff")
    for field in FIELDS:
        if field not in found:
            raise Failure(f"{place}:1: the header has no line {field}: …")
    if found.setdefault("preset", PRESETS[0]) not in PRESETS:
        raise Failure(f"{place}: preset: is one of {' '.join(PRESETS)}")
    return found


def parse(day, path, root):
    """A mutant from its file."""
    place = path.relative_to(root) if root in path.parents else path
    text = path.read_text()
    fields = _fields(text, place)
    kills = fields["kills"].split()
    if len(kills) != 2 or "." not in kills[1]:
        raise Failure(f"{place}: kills: needs an executable and a test, for "
                      "example: kills: pool_test Pool.GivesBack")
    files = tuple(sorted(set(re.findall(r"^(?:---|\+\+\+) [ab]/(\S+)", text,
                                        re.M))))
    if not files or not re.search(r"^@@ ", text, re.M):
        raise Failure(f"{place}: has no unified diff (--- a/src/… "
                      "+++ b/src/… @@ …)")
    for name in files:
        if not name.startswith(("src/", "include/")):
            raise Failure(f"{place}: changes {name}; a mutant changes only "
                          "src/ and include/")
    return Mutant(day, path.stem, path, fields["what"], kills[0], kills[1],
                  fields["symptom"], fields["preset"], files)


def of_day(day, root):
    """The mutants of a day."""
    paths = sorted((root / "common/mutants" / day).glob("*.patch"))
    return [parse(day, path, root) for path in paths]


def enough(mutants, days):
    """It is a Failure if a day has fewer than six."""
    for day in days:
        count = sum(mutant.day == day for mutant in mutants)
        if count < FEWEST:
            raise Failure(f"common/mutants/{day} has {count} mutants and "
                          f"needs {FEWEST} or more; {COMMAND} mutants --help "
                          "shows how one looks")


def copy_changed(source, target):
    """Makes target the same as source; what is the same keeps its time.

    So the next build compiles only what the last mutant changed.
    """
    wanted = differences.folder_files(source)
    for name in differences.folder_files(target) - wanted:
        (target / name).unlink()
    for name in wanted:
        here, there = source / name, target / name
        if there.is_file() and there.read_bytes() == here.read_bytes():
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(here, there)


def apply(mutant, folder):
    """Applies the patch to a copy; returns what is wrong, "" if nothing."""
    # Outside of any repository, so that git looks at this folder only.
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C",
           "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", str(mutant.path)], env=env,
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False)
    if done.returncode == 0:
        return ""
    words = [line for line in done.stderr.splitlines()
             if line.startswith("error:")]
    match = re.search(r"patch failed: (\S+):(\d+)", done.stderr)
    if match:
        return (f"no longer applies at {mutant.day}/{match.group(1)}:"
                f"{match.group(2)}: mend the patch there")
    return (words or ["git apply failed"])[0].replace("error: ", "")
