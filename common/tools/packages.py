"""What the course needs from the system, and how to get it on Debian.

Each need is probed by the file or command that is used, not by asking the
package manager: a tool that came another way is just as good, other
systems work too, and nothing touches the network when all is there.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
from typing import NamedTuple

import progress
from project import Failure

CMAKE_VERSION = (3, 25)


class Need(NamedTuple):
    """One Debian package, and how to see that what it gives is there."""
    package: str
    why: str
    probe: str  # a command, or a pattern of files below /usr
    required: bool = True
    instead: str = ""  # what happens without it, where that is no harm


FETCHED = "cmake fetches the pinned release"
# The interpreter that Debian's packages are for, as in "python3.11".
PYTHON = os.path.basename(os.path.realpath("/usr/bin/python3"))

GROUPS = {
    "build": (
        Need("g++", "compiles the allocators and their tests", "g++"),
        Need("cmake", "describes the build, runs the tests", "cmake"),
        Need("ninja-build", "runs the build, in parallel", "ninja", False,
             "make builds, too"),
        Need("make", "builds a day alone: cmake -S day01 -B build/day01",
             "make", False),
        Need("pkg-config", "finds an installed pool for a Makefile",
             "pkg-config", False, "what tests it is skipped"),
        Need("google-perftools", "reads heap profiles, in tests",
             "google-pprof", False, "what tests them is skipped"),
        Need("ccache", "makes a second build quick", "ccache", False),
        Need("libgtest-dev", "the tests are GoogleTest's",
             "include/gtest/gtest.h", False, FETCHED),
        Need("libbenchmark-dev", "the benchmarks are Google Benchmark's",
             "include/benchmark/benchmark.h", False, FETCHED),
    ),
    "race": (
        Need("libmimalloc2.0", "mimalloc, a peer in the race",
             "lib*/*/libmimalloc.so.2*", False),
        Need("libjemalloc2", "jemalloc, a peer in the race",
             "lib*/*/libjemalloc.so.2", False),
        Need("libtcmalloc-minimal4", "tcmalloc, a peer in the race",
             "lib*/*/libtcmalloc_minimal.so.4", False),
    ),
    "git": (
        Need("git", "compares days and merges changes", "git"),
    ),
    "follow": (
        Need("gdb", "steps through a test that fails", "gdb", False,
             "try names the command to type when it is there"),
    ),
    "pages": (
        Need("python3-pygments", "colours the code of a difference",
             "lib/python3/dist-packages/pygments/__init__.py", False,
             "it is shown plain"),
    ),
    "docs": (
        Need("doxygen", "makes the API's pages, the tree and the search",
             "doxygen"),
        Need("doxygen-awesome-css", "how those pages look",
             "share/doxygen-awesome-css/doxygen-awesome.css"),
        Need("python3-markdown-it", "reads the lessons as GitHub does",
             "lib/python3/dist-packages/markdown_it/__init__.py"),
        Need("python3-pygments", "colours code",
             "lib/python3/dist-packages/pygments/__init__.py"),
    ),
    "review": (
        Need("clang-tidy", "reads a learner's code for common mistakes",
             "clang-tidy", False, "that part of a review is left out"),
    ),
    "editor": (
        Need("clangd", "completes and checks code while you type", "clangd",
             False, "an editor then only colours it"),
    ),
    "check": (
        Need("git", "compares days and merges changes", "git"),
        Need("clang", "checks the lock annotations", "clang++"),
        Need("libclang-rt-dev", "clang's sanitizer and fuzzer runtimes",
             "lib/llvm-*/lib/clang/*/lib/*/libclang_rt.asan*"),
        Need("clang-format", "checks the layout of the code",
             "clang-format", False),
        Need("valgrind", "counts instructions, which repeats", "valgrind"),
    ),
    "profile": (
        Need("linux-perf", "samples where a program is", "perf"),
        Need("valgrind", "counts instructions and cache misses", "valgrind"),
        Need("npm", "fetches what draws flame graphs", "npm", False,
             "perf report shows the same as text"),
    ),
    "programs": (
        Need("python3", "runs under us, and makes inputs", "bin/python3"),
        Need(f"lib{PYTHON}-testsuite", "Python's own tests, to run under us",
             f"lib/{PYTHON}/test/test_list.py"),
        Need("git", "runs under us", "bin/git"),
        Need("g++", "runs under us", "bin/g++"),
        Need("cmake", "runs under us", "bin/cmake"),
        Need("make", "what cmake makes files for", "bin/make"),
        Need("sqlite3", "runs under us", "bin/sqlite3"),
        Need("nginx", "runs under us (Debian starts one as well)",
             "sbin/nginx"),
        Need("apache2-utils", "ab, which asks nginx for pages", "bin/ab"),
        Need("perl", "runs under us", "bin/perl"),
        Need("lua5.4", "runs under us", "bin/lua5.4"),
        Need("ghostscript", "runs under us, and makes a PDF", "bin/gs"),
        Need("poppler-utils", "runs under us", "bin/pdftoppm"),
        Need("p7zip-full", "runs under us", "bin/7z"),
        Need("squashfs-tools", "runs under us", "bin/mksquashfs"),
        Need("jq", "runs under us", "bin/jq"),
    ),
}
# To race one must build; to check, too. An editor steps through tests.
INCLUDES = {"race": ("build",), "check": ("build",), "programs": ("build",),
            "review": ("build",), "editor": ("follow",), "profile": ("build",)}


def needs_of(groups):
    """All needs of the groups and of the groups that they include."""
    needs = {}
    for group in groups:
        if group not in GROUPS:
            raise Failure(f"there is no group {group!r} of packages; type "
                          "one of: " + " ".join(GROUPS))
        for name in (*INCLUDES.get(group, ()), group):
            needs.update((need.package, need) for need in GROUPS[name])
    return list(needs.values())


def cmake_version():
    """The version of the cmake on PATH, as two numbers."""
    text = subprocess.run(["cmake", "--version"], capture_output=True,
                          text=True, check=False).stdout
    match = re.search(r"version (\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else (0, 0)


def is_there(need):
    """True if what the package gives can be used."""
    if "/" not in need.probe:
        return shutil.which(need.probe) is not None
    # Debian has lib/x86_64-linux-gnu/NAME, other systems lib64/NAME.
    patterns = (need.probe, need.probe.replace("/*/lib", "/lib", 1))
    return any(glob.glob(os.path.join(place, pattern)) for pattern in patterns
               for place in ("/usr", "/usr/local"))


def missing(groups):
    """The needs of the groups that are not there."""
    return [need for need in needs_of(groups) if not is_there(need)]


def install_command(needs):
    """What to type, as root, to get the needs."""
    return ("apt-get update && apt-get install -y --no-install-recommends "
            + " ".join(need.package for need in needs))


def _is_debian():
    return os.path.exists("/etc/debian_version") and shutil.which("apt-get")


def _as_root():
    """The words to put before a command to run it as root, None if none."""
    if os.geteuid() == 0:
        return ["env"]
    if not shutil.which("sudo"):
        return None
    # Without a terminal sudo cannot ask for a password: it must not try.
    ask = [] if sys.stdin.isatty() else ["-n"]
    return ["sudo", *ask, "env"]


def _apt(prefix, arguments, title):
    """Runs apt-get and returns (worked, its last words)."""
    argv = [*prefix, "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8",
            "apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", *arguments]
    if prefix[0] == "sudo" and "-n" not in prefix:
        # Ask for the password now: apt-get's output is caught below.
        subprocess.run(["sudo", "-v"], check=False)
    code, lines = progress.run_with_progress(argv, title, quiet=True)
    words = [line for line in lines if line.startswith(("E:", "sudo:"))]
    return code == 0, (words or lines or [""])[-1].strip()


def _install(prefix, needs):
    """Installs the packages; asks for new lists once if that fails."""
    wanted = ["install", "--no-install-recommends",
              *(need.package for need in needs)]
    worked, words = _apt(prefix, wanted, "installing")
    if not worked and not words.startswith("sudo:"):
        print(f"  ({words}: fetching new package lists)", flush=True)
        worked, words = _apt(prefix, ["update"], "updating lists")
        worked, words = _apt(prefix, wanted, "installing")
    return worked, words


def _cannot(needs, reason, debian=True):
    """Fails if a required one is among the needs; else only says so."""
    hard = [need for need in needs if need.required]
    if hard:
        names = ", ".join(need.package for need in hard)
        raise Failure(f"missing: {names} ({reason}); " + (
            f"as root, type: {install_command(needs)}" if debian else
            "install them by your system's own means"))
    for instead in dict.fromkeys(need.instead for need in needs):
        names = ", ".join(need.package for need in needs
                          if need.instead == instead)
        print(f"course: going on without {names} ({reason})"
              + (f"; {instead}" if instead else ""), flush=True)


def install(needs):
    """Installs the needs, saying what and why; fails with one line."""
    if not _is_debian():
        return _cannot(needs, "as Debian calls them; this is no Debian",
                       debian=False)
    prefix = _as_root()
    if prefix is None:
        return _cannot(needs, "not root, and there is no sudo")
    print("course: installing what is missing:")
    for need in needs:
        print(f"  {need.package:<22}{need.why}", flush=True)
    worked, words = _install(prefix, needs)
    still = [need for need in needs if not is_there(need)]
    if still:
        reason = "installed, but not on PATH" if worked else words
        _cannot(still, reason)
    return None


def ensure(groups):
    """Makes sure that the groups' packages are there; silent if so."""
    lacking = missing(groups)
    if lacking:
        install(lacking)
    if "cmake" in {need.package for need in needs_of(groups)}:
        if not shutil.which("ninja") and not shutil.which("make"):
            raise Failure("missing: ninja-build or make; as root, type: "
                          "apt-get install ninja-build")
        version = cmake_version()
        if version < CMAKE_VERSION:
            raise Failure("cmake %d.%d is too old: the course needs 3.25 or "
                          "newer; type: pip install cmake" % version)
