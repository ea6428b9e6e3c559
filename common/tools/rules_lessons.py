"""Rules of check for the lessons: their shape, their length, their names."""

import re
from pathlib import PurePosixPath

import rules_links
from findings import Finding

LESSON = re.compile(r"docs/(day\d\d)\.md")
CODE = "The code, in reading order"
# In this order. Those with a ? are for the days that have something to say.
SECTIONS = (
    "Time it takes", "What you will have at the end", "The problem, measured",
    "The idea", "Predict before you look", CODE,
    "What changes today", "Run it", "Measure it",
    "What others get wrong here", "Legends and facts?", "Exercises",
    "A bug to hunt", "Questions as asked in interviews", "Further reading")
CODE_SECTIONS = ("First sitting", "Second sitting", "Third sitting")
WORDS = (2000, 4000)
PICTURES = 2
HIDDEN = re.compile(r"<!--.*?-->|^\|.*?$|^</?details>$|"
                    r"^<summary><code>.*?</summary>$", re.S | re.M)
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)|<img\s[^>]*src=\"([^\"]+)\"")
NAME = re.compile(r"(?<![\w'])[A-Za-z_]\w*")  # (no digits of 0x7fff'e000)
SPAN = re.compile(r"(`+)(?:(?!\1)[\s\S])+?\1")
TEXT = (".md", ".svg", ".json", ".patch")
# Pages about other people's code, and the tools' own.
ELSEWHERE = re.compile(r"docs/where-it-lives\.md|common/tools/")
# What the pages speak of and the project's code does not: commands, functions,
# instructions and settings of others; and parts of names.
FOREIGN = frozenset("""
    benchmark_enable_random_interleaving benchmark_repetitions bindings c2c
    clone comm constinit Container _container cpu __cxa_thread_atexit_impl
    D1 D1mr d3 day05_race dayNN_race desc DLmr dwarf flame flamegraph _Fork
    fs futex graph HEAD kills L1 LAYERS LD_DEBUG ldar libjs LL MADV_FREE
    MADV_WIPEONFORK MALLOC_CHECK_ mem mov movaps mw NAME_contract NAME_test
    new_leaf npm objdump perf_event_paranoid _pmr_arena POOL_ _primes prof
    PYTHONMALLOC restore REV reveal RULES rules_ stlr strace subprocess
    survey syscalls sysctl tcache_count test_NAME __tls_get_addr TryLock
    workflow
    """.split())


def _sections(text):
    """A lesson's sections, the sittings of a long day, in order, as one."""
    found, sittings = [], list(CODE_SECTIONS)
    for _, line in rules_links.prose(text):
        if not line.startswith("## "):
            continue
        name = line[3:].strip()
        if sittings and name.split(":")[0] == sittings[0]:
            first = len(sittings) == len(CODE_SECTIONS)
            name, follows = CODE, not first and found[-1] == CODE
            sittings.pop(0)
            if follows:
                continue
        found.append(name)
    return found


def shape(tree):
    """Each lesson has the same sections, in the same order."""
    for page in filter(LESSON.fullmatch, tree.files):
        found = _sections(tree.read(page))
        wanted = [name.rstrip("?") for name in SECTIONS
                  if not name.endswith("?") or name[:-1] in found]
        if found == wanted:
            continue
        for name in wanted:
            if name not in found:
                yield Finding(page, f"has no section {name!r}")
        for name in found:
            if name not in wanted:
                yield Finding(page, f"has a section of its own: {name!r}")
        if sorted(set(found)) == sorted(wanted):
            yield Finding(page, "has its sections in another order than, or "
                          "not just once: " + "; ".join(wanted))


def length(tree):
    """A lesson is an evening: so many words (code, tables left out)."""
    for page in filter(LESSON.fullmatch, tree.files):
        text = "\n".join(line for _, line in rules_links.prose(tree.read(page)))
        words = len(HIDDEN.sub("", text).split())
        if not WORDS[0] <= words <= WORDS[1]:
            yield Finding(page, f"has {words} words besides code and tables; "
                          f"{WORDS[0]:,} to {WORDS[1]:,} are an evening")
        pictures = len(set(PICTURE.findall(text)))
        if pictures < PICTURES:
            yield Finding(page, f"has fewer than {PICTURES} pictures")


def _known(tree):
    """All names of the code and of the files."""
    names = set()
    for name in tree.files:
        for part in PurePosixPath(name).parts:
            names.update(NAME.findall(part))
        if not name.endswith(TEXT) and not name.startswith("common/tools/"):
            names.update(NAME.findall(tree.read(name)))
    return names


def _paragraphs(text):
    """(number of its first line, text) of each paragraph of prose."""
    lines, last = [], 0
    for number, line in rules_links.prose(text):
        if lines and (not line.strip() or number != last + 1):
            yield last - len(lines) + 1, "\n".join(lines)
            lines = []
        if line.strip():
            lines.append(line)
        last = number
    if lines:
        yield last - len(lines) + 1, "\n".join(lines)


def _spoken(text):
    """(line, name) of the names that prose has in code letters."""
    for first, paragraph in _paragraphs(text):
        for match in SPAN.finditer(paragraph):
            line = first + paragraph.count("\n", 0, match.start())
            for name in NAME.findall(match.group(0)):
                yield line, name


def foreign(tree):
    """(page, line, name) of the names that the code does not know."""
    known = _known(tree)
    for page in tree.files:
        if page.endswith(".md") and not ELSEWHERE.match(page):
            for number, name in _spoken(tree.read(page)):
                if name not in known:
                    yield page, number, name


def names(tree):
    """A name in code letters is spelt as it is in the code."""
    for page, number, name in foreign(tree):
        if name not in FOREIGN:
            yield Finding(f"{page}:{number}", f"`{name}` is nowhere in the "
                          "code; if it is somebody else's, it belongs in "
                          "rules_lessons.py: FOREIGN")


RULES = (shape, length, names)
