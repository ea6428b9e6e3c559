"""The programs that `course programs` runs, and what each one does.

A program is two or three shell texts. `prepare` makes its inputs, once and
without us; `command` is what runs under the allocator, in an empty folder with
../input beside it. The inputs follow fixed recipes (common/programs/), so that
the output without us is what the output with us must be, byte by byte.

The shell texts know $PROGRAMS (common/programs), $DAY (the folder of the day
whose library runs) and, where there is a server, its $PORT.
"""

from typing import NamedTuple

import packages


class Program(NamedTuple):
    """One row: what runs, and what of its output is compared."""
    name: str
    what: str
    packages: tuple           # Debian's, of the group "programs"
    command: str
    prepare: str = ""
    compare: tuple = ()       # patterns of files that it makes
    environment: tuple = ()   # pairs of a name and a value
    server: str = ""          # runs under the allocator; command is its load
    repetitions: int = 0      # at most so many timed ones, 0: as many as asked


PYTHON = (("PYTHONMALLOC", "malloc"), ("PYTHONHASHSEED", "0"),
          ("PYTHONDONTWRITEBYTECODE", "1"))
PYTHON_TESTS = ("python3", f"lib{packages.PYTHON}-testsuite")


def _python_tests(name, *modules, repetitions=0):
    """Test modules of Python's own, each test's outcome as output."""
    names = " ".join(f"test.{module}" for module in modules)
    return Program(
        f"python3-{name}", "its own tests: " + ", ".join(modules),
        PYTHON_TESTS, f"exec /usr/bin/python3 $PROGRAMS/tests.py {names}",
        environment=PYTHON, repetitions=repetitions)


PROGRAMS = (
    # Most of their time these two sleep.
    _python_tests("subprocess", "test_subprocess", repetitions=1),
    _python_tests("threading", "test_threading", repetitions=1),
    _python_tests("data", "test_list", "test_dict", "test_json"),
    Program("python3", "objects, JSON, regular expressions, sorting",
            ("python3",), "exec /usr/bin/python3 $PROGRAMS/records.py",
            environment=PYTHON),
    Program("git", "gc, fsck and log of 1,500 commits", ("git",),
            "cp -r ../input/repo .; cd repo; git gc --quiet --prune=now; "
            "git fsck --full --no-progress; git log --stat --graph main; "
            "git log -p --reverse main -- part3; git shortlog -sn main; "
            "git rev-list --objects --all | sort",
            "git init -q --bare -b main repo; /usr/bin/python3 "
            "$PROGRAMS/history.py | git -C repo fast-import --quiet"),
    Program("g++", "compiles all sources of the day itself", ("g++",),
            "exec g++ -std=c++17 -O2 -I ../input/include -c ../input/src/*.cc",
            "cp -r $DAY/include $DAY/src .", compare=("*.o",)),
    Program("cmake", "configures a project of 500 targets",
            ("cmake", "make", "g++"),
            # Sorted, since cmake writes rules in the order of addresses.
            "cmake -S ../input -B build -G 'Unix Makefiles'; "
            "sort build/CMakeFiles/Makefile2 > rules.txt",
            "cp $PROGRAMS/targets.cmake CMakeLists.txt",
            compare=("build/words.txt", "build/Makefile", "rules.txt",
                     "build/CMakeFiles/part*.dir/*.make")),
    Program("sqlite3", "a million rows: index, group, join, change",
            ("sqlite3",), "exec sqlite3 rows.db < $PROGRAMS/rows.sql",
            compare=("rows.db",)),
    Program("nginx", "40,000 requests for a page of parts",
            ("nginx", "apache2-utils", "python3"),
            "for way in -k ''; do ab -q $way -n 20000 -c 8 "
            "-H 'Accept-Encoding: gzip' http://127.0.0.1:$PORT/page.html | "
            "grep -E '^(Complete|Failed|Non-2xx|Document Len|HTML)'; done; "
            "/usr/bin/python3 -c 'import sys, urllib.request as request; "
            "print(request.urlopen(sys.argv[1]).read().decode())' "
            "http://127.0.0.1:$PORT/page.html",
            "seq 500 > part.html; for i in 1 2 3 4; do "
            "echo '<!--# include virtual=\"/part.html\" -->'; done > page.html",
            server="sed s/PORT/$PORT/ $PROGRAMS/nginx.conf > nginx.conf; "
            "exec nginx -p $PWD -e stderr -c nginx.conf "
            # Root's workers would else be a user who cannot read here.
            "-g \"daemon off; $(test $(id -u) -ne 0 || echo 'user root "
            "root;')\""),
    Program("perl", "words counted, lines taken apart", ("perl",),
            "exec perl $PROGRAMS/words.pl",
            environment=(("PERL_HASH_SEED", "0"),)),
    Program("lua", "trees, strings, closures", ("lua5.4",),
            "exec lua5.4 $PROGRAMS/tables.lua"),
    Program("ghostscript", "a PDF made, its text and pictures taken",
            ("ghostscript",),
            "gs='gs -q -dNOPAUSE -dBATCH'; "
            "$gs -sDEVICE=pdfwrite -sOutputFile=pages.pdf $PROGRAMS/pages.ps; "
            "$gs -sDEVICE=txtwrite -sOutputFile=pages.txt pages.pdf; "
            "$gs -sDEVICE=ppmraw -r30 -sOutputFile=pages.ppm pages.pdf",
            compare=("pages.txt", "pages.ppm")),
    Program("poppler", "text and pictures of a PDF",
            ("poppler-utils", "ghostscript"),
            "pdftotext ../input/pages.pdf pages.txt; "
            "pdftoppm -r 40 -l 40 ../input/pages.pdf page",
            "gs -q -dNOPAUSE -dBATCH -sDEVICE=pdfwrite "
            "-sOutputFile=pages.pdf $PROGRAMS/pages.ps",
            compare=("pages.txt", "*.ppm")),
    Program("7z", "compresses 20,000 files with two threads",
            ("p7zip-full", "python3"),
            "exec 7z a -bd -mx=1 -mmt=2 texts.7z ../input/texts",
            "/usr/bin/python3 $PROGRAMS/texts.py texts",
            compare=("texts.7z",)),
    Program("mksquashfs", "the same into a file system, with two threads",
            ("squashfs-tools", "python3"),
            "exec mksquashfs ../input/texts texts.squashfs -processors 2 "
            "-no-progress -all-root -mkfs-time 0 -all-time 0",
            "/usr/bin/python3 $PROGRAMS/texts.py texts",
            compare=("texts.squashfs",)),
    Program("jq", "60,000 objects grouped and sorted", ("jq",),
            "exec jq -n -c -f $PROGRAMS/shop.jq"),
)
NAMES = tuple(program.name for program in PROGRAMS)
