"""Who runs in the race, and on which machine.

A contestant is a program and what is preloaded into it: each day's own
program, and one that calls malloc, which each installed peer serves in turn.
"""

import glob
import os
import platform
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import project

MALLOC = "malloc"
# The library of each peer, and its Debian package.
PEERS = {
    "jemalloc": ("libjemalloc.so.2", "libjemalloc2"),
    "mimalloc": ("libmimalloc.so.2", "libmimalloc2.0"),
    "tcmalloc": ("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
}
LIBRARY_FOLDERS = ("/usr/local/lib*", "/usr/lib/*-linux-gnu*", "/usr/lib64",
                   "/usr/lib", "/lib/*-linux-gnu*")


class Contestant(NamedTuple):
    """One allocator: its name, its program, what is preloaded."""
    name: str
    program: Path
    library: str = ""
    version: str = ""


def find_library(name):
    """Where a shared library lies, or an empty string."""
    for folder in LIBRARY_FOLDERS:
        found = sorted(glob.glob(f"{folder}/{name}"))
        if found:
            return found[0]
    return ""


def output_of(*argv):
    """The first line that a command prints, or an empty string."""
    if not shutil.which(argv[0]):
        return ""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip().split("\n")[0] if done.returncode == 0 else ""


def package_version(package):
    """The version of an installed Debian package, or an empty string."""
    return output_of("dpkg-query", "-W", "-f=${Version}", package)


def glibc_version():
    """As in "glibc 2.36"."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        return ""


def find(days, build, with_peers):
    """The contestants: days, malloc, and each peer that is installed."""
    found = [Contestant(day, build / day / f"{day}_race") for day in days]
    reference = build / "common" / "malloc_race"
    found.append(Contestant(MALLOC, reference, "", glibc_version()))
    for name, (library, package) in PEERS.items():
        path = find_library(library) if with_peers else ""
        if path:
            found.append(Contestant(name, reference, path,
                                    package_version(package)))
    return found


def serves(contestant, context):
    """Whether the contestant really served malloc in a run.

    The program says which library its malloc came from: a preload that the
    loader ignored would make a fine, wrong table.
    """
    if not contestant.library:
        return True
    said = context.get("malloc_library", "")
    return os.path.realpath(said) == os.path.realpath(contestant.library)


def _read(path):
    """A file's text, or an empty string."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def processor():
    """The processor's name."""
    match = re.search(r"^model name\s*:\s*(.*)$", _read("/proc/cpuinfo"),
                      re.MULTILINE)
    return match.group(1).strip() if match else platform.machine()


def memory():
    """The machine's memory, as in "24 GiB"."""
    match = re.search(r"^MemTotal:\s*(\d+) kB", _read("/proc/meminfo"),
                      re.MULTILINE)
    return f"{round(int(match.group(1)) / 2**20)} GiB" if match else ""


def huge_pages():
    """The setting of transparent huge pages: the word in brackets."""
    text = _read("/sys/kernel/mm/transparent_hugepage/enabled")
    match = re.search(r"\[(\w+)\]", text)
    return match.group(1) if match else "unknown"


def compiler(build):
    """The compiler that the build tree is configured with."""
    match = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$",
                      _read(build / "CMakeCache.txt"), re.MULTILINE)
    return output_of(match.group(1), "--version") if match else ""


def describe_machine(build, field=()):
    """What one must know to judge the figures; nothing that names anybody."""
    hypervisor = "hypervisor" in _read("/proc/cpuinfo")
    machine = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processor": processor(),
        "cores": project.jobs(),
        "virtual machine": "yes" if hypervisor else "no",
        "memory": memory(),
        "kernel": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "compiler": compiler(build),
        "C library": glibc_version(),
        "huge pages": huge_pages(),
        "load before": "%.2f %.2f %.2f" % os.getloadavg(),
        "commit": output_of("git", "-C", str(project.ROOT), "rev-parse",
                            "--short", "HEAD") or "unknown",
    }
    if field:
        machine["allocators"] = {one.name: one.version or "this checkout"
                                 for one in field}
    return machine
