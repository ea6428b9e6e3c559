"""The verb `classic`: five placement policies serve the same traces.

classic_trace (C++) replays the traces and prints what happened as JSON; this
makes the tables and the pictures.
"""

import json
import subprocess
from pathlib import Path

import builds
import classic_picture
from project import (BUILD, COMMAND, ROOT, Failure, ensure_setup,
                     make_folder)

SUMMARY = "five placement policies on the same traces: table and pictures"
EXAMPLES = f"""
  {COMMAND} classic                  every trace
  {COMMAND} classic --trace server   one of them
"""
RECORDED = ROOT / "common" / "classic" / "traces"
TOOL = BUILD / "release" / "common" / "classic_trace"

COLUMNS = ("policy", "steps, mean", "steps, most", "inside", "scattered",
           "heap top", "refused", "served up to", "could be")
WIDTHS = (14, 7, 6, 8, 11, 7, 9, 9, 9)  # 80 in all
HEAD = (("", "search", "steps", "wasted", "free but", "heap", "requests",
         "largest", "request"),
        ("policy", "mean", "most", "inside", "scattered", "top", "refused",
         "served", "could be"))
NOTES = """\
search steps     holes, or lists of holes, looked at for each request
wasted inside    of the bytes of live blocks, those that nobody asked for:
                 headers and rounding (internal fragmentation)
free but         of the free bytes, those outside the largest hole (external
scattered        fragmentation); this and the one before: mean over the trace
heap top         highest address ever used, as a multiple of the most bytes
                 asked for at one time: how much memory the policy needs
                 (or more than that, where requests were refused)
served           the largest request that could be had at the moment of the
                 picture; every larger one is refused,
could be         and up to this size only because the free bytes lie scattered"""


def add_arguments(parser):
    """Which traces, and where to write."""
    parser.add_argument("--trace", metavar="NAME", action="append",
                        help="only this trace (may be given again)")
    parser.add_argument("--out", metavar="DIR", type=Path,
                        default=BUILD / "classic",
                        help="where to write (default: build/classic)")


def build_tool():
    """Builds classic_trace; True if that worked."""
    ensure_setup("build")
    builds.configure("release")
    return builds.compile_targets("release", ["classic_trace"])


def run_tool(tool, words):
    """What classic_trace prints for these words."""
    done = subprocess.run([str(tool), *map(str, words)], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines() or ["no reason given"]
        raise Failure(reason[-1])
    return done.stdout


def choose(wanted, made, recorded):
    """The words for classic_trace: names of made traces, recorded files."""
    known = {name: name for name in made}
    known.update((path.stem, path) for path in sorted(recorded))
    for name in wanted or []:
        if name not in known:
            raise Failure(f"there is no trace {name!r}; type one of: "
                          + " ".join(known))
    return [known[name] for name in (wanted or known)]


def shown_index(trace):
    """Which snapshot to draw: the last that is at least half as full as the
    fullest, since a program's very end is often an empty arena."""
    asked = [snapshot["asked"] for snapshot in
             trace["policies"][0]["snapshots"]]
    return max(i for i, held in enumerate(asked) if 2 * held >= max(asked))


def cells(trace, policy):
    """A row of the table, as text."""
    snapshot = policy["snapshots"][shown_index(trace)]
    return (policy["policy"], f"{policy['search']['mean']:,.1f}",
            f"{policy['search']['most']:,}",
            f"{100 * policy['internal']:.1f} %",
            f"{100 * policy['external']:.1f} %",
            f"{policy['high_water'] / trace['peak_asked']:.2f}×",
            f"{policy['refusals']:,}",
            f"{snapshot['largest_served'] / 1024:,.1f}K",
            f"{snapshot['largest_scattered'] / 1024:,.1f}K")


def about(trace):
    """Two lines on the trace itself."""
    size = classic_picture.bytes_text
    return (f"{trace['trace']}: {trace['about']}",
            f"{trace['blocks']:,} blocks, at most {size(trace['peak_asked'])} "
            f"asked for at once, in an arena of {size(trace['arena'])}")


def table_line(words):
    """One line of a table for a terminal, without blanks at its end."""
    name, *rest = words
    return name.ljust(WIDTHS[0]) + "".join(
        word.rjust(width) for word, width in zip(rest, WIDTHS[1:]))


def text_table(trace):
    """The table for a terminal, at most 80 columns wide."""
    rows = [*HEAD, *(cells(trace, policy) for policy in trace["policies"])]
    return "\n".join([*about(trace), "", *map(table_line, rows)])


def markdown_table(trace):
    """The same for a page."""
    name, size = about(trace)
    lines = [f"### {name}", "", f"{size}.", "", f"![five arenas]"
             f"({trace['trace']}.svg)", "",
             "| " + " | ".join(COLUMNS) + " |",
             "| --- |" + " ---: |" * (len(COLUMNS) - 1)]
    lines += ["| " + " | ".join(cells(trace, policy)) + " |"
              for policy in trace["policies"]]
    return "\n".join(lines)


def without_blocks(result):
    """The figures without the thousands of blocks that the pictures need."""
    copy = json.loads(json.dumps(result))
    for trace in copy["traces"]:
        trace["shown"] = shown_index(trace)
        for policy in trace["policies"]:
            for snapshot in policy["snapshots"]:
                del snapshot["blocks"]
    return copy


def pictures(trace, header):
    """(file name, SVG) for each policy, and for the five side by side."""
    index = shown_index(trace)
    shown = [policy["snapshots"][index] for policy in trace["policies"]]
    yield (f"{trace['trace']}.svg",
           classic_picture.all_policies(trace, shown, header))
    for policy, snapshot in zip(trace["policies"], shown):
        name = policy["policy"].replace(" ", "-")
        yield (f"{trace['trace']}-{name}.svg",
               classic_picture.one_policy(trace, policy, snapshot, header))


def write_all(result, out):
    """Writes tables and pictures; returns how many pictures."""
    count = 0
    for trace in result["traces"]:
        for name, svg in pictures(trace, result["header"]):
            (out / name).write_text(svg, encoding="utf-8")
            count += 1
    (out / "table.json").write_text(
        json.dumps(without_blocks(result), indent=1) + "\n", encoding="utf-8")
    tables = "\n\n".join(map(markdown_table, result["traces"]))
    (out / "table.md").write_text(f"{tables}\n\n```\n{NOTES}\n```\n",
                                  encoding="utf-8")
    return count


def run(args):
    """Builds, replays, prints the tables and writes everything down."""
    if not build_tool():
        return 1
    words = choose(args.trace, run_tool(TOOL, ["--list"]).split(),
                   RECORDED.glob("*.trace"))
    out = make_folder(args.out)
    traces = []
    for word in words:  # each table is shown as soon as it is there
        result = json.loads(run_tool(TOOL, [word]))
        traces += result["traces"]
        print(text_table(traces[-1]), end="\n\n", flush=True)
    print(NOTES)
    count = write_all({**result, "traces": traces}, out)
    print(f"\n{count} pictures, table.md and table.json are in {out}")
    return 0
