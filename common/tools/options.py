"""What several verbs take in the same way."""

import argparse

import project
from project import COMMAND, Failure


def positive(text):
    """A whole number above 0, for argparse."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def days_declaring(declaration):
    """The days whose façade declares something, as common/cmake sees them."""
    return [day for day in project.days()
            if declaration.search(
                (project.ROOT / day / "include/pool/pool.h").read_text(
                    encoding="utf-8"))]


def day_declaring(declaration, text, verb, begins):
    """The day that is meant, the newest unless one is named."""
    known = days_declaring(declaration)
    if not known:
        raise Failure(f"no day has what {verb} runs: that begins where "
                      f"{begins}")
    day = project.existing_day(text) if text else known[-1]
    if day not in known:
        raise Failure(f"{day} has nothing for {verb} to run yet; type: "
                      f"{COMMAND} {verb} {int(known[0][3:])}")
    return day
