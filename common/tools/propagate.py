"""course propagate: carries a change of a day through the later days."""

import os
from pathlib import Path

import merging
import project
import test
from project import COMMAND, Failure

SUMMARY = "carry a change of a day through the later days"
DESCRIPTION = """\
Mend a mistake in the day where it was made; this carries the change, against
HEAD, from day to day by three-way merge. It stops at the first conflict: a day
gets all of the change or nothing. Then every day that it touched is tested."""
EXAMPLES = """
  common/course propagate 3 src/pool.cc tests/pool_test.cc
  common/course propagate 3 src/pool.cc --dry-run
  common/course propagate 3 src/pool.cc --from HEAD~1   it is committed already
"""


def add_arguments(parser):
    """Which day, which files, since when."""
    parser.add_argument("day", metavar="DAY", help="where the change is")
    parser.add_argument("files", nargs="+", metavar="FILE",
                        help="src/pool.cc or day03/src/pool.cc")
    parser.add_argument("--from", dest="revision", metavar="REV",
                        default="HEAD",
                        help="what the day was before (default: HEAD)")
    parser.add_argument("--no-test", action="store_true",
                        help="do not build and test afterwards")
    parser.add_argument("--dry-run", action="store_true",
                        help="only say what would be done")


def file_in_day(word, day, root):
    """The file's name inside the day, however the user named it."""
    path = Path(os.path.normpath(root / day / word))
    for start in (root, Path.cwd()):
        other = Path(os.path.normpath(start / word))
        if root / day in other.parents:
            path = other
    if root / day not in path.parents:
        raise Failure(f"{word} is not a file of {day}; type: {COMMAND} "
                      f"propagate {day} src/pool.cc")
    return str(path.relative_to(root / day))


def old_version(name, day, revision, root):
    """The file at the revision, None if it was not there."""
    listed = project.git("ls-tree", "--name-only", revision, "--",
                         f"{day}/{name}", root=root)
    if not listed.strip():
        return None
    # As bytes: a file is carried as it is.
    return project.git("show", f"{revision}:{day}/{name}", root=root,
                       text=False)


def read(path):
    """A file's bytes, None if it is not there."""
    return path.read_bytes() if path.is_file() else None


def changed_files(day, words, revision, root):
    """{name: (before, after)} of the files; each must have changed."""
    if not project.git("rev-parse", "--verify", "--quiet",
                       revision + "^{commit}", root=root, check=False):
        raise Failure(f"there is no revision {revision!r}; type: "
                      "git log --oneline")
    found = {}
    for word in words:
        name = file_in_day(word, day, root)
        pair = (old_version(name, day, revision, root),
                read(root / day / name))
        if pair == (None, None):
            raise Failure(f"{day} has no {name}, nor had it at {revision}; "
                          f"type: ls {day}")
        if pair[0] == pair[1]:
            raise Failure(f"{day}/{name} is as it was at {revision}: nothing "
                          "to carry; is it committed, add: --from HEAD~1")
        found[name] = pair
    return found


def write(path, data, mode):
    """Gives a file its new content, or takes it away."""
    if data is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # A new file beside it, then one rename: never half a file.
    draft = path.with_name(path.name + ".propagate")
    draft.write_bytes(data)
    draft.chmod(mode)
    draft.replace(path)


def mode_of(path):
    """The permissions of a file; the usual ones if it is not there."""
    return path.stat().st_mode & 0o777 if path.exists() else 0o644


def plan(changed, before, day, root):
    """The steps of one day."""
    labels = (f"{day} (now)", f"{before} (before)", f"{before} (changed)")
    return [merging.carry(name, base, theirs, read(root / day / name), labels)
            for name, (base, theirs) in changed.items()]


def report_conflict(step, first, before, day, others, root):
    """Says which file and days, and how to go on."""
    print(f"conflict: {day}/{step.name}: {step.conflict} (the change comes "
          f"from {before}); nothing is written in {day}")
    if step.draft:
        draft = project.make_folder(root / "build/propagate" / day) / (
            step.name.replace("/", "_"))
        draft.write_bytes(step.draft)
        print(f"  the merge with its conflict marked: {draft}")
    print(f"  mend {day}/{step.name} by hand, then type:\n"
          f"  {COMMAND} propagate {day} {step.name}")
    if others:
        print(f"  and for the other files:\n  {COMMAND} propagate {first} "
              + " ".join(others))


def apply(steps, day, root, mode, dry):
    """Writes a day's steps; True if anything changed."""
    touched = False
    for step in steps:
        place = f"{day}/{step.name}"
        if step.before is None and step.after is None:
            print(f"  {place} is not there: its change ends before")
        elif step.before == step.after:
            print(f"  {place} has it already")
        else:
            how = ("added" if step.before is None else "deleted"
                   if step.after is None else "changed")
            print(f"  {place} {how}")
            touched = True
            if not dry:
                write(root / place, step.after, mode[step.name])
    return touched


def next_pairs(steps, changed):
    """What is carried on from a day: its own files, before and after.

    Where a day had the change already, what came in goes on; where the file
    is gone, nothing does.
    """
    return {step.name: (step.before, step.after)
            if step.before != step.after else changed[step.name]
            for step in steps if (step.before, step.after) != (None, None)}


def carry_through(first, changed, root, dry):
    """Carries day by day: (the days touched, False after a conflict)."""
    touched, before = [], first
    mode = {name: mode_of(root / first / name) for name in changed}
    for day in [day for day in project.days(root) if day > first]:
        steps = plan(changed, before, day, root)
        stuck = [step for step in steps if step.conflict]
        if stuck:
            others = [name for name in changed if name != stuck[0].name]
            report_conflict(stuck[0], first, before, day, others, root)
            return touched, False
        if apply(steps, day, root, mode, dry):
            touched.append(day)
        changed = next_pairs(steps, changed)
        before = day
    return touched, True


def run(args):
    """Carries, then tests what it touched."""
    root = project.ROOT
    day = project.existing_day(args.day)
    project.ensure_setup("git")
    if day == project.days()[-1]:
        raise Failure(f"{day} is the last day here: there is nothing to carry "
                      "it to")
    changed = changed_files(day, args.files, args.revision, root)
    touched, done = carry_through(day, changed, root, args.dry_run)
    if touched and not args.dry_run:
        print(f"carried to: {' '.join(touched)}; now the lessons' tables: "
              f"{COMMAND} check --write")
        if not args.no_test:
            project.ensure_setup("build")
            done = test.run_tests([day, *touched]) == 0 and done
    return 0 if done else 1
