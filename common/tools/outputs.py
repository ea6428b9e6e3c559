"""Files that a verb writes for the user: whole, or not at all, and never over
something that is not ours."""

import os
from pathlib import Path

import project
from project import Failure

HEAD = 4096  # bytes in which a file of ours says that it is one


def may_write(path, mark, kind):
    """A Failure unless path is free, or holds a file of ours."""
    if path.is_dir():
        raise Failure(f"{path} is a folder; type a file's name after it")
    if path.exists():
        with open(path, "rb") as file:
            ours = mark.encode() in file.read(HEAD)
        if not ours:
            raise Failure(f"{path} is there, and no {kind} of ours; type "
                          "another name")
    project.make_folder(path.parent)


def write(path, text):
    """Writes a file whole or not at all."""
    project.make_folder(path.parent)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)


def shown(path):
    """A path as the reader would type it."""
    try:
        return Path(path).resolve().relative_to(Path.cwd())
    except ValueError:
        return path
