"""A review's first question: does a learner's folder declare what the day's
snapshot does? The tests, and the days to come, call it by those names."""

import re
from typing import NamedTuple

import differences
import scanner

KEPT_WORDS = re.compile(r"\b(?:inline|constexpr|explicit|virtual|extern|static|"
                        r"NOINLINE|CONSTINIT|POOL_FRAME|ONE_THREAD)\b")
NAMED = re.compile(r"(.*[\s*&>])[A-Za-z_]\w*$")  # a parameter with its name
HALF_A_TYPE = ("const", "struct", "unsigned", "long", "typename", "")


class Finding(NamedTuple):
    """What a learner is told of one thing."""
    place: str   # src/pool.cc:12
    what: str
    why: str     # it matters
    mend: str    # what to do


def _closing(text, start):
    """Where the parenthesis at `start` is closed."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text)


def _split(words):
    """Parameters, split at the commas between them."""
    parts, depth, last = [], 0, 0
    for place, sign in enumerate(words):
        depth += {"(": 1, "<": 1, ")": -1, ">": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append(words[last:place])
            last = place + 1
    return [part for part in (*parts, words[last:]) if part.strip()]


def _type(parameter):
    """A parameter's type: its name is its owner's business."""
    words = parameter.split("=")[0].strip()
    named = NAMED.match(words)
    if named and named.group(1).strip() not in HALF_A_TYPE:
        words = named.group(1)
    return re.sub(r"\s+", "", words)


def _tail(words):
    """const and noexcept, if they stand behind the parameters."""
    head = re.split(r"[{;:=]", words, maxsplit=1)[0]
    return tuple(word for word in ("const", "noexcept")
                 if re.search(rf"\b{word}\b", head))


def signature(entity):
    """What a caller depends on: the types, const and noexcept."""
    text = scanner.plain_head(entity.text)
    name = entity.name.rpartition("::")[2]
    match = re.search(re.escape(name).replace(r"\ ", r"\s*") + r"\s*\(", text)
    if not match:
        return None
    close = _closing(text, match.end() - 1)
    lead = re.sub(r"(?:\w+::)+$", "", text[:match.start()].strip())
    result = re.sub(r"\s+", "", KEPT_WORDS.sub("", lead))
    return (result, tuple(map(_type, _split(text[match.end():close]))),
            _tail(text[close + 1:]))


def shown(entity):
    """A declaration as one line."""
    words = re.split(r"\{|;", entity.text, maxsplit=1)[0].strip()
    words = re.sub(r"\)\s*:\s*\w+[({].*$", ")", words)  # initialisers
    return words + (";" if entity.kind == "function" else "")


def public(text):
    """{name: entities} of what a header offers; not of what it forbids."""
    found = {}
    for entity in scanner.scan(text):
        if entity.public and not entity.text.endswith("= delete;"):
            found.setdefault(entity.name, []).append(entity)
    return found


def _missing(name, entity):
    return Finding(
        name, f"{entity.name} is not declared",
        "The day's tests, or later days, use it by this name.",
        f"Declare it: {shown(entity)}")


def _other(name, wanted, there):
    return Finding(
        f"{name}:{there[0].first}",
        f"{wanted.name} has another signature than the snapshot's",
        "Who calls it as the lesson has it would not compile, or would call "
        "something else.",
        f"Make it: {shown(wanted)}")


def compare(name, ours, theirs):
    """The findings of one header; both as texts."""
    there = public(theirs)
    for entities in public(ours).values():
        for wanted in entities:
            found = there.get(wanted.name, [])
            if not found:
                if wanted is entities[0]:
                    yield _missing(name, wanted)
            elif wanted.kind == "function" and signature(wanted) not in map(
                    signature, found):
                yield _other(name, wanted, found)
                break


def look(day_folder, folder):
    """All findings: the day's headers against those of the folder."""
    for name in sorted(differences.folder_files(day_folder / "include")):
        ours = day_folder / "include" / name
        theirs = folder / "include" / name
        if not name.endswith(".h"):
            continue
        if not theirs.is_file():
            yield Finding(f"include/{name}", "the header is missing",
                          "The day's tests include it.",
                          "Write it, or copy the snapshot's: "
                          f"{day_folder.name}/include/{name}")
        elif theirs.read_bytes() != ours.read_bytes():
            yield from compare(f"include/{name}",
                               ours.read_text(errors="replace"),
                               theirs.read_text(errors="replace"))
