"""course check: the gate against drift, the same here and in CI."""

import time

import findings
import project
import rules_code
import rules_days
import rules_lessons
import rules_lines
import rules_links
import snippets
import typed

SUMMARY = "find drift between days, broken links, breaches of style"
DESCRIPTION = """\
Compares the lessons' tables with the snapshots, the days with each other, the
code with the style, and follows every relative link. One line for each thing
that is wrong, with the command that mends it; exit code 1 if there are any."""
EXAMPLES = """
  common/course check            look
  common/course check --write    first write what is generated in docs/ anew
  common/course check --outputs 4 8    type what those lessons say to type
"""


def shown_code(tree):
    """Code in a lesson is what stands in the snapshots."""
    return snippets.refresh(tree.root, False)


RULES = (*rules_days.RULES, *rules_code.RULES, *rules_links.RULES,
         *rules_lines.RULES, *rules_lessons.RULES, shown_code)


def add_arguments(parser):
    """Whether to write, or which lessons' commands to type."""
    parser.add_argument("--write", action="store_true",
                        help="first write the tables of changes, the code "
                        "shown in docs/ and the numbers of linked lines anew")
    parser.add_argument("--outputs", nargs="*", metavar="DAY",
                        help="instead, type the commands whose output a lesson "
                        "shows, and compare (all days, or some)")


def look(root, rules=RULES):
    """All findings in a tree, by rule."""
    tree = findings.Tree(root)
    return [finding for rule in rules for finding in rule(tree)]


def run(args):
    """Looks, after writing where that is asked for."""
    if args.outputs is not None:
        project.ensure_setup("build")
        return typed.check(project.existing_days(args.outputs))
    project.ensure_setup("git")
    start = time.monotonic()
    if args.write:
        snippets.refresh(project.ROOT, True)
        for page in (*rules_days.write_tables(project.ROOT),
                     *rules_lines.write_lines(project.ROOT)):
            print(f"written: {page}")
    found = look(project.ROOT)
    for finding in found:
        print(finding)
    seconds = time.monotonic() - start
    days = len(project.days())
    print(f"check: {len(found)} to mend in {days} days ({seconds:.1f} s)"
          if found else
          f"check: {len(RULES)} rules hold in {days} days ({seconds:.1f} s)")
    return 1 if found else 0
