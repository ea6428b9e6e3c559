"""course build: compiles days."""

import builds
import project

SUMMARY = "compile all days, or some"
EXAMPLES = """
  common/course build                    everything, into build/dev
  common/course build 3 4                two days
  common/course build --preset release   what is measured, into build/release
  common/course build --libraries        the allocators only, no tests
"""


def add_arguments(parser):
    """Which days, and how."""
    builds.add_days(parser)
    builds.add_preset(parser)
    parser.add_argument("--libraries", action="store_true",
                        help="only the allocators, no tests or benchmarks")


def run(args):
    """Builds, and says where the result lies."""
    days = project.existing_days(args.days)
    project.ensure_setup(*builds.groups_for(args.preset))
    if args.libraries:
        builds.configure(args.preset)
        good = builds.compile_targets(args.preset, days)
    else:
        good = builds.build(args.preset, days)
    if not good:
        print(f"the build failed: {' '.join(days)} ({args.preset})")
        return 1
    print(f"built: {' '.join(days)}, in build/{args.preset}")
    return 0
