"""The command as a user meets it: verbs, days, wrong words, other folders."""

import argparse
import importlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import trees
import bench
import contestants
import main
import packages
import project
import setup
from trees import TOOLS, TreeTest, run_main

course_test = importlib.import_module("test")


class Verbs(unittest.TestCase):
    """Each verb is there and words its failures in one line."""

    def test_each_verb_has_its_module_and_a_short_summary(self):
        for verb in main.NAMES:
            module = main.load(verb)
            self.assertLessEqual(len(module.SUMMARY), 65, verb)

    def test_no_arguments_show_the_verbs_in_80_columns(self):
        code, out, _ = run_main()
        self.assertEqual(code, 0)
        for verb in main.NAMES:
            self.assertRegex(out, rf"(?m)^  {verb} ")
        self.assertLessEqual(max(map(len, out.splitlines())), 80)

    def test_each_verb_has_help_with_an_example(self):
        with mock.patch.dict(os.environ, COLUMNS="80"):
            for verb in main.NAMES:
                code, out, _ = run_main(verb, "--help")
                self.assertEqual(code, 0, verb)
                self.assertIn(f"common/course {verb}", out)
                self.assertLessEqual(max(map(len, out.splitlines())), 80,
                                     verb)

    def test_wrong_words_are_one_line_and_exit_code_2(self):
        cases = [("tset",), ("--frobnicate",), ("build", "11"),
                 ("build", "--preset", "fast"), ("test", "dayone"),
                 ("test", "--filter", "("), ("bench",), ("bench", "99"),
                 ("diff",), ("diff", "1"), ("diff", "1", "99"),
                 ("check", "now"), ("propagate", "1"), ("new",),
                 ("new", "11"), ("new", "zero"), ("mutants", "--jobs", "0"),
                 ("mutants", "99"), ("setup", "kitchen"),
                 ("race", "--frobnicate"), ("classic", "--frobnicate")]
        for words in cases:
            code, _, err = run_main(*words)
            self.assertEqual(code, 2, words)
            self.assertEqual(err.count("\n"), 1, (words, err))
            self.assertTrue(err.startswith("course"), err)

    def test_a_near_verb_is_offered(self):
        self.assertIn("did you mean: common/course test",
                      run_main("tset")[2])

    def test_a_mistake_in_the_command_is_not_hidden(self):
        with mock.patch.object(main, "dispatch", side_effect=KeyError("x")):
            code, _, err = run_main("check")
        self.assertEqual(code, 70)
        self.assertIn("a mistake in the command itself: KeyError('x')", err)

    def test_an_unwritable_place_is_one_line(self):
        error = PermissionError(13, "Permission denied", "/srv/x")
        with mock.patch.object(main, "dispatch", side_effect=error):
            code, _, err = run_main("build")
        self.assertEqual(code, 2)
        self.assertIn("cannot write /srv/x (Permission denied)", err)


class Days(TreeTest):
    """Days are named as people name them."""

    def test_names(self):
        for text in ("1", "01", "day1", "day01", "day01/"):
            self.assertEqual(project.day_name(text), "day01")
        self.assertEqual(project.day_name("10"), "day10")
        for text in ("0", "11", "100", "one", "day", "", "-1", "1.5"):
            self.assertIsNone(project.day_name(text), text)

    def test_those_that_are_here(self):
        self.assertEqual(project.existing_days([], self.root),
                         ["day01", "day02"])
        self.assertEqual(project.existing_days(["2", "day02"], self.root),
                         ["day02"])

    def test_one_that_is_not(self):
        with self.assertRaisesRegex(project.Failure,
                                    "no day03 here; type one of: day01 day02"):
            project.existing_day("3", self.root)

    def test_the_day_before(self):
        self.assertEqual(project.day_before("day10"), "day09")
        self.assertIsNone(project.day_before("day01"))

    def test_files_are_those_of_git(self):
        self.write(".gitignore", "/build/\n")
        self.write("build/x", "")
        self.write("day01/ü.txt", "")
        plain = project.files(self.root)
        self.commit()
        self.assertEqual(project.files(self.root), plain)
        self.assertIn("day01/ü.txt", plain)
        self.assertNotIn("build/x", plain)


class Packages(unittest.TestCase):
    """What is missing, and what is said about it."""

    NEED = packages.Need("libnone", "nothing", "no-such-command")

    def test_groups_include_each_other(self):
        names = [need.package for need in packages.needs_of(["race"])]
        self.assertIn("g++", names)
        self.assertIn("libjemalloc2", names)
        self.assertEqual(len(names), len(set(names)))

    def test_every_group_has_a_title_and_stands_in_the_help(self):
        self.assertEqual(set(setup.TITLES), set(packages.GROUPS))
        parser = argparse.ArgumentParser()
        setup.add_arguments(parser)
        for group in packages.GROUPS:
            self.assertRegex(" ".join(parser.format_help().split()),
                             rf"\b{group}\b")

    def test_who_profiles_also_builds(self):
        names = [need.package for need in packages.needs_of(["profile"])]
        self.assertLessEqual({"g++", "linux-perf", "valgrind"}, set(names))

    def test_probes(self):
        self.assertFalse(packages.is_there(self.NEED))
        self.assertTrue(packages.is_there(self.NEED._replace(probe="sh")))
        self.assertTrue(packages.is_there(
            self.NEED._replace(probe="lib*/os-release")))

    def test_without_root_it_says_what_to_type(self):
        with mock.patch.object(packages, "_is_debian", lambda: True), \
                mock.patch.object(packages, "_as_root", lambda: None):
            with self.assertRaisesRegex(
                    project.Failure, "missing: libnone .*as root, type: "
                    "apt-get update && apt-get install -y --no-install-recommends libnone"):
                packages.install([self.NEED])

    def test_a_wish_does_not_stop_the_work(self):
        wish = self.NEED._replace(required=False)
        with mock.patch.object(packages, "_is_debian", lambda: False), \
                mock.patch("builtins.print") as say:
            packages.install([wish])
        self.assertIn("going on without libnone", say.call_args[0][0])

    def test_only_compiler_and_cmake_are_indispensable(self):
        self.assertEqual({need.package for need in packages.GROUPS["build"]
                          if need.required}, {"g++", "cmake"})

    def test_what_cmake_can_fetch_does_not_stop_the_build(self):
        gone = {"libgtest-dev", "libbenchmark-dev"}
        places = [(False, None, "no Debian"), (True, None, "not root"),
                  (True, ["env"], "E: no network")]
        for debian, root, reason in places:
            with mock.patch.object(packages, "_is_debian", lambda: debian), \
                    mock.patch.object(packages, "_as_root", lambda: root), \
                    mock.patch.object(packages, "_apt", lambda *_:
                                      (False, "E: no network")), \
                    mock.patch.object(packages, "is_there", lambda need:
                                      need.package not in gone), \
                    mock.patch.object(packages, "cmake_version", lambda:
                                      (3, 25)), \
                    mock.patch("builtins.print") as say:
                packages.ensure(("build",))
            last = say.call_args[0][0]
            self.assertRegex(last, "going on without libgtest-dev, libbenchm"
                             f"ark-dev .*{reason}.*cmake fetches the pinned")

    def test_lists_are_fetched_once_if_a_package_is_not_found(self):
        calls = []

        def apt(_, arguments, title):
            calls.append(arguments[0])
            return len(calls) == 3, "E: Unable to locate package libnone"
        with mock.patch.object(packages, "_apt", apt), \
                mock.patch("builtins.print"):
            worked, _ = packages._install(["env"], [self.NEED])
        self.assertTrue(worked)
        self.assertEqual(calls, ["install", "update", "install"])


class Bench(unittest.TestCase):
    """What a benchmark's JSON tells about the machine."""

    def test_describes_the_machine_and_names_nobody(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a_bench.json"
            path.write_text(json.dumps({"context": {
                "host_name": "mine", "executable": "/home/me/day01_a_bench",
                "num_cpus": 2}, "benchmarks": []}))
            bench.describe(path, contestants.describe_machine(Path(folder)))
            text = path.read_text()
        context = json.loads(text)["context"]
        self.assertEqual(context["executable"], "day01_a_bench")
        for word in ("processor", "cores", "kernel", "compiler", "C library",
                     "huge pages"):
            self.assertIn(word, context["machine"])
        for word in ("host_name", "mine", "/home"):
            self.assertNotIn(word, text)


class Seed(unittest.TestCase):
    """COURSE_SEED is looked at before anything is built."""

    def test_what_is_no_number_is_one_line(self):
        for seed in ("abc", "", "-1", "12x", str(2 ** 64)):
            with mock.patch.dict(os.environ, COURSE_SEED=seed):
                code, out, err = run_main("test", "1")
            self.assertEqual((code, out), (2, ""), seed)
            self.assertRegex(err, r"\Acourse test: COURSE_SEED.*\n\Z")

    def test_numbers_pass(self):
        for seed in ("17", "0x2a", "010", str(2 ** 64 - 1)):
            with mock.patch.dict(os.environ, COURSE_SEED=seed):
                course_test.check_seed()


class WhichTests(unittest.TestCase):
    """What `test` builds and runs, by its words."""

    def test_days_and_what_they_share(self):
        for words, days in ((("2", "1"), ["day01", "day02"]),
                            (("common",), ["common"]),
                            (("common", "2"), ["day02", "common"]),
                            (("2", "day02", "common"), ["day02", "common"])):
            with mock.patch.object(course_test, "run_tests",
                                   return_value=0) as run, \
                    mock.patch.object(project, "ensure_setup"):
                self.assertEqual(run_main("test", *words)[0], 0)
            run.assert_called_once_with(days, "dev", None)


class Shell(unittest.TestCase):
    """common/course itself, in a process of its own."""

    COURSE = TOOLS.parent / "course"

    def run_it(self, program, *words, **options):
        """Runs the command; returns the finished process."""
        return subprocess.run(
            [str(program), *words], stdin=subprocess.DEVNULL, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            **options)

    def test_through_links_from_another_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            first, second = Path(folder) / "first", Path(folder) / "second"
            first.symlink_to(self.COURSE)
            second.symlink_to("first")
            done = self.run_it(second, cwd=folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("usage: common/course VERB", done.stdout)

    def test_without_python_it_says_what_to_type(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("sh", "dirname", "readlink"):
                (Path(folder) / name).symlink_to(shutil.which(name))
            # Neither root nor sudo: id says so.
            fake = Path(folder) / "id"
            fake.write_text("#!/bin/sh\necho 1000\n")
            fake.chmod(0o755)
            done = self.run_it(self.COURSE, env={"PATH": folder})
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"\Acourse: python3 is missing; as root,"
                         r" type: \S.*\n\Z")

    def test_a_reader_that_leaves_early(self):
        done = subprocess.run(f"'{self.COURSE}' | head -n 1; "
                              f"'{self.COURSE}' nonsense | head -n 1",
                              shell=True, capture_output=True, text=True,
                              check=False)
        self.assertNotIn("Traceback", done.stderr)
        self.assertNotIn("Broken", done.stderr)


if __name__ == "__main__":
    unittest.main()
