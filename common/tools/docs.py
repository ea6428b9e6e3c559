"""course docs: the course as a site, in build/site."""

import concurrent.futures
import shutil
import time

import diff
import diff_page
import project
import race
import report
import site_doxygen
import site_files
import site_links
import site_markdown
import site_pages
import site_places
import site_search
import standings
from outputs import shown, write
from project import BUILD, COMMAND, Failure

SUMMARY = "build the course's site: lessons, API, differences, the race"
DESCRIPTION = """\
Builds the course as a site of plain files, to be read in a browser: the
lessons in order, the API of each day, what each day changes, the race's report
and every file that a lesson leads to. Whatever Doxygen warns of is an error,
and every link within the site is followed; exit code 1 if one is broken."""
EXAMPLES = """
  common/course docs               then open build/site/index.html
  common/course setup docs         what it needs: Doxygen and its look
"""
SITE = BUILD / "site"
SHOWN = 20  # broken links, or warnings


def add_arguments(parser):
    """Only which links lead out of the site."""
    parser.add_argument("--outside", action="store_true",
                        help="also list the addresses outside of the site "
                        "(they are not followed)")


def differences(site, days):
    """A page for each pair of days that follow each other."""
    pairs = list(zip(days, days[1:]))
    for index, (a, b) in enumerate(pairs):
        before, after = project.ROOT / a, project.ROOT / b
        links = [("../index.html", "The course"),
                 (f"../{b}.html", f"Lesson of day {int(b[3:])}"),
                 (f"../api/{b}/index.html", "API")]
        links += [(f"{c}-{d}.html", f"From day {int(c[3:])} to {int(d[3:])}")
                  for c, d in pairs[max(index - 1, 0):index + 2]
                  if (c, d) != (a, b)]
        text = diff_page.page(diff.compare(before, after), before, after)
        write(site / "differences" / f"{a}-{b}.html", with_links(text, links))


def with_links(text, links):
    """A page that stands by itself, with a way back at its top."""
    inside = " · ".join(f'<a href="{there}">{words}</a>'
                        for there, words in links)
    return text.replace("<body>", f"<body><p>{inside}</p>", 1)


def the_race(site):
    """The report of the race whose figures the lessons show."""
    results = race.load(project.ROOT / "docs/results/race.json")
    write(site / "race.html", with_links(
        report.page(standings.Results(results)),
        [("index.html", "The course"), ("day10.html", "Lesson of day 10")]))


def build(site, work):
    """Builds the site into a folder."""
    root, days = project.ROOT, project.days()
    write(work / "code.css", diff_page.colour_rules())
    say("the API of each day")
    with concurrent.futures.ThreadPoolExecutor(project.jobs()) as workers:
        tags = list(workers.map(
            lambda day: site_doxygen.api(day, site, work), days))
    places = site_places.Places(project.files(root), {
        day: site_places.source_pages(tag, root / day)
        for day, tag in zip(days, tags)})
    say("the lessons")
    words = site_search.Words()
    pages = site_pages.lay_out(root, work, places, words)
    site_doxygen.pages(pages, site, work, days)
    for day, tag in zip(days, tags):
        words.add_classes(day, tag)
    words.write(site / "search")
    shutil.copytree(root / "docs/figures", site / "figures")
    say("what each day changes, and the race")
    differences(site, days)
    the_race(site)
    say("all files")
    write(site / site_files.SHEET, (root / "docs/site/files.css").read_text()
          + diff_page.colour_rules())
    site_files.lay_out(root, site, places)


def say(words):
    """What is being done: the whole takes a minute or two."""
    print(f"course: {words}", flush=True)


def check_tools():
    """A Failure that says what to type, if something is missing."""
    project.ensure_setup("git", "docs")
    if not diff_page.highlighter() or not site_markdown.parser():
        raise Failure("python3-pygments or python3-markdown-it cannot be "
                      f"loaded; type: {COMMAND} setup docs --check")


def report_links(found, outside):
    """Says what the links lead to; returns the exit code."""
    for line in found.broken[:SHOWN]:
        print(f"course docs: {line}")
    if outside:
        for address in sorted(found.outside):
            print(f"outside: {address}")
    print(f"{found.pages} pages, {found.links} links: {len(found.broken)} "
          f"broken, {len(found.outside)} addresses outside")
    return 1 if found.broken else 0


def run(args):
    """Builds anew, looks, and only then replaces the site that was there."""
    check_tools()
    start = time.monotonic()
    work, site = BUILD / "site.work", BUILD / "site.new"
    for folder in (work, site):
        shutil.rmtree(folder, ignore_errors=True)
        project.make_folder(folder)
    try:
        build(site, work)
    except site_doxygen.Warned as warned:
        lines = str(warned).splitlines()
        print("\n".join(lines[:SHOWN]))
        print(f"course docs: Doxygen has {len(lines)} lines to say, and should "
              "have none")
        return 1
    say("every link")
    code = report_links(site_links.look(site), args.outside)
    shutil.rmtree(SITE, ignore_errors=True)
    site.rename(SITE)
    shutil.rmtree(work)
    print(f"written: {shown(SITE / 'index.html')} "
          f"({time.monotonic() - start:.0f} s)")
    return code
