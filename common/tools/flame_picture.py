"""Makes a picture for a page of docs/ out of perf's page with a flame graph.

d3-flame-graph draws in a browser, and its page carries its own program and two
colours. A picture must stand still, be small, and have its colours for light
and dark. So a browser without a window draws the page, and what it has drawn
is taken over: each frame's place, width, name and samples. Nothing is laid out
here.

  perf script report flamegraph --template TEMPLATE     see docs/profiling.md
  python3 common/tools/flame_picture.py flamegraph.html picture.svg \\
      --title "Where the samples are" --zoom course::Measure
"""

import argparse
import html.parser
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import outputs

PATIENCE = 60  # seconds
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# As wide as that, since d3-flame-graph leaves out what is below five pixels.
WINDOW = "1800,1000"
WIDTH, MARGIN, TOP, ROW = 830, 20, 84, 19
LEAST = 1.5     # narrower frames are left out
LETTER = 6.7    # a monospaced letter of 11 pixels, the widest of usual fonts
SAMPLES = re.compile(r"(.*) \([\d.]+%, (\d+) samples\)$", re.S)
PLACE = re.compile(r"translate\(([-\d.e]+),\s*([-\d.e]+)\)")
COLOUR = re.compile(r"rgb\((\d+),\s*(\d+),\s*(\d+)\)")
LEGEND = (("kernel", "the kernel"), ("pool", "the allocator (pool::)"),
          ("other", "the workload, libraries"))
STYLE = """\
text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;\
font-size:12px}.mono{font-family:ui-monospace,'SF Mono','DejaVu Sans Mono',\
monospace;font-size:11px}.title{font-size:15px;font-weight:600}
.paper{fill:#ffffff}text{fill:#1f2328}.soft{fill:#59636e}\
.kernel{fill:#cfe0fa}.pool{fill:#fbd9bd}.other{fill:#e6eaee}
@media (prefers-color-scheme:dark){.paper{fill:#0d1117}text{fill:#e6edf3}\
.soft{fill:#9aa4af}.kernel{fill:#1d3c6b}.pool{fill:#66361a}.other{fill:#2b323a}}
"""


class Frame(NamedTuple):
    """A frame as the browser has placed it: y grows downwards."""
    name: str
    samples: int
    x: float
    y: float
    width: float
    row: float     # its height
    colour: str


class Page(html.parser.HTMLParser):
    """Collects the frames of a page that d3-flame-graph has drawn."""

    def __init__(self):
        super().__init__()
        self.frames = []
        self.words = None
        self.x = self.y = self.width = self.row = 0.0
        self.colour = ""

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "g" and "frame" in (values.get("class") or "").split():
            place = PLACE.match(values.get("transform") or "")
            if not place or "width" not in values:
                raise ValueError("a frame has no place or no width: another "
                                 "version of d3-flame-graph?")
            self.x, self.y = (float(part) for part in place.groups())
            self.width = float(values["width"])
        elif tag == "rect":
            self.colour = values.get("fill") or ""
            self.row = float(values.get("height") or self.row)
        elif tag == "title":
            self.words = ""

    def handle_data(self, data):
        if self.words is not None:
            self.words += data

    def handle_endtag(self, tag):
        if tag != "title" or self.words is None:
            return
        match = SAMPLES.match(self.words)
        if match:
            self.frames.append(Frame(match[1], int(match[2]), self.x, self.y,
                                     self.width, self.row, self.colour))
        self.words = None


def without_groups(name, left, right, instead):
    """The name with what stands between the two brackets replaced."""
    depth, kept = 0, []
    for letter in name:
        if letter == left:
            depth += 1
            if depth == 1:
                kept.append(instead)
        elif letter == right and depth:
            depth -= 1
        elif not depth:
            kept.append(letter)
    return "".join(kept)


def short_name(name):
    """A function's name without template arguments and parameters."""
    name = name.replace("(anonymous namespace)", "{anonymous}")
    name = name.replace("operator()", "operator{}")
    name = re.sub(r" \[clone [^]]*\]", "", name)
    name = without_groups(without_groups(name, "<", ">", "<…>"), "(", ")", "")
    name = re.sub(r"\{lambda#?\d*\}", "{lambda}", name)
    name = name.replace(" const::", "::").replace("::operator{}", "")
    return name


def kind(frame):
    """Whose code it is. perf's page paints the kernel blue."""
    match = COLOUR.match(frame.colour)
    red, green, blue = map(int, match.groups()) if match else (0, 0, 0)
    if blue > max(red, green):
        return "kernel"
    return "pool" if frame.name.startswith("pool::") else "other"


def zoomed(frames, words):
    """The lowest widest frame whose name has the words, and those above it."""
    found = [frame for frame in frames if words in short_name(frame.name)]
    if not found:
        raise ValueError(f"no frame has {words!r} in its name" if frames else
                         "the page has no flame graph")
    base = max(found, key=lambda frame: (frame.width, frame.y))
    return base, [frame for frame in frames if frame.y <= base.y
                  and frame.x >= base.x - 1e-6
                  and frame.x + frame.width <= base.x + base.width + 1e-6]


def label(frame, share, width):
    """What fits on the frame: its name and share, or less and less of them."""
    letters = int((width - 6) / LETTER)
    name = short_name(frame.name)
    last = re.sub(r"^.*::(?=[\w~{])", "", name)
    for text in (f"{name}  {share:.0f} %", name,
                 re.sub(r"^(pool|course|std)::", "", name), last):
        if len(text) <= letters:
            return text
    return last[:letters - 1] + "…" if letters >= 5 else ""


def draw_frame(frame, base, rows):
    """The lines of SVG of one frame; none if it is too narrow."""
    scale = (WIDTH - 2 * MARGIN) / base.width
    width = frame.width * scale
    if width < LEAST:
        return []
    x = MARGIN + (frame.x - base.x) * scale
    y = TOP + (rows - 1) * ROW - round((base.y - frame.y) / base.row) * ROW
    share = 100 * frame.samples / base.samples
    lines = [f'<g><title>{escape(short_name(frame.name))}: {share:.1f} %'
             f'</title><rect x="{x:.1f}" y="{y}" width="{width - 1:.1f}" '
             f'height="{ROW - 1}" rx="2" class="{kind(frame)}"/>']
    text = label(frame, share, width)
    if text:
        lines.append(f'<text x="{x + 4:.1f}" y="{y + 13}" class="mono">'
                     f'{escape(text)}</text>')
    return [*lines, "</g>"]


def draw(frames, title, note="", about="", zoom=""):
    """The picture."""
    base, shown = zoomed(frames, zoom)
    scale = (WIDTH - 2 * MARGIN) / base.width
    rows = 1 + max(round((base.y - frame.y) / base.row) for frame in shown
                   if frame.width * scale >= LEAST)
    height = TOP + rows * ROW + 14
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} '
             f'{height}" width="{WIDTH}" height="{height}" role="img" '
             'aria-labelledby="t d">', f'<title id="t">{escape(title)}</title>',
             f'<desc id="d">{escape(about or title)}</desc>',
             f"<style>{STYLE}</style>",
             f'<rect class="paper" width="{WIDTH}" height="{height}" rx="6"/>',
             f'<text x="{MARGIN}" y="28" class="title">{escape(title)}</text>',
             f'<text x="{MARGIN}" y="48" class="soft">'
             f'{base.samples:,} samples. {escape(note)}</text>']
    x = MARGIN
    for name, words in LEGEND:
        lines += [f'<rect x="{x}" y="60" width="12" height="12" rx="2" '
                  f'class="{name}"/>',
                  f'<text x="{x + 17}" y="70" class="soft">{words}</text>']
        x += 34 + 6 * len(words)
    for frame in shown:
        lines += draw_frame(frame, base, rows)
    return "\n".join([*lines, "</svg>"]) + "\n"


def drawn(page):
    """The page as a browser leaves it when its programs have run."""
    if not page.is_file():
        raise ValueError(f"there is no page {page}")
    browser = next(filter(shutil.which, BROWSERS), None)
    if not browser:
        raise ValueError("no browser draws the page; as root, type: apt-get "
                         "install chromium")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu",
         f"--window-size={WINDOW}", "--virtual-time-budget=5000", "--dump-dom",
         page.resolve().as_uri()], capture_output=True, text=True, check=False,
        timeout=PATIENCE)
    if done.returncode != 0:
        raise ValueError(f"{browser} ends with {done.returncode}: "
                         + done.stderr.strip()[-200:])
    return done.stdout


def main(arguments):
    """Reads the page, writes the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("page", type=Path, help="what perf script has written")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--title", required=True)
    parser.add_argument("--note", default="", help="a line below the title")
    parser.add_argument("--about", default="", help="for who cannot see it")
    parser.add_argument("--zoom", default="", metavar="NAME",
                        help="only what lies on the frame of that name")
    args = parser.parse_args(arguments)
    try:
        page = Page()
        page.feed(drawn(args.page))
        text = draw(page.frames, args.title, args.note, args.about, args.zoom)
        outputs.write(args.picture.resolve(), text)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        print(f"flame_picture.py: {error}", file=sys.stderr)
        return 2
    print(f"written: {args.picture} ({len(text)} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
