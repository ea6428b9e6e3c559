"""Runs test modules of Python's own; prints each test and how it ended.

    python3 tests.py test.test_list test.test_dict

Python's own runner prints times and, in verbose mode, what threads do: this
prints the same text each time if each test ends the same way.
"""

import io
import sys
import unittest
import warnings

from test import support


class Outcomes(unittest.TextTestResult):
    """Keeps a line for each test."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.lines = []

    def note(self, test, outcome):
        """One more line."""
        self.lines.append(f"{test.id()}: {outcome}")

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test, "ok")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.note(test, "fails, as expected")

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, "error")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "failure")


def main(names):
    """Runs the modules; 1 if a test failed."""
    warnings.simplefilter("ignore")
    support.verbose = False
    said = io.StringIO()
    runner = unittest.TextTestRunner(said, resultclass=Outcomes, verbosity=0,
                                     warnings="ignore")
    result = runner.run(unittest.defaultTestLoader.loadTestsFromNames(names))
    print("\n".join(sorted(result.lines)))
    if not result.wasSuccessful():
        print(said.getvalue(), file=sys.stderr)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
