"""The rules of check that look at one C++ file (or Python tool) at a time."""

import ast
import re
import shutil
import subprocess

import findings
import scanner
from findings import Finding, propagate

DAY = re.compile(r"(?<![A-Za-z])days?[\s_-]?(?:0[1-9]|10|[1-9])(?!\d)", re.I)
MARKER = re.compile(r"^\s*(?://|#)! \[([^\]]*)\]\s*$")
MAX_FILE, MAX_FUNCTION = 400, 40

# Where an #if may stand (style.md, 10): the header of macros, the contract
# with the kernel, and the malloc shim.
MACRO_HEADER = "include/pool/macros.h"
PORTED = ("src/system_memory.cc", "src/malloc.cc", "src/new_delete.cc")
DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|define)\b[ \t]*"
                       r"(.*)", re.M)

# Who may include whom: a header of the same layer or of one below it.
LAYERS = (
    ("bytes", "macros", "mutex", "immortal", "size_class", "free_list",
     "span", "span_tree", "misuse", "watch", "output", "gauge",
     "tuning", "sampler", "call_stack", "checks", "marks"),
    ("system_memory",),
    ("object_pool", "fixed_pool", "memory_pool", "magazine", "arena",
     "block_table", "stack_table", "heap_profile"),
    ("page_map",),
    ("page_heap", "page_heap_room"),
    ("central_cache",),
    ("thread_cache", "thread_life", "upkeep"),
    ("pool", "calls", "fork", "stats", "settings", "heap_map", "onlookers", "inspectors",
     "heap_map_spans", "heap_map_svg", "heap_map_bars", "heap_map_cells",
     "heap_map_json",
     "reports", "snapshot",
     "stats_forms", "stats_text", "stats_json", "stats_prometheus",
     "stats_xml"),
    ("malloc", "malloc_info", "new_delete", "allocator", "memory_resource",
     "pool_c"),
)
LAYER = {name: rank for rank, names in enumerate(LAYERS) for name in names}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"(pool/)?(\w+)\.h"', re.M)


def _line(text, place):
    return text.count("\n", 0, place) + 1


def day_numbers(tree):
    """A day's number in code, where it would differ from day to day."""
    names = tree.code() + [
        name for name in tree.files
        if re.match(r"day\d\d/(.*/)?CMakeLists\.txt$|common/cmake/", name)]
    for name in names:
        text = tree.read(name)
        for match in DAY.finditer(text):
            yield Finding(f"{name}:{_line(text, match.start())}",
                          f"names a day in code: {match.group()!r}; say what "
                          "it is, not when it comes", propagate(name))


def markers(tree):
    """Marker pairs left open or doubled, and names that name a day."""
    for name in tree.files:
        if not name.endswith(findings.CODE + (".cmake", "CMakeLists.txt")):
            continue
        places = {}
        for number, line in enumerate(tree.read(name).splitlines(), 1):
            match = MARKER.match(line)
            if match:
                places.setdefault(match.group(1), []).append(number)
        for marker, numbers in places.items():
            where = f"{name}:{numbers[-1]}"
            if len(numbers) == 1:
                yield Finding(where, f"the marker [{marker}] is left open",
                              propagate(name))
            elif len(numbers) > 2:
                yield Finding(where, f"the marker [{marker}] is doubled: it "
                              f"stands {len(numbers)} times", propagate(name))


def opening_comments(tree):
    """A public header says first what it is for."""
    for name in tree.code():
        if not name.endswith(".h") or "/examples/" in name:
            continue
        first = tree.read(name).lstrip().split("\n", 1)[0]
        if not first.startswith(("//", "/*")) or len(first.split()) < 3:
            yield Finding(f"{name}:1", "the header does not open with a "
                          "comment that says what it is for", propagate(name))


def sizes(tree):
    """No file over 400 lines, no function over 40."""
    for name in tree.code():
        text = tree.read(name)
        length = len(text.splitlines())
        if length > MAX_FILE:
            yield Finding(f"{name}:{MAX_FILE + 1}", f"the file has {length} "
                          f"lines, more than {MAX_FILE}", propagate(name))
        for entity in scanner.scan(text):
            length = entity.last - entity.first + 1
            if entity.kind != "class" and length > MAX_FUNCTION:
                yield Finding(f"{name}:{entity.first}", f"{entity.name} has "
                              f"{length} lines, more than {MAX_FUNCTION}",
                              propagate(name))


def python_sizes(tree):
    """The same bounds for the tools."""
    for name in tree.files:
        if not name.startswith("common/tools/") or not name.endswith(".py"):
            continue
        text = tree.read(name)
        if len(text.splitlines()) > MAX_FILE:
            yield Finding(f"{name}:{MAX_FILE + 1}", "the file is longer than "
                          f"{MAX_FILE} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                length = node.end_lineno - node.lineno + 1
                if length > MAX_FUNCTION:
                    yield Finding(f"{name}:{node.lineno}", f"{node.name} has "
                                  f"{length} lines, more than {MAX_FUNCTION}")


def _guard_places(name, text):
    """The two lines of a header's include guard."""
    match = re.search(r"^#ifndef (\w+)\n#define \1$", text, re.M)
    if not name.endswith(".h") or not match:
        return set()
    first = _line(text, match.start())
    return {first, first + 1}


def _allowed(name, word, rest):
    """True if a directive may stand in a file."""
    inside = name.split("/", 1)[1]
    if inside == MACRO_HEADER:
        return True
    if word == "define":
        return name.endswith(".c") and re.match(r"_\w+_SOURCE\b", rest)
    return inside in PORTED or (word == "ifdef" and rest == "__cplusplus")


def directives(tree):
    """#if and #define only where the style allows them."""
    for name in tree.code():
        text = scanner.without_comments(tree.read(name))
        guard = _guard_places(name, text)
        for match in DIRECTIVE.finditer(text):
            word, rest = match.group(1), match.group(2).strip()
            line = _line(text, match.start())
            if line in guard or _allowed(name, word, rest):
                continue
            yield Finding(f"{name}:{line}", f"#{word} {rest}: only macros.h, "
                          "system_memory.cc and the malloc shim may have it",
                          propagate(name))


def layers(tree):
    """Includes go down only."""
    for name in tree.day_code():
        if not re.match(r"day\d\d/(include/pool|src)/", name):
            continue
        me = re.sub(r".*/|\.\w+$", "", name)
        text = tree.read(name)
        for match in INCLUDE.finditer(scanner.without_comments(text)):
            other = match.group(2)
            where = f"{name}:{_line(text, match.start())}"
            for unknown in {me, other} - set(LAYER):
                yield Finding(where, f"{unknown} has no layer yet: give it one "
                              "in common/tools/rules_code.py, LAYERS")
            if LAYER.get(other, 0) > LAYER.get(me, len(LAYERS)):
                yield Finding(where, f"{me} includes {other}.h, a layer above "
                              "it", propagate(name))


def clang_format(tree):
    """The layout that .clang-format asks for, by Debian 12's version."""
    program = next((found for found in map(shutil.which, (
        "clang-format-14", "clang-format")) if found), None)
    if not program or not (tree.root / ".clang-format").exists():
        return
    version = subprocess.run([program, "--version"], capture_output=True,
                             text=True, check=False).stdout
    if not re.search(r"version 14\.", version):
        return
    seen, names = set(), []
    for name in tree.code():  # most files are the same in many days
        if tree.read(name) not in seen:
            seen.add(tree.read(name))
            names.append(name)
    said = subprocess.run(
        [program, "--dry-run", "--style=file", *names], cwd=tree.root,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    ).stderr if names else ""
    told = set()
    for match in re.finditer(r"^(\S+?):(\d+):\d+: warning", said, re.M):
        name, line = match.groups()
        if name not in told:
            told.add(name)
            yield Finding(f"{name}:{line}", "clang-format would lay this out "
                          "otherwise", f"clang-format -i {name}"
                          + (", then propagate" if name[:3] == "day" else ""))


RULES = (day_numbers, markers, opening_comments, sizes, python_sizes,
         directives, layers, clang_format)
