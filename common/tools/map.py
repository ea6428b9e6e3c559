"""course map: a day's heap, or a learner's, at one moment of a trace.

dayNN_heap_picture (C++) plays the trace. Where the day can draw its own heap
(WriteHeapMap) that is the picture; else it is made from outside, page by page,
out of nothing but the addresses that the blocks got.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import builds
import heap_picture
import workshop
import outputs
import project
from project import BUILD, COMMAND, ROOT, Failure

SUMMARY = "draw a day's heap, or yours, at a moment of any trace"
DESCRIPTION = """\
Plays a trace on a day's allocator, or on that in a folder of your own, and
draws the heap as SVG. A trace is a text file; blocks are numbered from 0:

  # the first line says what it is
  a 48      the next block, of 48 bytes, is allocated
  f 0       block 0 is freed"""
EXAMPLES = f"""
  {COMMAND} map 4 comb                build/map/day04-comb-end.svg
  {COMMAND} map 9 jq --at peak        when the most bytes are in use
  {COMMAND} map ../mine my.trace --out mine.svg
  {COMMAND} map --list                the traces that there are"""
TRACES = (ROOT / "common/workloads/traces", ROOT / "common/classic/traces")
MOMENTS = {"peak": "peak", "end": "after", "released": "released"}
MARK = '<svg xmlns="http://www.w3.org/2000/svg" class="heap'
NOTE = ("A blank is a page on which no block ever lay; of a long stretch of "
        "them a row is shown.")
SECONDS = 120  # then it is stuck, not slow


def add_arguments(parser):
    """Whose heap, which trace, which moment, and where to."""
    parser.add_argument("day", nargs="?", metavar="DAY",
                        help="1, 01 or day01; or a folder of your own")
    parser.add_argument("trace", nargs="?", metavar="TRACE",
                        help="a name of --list, or a file")
    parser.add_argument("--day", metavar="DAY", dest="of",
                        help="the day a folder is of (default: what "
                        ".course/day says)")
    parser.add_argument("--at", choices=MOMENTS, default="end",
                        metavar="MOMENT", help="peak, end, or released: after "
                        "ReleaseFreeMemory() (default: end)")
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="write there (default: into build/map/)")
    parser.add_argument("--list", action="store_true",
                        help="say which traces there are")


def traces():
    """{name: path} of the traces that come with the course."""
    return {path.stem: path for folder in TRACES
            for path in sorted(folder.glob("*.trace"))}


def show_list():
    """A line for each trace: its own first one."""
    for name, path in traces().items():
        with open(path, encoding="utf-8") as file:
            about = file.readline().lstrip("# ").strip()
        print(f"{name:<10}  {about}")


def find_trace(word):
    """The file of a trace."""
    if word in traces():
        return traces()[word]
    if Path(word).is_file():
        return Path(word).resolve()
    raise Failure(f"there is no trace {word!r}; type a file's name, or one "
                  "of: " + " ".join(traces()))


def program_for(word, told=None):
    """(the program that plays, whose heap it is); None if it cannot be
    built."""
    if workshop.means_day(word):
        day = project.existing_day(word)
        builds.configure("release")
        if not builds.compile_targets("release", [f"{day}_heap_picture"]):
            return None
        return (builds.executable("release", day, "heap_picture"),
                f"day {int(day[3:])}", day)
    folder = workshop.existing_folder(word)
    day = workshop.day_of(folder, told)
    shop = workshop.Workshop(day, folder)
    errors = shop.build("release", [f"{day}_heap_picture"])
    if errors:
        print(errors)
        return None
    return shop.program("release", "heap_picture"), word, folder.name


def play(program, trace, maps):
    """What the program says; the allocator's own maps go to maps-….svg."""
    try:
        done = subprocess.run([program, maps, trace], text=True,
                              errors="replace", stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=SECONDS,
                              check=False)
    except subprocess.TimeoutExpired:
        raise Failure(f"{trace} does not end within {SECONDS} seconds; try a "
                      "shorter one") from None
    words = done.stderr.strip().splitlines() or [
        f"it ended with code {done.returncode}"]
    if done.returncode == 2:
        said = "".join(sign if sign.isprintable() else "?"
                       for sign in words[-1])  # the trace may be no text
        raise Failure(f"{said}; type: {COMMAND} map --help")
    return (json.loads(done.stdout), "") if done.returncode == 0 else (
        None, words[-1])


def snapshot_at(heap, moment, whose):
    """The snapshot of a moment, its pages in one run with the gaps blank."""
    for snapshot in heap["snapshots"]:
        if snapshot["when"] == MOMENTS[moment]:
            pages = "".join(
                " " * min(run["gap"], heap_picture.COLUMNS) + run["pages"]
                for run in snapshot["runs"])
            return {**snapshot, "when": moment,
                    "runs": [{"gap": 0, "pages": pages}]}
    raise Failure(f"{whose} has no ReleaseFreeMemory(); leave out --at "
                  "released")


def picture(heap, own, trace, moment, whose):
    """(the SVG, one line on it)."""
    snapshot = snapshot_at(heap, moment, whose)
    words = heap_picture.about(snapshot, heap["page_bytes"])
    if own.exists():
        return own.read_text(encoding="utf-8"), words
    return heap_picture.draw(
        f"The heap of {whose} in the trace {trace.stem}",
        {**heap, "snapshots": [snapshot]}, NOTE), words


def run(args):
    """Lists the traces, or draws."""
    if args.list:
        show_list()
        return 0
    if not args.trace:
        raise Failure(f"whose heap, in which trace? type: {COMMAND} map 4 "
                      "comb")
    trace = find_trace(args.trace)
    if args.out:
        outputs.may_write(args.out, MARK, "map")
    project.ensure_setup("build")
    found = program_for(args.day, args.of)
    if not found:
        print("the build failed; nothing was drawn")
        return 1
    program, whose, stem = found
    path = args.out or BUILD / "map" / f"{stem}-{trace.stem}-{args.at}.svg"
    outputs.may_write(path, MARK, "map")
    with tempfile.TemporaryDirectory(prefix="course-map-") as place:
        maps = Path(place) / "map"
        heap, wrong = play(program, trace, maps)
        if not heap:
            print(f"{whose} does not serve the trace: {wrong}")
            return 1
        own = maps.with_name(f"map-{MOMENTS[args.at]}.svg")
        svg, words = picture(heap, own, trace, args.at, whose)
    outputs.write(path, svg)
    print(f"{whose}: {words}\nwritten: {outputs.shown(path)}")
    return 0
