"""course review: what a careful reader would say of a learner's own code."""

import random
import re
import shutil
import textwrap

import workshop
import project
import review_headers
import review_invariants
import review_tidy
from progress import StatusLine
from project import COMMAND, Failure
from review_headers import Finding

SUMMARY = "have your own day read: declarations, invariants, clang-tidy"
DESCRIPTION = """\
Asks three things of the code in a folder. Does it declare what the day's
snapshot does? Does what the layers promise hold (Validate) while random calls
are made? What does clang-tidy say of what is new in it? Each finding names the
place, what is wrong, why it matters, and what to do. Exit code 1 if there are
any."""
EXAMPLES = f"""
  {COMMAND} review ../mine                its day is in .course/day
  {COMMAND} review ../mine --day 4
  {COMMAND} review ../mine --seed 0x2a    the same random calls again"""

BROKEN = "it does not compile"


def add_arguments(parser):
    """Which folder, of which day."""
    parser.add_argument("folder", metavar="DIR",
                        help="a folder with a day's include/ and src/")
    parser.add_argument("--day", metavar="DAY",
                        help="the day it is of (default: what .course/day "
                        "says)")
    parser.add_argument("--seed", metavar="N",
                        help="of the random calls (default: any)")


def seed_of(text):
    """The seed, as a number."""
    if text is None:
        return random.getrandbits(32)
    if not re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}|\d{1,18}", text):
        raise Failure(f"--seed {text} is no number; type one such as 17 or "
                      "0x2a")
    return int(text, 0) if text[:2] in ("0x", "0X") else int(text)


def not_compiling(words):
    """The compiler's errors, as findings."""
    for line in words.splitlines():
        match = re.match(r"(.*?:\d+)(?::\d+)?: (?:fatal )?error: (.*)", line)
        place, what = match.groups() if match else ("the build", line)
        yield Finding(place, f"{BROKEN}: {what}",
                      "Nothing else can be said of it until it does.",
                      "Mend the first error first; others may follow from it.")


def invariants(shop, seed):
    """The findings of the second question; says what it asks."""
    errors = shop.build("dev", [shop.day])
    if errors:
        return list(not_compiling(errors.replace(f"{shop.folder}/", "")))
    names = review_invariants.asked(shop.folder)
    if not names:
        print("invariants: this day has no Validate(); only the blocks are "
              "looked at")
    status = StatusLine()
    status.show("compiling the random calls")
    program, errors = review_invariants.compile_program(shop)
    status.clear()
    if errors:
        return list(not_compiling(errors.replace(f"{shop.folder}/", "")))
    if names:
        print(f"invariants: asking {', '.join(names)}")
    print(f"            {review_invariants.STEPS:,} random calls, --seed "
          f"{seed:#x}", flush=True)
    found = review_invariants.run_program(shop, program, seed)
    return [found] if found else []


def tidy(shop, day_folder):
    """The findings of the third question."""
    if not shutil.which("clang-tidy"):
        print(f"clang-tidy: missing, so left out; type: {COMMAND} setup "
              "review")
        return []
    sources, _ = review_tidy.to_read(day_folder, shop.folder)
    if not sources:
        print("clang-tidy: nothing differs from the snapshot")
        return []
    status = StatusLine()
    status.show(f"clang-tidy reads {len(sources)} files")
    found = review_tidy.look(shop, day_folder)
    status.clear()
    print(f"clang-tidy: read {len(sources)} of the sources, those that differ "
          "from ours")
    return found


def show(finding):
    """A finding, as a paragraph."""
    print(f"\n{finding.place}")
    for words in (finding.what, "Why: " + finding.why,
                  "Do:  " + finding.mend):
        print(textwrap.fill(words, 78, initial_indent="  ",
                            subsequent_indent="       ",
                            break_long_words=False, break_on_hyphens=False))


def run(args):
    """Asks the three questions, and shows the answers."""
    seed = seed_of(args.seed)
    folder = workshop.existing_folder(args.folder)
    day = workshop.day_of(folder, args.day)
    project.ensure_setup("build", "git")
    day_folder = project.ROOT / day
    shop = workshop.Workshop(day, folder)
    found = list(review_headers.look(day_folder, folder))
    print(f"declarations: compared with those of {day}")
    found += invariants(shop, seed)
    if any(one.what.startswith(BROKEN) for one in found):
        print("clang-tidy: not asked, since the code does not compile")
    else:
        found += tidy(shop, day_folder)
    for finding in found:
        show(finding)
    count = "1 finding" if len(found) == 1 else f"{len(found)} findings"
    print(f"\nreview: {count}" if found else
          "review: nothing to say against it")
    return 1 if found else 0
