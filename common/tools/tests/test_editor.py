"""Tests of what an editor finds at the root: every configuration names what is
there, so that none of them can fall behind the course."""

import json
import re
import unittest

import trees
import main
import packages
import project

ROOT = trees.TOOLS.parents[1]


def load(name):
    """A JSON file of the root."""
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


class Editor(unittest.TestCase):
    """Editor settings and the container."""

    def setUp(self):
        self.tasks = {task["label"]: task for task in
                      load(".vscode/tasks.json")["tasks"]}
        self.presets = {preset["name"] for preset in
                        load("CMakePresets.json")["configurePresets"]}

    def check(self, command):
        """The verbs, groups and presets in a command are there."""
        for preset in re.findall(r"--preset (\w+)", command):
            self.assertIn(preset, self.presets)
        for verb in re.findall(r"common/course (\w+)", command):
            self.assertIn(verb, main.NAMES)
        for groups in re.findall(r"course setup ([\w ]+)", command):
            self.assertLessEqual(set(groups.split()), set(packages.GROUPS))

    def test_each_command_is_there(self):
        for task in self.tasks.values():
            self.check(task["command"])
        self.check(load(".devcontainer/devcontainer.json")["onCreateCommand"])

    def test_each_day_has_a_configuration_that_steps(self):
        launch = load(".vscode/launch.json")
        programs = [one["program"] for one in launch["configurations"]]
        self.assertEqual(programs, [
            f"${{workspaceFolder}}/build/dev/{day}/{day}_{what}"
            for day in project.days(ROOT)
            for what in ("${fileBasenameNoExtension}", "${input:shared}")])
        for one in launch["configurations"]:
            self.assertIn(one["preLaunchTask"], self.tasks)

    def test_what_all_days_share_is_built_before_it_is_debugged(self):
        shared = load(".vscode/launch.json")["inputs"][1]["options"]
        lists = (ROOT / "common/cmake/Course.cmake").read_text()
        self.assertEqual(shared, re.findall(
            r"^  course_day_test\(\$\{day\} (\w+)", lists, re.M))
        for day in project.days(ROOT):
            task = self.tasks[f"build what all days share (day {int(day[3:])})"]
            self.assertEqual(task["command"].split("--target ")[1].split(),
                             [f"{day}_{name}" for name in shared])

    def test_what_is_asked_for_is_declared(self):
        for name in ("launch", "tasks"):
            text = (ROOT / f".vscode/{name}.json").read_text()
            declared = {one["id"] for one in json.loads(text)["inputs"]}
            self.assertEqual(set(re.findall(r"\$\{input:(\w+)\}", text)),
                             declared)

    def test_a_day_is_asked_for_among_those_that_are_here(self):
        days = load(".vscode/tasks.json")["inputs"][0]["options"]
        self.assertEqual([project.existing_day(day, ROOT) for day in days],
                         project.days(ROOT))

    def test_the_container_has_what_the_editor_uses(self):
        inside = load(".devcontainer/devcontainer.json")
        self.assertEqual(inside["customizations"]["vscode"]["extensions"],
                         load(".vscode/extensions.json")["recommendations"])
        self.assertIn(" editor ", inside["onCreateCommand"])

    def test_clangd_looks_where_the_preset_builds(self):
        self.assertIn("CompilationDatabase: build/dev",
                      (ROOT / ".clangd").read_text())


if __name__ == "__main__":
    unittest.main()
