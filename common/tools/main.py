"""The course's command: finds the verb, runs it, words its failures.

Exit codes: 0 done, 1 what was tried failed (a test, a check), 2 the command
cannot do what was asked (one line says what to type instead), 70 a mistake
in this command itself (COURSE_DEBUG=1 shows where).
"""

import sys

if sys.version_info < (3, 9):
    sys.exit("course: python3 is %d.%d, and the course needs 3.9 or newer"
             % sys.version_info[:2])
sys.dont_write_bytecode = True

import argparse
import difflib
import errno
import importlib
import os
import signal
import traceback
from pathlib import Path

from project import COMMAND, Failure

# Every verb is a module beside this file; the order is the one shown.
VERBS = (
    ("to follow the course", ("setup", "start", "try", "hint", "progress",
                              "review", "hunt", "test", "build", "diff")),
    ("to measure and to see", ("race", "bench", "classic", "heaps", "map",
                               "latency", "programs")),
    ("to write it", ("check", "propagate", "new", "starters", "mutants",
                     "fuzz", "stress", "instructions", "steps", "docs")),
)
# Where the verb's own name is taken, by Python or by another module.
MODULES = {"try": "trial", "progress": "whereabouts"}
NAMES = [name for _, names in VERBS for name in names]
WRITE_ERRORS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC)


class Parser(argparse.ArgumentParser):
    """Answers wrong arguments with one line, not with the usage."""

    def error(self, message):
        raise Failure(f"{message}; type: {self.prog} --help")


def load(verb):
    """The verb's module."""
    return importlib.import_module(MODULES.get(verb, verb))


def print_verbs():
    """What the command can do, in one screen."""
    print(f"usage: {COMMAND} VERB [ARGUMENT…]")
    for title, names in VERBS:
        print(f"\n{title}:")
        for name in names:
            print(f"  {name:<13}{load(name).SUMMARY}")
    print(f"\n{COMMAND} VERB --help says more, with an example.")


def parser_of(verb, module):
    """The argument parser of a verb, its examples below the options."""
    examples = getattr(module, "EXAMPLES", "").strip("\n")
    parser = Parser(
        prog=f"{COMMAND} {verb}", allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=getattr(module, "DESCRIPTION", None)
        or f"{module.SUMMARY[0].upper()}{module.SUMMARY[1:]}.",
        epilog=f"examples:\n{examples}" if examples else None)
    module.add_arguments(parser)
    return parser


def find_verb(word):
    """The verb that is meant, or a Failure that names the nearest."""
    if word in NAMES:
        return word
    near = difflib.get_close_matches(word, NAMES, 1)
    wish = f"did you mean: {COMMAND} {near[0]}" if near else (
        f"type {COMMAND} to see the verbs")
    raise Failure(f"there is no verb {word!r}; {wish}")


def dispatch(words):
    """Runs the verb that the words name and returns its exit code."""
    if not words or words[0] in ("-h", "--help", "help"):
        print_verbs()
        return 0
    verb = find_verb(words[0])
    module = load(verb)
    args = parser_of(verb, module).parse_args(words[1:])
    return module.run(args) or 0


def complain(words, message):
    """One line on standard error, headed by the verb."""
    verb = " " + words[0] if words and words[0] in NAMES else ""
    print(f"course{verb}: {message}", file=sys.stderr)


def internal_error(words):
    """A mistake in this command: said to be one, never hidden."""
    if os.environ.get("COURSE_DEBUG") == "1":
        traceback.print_exc()
    error = sys.exc_info()[1]
    place = traceback.extract_tb(error.__traceback__)[-1]
    complain(words, f"a mistake in the command itself: {error!r} in "
             f"{Path(place.filename).name}:{place.lineno}; COURSE_DEBUG=1 "
             "shows the way there")
    return 70


def main(words):
    """Runs a verb and turns every way to fail into its exit code."""
    for ended in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: tidily
        signal.signal(ended, lambda number, _: sys.exit(128 + number))
    try:
        code = dispatch(words)
        sys.stdout.flush()
        return code
    except Failure as failure:
        sys.stdout.flush()
        complain(words, failure)
        return 2
    except KeyboardInterrupt:
        print("\ncourse: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (head, a pager) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in WRITE_ERRORS or not error.filename:
            return internal_error(words)
        complain(words, f"cannot write {error.filename} ({error.strerror}); "
                 "make it writable, or work in a clone of your own")
        return 2
    except Exception:
        return internal_error(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
