"""Configures and builds through the CMake presets, with progress."""

import re
import shutil

import project
from project import Failure

PRESETS = ("dev", "release", "asan", "tsan", "clang")
NINJA_QUIET = re.compile(r"^ninja: (no work|Entering)|^\s*$")


def add_preset(parser, default="dev"):
    """The option that every building verb has."""
    parser.add_argument(
        "--preset", choices=PRESETS, default=default, metavar="PRESET",
        help=f"one of {', '.join(PRESETS)} (default: {default})")


def add_days(parser):
    """The argument that names days."""
    parser.add_argument("days", nargs="*", default=[], metavar="DAY",
                        help="1, 01 or day01 (default: all)")


def groups_for(preset):
    """The groups of packages that a preset needs."""
    clang = preset in ("clang", "fuzz")
    return ("build", "check") if clang else ("build",)


def generator():
    """Options for cmake where the presets' own generator is missing."""
    return [] if shutil.which("ninja") else ["-G", "Unix Makefiles"]


def configure(preset, root=project.ROOT, options=()):
    """Configures a preset's build tree; its words only where it fails."""
    project.make_folder(root / "build")
    code, lines = project.run_with_progress(
        ["cmake", "--preset", preset, *generator(), *options],
        f"configuring build/{preset}", quiet=True, cwd=root)
    if code != 0:
        print("\n".join(lines))
        raise Failure(f"cmake could not configure build/{preset} (above); if "
                      "the folder was moved, type: rm -r "
                      f"{root / 'build' / preset}")
    for line in lines:
        if line.startswith("-- Left out"):
            print(line[3:], flush=True)


def compile_targets(preset, targets=(), root=project.ROOT, jobs=None,
                    env=None):
    """Builds targets (all, if none are named); True if that worked."""
    chosen = ["--target", *targets] if targets else []
    jobs = jobs or project.jobs()
    words = ", ".join(targets).replace("/all", "") or "all"
    code, _ = project.run_with_progress(
        ["cmake", "--build", f"build/{preset}", f"-j{jobs}", *chosen],
        f"building {words} ({preset})",
        hide=NINJA_QUIET.match, cwd=root, env=env)
    return code == 0


def day_targets(preset, days, root=project.ROOT):
    """The targets that build whole days; none means: build everything."""
    tree = root / "build" / preset
    everything = list(days) == project.days(root)
    # make has no target for a whole folder; ninja has.
    if everything or not (tree / "build.ninja").exists():
        return []
    return [f"{day}/all" for day in days]


def build(preset, days, root=project.ROOT):
    """Configures and builds whole days; True if that worked."""
    configure(preset, root)
    return compile_targets(preset, day_targets(preset, days, root), root)


def executable(preset, day, name, root=project.ROOT):
    """Where dayNN_NAME is built."""
    return root / "build" / preset / day / f"{day}_{name}"
