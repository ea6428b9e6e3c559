"""A learner's folder: one day's code outside the project.

It is laid out as a day is (include/, src/, tests/ …). DIR/.course/day holds the
day's number, so that a verb need not be told. Its code is built in a copy of
the project, beside the course's own tests and presets, so that neither the
folder's name nor its CMakeLists.txt can stand in the way.
"""

import hashlib
import os
import re
import shlex
from pathlib import Path

import bank
import builds
import differences
import project
from mutant_runner import LINKS
from progress import run_with_progress
from project import BUILD, COMMAND, Failure

NOTES = ".course"          # what the course itself keeps in such a folder
OWN = ("include", "src")   # what is the learner's; the rest is the snapshot's
UNWRITTEN = "include/pool/yours_to_write.h"  # where a body may be missing
ALLOWS = "include(CourseStarter)\ncourse_allow_unwritten()\ncourse_day("
# CMake keeps these for itself, and a day's library is called as its folder is.
RESERVED = ("all", "clean", "help", "install", "package", "test")
NEEDS_ROOT = '"${CMAKE_CURRENT_LIST_DIR}/../common/cmake"'


def note(folder, name):
    """What the course noted in a folder, None if nothing."""
    try:
        return (Path(folder) / NOTES / name).read_text(
            encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def write_note(folder, name, text):
    """Notes something in a folder."""
    path = Path(folder) / NOTES / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def existing_folder(folder):
    """The folder, resolved; a Failure if it holds no day."""
    folder = Path(folder)
    if not folder.is_dir():
        raise Failure(f"there is no folder {folder}; type the path of a "
                      "folder with include/ and src/")
    for name in OWN:
        if not (folder / name).is_dir():
            raise Failure(f"{folder} has no {name}/, so it is no day's "
                          "folder; type the path of one that has")
    return folder.resolve()


def day_of(folder, told=None):
    """The day that a folder is of: what was told, or what is noted there."""
    if told:
        return project.existing_day(told)
    text = note(folder, "day")
    if text is None:
        if folder.parent == project.ROOT and folder.name in project.days():
            return folder.name
        raise Failure(f"{folder} does not say which day it is of "
                      f"({NOTES}/day is missing); add: --day DAY")
    if project.day_name(text) not in project.days():
        raise Failure(f"{folder}/{NOTES}/day says {text[:20]!r}, which is no "
                      "day; write the day's number there")
    return project.existing_day(text)


def means_day(word):
    """True if a word means a day, False if it means a folder."""
    if project.day_name(word) or word.isdigit():
        return True
    if not Path(word).is_dir():
        raise Failure(f"{word!r} is no day and no folder; type a day, such as "
                      "4, or the path of a folder of yours")
    return False


def new_folder(folder):
    """Where a folder may be made, resolved: nothing is there yet."""
    path = Path(folder).resolve()
    if path.exists() and not path.is_dir():
        raise Failure(f"{folder} is a file; type the name of a folder")
    if path.is_dir() and any(path.iterdir()):
        raise Failure(f"{folder} is not empty, and nothing is ever "
                      "overwritten; type the name of a new folder")
    if not re.fullmatch(r"[A-Za-z0-9_][\w.+-]*", path.name, re.A) or (
            path.name in RESERVED):
        raise Failure(f"CMake cannot build a folder called {path.name!r}; "
                      "type another name, of letters and digits")
    inside = project.ROOT in path.parents and BUILD not in path.parents
    if inside or path == project.ROOT:
        raise Failure(f"{folder} lies in the project, which would take it "
                      f"for its own; type: ../{path.name}")
    project.make_folder(path.parent)
    return path


def copy_day(day, target):
    """The day, in a folder that builds where it stands."""
    bank.copy_changed(project.ROOT / day, target)
    lists = target / "CMakeLists.txt"
    place = (project.ROOT / "common/cmake").as_posix()
    lists.write_text(lists.read_text().replace(NEEDS_ROOT, f'"{place}"'))
    write_note(target, "day", str(int(day[3:])))


class Workshop:
    """A copy of the project with one day, whose code is a learner's."""

    def __init__(self, day, folder):
        self.day, self.folder = day, Path(folder)
        mark = hashlib.sha1(str(self.folder).encode()).hexdigest()[:8]
        self.root = BUILD / "workshop" / f"{day}-{mark}"
        self.home = self.root / day
        # A race counts when it is first seen: what follows may hang.
        self.env = {**os.environ, "TSAN_OPTIONS": "halt_on_error=1"}

    def refresh(self):
        """The learner's code, the snapshot's tests; what is the same keeps
        its time, and need not be compiled again."""
        project.make_folder(self.home)
        for name in LINKS:
            link = self.root / name
            if not link.is_symlink():
                link.symlink_to(project.ROOT / name)
        wanted = {name: project.ROOT / self.day / name for name in
                  differences.folder_files(project.ROOT / self.day)
                  if not name.startswith(OWN)}
        for own in OWN:
            for name in differences.folder_files(self.folder / own):
                wanted[f"{own}/{name}"] = self.folder / own / name
        if not any(re.fullmatch(r"src/[^/]+\.cc", name) for name in wanted):
            raise Failure(f"{self.folder}/src holds no .cc file, so there is "
                          f"nothing to build; {self.day}/src has ours")
        for name in differences.folder_files(self.home) - set(wanted):
            (self.home / name).unlink()
        for name, path in wanted.items():
            target, data = self.home / name, path.read_bytes()
            if name == "CMakeLists.txt" and self.may_lack_bodies():
                data = data.replace(b"course_day(", ALLOWS.encode())
            if not target.is_file() or target.read_bytes() != data:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)

    def may_lack_bodies(self):
        """True if `course start` laid the folder down."""
        return (self.folder / UNWRITTEN).is_file()

    def compiler_options(self):
        """What a compiler is told of the copy's own, beyond the warnings."""
        return ["-std=c++17", f"-I{self.home}/include", f"-I{self.root}",
                *(["-include", f"{self.home}/{UNWRITTEN}",
                   "-Wno-unused-parameter"] if self.may_lack_bodies() else [])]

    def words(self, text):
        """A tool's words with the paths that the learner knows."""
        return text.replace(str(self.home), str(self.folder))

    def configure(self, preset):
        """Makes the build tree anew, where that is needed."""
        # An unused function or variable is no reason to stop here.
        code, lines = run_with_progress(
            ["cmake", "--preset", preset, *builds.generator(),
             "--compile-no-warning-as-error", f"-DCOURSE_DAYS={self.day}"],
            f"configuring {self.folder.name} ({preset})", quiet=True,
            cwd=self.root)
        if code != 0:
            print("\n".join(lines))
            raise Failure(f"cmake could not configure {self.root} (above); "
                          f"type: rm -r {self.root}")

    def build(self, preset, targets):
        """Builds; returns what the compiler says if that fails, "" if not."""
        self.refresh()
        self.configure(preset)
        code, lines = run_with_progress(
            ["cmake", "--build", f"build/{preset}", f"-j{project.jobs()}",
             "--target", *targets], f"building {self.folder.name} ({preset})",
            quiet=True, cwd=self.root, env=self.env)
        return complaints(map(self.words, lines)) if code else ""

    def program(self, preset, name):
        """Where the day's program of this name is."""
        return builds.executable(preset, self.day, name, self.root)


def complaints(lines):
    """The compiler's errors among the lines of a build, or its last line."""
    lines = list(lines)
    errors = [line for line in lines if re.search(
        r"\berror: |undefined reference|multiple definition", line)]
    return "\n".join(errors[:10] or lines[-1:])


def command(verb, day, folder, *more):
    """What to type for a folder."""
    return " ".join([COMMAND, verb, str(int(day[3:])),
                     shlex.quote(str(folder)), *more])
