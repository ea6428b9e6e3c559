"""Rules of check for the lessons: their shape, their length, their names."""

import functools
import re
from pathlib import PurePosixPath

import rules_links
from findings import Finding

LESSON = re.compile(r"docs/(day\d\d)\.md")
# In this order. Those with a ? are for the days that have something to say.
SECTIONS = (
    "Time it takes", "What you will have at the end", "The problem, measured",
    "The idea", "Predict before you look", "The code, in reading order",
    "What changes today", "Run it", "Measure it",
    "What others get wrong here", "Legends and facts?", "Exercises",
    "A bug to hunt", "Questions as asked in interviews", "Further reading")
CODE_SECTIONS = ("First sitting", "Second sitting", "Third sitting")
WORDS = (2000, 4000)
PICTURES = 2
HIDDEN = re.compile(r"```.*?```|<!--.*?-->|^\|.*?$", re.S | re.M)
NAME = re.compile(r"(?<![\w'])[A-Za-z_]\w*")  # (no digits of 0x7fff'e000)
TEXT = (".md", ".svg", ".json", ".patch")
# Pages about other people's code, and the tools' own.
ELSEWHERE = re.compile(r"docs/where-it-lives\.md|common/tools/")
# What the pages speak of and the project's code does not: commands, functions,
# instructions and settings of others; and parts of names.
FOREIGN = frozenset("""
    _Fork __cxa_thread_atexit_impl __tls_get_addr
    benchmark_enable_random_interleaving benchmark_repetitions bindings c2c cc1plus constinit desc fs ldar LD_DEBUG
    MADV_FREE MADV_WIPEONFORK MALLOC_CHECK_ mov movaps MREMAP_DONTUNMAP objdump
    perf prof restore shared_mutex stlr strace tcache_count TryLock usecount
    workflow
    comm D1 D1mr DLmr dwarf futex libjs LL mem mw perf_event_paranoid syscalls sysctl
    _container Container NAME_contract NAME_test _pmr_arena _primes rules_
    test_NAME day05_race dayNN_race
    """.split())


def _sections(text):
    """A lesson's sections, the sittings of a long day as one."""
    found = []
    for _, line in rules_links.prose(text):
        if line.startswith("## "):
            name = line[3:].strip()
            if name.split(":")[0] in CODE_SECTIONS:
                name = "The code, in reading order"
            if not found or found[-1] != name:
                found.append(name)
    return found


def shape(tree):
    """Each lesson has the same sections, in the same order."""
    for page in filter(LESSON.fullmatch, tree.files):
        found = _sections(tree.read(page))
        wanted = [name.rstrip("?") for name in SECTIONS
                  if not name.endswith("?") or name[:-1] in found]
        for name in wanted:
            if name not in found:
                yield Finding(page, f"has no section {name!r}")
        if sorted(found) == sorted(wanted) and found != wanted:
            yield Finding(page, "has its sections in another order than: "
                          + "; ".join(wanted))
        for name in found:
            if name not in wanted:
                yield Finding(page, f"has a section of its own: {name!r}")


def length(tree):
    """A lesson is an evening: so many words (code, tables left out)."""
    for page in filter(LESSON.fullmatch, tree.files):
        text = tree.read(page)
        words = len(HIDDEN.sub("", text).split())
        if not WORDS[0] <= words <= WORDS[1]:
            yield Finding(page, f"has {words} words besides code and tables; "
                          f"{WORDS[0]:,} to {WORDS[1]:,} are an evening")
        pictures = len(re.findall(r"!\[", text))
        if pictures < PICTURES:
            yield Finding(page, f"has {pictures} pictures, and should have "
                          f"{PICTURES}")


def _known(tree):
    """All names of the code and of the files."""
    names = set()
    for name in tree.files:
        for part in PurePosixPath(name).parts:
            names.update(NAME.findall(part))
        if not name.endswith(TEXT):
            names.update(NAME.findall(tree.read(name)))
    return names


@functools.lru_cache(maxsize=None)
def _spoken(line):
    """The names that a line of prose has in code letters."""
    return [name for match in rules_links.INLINE.finditer(line)
            for name in NAME.findall(match.group(0))]


def names(tree):
    """A name in code letters is spelt as it is in the code."""
    known = _known(tree) | FOREIGN
    for page in tree.files:
        if not page.endswith(".md") or ELSEWHERE.match(page):
            continue
        for number, line in rules_links.prose(tree.read(page)):
            for name in _spoken(line):
                if name not in known:
                    yield Finding(f"{page}:{number}", f"`{name}` is nowhere in "
                                  "the code; if it is somebody else's, it "
                                  "belongs in rules_lessons.py: FOREIGN")


RULES = (shape, length, names)
