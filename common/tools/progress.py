"""Runs long work so that it is neither silent nor a flood.

On a terminal one line is rewritten; elsewhere (a log, CI) a line appears
every few seconds. What is not progress, such as a compiler's complaint, is
always shown as it stands.
"""

import queue
import re
import shutil
import subprocess
import sys
import threading
import time

SECONDS_BETWEEN_LINES = 5.0

# "[12/34] Building …" (ninja), "[ 12%] Building …" (make).
NINJA_STATUS = re.compile(r"^\[\s*\d+(/\d+|%)\]")


class StatusLine:
    """The one line that says how far the work is."""

    def __init__(self, stream=None):
        self._stream = stream or sys.stdout
        self._terminal = self._stream.isatty()
        self._last_time = time.monotonic()
        self._shown = False

    def show(self, text):
        """Shows how far the work is; on a terminal it replaces the last."""
        now = time.monotonic()
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r\033[K" + text[:width])
            self._stream.flush()
            self._shown = True
        elif now - self._last_time >= SECONDS_BETWEEN_LINES:
            self._last_time = now
            print("  " + text, file=self._stream, flush=True)

    def clear(self):
        """Takes the line away, so that other text can be written."""
        if self._shown:
            self._stream.write("\r\033[K")
            self._stream.flush()
            self._shown = False

    def say(self, text):
        """Writes a line that stays."""
        self.clear()
        print(text, file=self._stream, flush=True)


def _lines_of(process):
    """The lines of a process as they come, None every few quiet seconds."""
    lines = queue.Queue()

    def read():
        for line in process.stdout:
            lines.put(line.rstrip("\n"))
        lines.put(StopIteration)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=SECONDS_BETWEEN_LINES)
        except queue.Empty:
            line = None
        if line is StopIteration:
            return
        yield line


def run_with_progress(argv, title, is_status=NINJA_STATUS.match, hide=None,
                      quiet=False, **options):
    """Runs argv and returns (exit code, all its lines).

    A line for which is_status holds moves the progress line; one for which
    hide holds is dropped; any other is shown at once. With quiet, nothing
    but progress is shown: the caller shows the lines when it went wrong.
    """
    status, kept, latest = StatusLine(), [], ""
    start = time.monotonic()
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", **options)
    # What moves comes first: a narrow terminal cuts off the end.
    def tell():
        seconds = time.monotonic() - start
        status.show(f"{title}, {seconds:.0f} s {latest}")

    status.show(title)
    try:
        for line in _lines_of(process):
            if line is None:
                tell()
                continue
            kept.append(line)
            if quiet or is_status(line):
                latest = line.strip()
                tell()
            elif not (hide and hide(line)):
                status.say(line)
    except KeyboardInterrupt:
        process.wait()
        raise
    finally:
        status.clear()
    return process.wait(), kept
