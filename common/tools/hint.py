"""course hint: a nudge, then a question, then the code of a piece to write."""

import difflib
import re
import textwrap
from pathlib import Path

import learner
import project
import rules_links
import snippets
import start
import topics
import upnext
import whereabouts
from project import COMMAND, Failure

SUMMARY = "help with a piece to write: a nudge, a question, the code"
DESCRIPTION = """\
Without TOPIC, lists what is to write on a day, in the lesson's order. With it,
gives the smallest help first: a nudge. --question asks what leads to the code,
and says where to read; --code shows the snapshot's. Case does not matter, and a
class may be left out where only one has such a function."""
EXAMPLES = """
  common/course hint 4                        what there is to ask about
  common/course hint 4 FreeList::PopRange     a nudge
  common/course hint 4 poprange --question    what to ask yourself
  common/course hint 4 poprange --code        the code itself
  common/course hint ../day04                 what is left in your folder
"""
WIDTH = 80
INDENT = "  "


def add_arguments(parser):
    """Which day, which piece, and how much help."""
    parser.add_argument("day", metavar="DAY|DIR",
                        help="1, 01 or day01, or a folder of start's")
    parser.add_argument("topic", metavar="TOPIC", nargs="*", default=[],
                        help="a piece of the day, or a function in one")
    more = parser.add_mutually_exclusive_group()
    more.add_argument("--question", action="store_true",
                      help="a question, and where to read")
    more.add_argument("--code", action="store_true",
                      help="the code, as the snapshot has it")


def day_of(text):
    """(day, the learner's folder or None) of what the user typed."""
    is_folder = Path(text).is_dir() or "/" in text
    if project.day_name(text) or not is_folder:
        return project.existing_day(text), None
    folder = learner.open_folder(text)
    return project.existing_day(folder.day), folder


def _names(topic, functions):
    """What a topic may be called: its own name, then its functions'."""
    return [topic.name, *(name for name in functions[topic.name]
                          if name != topic.name)]


def _ends_in(name, word):
    """Whether a word is a name without its classes: pop for Slot::Pop."""
    return f"::{name.lower()}".endswith(f"::{word}")


def matches(word, wanted, functions):
    """The topics that a word may mean; the closest way to mean one wins."""
    word = word.lower()

    def found(means):
        return [topic for topic in wanted
                if any(means(name) for name in _names(topic, functions))]
    return ([topic for topic in wanted if topic.name.lower() == word]
            or found(lambda name: name.lower() == word)
            or found(lambda name: _ends_in(name, word)))


def find_topic(word, day, wanted, functions, typed=None):
    """The topic that is meant, or a Failure that names the nearest.

    typed is what the user called the day: it comes back in what to type next.
    """
    found = matches(word, wanted, functions)
    if len(found) == 1:
        return found[0]
    command = f"{COMMAND} hint {typed or int(day[3:])}"
    if found:
        raise Failure(f"{word} may be "
                      + " or ".join(topic.name for topic in found)
                      + f"; type: {command} {found[0].name}")
    names = {}
    for topic in reversed(wanted):  # where two share a name, the first stays
        for name in _names(topic, functions):
            names[name.lower().rpartition("::")[2]] = name
            names[name.lower()] = name
    near = difflib.get_close_matches(word.lower(), names, 1)
    raise Failure(f"{day} has no piece {word!r}; " + (
        f"did you mean: {command} {names[near[0]]}" if near
        else f"type {command} to see its pieces"))


def heading(place, root=None):
    """The heading that a place in a lesson stands for, without its marks."""
    page, _, anchor = place.partition("#")
    text = ((root or project.ROOT) / page).read_text(encoding="utf-8")
    for _, found, line in topics.headings_of(text):
        if found == anchor:
            title = rules_links.HEADING.match(line).group(1)
            return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1",
                          title).replace("`", "")
    return ""


def wrapped(text, first=""):
    """A paragraph within the width, further lines below its first word."""
    head = INDENT + first
    return textwrap.fill(text, WIDTH - 1, initial_indent=head,
                         subsequent_indent=" " * len(head),
                         break_long_words=False, break_on_hyphens=False)


def paragraph(topic, field):
    """A hint's text; a topic that lacks it is a mistake in its page."""
    text = getattr(topic, field)
    if not text:
        raise Failure(f"{topics.FOLDER}/{topic.day}.md: {topic.name} has no "
                      f"line {field}: with a paragraph; write one")
    return text


def code(topic, root=None):
    """The snapshot's code of a topic."""
    path = (root or project.ROOT) / topic.day / topic.path
    try:
        return snippets.extract(path.read_text(encoding="utf-8"), topic.name)
    except (OSError, snippets.Missing) as problem:
        raise Failure(f"{topic.day}/{topic.path} has no pair of lines "
                      f"[{topic.name}] ({problem}); clone the repository "
                      "again") from None


def listing(day, wanted, folder):
    """What is to write, below the part of the lesson that tells of it."""
    left = folder.open_topics() if folder else ()
    title = f"{day}: {len(wanted)} pieces to write"
    yield title + (f", {len(left)} of them left ([ ])" if folder else
                   ", in the lesson's order")
    width, place = max(len(topic.name) for topic in wanted), None
    for topic in wanted:
        here = topics.lesson_place(topic)
        if here != place:
            place = here
            yield f"\n{place}"
        mark = "" if not folder else "[ ] " if topic.name in left else "[x] "
        yield f"  {mark}{topic.name:<{width}}  {topic.path}"


def text(topic, level, typed):
    """A hint, as lines for a terminal, and how to get the next."""
    again = f"{COMMAND} hint {typed} {topic.name}"
    yield f"{topic.day}, {topic.name} in {topic.path}\n"
    if level == "code":
        yield from code(topic)
        return
    yield wrapped(paragraph(topic, level))
    if level == "question":
        place = topics.lesson_place(topic)
        yield f"\n{wrapped(place, 'read   ')}"
        title = heading(place)
        if title:
            yield wrapped(f'"{title}"', "       ")
    more = "code" if level == "question" else "question"
    yield f"\nNot enough? {again} --{more}"


def next_step(folder, wanted, typed):
    """What a listing ends with: where to ask, or that there is nothing left.

    In a learner's folder that is the first piece that is not written, then
    the one that the last try's first failure points to.
    """
    left = folder.open_topics() if folder else [wanted[0].name]
    if left:
        yield f"\nA nudge: {COMMAND} hint {typed} {left[0]}"
    elif folder.failing():
        first = folder.progress().get("first", {})
        yield (f"\nAll is written; fails: "
               f"{first.get('test') or folder.failing()[0]}")
        yield (f"A nudge: {COMMAND} hint {typed} {first['topic']}"
               if first.get("topic") else
               f"What it says: {COMMAND} try {typed}")
    elif whereabouts.is_done(folder):
        yield "\nAll is written, and all tests passed: done."
        yield from upnext.lines(folder)
    else:
        yield f"\nAll is written; does it pass? {COMMAND} try {typed}"


def run(args):
    """Lists the day's topics, or helps with one."""
    day, folder = day_of(args.day)
    wanted = topics.of_day(day)
    word = " ".join(args.topic)
    if not word:
        if args.question or args.code:
            raise Failure("which piece? type: "
                          f"{COMMAND} hint {args.day} to see them")
        print("\n".join([*listing(day, wanted, folder),
                         *next_step(folder, wanted, args.day)]))
        return 0
    topic = find_topic(word, day, wanted, start.functions_of(day, wanted),
                       args.day)
    level = "code" if args.code else "question" if args.question else "nudge"
    print("\n".join(text(topic, level, args.day)))
    return 0
