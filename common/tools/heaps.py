"""course heaps: every day's heap after one and the same trace, as pictures."""

import json
import subprocess

import builds
import contestants
import heap_picture
import project
from project import BUILD, COMMAND, Failure
from race import shown, write

SUMMARY = "draw each day's heap after one and the same trace"
DESCRIPTION = """\
Plays one fixed trace (common/workloads/heap_trace.h) on each day's allocator
and draws, page by page, what is in use and what the kernel holds memory for: at
the peak, when nearly all is freed, and after ReleaseFreeMemory(), where a day
has it. From the day on that has WriteHeapMap, its own maps are beside them, as
dayNN-map-….svg. The pictures are written to build/heaps/."""
RESULTS = "docs/results/heap-pictures.json"
EXAMPLES = f"""
  {COMMAND} heaps                    all days
  {COMMAND} heaps 1 7                two days
  {COMMAND} heaps --write            all, and put them into docs/
  {COMMAND} heaps --from {RESULTS}"""
SECONDS = 120  # then it is stuck, not slow


def add_arguments(parser):
    """Which days, and where the pictures go."""
    builds.add_days(parser)
    parser.add_argument("--write", action="store_true",
                        help=f"write into docs/figures/ instead, and {RESULTS}")
    parser.add_argument("--from", dest="source", metavar="FILE",
                        help="play nothing, draw what was written before")


def play(day, folder):
    """What the day's program says; its own maps go into the folder."""
    program = builds.executable("release", day, "heap_picture")
    try:
        done = subprocess.run([program, folder / f"{day}-map"],
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Failure(f"{program} did not end in {SECONDS} seconds; type: "
                      f"{COMMAND} test {day}") from None
    if done.returncode != 0:
        words = done.stderr.strip().splitlines() or ["it says nothing"]
        raise Failure(f"{program} failed: {words[-1]}; type: {COMMAND} test "
                      f"{day}")
    return json.loads(done.stdout)


def play_all(days, folder):
    """All that was found; None if the programs cannot be built."""
    project.ensure_setup("build")
    builds.configure("release")
    if not builds.compile_targets("release",
                                  [f"{day}_heap_picture" for day in days]):
        return None
    machine = contestants.describe_machine(BUILD / "release")
    return {"what": "one trace, page by page; a letter for each page, see "
                    "common/workloads/heap_picture.cc",
            "machine": machine,
            "days": {day: play(day, folder) for day in days}}


def load(path):
    """What was written before."""
    try:
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        return result if result["days"] else None
    except (OSError, ValueError, KeyError, TypeError):
        raise Failure(f"{path} is not what {COMMAND} heaps --write writes; "
                      f"type: {COMMAND} heaps") from None


def as_text(result):
    """The result with a line for each run of pages."""
    text = json.dumps(result, indent=1, ensure_ascii=False)
    # A run is two fields: one line is easier to compare than four.
    for old, new in (('{\n       "gap"', '{"gap"'),
                     (',\n       "pages"', ', "pages"'),
                     ('"\n      }', '"}')):
        text = text.replace(old, new)
    return text + "\n"


def draw_all(result, folder):
    """Writes a picture for each day; the files' paths."""
    for day, heap in result["days"].items():
        path = folder / f"{day}-heap.svg"
        title = f"The heap of day {int(day[3:])} in one trace"
        write(path, heap_picture.draw(title, heap))
        yield path


def print_table(result):
    """What the pictures show, in figures."""
    for day, heap in result["days"].items():
        for snapshot in heap["snapshots"]:
            print(f"  {day}  {heap_picture.TITLES[snapshot['when']]:<27}"
                  + heap_picture.about(snapshot, heap["page_bytes"]))


def run(args):
    """Plays the trace on each day, and draws."""
    if args.write and (args.days or args.source):
        raise Failure(f"what is in docs/ is of all days; type: {COMMAND} heaps "
                      "--write")
    folder = project.make_folder(project.ROOT / "docs/figures" if args.write
                                 else BUILD / "heaps")
    if args.source:
        result = load(args.source)
    else:
        result = play_all(project.existing_days(args.days), folder)
    if not result:
        print("the build failed; nothing was drawn")
        return 1
    print_table(result)
    pictures = list(draw_all(result, folder))
    if args.write:
        write(project.ROOT / RESULTS, as_text(result))
        pictures.append(project.ROOT / RESULTS)
    for path in pictures:
        print(f"written: {shown(path)}")
    return 0
