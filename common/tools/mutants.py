"""course mutants: proves that each mutant is killed by the test it names."""

import argparse
import queue
import re
import threading

import bank
import project
from mutant_runner import Worker
from progress import StatusLine
from project import COMMAND, Failure

SUMMARY = "prove that every known bug is found by its test"
DESCRIPTION = """\
Applies each patch of common/mutants/dayNN/ to a copy of the day, builds, runs
the test that the patch names, alone and under a time limit, and demands that
it fails. A patch opens with three lines, then comes the diff:

  what: The free count is not raised when an object comes home.
  kills: fixed_pool_test FixedPool.CountsWhatComesHome
  symptom: What a learner would see, in one sentence.
  --- a/src/fixed_pool.cc

A fourth line before the diff chooses another build, where only that one is
certain to see the bug (a lock left out): preset: tsan, or preset: asan.

A run of all demands six or more for each day."""
EXAMPLES = """
  common/course mutants                         all of them
  common/course mutants 1 lost_count            one
  common/course mutants 1 --list                what there is
  common/course mutants 1 2 --share 2/3         the second third of two days'
  common/course mutants 1 --survey lost_count   which tests see it
"""


def add_arguments(parser):
    """Which mutants, and what to do with them."""
    parser.add_argument("words", nargs="*", default=[], metavar="DAY | NAME",
                        help="days, names of patches (default: all)")
    parser.add_argument("--list", action="store_true",
                        help="only list them, with what is wrong in each")
    parser.add_argument("--jobs", type=int, default=project.jobs(),
                        metavar="N", help="how many at once (default: the "
                        "cores there are)")
    parser.add_argument("--share", metavar="K/N", type=share,
                        help="the K-th of N equal shares of them: 1/3")
    parser.add_argument("--survey", metavar="NAME",
                        help="run all tests of the day against this one")


def share(text):
    """(K, N) of K/N."""
    match = re.fullmatch(r"([1-9]\d?)/([1-9]\d?)", text)
    if not match or int(match.group(1)) > int(match.group(2)):
        raise argparse.ArgumentTypeError(f"{text!r} is no share, as 1/3 is")
    return int(match.group(1)), int(match.group(2))


def choose(words, root=None):
    """The mutants that the words name."""
    root = root or project.ROOT
    days = [word for word in words if project.day_name(word)]
    names = {word[:-6] if word.endswith(".patch") else word
             for word in words if not project.day_name(word)}
    found = [mutant for day in project.existing_days(days, root)
             for mutant in bank.of_day(day, root)]
    for name in names - {mutant.name for mutant in found}:
        raise Failure(f"there is no mutant {name!r}; type: {COMMAND} mutants "
                      "--list")
    if not words:  # all of them, as CI runs them
        bank.enough(found, project.existing_days([], root))
    return [mutant for mutant in found
            if not names or mutant.name in names]


def shares(mutants, jobs):
    """The mutants in shares that build apart: a day is not split in vain."""
    days = {}
    for mutant in mutants:
        days.setdefault(mutant.day, []).append(mutant)
    parts = 1 if len(days) >= jobs else -(-jobs // len(days))
    return [(day, part, group[part::parts]) for day, group in days.items()
            for part in range(parts) if group[part::parts]]


def _work(shared, results, cores):
    """One thread: takes shares until there are none."""
    while True:
        try:
            day, part, group = shared.get_nowait()
        except queue.Empty:
            return
        try:
            Worker(day, part, cores).prove(group, results.put)
        except Exception as error:  # told to the user by the main thread
            results.put(error)


def _results(mutants, jobs):
    """Yields a Result for each mutant, as they come."""
    shared, results = queue.Queue(), queue.Queue()
    for share in shares(mutants, jobs):
        shared.put(share)
    cores = max(1, project.jobs() // jobs)
    threads = [threading.Thread(target=_work, args=(shared, results, cores),
                                daemon=True) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    left, latest, status = len(mutants), "", StatusLine()
    while left:
        status.show(f"{len(mutants) - left} of {len(mutants)} done; {latest}")
        try:
            result = results.get(timeout=1)
        except queue.Empty:
            continue
        if isinstance(result, str):
            latest = result
            continue
        status.clear()
        if isinstance(result, Exception):
            raise result
        left -= 1
        yield result


def _survey(name, words):
    """Runs every test of the day against one mutant, for its author."""
    found = choose([*words, name])
    if len(found) != 1:
        raise Failure(f"{name} is in several days; add one of: "
                      + " ".join(mutant.day for mutant in found))
    failed, total = Worker(found[0].day, 0, project.jobs()).survey(found[0])
    print(f"{found[0].day} {name}: {len(failed)} of {total} tests fail")
    for line in failed:
        print("  " + line)
    return 0 if failed else 1


def run(args):
    """Lists, surveys, or proves."""
    if args.jobs < 1:
        raise Failure("--jobs needs 1 or more; type: --jobs 2")
    if args.survey:
        project.ensure_setup("build", "git")
        return _survey(args.survey, args.words)
    mutants = choose(args.words)
    if args.share:
        mutants = mutants[args.share[0] - 1::args.share[1]]
    if args.list:
        for mutant in mutants:
            print(f"{mutant.day} {mutant.name}: {mutant.what}\n"
                  f"      killed by {mutant.test} {mutant.filter}")
        return 0
    project.ensure_setup("build", "git")
    wrong = 0
    for result in _results(mutants, args.jobs):
        wrong += not result.killed
        print(f"{result.mutant.day} {result.mutant.name}: {result.words}",
              flush=True)
    print(f"mutants: {len(mutants) - wrong} of {len(mutants)} killed"
          + (f"; {wrong} to mend" if wrong else ""))
    return 1 if wrong else 0
