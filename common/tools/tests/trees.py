"""Small project trees for the tests, and the tools on the search path."""

import io
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

sys.dont_write_bytecode = True
TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))

HEADER = """\
// The façade: the only header a user needs.
#ifndef POOL_POOL_H_
#define POOL_POOL_H_
namespace pool {
void* Allocate(unsigned long bytes) noexcept;
}
#endif
"""
SOURCE = """\
#include "pool/pool.h"
namespace pool {
void* Allocate(unsigned long bytes) noexcept {
  (void)bytes;
  return nullptr;
}
}  // namespace pool
"""
TEST = """\
#include "pool/pool.h"
TEST(Pool, Allocates) { EXPECT_NE(pool::Allocate(1), nullptr); }
"""


class TreeTest(unittest.TestCase):
    """A test with a small project of two days in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve() / "project"
        self.write("README.md", "# Pool\n")
        for day in ("day01", "day02"):
            self.write(f"{day}/CMakeLists.txt", "course_day()\n")
            self.write(f"{day}/README.md", "# The card\n")
            self.write(f"{day}/include/pool/pool.h", HEADER)
            self.write(f"{day}/src/pool.cc", SOURCE)
            self.write(f"{day}/tests/pool_test.cc", TEST)
            self.write(f"docs/{day}.md", "# A lesson\n\n<!-- changes:begin "
                       "-->\n<!-- changes:end -->\n")

    def write(self, name, text):
        """Writes a file of the tree."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, name):
        """Reads a file of the tree."""
        return (self.root / name).read_text()

    def commit(self):
        """Makes the tree a repository whose HEAD is what stands there."""
        git = ["git", "-C", str(self.root), "-c", "user.name=Test",
               "-c", "user.email=test@example.org",
               "-c", "commit.gpgsign=false"]
        if not (self.root / ".git").exists():
            subprocess.run([*git, "init", "-q"], check=True)
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "state"], check=True)


def run_main(*words):
    """Runs the command in this process: (exit code, output, complaints)."""
    import main
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main.main(list(words))
        except SystemExit as leave:  # argparse, after --help
            code = leave.code
    return code, out.getvalue(), err.getvalue()
