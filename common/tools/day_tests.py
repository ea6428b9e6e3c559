"""A day's test programs, run test by test, each in a process of its own.

ctest would do, but it asks each program for its tests first; where malloc is
not written yet, a program cannot even answer that. Its tests are then taken
from its source.
"""

import concurrent.futures
import os
import re
import resource
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import project
import scanner

SECONDS_FOR_A_TEST = 120  # then it hangs
SECONDS_OF_WORK = 30      # of the processor's: no test needs so much
SHARED = {"model_test": "common/testing/model_test.cc",
          "fault_test": "common/testing/fault_test.cc"}
TARGETS = "targets.txt"  # see common/cmake/CourseStarter.cmake
PASSED, FAILED, SKIPPED, HUNG = "passed", "failed", "skipped", "hung"


class Program(NamedTuple):
    """A program of tests."""
    day: str
    name: str       # free_list_test
    path: Path      # where it is built
    sources: tuple  # what its tests are written in

    @property
    def target(self):
        """Its name in the build."""
        return f"{self.day}_{self.name}"


class Case(NamedTuple):
    """One test."""
    program: Program
    test: str  # FreeList.PopRangeTakesTheFirst, as GoogleTest has it

    @property
    def name(self):
        """As ctest shows it."""
        return f"{self.program.day}.{self.test}"

    def command(self):
        """What runs it by hand."""
        return [str(self.program.path), f"--gtest_filter={self.test}"]


class Outcome(NamedTuple):
    """What became of a test."""
    case: Case
    verdict: str
    words: str  # what it printed
    code: int   # its exit code; below 0, the signal that ended it

    @property
    def good(self):
        """Whether nothing went wrong."""
        return self.verdict in (PASSED, SKIPPED)


def programs(day, folder, build, root=None):
    """The programs of a day's tests in a folder, in the order to look at.

    What a day's own classes do comes first, the pool as a whole after it. Only
    those that the build has: a sanitizer's leaves some out.
    """
    root, folder = Path(root or project.ROOT), Path(folder)
    own = sorted(folder.glob("tests/*_test.cc"))
    drop_in = sorted(folder.glob("tests/drop_in/*_test.cc"))
    contract = sorted((root / "common/contract").glob("*.cc"))
    found = [(path.stem, (path,)) for path in own]
    found.append(("contract_test", tuple(contract)))
    found += [(name, (root / path,)) for name, path in SHARED.items()]
    found += [(path.stem, (path,)) for path in drop_in]
    there = (Path(build) / TARGETS).read_text(encoding="utf-8").split()
    return [Program(day, name, Path(build) / f"{day}_{name}", sources)
            for name, sources in found if f"{day}_{name}" in there]


def from_source(program):
    """The tests that a program's sources have."""
    return [entity.name for path in program.sources
            for entity in scanner.scan(path.read_text(errors="replace"))
            if entity.kind == "test" and "DISABLED_" not in entity.name]


def _parse_list(text):
    """The tests in the output of --gtest_list_tests."""
    found, suite = [], ""
    for line in text.splitlines():
        word = line.split("#")[0].rstrip()
        if not line.startswith(" ") and re.fullmatch(r"[\w/]+\.", word):
            suite = word
        elif line.startswith("  ") and suite and "DISABLED_" not in (
                suite + word):
            found.append(suite + word.strip())
    return found


def cases(program):
    """All tests of a program: those that it names, or those of its source."""
    words, code = output_of([str(program.path), "--gtest_list_tests"],
                            program.path.parent, SECONDS_FOR_A_TEST)
    tests = _parse_list(words) if code == 0 else []
    return [Case(program, test) for test in tests or from_source(program)]


def _no_core_files():
    """A test that aborts leaves nothing on the disk."""
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


_running = set()  # processes; who is interrupted ends them


def output_of(argv, folder, limit, work=None):
    """(what it printed, its exit code); code None means that it hung.

    With `work`, so many seconds of the processor's are a hang, too: a loop
    without an end is known long before the limit.
    """
    with subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True) as process:
        _running.add(process)
        try:
            if work:
                resource.prlimit(process.pid, resource.RLIMIT_CPU,
                                 (work, work))
            words, _ = process.communicate(timeout=limit)
            looped = work and process.returncode in (-signal.SIGXCPU,
                                                     -signal.SIGKILL)
            return words, None if looped else process.returncode
        except subprocess.TimeoutExpired:
            return _stop(process), None
        finally:
            _running.discard(process)
            if process.poll() is None:
                _stop(process)


def _kill(process):
    """Ends a process and all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _stop(process):
    """The same; returns its last words."""
    _kill(process)
    return process.communicate()[0]


def run_case(case, limit=SECONDS_FOR_A_TEST, work=None):
    """Runs one test."""
    words, code = output_of(case.command(), case.program.path.parent, limit,
                            work)
    if code is None:
        return Outcome(case, HUNG, words, 0)
    if code != 0:
        return Outcome(case, FAILED, words, code)
    if not re.search(r"^\[  PASSED  \] [1-9]", words, re.M):
        skipped = re.search(r"^\[  SKIPPED \]", words, re.M)
        return Outcome(case, SKIPPED if skipped else FAILED, words, code)
    return Outcome(case, PASSED, words, code)


def run_all(wanted, tell, work=None, patience=None):
    """The outcomes of tests, in their order; tell(done, outcome) each.

    After `patience` tests that hang, the others are not run.
    """
    wanted, outcomes, hung = list(wanted), {}, 0
    _no_core_files()
    with concurrent.futures.ThreadPoolExecutor(project.jobs()) as pool:
        waiting = {pool.submit(run_case, case, work=work): place
                   for place, case in enumerate(wanted)}
        try:
            for future in concurrent.futures.as_completed(waiting):
                outcomes[waiting[future]] = future.result()
                tell(len(outcomes), future.result())
                hung += future.result().verdict == HUNG
                if hung == patience:
                    break
        finally:
            for future in waiting:
                future.cancel()
            for process in list(_running):
                _kill(process)
    return [outcomes[place] for place in sorted(outcomes)]
