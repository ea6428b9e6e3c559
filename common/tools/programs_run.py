"""Runs a program once, and sees what it printed, made, took and allocated.

Everything happens in a temporary folder: the inputs in NAME/input, made once,
and each run in NAME/run, which is empty before. Its path is always the same,
since programs write paths into what they make.
"""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

import project
from project import Failure

SOURCES = project.ROOT / "common" / "programs"
SECONDS_FOR_A_RUN = 300  # then it hangs
SECONDS_TO_START = 20    # until a server answers
SECONDS_TO_END = 20      # until it is gone, once asked to go
ROOM = 2 << 30           # bytes that all programs together need, at most
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
C_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")
# Struct Count of count_calls.c.
COUNT = struct.Struct("@8L1024s")
KINDS = ("malloc", "calloc", "realloc", "aligned", "new")


class Outcome(NamedTuple):
    """A run: what it took, and what it printed and made."""
    error: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    seen: dict = {}  # {"standard output": bytes, "file x.o": digest, …}


class Calls(NamedTuple):
    """What count_calls.c counted."""
    kinds: dict    # {"malloc": 12, …}
    programs: int  # how many began to count
    others: int    # those of them whose malloc came from another library
    library: str   # where it came from in the first of them

    @property
    def total(self):
        """All calls that may hand out memory."""
        return sum(self.kinds.values())


def build_tools(folder):
    """Compiles the two little tools; returns (measure, count_calls.so)."""
    project.make_folder(folder)
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise Failure("there is no C compiler; type: "
                      f"{project.COMMAND} setup programs")
    built = []
    for name, flags in (("measure", ()), ("count_calls.so", (
            "-shared", "-fPIC", "-fno-builtin", "-fexceptions", "-ldl"))):
        target = folder / name
        source = SOURCES / (name.split(".", 1)[0] + ".c")
        done = subprocess.run(
            [compiler, *C_FLAGS, "-o", str(target), str(source), *flags],
            capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            print(done.stderr)
            raise Failure(f"{source.name} does not compile (above)")
        built.append(target)
    return tuple(built)


def read_calls(path):
    """The counts that a run left in the file."""
    *numbers, library = COUNT.unpack(path.read_bytes())
    return Calls(dict(zip(KINDS, numbers)), numbers[5], numbers[6],
                 os.fsdecode(library.split(b"\0", 1)[0]))


def wrong_library(calls, library):
    """What is wrong with where malloc came from; empty if nothing is."""
    if calls.programs == 0:
        return "nothing was counted: the preload had no effect"
    if os.path.realpath(calls.library) != os.path.realpath(library):
        return f"its malloc came from {calls.library or 'nowhere'}"
    if calls.others:
        return (f"{calls.others} of its {calls.programs} programs had "
                "another malloc")
    return ""


def free_port():
    """A port of this machine that nobody listens to."""
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def digest(path):
    """A file's contents, in short."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            found.update(part)
    return found.hexdigest().encode()


def _bytes_of(path):
    """What a program said, nothing if it was not asked."""
    return path.read_bytes() if path.exists() else b""


def last_line(data):
    """The last line of what a program said, as far as it is of use."""
    lines = data.decode(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else ""


def ending(code, said):
    """How a program ended that did not end well."""
    how = (f"killed by signal {-code} ({signal.Signals(-code).name})"
           if code < 0 else f"exit code {code}")
    words = last_line(said)
    return f"{how}: {words}" if words else how


def quiet_folder():
    """Where to work: in memory if there is room, since disks are noisy."""
    place = "/dev/shm"
    with contextlib.suppress(OSError):
        found = os.statvfs(place)
        if (os.access(place, os.W_OK) and not found.f_flag & os.ST_NOEXEC
                and found.f_bavail * found.f_frsize >= ROOM):
            return place
    return None  # tempfile's own choice


class Workshop:
    """The temporary folder, the tools, and the processes that run now."""

    def __init__(self, folder, day, tools):
        self._folder = Path(folder)
        self._measure, counter = tools
        self._copies = {}
        self._running = set()
        self._lock = threading.Lock()
        self._stopped = False
        # Some programs run others as another user (Python's own tests do).
        self._folder.chmod(0o755)
        self._counter = self.copy(counter)
        self._programs = self._link(SOURCES)
        self._day = self._link(day)

    def _link(self, path):
        """Another path to a folder: one without spaces."""
        link = self._folder / path.name
        link.symlink_to(path)
        return str(link)

    def copy(self, library):
        """A copy of a library, where each user can read it.

        LD_PRELOAD has no way to write a path with a space, either.
        """
        name = re.sub(r"[^\w.+-]", "_", Path(library).name)
        with self._lock:
            if library not in self._copies:
                copy = self._folder / f"{len(self._copies)}-{name}"
                shutil.copyfile(library, copy)
                copy.chmod(0o755)
                self._copies[library] = str(copy)
            return self._copies[library]

    def stop(self):
        """Ends all that runs; what is started later ends at once."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            self._kill(process)

    @staticmethod
    def _kill(process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def place(self, program):
        """The folder of a program."""
        return self._folder / program.name

    def _environment(self, program, port, count_file=""):
        place = str(self.place(program))
        kept = {name: os.environ[name] for name in ("USER", "TERM")
                if name in os.environ}
        kept.update(
            PATH=PATH, HOME=place, TMPDIR=place, LC_ALL="C.UTF-8", TZ="UTC",
            PROGRAMS=self._programs, PORT=str(port), DAY=self._day,
            GIT_CONFIG_NOSYSTEM="1", COURSE_COUNT_FILE=str(count_file))
        kept.update(program.environment)
        return kept

    @contextlib.contextmanager
    def _start(self, argv, name, folder, environment):
        """A process of its own group; its output goes to NAME.out, .err."""
        with open(folder.parent / f"{name}.out", "wb") as out, \
                open(folder.parent / f"{name}.err", "wb") as err:
            process = subprocess.Popen(
                argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, start_new_session=True)
        with self._lock:
            self._running.add(process)
        try:
            if self._stopped:
                self._kill(process)
            yield process
        finally:
            with self._lock:
                self._running.discard(process)
            self._kill(process)
            process.wait()

    def _shell(self, script, name, folder, environment, limit):
        """Runs a shell text as it is; what went wrong, if anything did."""
        try:
            with self._start(["sh", "-ec", script], name, folder,
                             environment) as process:
                code = process.wait(limit)
        except subprocess.TimeoutExpired:
            return f"not done after {limit} s"
        said = (folder.parent / f"{name}.err").read_bytes()
        return ending(code, said) if code != 0 else ""

    def forget(self, program):
        """Removes what a program left."""
        shutil.rmtree(self.place(program), ignore_errors=True)

    def prepare(self, program):
        """Makes the inputs; returns what went wrong."""
        folder = self.place(program) / "input"
        folder.mkdir(parents=True)
        if not program.prepare:
            return ""
        wrong = self._shell(program.prepare, "prepare", folder,
                            self._environment(program, 0), SECONDS_FOR_A_RUN)
        return f"its inputs could not be made: {wrong}" if wrong else ""

    def run(self, program, preload="", count_file=""):
        """Runs the program once; an Outcome."""
        place = self.place(program)
        shutil.rmtree(place / "run", ignore_errors=True)
        (place / "run").mkdir()
        for name in ("report", "command.out", "command.err"):
            (place / name).unlink(missing_ok=True)
        try:
            if program.server:
                outcome = self._serve(program, preload, count_file)
            else:
                outcome = self._run(program, preload, count_file)
        except subprocess.TimeoutExpired:
            outcome = Outcome(f"not done after {SECONDS_FOR_A_RUN} s")
        return self._look(program, outcome)

    def _measured(self, program, script, preload):
        return [str(self._measure), str(self.place(program) / "report"),
                preload, "sh", "-ec", script]

    def _run(self, program, preload, count_file):
        """The command under measure.c."""
        argv = self._measured(program, program.command, preload)
        with self._start(argv, "command", self.place(program) / "run",
                         self._environment(program, 0, count_file)) as running:
            running.wait(SECONDS_FOR_A_RUN)
        return self._report(program, "command")

    def _serve(self, program, preload, count_file):
        """The server under measure.c, the command as its load: timed."""
        port = free_port()
        folder = self.place(program) / "run"
        argv = self._measured(program, program.server, preload)
        with self._start(argv, "server", folder, self._environment(
                program, port, count_file)) as server:
            if not self._answers(server, port):
                return Outcome("the server does not answer: " + last_line(
                    (folder.parent / "server.err").read_bytes()))
            start = time.monotonic()
            wrong = self._shell(program.command, "command", folder,
                                self._environment(program, port),
                                SECONDS_FOR_A_RUN)
            seconds = time.monotonic() - start
            server.terminate()
            server.wait(SECONDS_TO_END)
        outcome = self._report(program, "server")
        error = outcome.error or (wrong and f"its load: {wrong}")
        return outcome._replace(error=error, seconds=seconds)

    @staticmethod
    def _answers(server, port):
        """Waits until somebody listens; False if nobody will."""
        end = time.monotonic() + SECONDS_TO_START
        while server.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def _report(self, program, name):
        """What measure.c wrote, as an Outcome."""
        place = self.place(program)
        said = (place / f"{name}.err").read_bytes()
        try:
            words = (place / "report").read_text(encoding="ascii").split()
            seconds, cpu_seconds, peak = map(float, words[:3])
            code = os.waitstatus_to_exitcode(int(words[3]))
        except (OSError, ValueError, IndexError):
            return Outcome(f"could not be measured: {last_line(said)}")
        error = ending(code, said) if code != 0 else ""
        return Outcome(error, seconds, cpu_seconds, int(peak) * 1024)

    def _look(self, program, outcome):
        """The outcome with what the run printed and made."""
        place = self.place(program)
        seen = {"standard output": _bytes_of(place / "command.out"),
                "standard error": _bytes_of(place / "command.err")}
        if program.server:
            seen["the server's words"] = _bytes_of(place / "server.err")
        error = outcome.error
        for pattern in program.compare:
            files = sorted((place / "run").glob(pattern))
            error = error or (not files and f"it did not make {pattern}") or ""
            seen.update((f"file {path.relative_to(place / 'run')}",
                         digest(path)) for path in files)
        return outcome._replace(error=error, seen=seen)

    def count(self, program, library):
        """Runs the program with its calls counted: (Outcome, Calls)."""
        path = self.place(program) / "count"
        path.write_bytes(bytes(COUNT.size))
        outcome = self.run(program, f"{self._counter}:{library}", path)
        return outcome, read_calls(path)


def shorten(line):
    """A line of output, as a word in a sentence."""
    text = re.sub(r"\s+", " ", line.decode(errors="replace")).strip()
    return repr(text if len(text) <= 60 else text[:57] + "…")


def difference(expected, got):
    """The first difference between what two runs printed and made."""
    for name in [*expected, *(set(got) - set(expected))]:
        before, now = expected.get(name), got.get(name)
        if before == now:
            continue
        if before is None or now is None:
            return f"{name} " + ("was not there without us" if now else
                                 "is not there with us")
        if name.startswith("file "):
            return f"{name} is not the same"
        old, new = before.splitlines(), now.splitlines()
        at = next((i for i, pair in enumerate(zip(old, new))
                   if pair[0] != pair[1]), min(len(old), len(new)))
        words = [shorten(lines[at]) if at < len(lines) else "the end"
                 for lines in (old, new)]
        return f"{name}, line {at + 1}: {words[1]} instead of {words[0]}"
    return ""
