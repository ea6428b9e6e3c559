"""course build: compiles days."""

import builds
import project

SUMMARY = "compile all days, or some"
EXAMPLES = """
  common/course build                    everything, into build/dev
  common/course build 3 4                two days
  common/course build --preset release   what is measured, into build/release
"""


def add_arguments(parser):
    """Which days, and how."""
    builds.add_days(parser)
    builds.add_preset(parser)


def run(args):
    """Builds, and says where the result lies."""
    days = project.existing_days(args.days)
    project.ensure_setup(*builds.groups_for(args.preset))
    if not builds.build(args.preset, days):
        print(f"the build failed: {' '.join(days)} ({args.preset})")
        return 1
    print(f"built: {' '.join(days)}, in build/{args.preset}")
    return 0
