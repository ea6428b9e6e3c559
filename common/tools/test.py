"""course test: builds, runs the tests, and sums them up by day."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import builds
import project
from progress import StatusLine

SUMMARY = "build and run all tests, or some"
EXAMPLES = """
  common/course test                     all days, and what they share
  common/course test 3                   one day
  common/course test --filter SizeClass  tests whose name matches
  common/course test 2 --preset asan     under the address sanitizer
  common/course test common 10           what all days share, and day 10
"""
SHARED = "common"  # what all days share goes by that name
# "12/345 Test  #12: day01.Suite.Case ....   Passed    0.01 sec"
PASSED = re.compile(r"\s*\d+/\d+ Test\s+#\d+: .*(Passed|Skipped)")
HIDDEN = re.compile(r"\s*(Start\s+\d+: |Test project |$)|\s*\d+/\d+ Test\s+#")
CLOSING = re.compile(r"\d+% tests passed|Total Test time|No tests were found|"
                     r"Errors while running CTest|Label Time Summary|"
                     r"(day\d\d|common)\s+= +[\d.]+ sec\*proc")


def add_arguments(parser):
    """Which tests, built how."""
    builds.add_days(parser)
    builds.add_preset(parser)
    parser.add_argument("--filter", metavar="REGEX",
                        help="only tests whose name (day01.Suite.Case) "
                        "matches")


def tool_tests():
    """Runs the tests of this command itself; returns (count, passed)."""
    status = StatusLine()
    status.show("testing the command itself")
    done = subprocess.run(
        [sys.executable, "-B", "-m", "unittest", "discover", "-s",
         str(project.ROOT / "common/tools/tests")],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False)
    status.clear()
    ran = re.search(r"^Ran (\d+) test", done.stdout, re.M)
    if done.returncode != 0:
        print(done.stdout)
    return int(ran.group(1)) if ran else 0, done.returncode == 0


def _ctest(preset, days, pattern, report):
    """Runs ctest; returns (exit code, the lines that it closes with)."""
    argv = ["ctest", "--preset", preset, "--output-on-failure",
            "--no-tests=error", f"-j{project.jobs()}", "--output-junit",
            str(report)]
    if days:
        argv += ["-L", f"^({'|'.join(days)})$"]
    if pattern:
        argv += ["-R", pattern]
    code, lines = project.run_with_progress(
        argv, "testing", is_status=PASSED.match,
        hide=lambda line: CLOSING.match(line) or (
            HIDDEN.match(line) and "Failed" not in line),
        cwd=project.ROOT)
    return code, [line for line in lines if CLOSING.match(line)]


def summary(report):
    """One line for each day (and the common part) of ctest's report."""
    counts = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        row = counts.setdefault(case.get("name").split(".")[0], [0, 0, 0, 0.0])
        status = case.get("status")
        skipped = case.find("skipped") is not None
        failed = not skipped and status != "run"
        row[0 if not (failed or skipped) else 1 if failed else 2] += 1
        row[3] += float(case.get("time") or 0)
    for name, (passed, failed, skipped, seconds) in sorted(counts.items()):
        words = f"{passed:5} passed"
        words += f", {failed} FAILED" if failed else ""
        words += f", {skipped} skipped" if skipped else ""
        yield f"  {name:<8}{words}  ({seconds:.1f} s)"


def _check_pattern(pattern):
    """A wrong regular expression is one line, not ctest's silence."""
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise project.Failure(f"--filter {pattern!r} is no regular "
                              f"expression ({error})") from None


def check_seed():
    """A seed that is none is one line, not a failure of each random test."""
    seed = os.environ.get("COURSE_SEED", "0")
    if not re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20}", seed) or (
            seed.isdigit() and int(seed) >= 2 ** 64):
        raise project.Failure(f"COURSE_SEED={seed} is not a number such as 17 "
                              "or 0x2a; set one of those, or none")


def run_tests(days, preset="dev", pattern=None):
    """Builds and tests days ([] for everything); the exit code."""
    if not builds.build(preset, days or project.days()):
        print("the build failed; no test was run")
        return 1
    report = project.BUILD / preset / "tests.xml"
    report.unlink(missing_ok=True)
    code, closing = _ctest(preset, days, pattern, report)
    if report.exists():
        print("\n".join(summary(report)))
    # ctest's own "100% tests passed, …" is the last word.
    last = [line for line in closing if "tests passed" in line]
    if not last:
        which = f" match {pattern!r}" if pattern else " were found"
        print(f"no tests{which}")
        return 1
    print(last[-1])
    return 1 if code else 0


def run(args):
    """Runs the tools' tests (with everything else only) and ctest."""
    project.existing_days([])
    named = [name for name in args.days if name != SHARED]
    days = project.existing_days(named) if named else []
    if len(named) < len(args.days):
        days.append(SHARED)
    _check_pattern(args.filter)
    check_seed()
    project.ensure_setup(*builds.groups_for(args.preset))
    count, good = 0, True
    if not days and not args.filter and args.preset == "dev":
        project.ensure_setup("git")
        count, good = tool_tests()
        print(f"  tools   {count:5} "
              + ("passed" if good and count else "run: FAILED (above)"))
    code = run_tests(days, args.preset, args.filter)
    if not good or (not count and not days and not args.filter
                    and args.preset == "dev"):
        print("the tests of common/tools FAILED")
        return 1
    return code
