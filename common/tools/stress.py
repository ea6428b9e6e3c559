"""course stress: every call at once, under a kernel that refuses."""

import re
import secrets
import subprocess

import builds
import options
import project
from project import COMMAND, Failure

SUMMARY = "mix every call, threads, forks and refusals, for a while"
DESCRIPTION = """\
Builds a day's stress program (common/testing/stress/) and runs it: every call
of the façade, by threads that hand each other blocks, are born and die, by
processes that fork, under a kernel that refuses now and then, over the shadow
heap. In the end everything is freed, and the books must balance. A finding is
told with its seed. A seed repeats what each thread draws, step by step; how the
threads interleave, no seed can repeat. (Under the thread sanitizer nothing
forks.)"""
EXAMPLES = f"""
  {COMMAND} stress                      the newest day, for a minute
  {COMMAND} stress 9 --seconds 1800     what is run by hand before a release
  {COMMAND} stress --seed 0x2a --threads 2
  {COMMAND} stress --preset asan        under the address sanitizer"""
ACCOUNTS = re.compile(r"^PoolStatistics Statistics\(", re.M)
MOST_THREADS = 32
MOST_SECONDS = 7 * 24 * 3600
MOST_SEED = 2 ** 64 - 1


def add_arguments(parser):
    """Which day, how long, from which seed."""
    parser.add_argument("day", nargs="?", metavar="DAY",
                        help="9, 09 or day09 (default: the newest that can)")
    parser.add_argument("--seconds", default="60", metavar="N",
                        help="how long (default: 60)")
    parser.add_argument("--threads", default="8", metavar="N",
                        help=f"at once, 1 to {MOST_THREADS} (default: 8)")
    parser.add_argument("--seed", metavar="S",
                        help="17 or 0x2a (default: one that is new)")
    builds.add_preset(parser)


def choose(text):
    """The day that is meant."""
    return options.day_declaring(ACCOUNTS, text, "stress",
                                 "the pool has Statistics()")


def whole(name, text, least, most):
    """The number that a text is: 17, or 0x2a."""
    if re.fullmatch(r"0x[0-9a-fA-F]+|[0-9]+", text):
        number = int(text, 16 if text.startswith("0x") else 10)
        if least <= number <= most:
            return number
    raise Failure(f"{name} {text} is not a number from {least} to {most}; "
                  f"type: {COMMAND} stress --help")


def arguments(args):
    """What the program is told."""
    seed = (secrets.randbits(32) if args.seed is None
            else whole("--seed", args.seed, 0, MOST_SEED))
    return ["--seconds", str(whole("--seconds", args.seconds, 1,
                                   MOST_SECONDS)),
            "--threads", str(whole("--threads", args.threads, 1,
                                   MOST_THREADS)),
            "--seed", hex(seed),
            *(["--no-forks"] if args.preset == "tsan" else [])]


def run(args):
    """Builds it and runs it; 1 if it found something."""
    told = arguments(args)
    day = choose(args.day)
    project.ensure_setup(*builds.groups_for(args.preset))
    builds.configure(args.preset)
    if not builds.compile_targets(args.preset, [f"{day}_stress"]):
        print("the build failed; nothing was tried")
        return 1
    done = subprocess.run(
        [str(builds.executable(args.preset, day, "stress")), *told],
        stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 0:
        return 0
    print(f"{day}: broken; the same draws: {COMMAND} stress {int(day[3:])} "
          + " ".join(word for word in told if word != "--no-forks")
          + ("" if args.preset == "dev" else f" --preset {args.preset}"))
    return 1
