"""course setup: installs what the course needs and the system lacks."""

import packages
import project

SUMMARY = "install what is missing, saying what and why"
EXAMPLES = """
  common/course setup              what a learner needs: to build, to race
  common/course setup check        also what CI needs
  common/course setup programs     also real programs, a web server too
  common/course setup profile      also perf and valgrind (docs/profiling.md)
  common/course setup --check      only report
"""
TITLES = {"build": "to build and test", "race": "to race",
          "git": "to read differences",
          "follow": "to find a mistake of your own",
          "pages": "to see differences as pages",
          "docs": "to build the site", "review": "to have your own code reviewed",
          "editor": "to work in an editor", "check": "to check, as CI does",
          "profile": "to see where the time goes",
          "programs": "to run real programs on a day's malloc"}


def add_arguments(parser):
    """Which groups, and whether to install or only to look."""
    parser.add_argument(
        "groups", nargs="*", default=[], metavar="GROUP",
        help="build, race, git, follow, pages, docs, review, editor, check, "
        "profile or programs (default: the first four)")
    parser.add_argument("--check", action="store_true",
                        help="only report; exit code 1 if anything is missing")


def _report(groups):
    """One line for each package, by what it is needed for."""
    seen = set()
    for group in groups:
        needs = [need for need in packages.needs_of([group])
                 if need.package not in seen]
        if not needs:
            continue
        print(f"{TITLES[group]}:")
        for need in needs:
            seen.add(need.package)
            state = "ok     " if packages.is_there(need) else "MISSING"
            print(f"  {state}  {need.package:<22}{need.why}")


def run(args):
    """Installs, or reports, and says what it did."""
    groups = args.groups or ["build", "race", "git", "follow"]
    lacking = packages.missing(groups)
    if args.check:
        _report(groups)
        if lacking:
            print(f"missing: {len(lacking)}; type: "
                  + " ".join([project.COMMAND, "setup", *args.groups]))
        return 1 if lacking else 0
    packages.ensure(groups)
    still = packages.missing(groups)
    if still:
        print("not there yet: " + ", ".join(need.package for need in still)
              + "; as root, type: " + packages.install_command(still))
        return 1
    print("everything is there" if not lacking else
          "installed; everything is there now")
    return 0
