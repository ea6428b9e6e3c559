"""Builds and tests mutants of one day in a copy of the project.

The copy has links to everything but the day, so the presets and the common
part are the project's own; its build tree is configured once and then only
rebuilds what a mutant changes.
"""

import os
import re
import subprocess
import time
from typing import NamedTuple

import bank
import builds
import project
from project import Failure

ATTEMPTS = 3        # a lost lock need not show in the first run
LEAST_SECONDS = 20  # for a test that takes no time at all
LINKS = ("common", "docs", "CMakeLists.txt", "CMakePresets.json")


class Result(NamedTuple):
    """What became of a mutant."""
    mutant: bank.Mutant
    killed: bool
    words: str


class Worker:
    """Owns one copy of the project, with one day in it."""

    def __init__(self, day, part, cores):
        self.day, self.cores = day, cores
        self.root = project.BUILD / "mutants" / f"{day}-{part}"
        self.home = self.root / day
        self.limits = {}
        # The paths of two copies differ: ccache is to look past that.
        # A race is a kill when it is first seen: what follows may hang.
        self.env = {**os.environ, "CCACHE_BASEDIR": str(self.root),
                    "CCACHE_NOHASHDIR": "1",
                    "TSAN_OPTIONS": "halt_on_error=1"}

    def prepare(self):
        """Makes the copy anew, keeping what is the same, and configures."""
        project.make_folder(self.home)
        for name in LINKS:
            link = self.root / name
            if not link.is_symlink():
                link.symlink_to(project.ROOT / name)
        self.reset()

    def configure(self, preset):
        """Once for each preset that a mutant asks for."""
        # A mutant may leave a function unused: a warning, not an error.
        done = self._call(["cmake", "--preset", preset, *builds.generator(),
                           "--compile-no-warning-as-error",
                           f"-DCOURSE_DAYS={self.day}"])
        if done.returncode != 0:
            raise Failure(f"cmake could not configure {self.root}: "
                          + last_line(done.stdout))

    def reset(self):
        """The day as it is, without a mutant."""
        bank.copy_changed(project.ROOT / self.day, self.home)

    def _call(self, argv, timeout=None):
        return subprocess.run(
            argv, cwd=self.root, env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=timeout, check=False)

    def _build(self, preset, targets):
        """Builds; returns the compiler's complaint, "" if it worked."""
        done = self._call(["cmake", "--build", f"build/{preset}",
                           f"-j{self.cores}", "--target", *targets])
        if done.returncode == 0:
            return ""
        errors = [line for line in done.stdout.splitlines() if re.search(
            r"\berror: |undefined reference|multiple definition", line)]
        return (errors or [last_line(done.stdout)])[0]

    def _test(self, mutant, limit):
        """Runs the named test: (exit code or None for a hang, its words)."""
        program = builds.executable(mutant.preset, self.day, mutant.test,
                                    self.root)
        try:
            done = self._call([str(program), f"--gtest_filter={mutant.filter}"
                               ], timeout=limit)
        except subprocess.TimeoutExpired:
            return None, ""
        return done.returncode, done.stdout

    def check_tests(self, mutants):
        """The unchanged day must pass every named test, and have it."""
        for preset in sorted({mutant.preset for mutant in mutants}):
            self.configure(preset)
            complaint = self._build(preset, sorted(
                {mutant.target for mutant in mutants
                 if mutant.preset == preset}))
            if complaint:
                raise Failure(f"{self.day} without a mutant does not build: "
                              + complaint)
        for mutant in mutants:
            key = mutant.preset, mutant.test, mutant.filter
            if key in self.limits:
                continue
            start = time.monotonic()
            code, words = self._test(mutant, 300)
            seconds = time.monotonic() - start
            place = mutant.path.relative_to(project.ROOT)
            if not re.search(r"^\[  PASSED  \] [1-9]", words, re.M):
                raise Failure(f"{place}: {' '.join(key[1:])} does not pass "
                              "without the mutant, or there is no such test"
                              + (f" (exit code {code})" if code else ""))
            self.limits[key] = max(LEAST_SECONDS, 10 * seconds)

    def try_one(self, mutant):
        """Applies, builds, runs, and puts the day back."""
        complaint = bank.apply(mutant, self.home)
        if complaint:
            return Result(mutant, False, f"ERROR: {complaint}")
        try:
            complaint = self._build(mutant.preset, [mutant.target])
            if complaint:
                return Result(mutant, False, "ERROR: does not compile, which "
                              f"is no kill: {complaint}")
            return self.judge(mutant)
        finally:
            self.reset()

    def judge(self, mutant):
        """Runs the named test until it fails, a few times at most."""
        limit = self.limits[mutant.preset, mutant.test, mutant.filter]
        for attempt in range(1, ATTEMPTS + 1):
            code, _ = self._test(mutant, limit)
            again = f", in run {attempt}" if attempt > 1 else ""
            if code is None:
                return Result(mutant, True, "killed by time (it hung for "
                              f"{limit:.0f} s){again}")
            if code != 0:
                return Result(mutant, True, f"killed{again}")
        return Result(mutant, False, f"SURVIVED {mutant.test} "
                      f"{mutant.filter} ({ATTEMPTS} runs)")

    def prove(self, mutants, tell):
        """Tries the mutants in turn; each Result goes to tell.

        So do the words that say what is being done meanwhile.
        """
        tell(f"{self.day}: building the tests, without a mutant")
        self.prepare()
        self.check_tests(mutants)
        for mutant in mutants:
            tell(f"{self.day}: {mutant.name}")
            tell(self.try_one(mutant))

    def survey(self, mutant):
        """All tests against one mutant: (lines about failures, count)."""
        print(f"building all tests of {self.day} …", flush=True)
        self.prepare()
        self.configure(mutant.preset)
        complaint = bank.apply(mutant, self.home)
        if complaint:
            raise Failure(f"{mutant.name}: {complaint}")
        try:
            complaint = self._build(mutant.preset, [f"{self.day}/all"])
            if complaint:
                raise Failure(f"{mutant.name} does not compile: {complaint}")
            done = self._call(["ctest", "--preset", mutant.preset, "-L", self.day,
                               f"-j{self.cores}", "--timeout", "60"])
        finally:
            self.reset()
        failed = re.findall(r"Test +#\d+: (\S+) .*\*\*\*(\w+)", done.stdout)
        count = re.search(r"out of (\d+)", done.stdout)
        return ([f"{name} ({how.lower()})" for name, how in failed
                 if how != "Skipped"], int(count.group(1)) if count else 0)


def last_line(text):
    """The last words of a tool that failed."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
