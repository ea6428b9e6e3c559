"""A review's third question: what does clang-tidy say?

It reads only what differs from the snapshot. A line that stands there word for
word is the course's business, unless it is the analyzer's, which looks at what
leads there.
"""

import concurrent.futures
import re
import subprocess

import differences
import project
from review_headers import Finding

WARNING = re.compile(r"^(\S+?):(\d+):\d+: (warning|error): (.*) "
                     r"\[([\w.,*-]+)\]$", re.M)
# The beginning of a check's name: why it matters, what to do.
KINDS = (
    ("clang-analyzer-", "There is a way through the code on which this "
     "happens, perhaps a rare one.",
     "Follow it from the top; make it impossible, or test for it."),
    ("clang-diagnostic-", "The compiler warns of it; most often it is a slip.",
     "Mend what it names."),
    ("bugprone-", "Code of this form is more often wrong than right.",
     "If it is what you mean, say so more plainly: a cast, a bracket, a name."),
    ("performance-", "It costs time or memory, and gains nothing.",
     "Do as the message says; measure, if in doubt."),
    ("readability-identifier-naming", "A name's form says what it is: a "
     "FunctionOrClass, a variable, a kConstant, a member_.",
     "Rename it."),
    ("readability-", "The next reader is misled.", "Write what is meant."),
    ("google-", "The course keeps to Google's style, so that differences "
     "between days are lessons.", "Do as the message says."),
    ("", "It is one of the mistakes that .clang-tidy looks for.",
     "Do as the message says."))


def to_read(day_folder, folder):
    """(the sources to read, the files that are the learner's own)."""
    own = {change.name for change in differences.compare(day_folder, folder)
           if change.name.startswith(("include/", "src/"))
           and change.name.endswith((".h", ".cc")) and change.state != "gone"
           and "/yours_to_write." not in change.name}  # the course's
    sources = {name for name in own if name.endswith(".cc")}
    for header in own - sources:
        stem = header.rpartition("/")[2][:-2]
        users = [path for path in sorted((folder / "src").glob("*.cc"))
                 if path.is_file()  # an editor's lock is a link to nowhere
                 and f"pool/{stem}.h" in path.read_text(errors="replace")]
        beside = [path for path in users if path.stem == stem]
        if not users:
            sources.add(header)  # only tests include it
        elif not sources & {f"src/{path.name}" for path in users}:
            sources.add(f"src/{(beside or users)[0].name}")
    return sorted(sources), own


def _ours(day_folder, name, line):
    """True if the snapshot has this line, too."""
    path = day_folder / name
    return path.is_file() and line.strip() in {
        other.strip() for other in path.read_text(errors="replace")
        .splitlines()}


def findings(said, shop, day_folder, own):
    """The findings in clang-tidy's words."""
    for match in WARNING.finditer(shop.words(said)):
        path, number, _, what, check = match.groups()
        name = path.replace(f"{shop.folder}/", "")
        if name not in own:
            continue
        lines = (shop.folder / name).read_text(errors="replace").splitlines()
        line = lines[int(number) - 1] if int(number) <= len(lines) else ""
        if not check.startswith("clang-analyzer-") and _ours(
                day_folder, name, line):
            continue
        _, why, mend = next(kind for kind in KINDS
                            if check.startswith(kind[0]))
        yield Finding(f"{name}:{number}", f"{what} [{check}]", why, mend)


def read(shop, source):
    """What clang-tidy says of one source."""
    return subprocess.run(
        ["clang-tidy", "--quiet", f"--config-file={project.ROOT}/.clang-tidy",
         "--header-filter=.*/include/pool/.*", str(shop.home / source), "--",
         "-xc++", "-Wall", "-Wextra", *shop.compiler_options()],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="replace", check=False).stdout


def look(shop, day_folder):
    """All findings, each once, by place."""
    sources, own = to_read(day_folder, shop.folder)
    with concurrent.futures.ThreadPoolExecutor(project.jobs()) as pool:
        said = pool.map(lambda source: read(shop, source), sources)
        found = dict.fromkeys(finding for words in said for finding in
                              findings(words, shop, day_folder, own))
    return sorted(found, key=lambda one: (
        one.place.partition(":")[0], int(one.place.rpartition(":")[2])))
