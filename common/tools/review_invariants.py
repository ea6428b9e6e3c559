"""A review's second question: does what the layers promise always hold?

A small program is made for the folder: it makes random calls, with a seed that
is said, and asks each layer's Validate() every 250 steps.
"""

import re
import signal
import subprocess

import scanner
from workshop import complaints
from review_headers import Finding

STEPS = 12000
SECONDS = 120  # then it hangs
# Each layer: the header that declares it, and how its one object is got.
LAYERS = (("central_cache.h", "CentralCache", "Get"),
          ("page_heap.h", "PageHeap", "Get"),
          ("thread_cache.h", "ThreadCache", "Current"))
POOLS = (("fixed_pool.h", "FixedPool"), ("object_pool.h", "ObjectPool"))
MAIN = """\
// Made by `course review`.
#include "common/testing/review.h"

#include <cstdlib>

{includes}
int main(int, char** argv) {{
  course::ReviewTrace trace(std::strtoull(argv[1], nullptr, 0), {steps});
{pools}  return trace.Play({{{layers}}}) ? 0 : 1;
}}
"""
POOL = "  if (!trace.Play{name}<pool::{name}>()) return 1;\n"
LAYER = '{{"{name}", [] {{ pool::{name}::{get}().Validate(); }}}}'


def _offers(folder, header, *names):
    """True if a header of the folder has all these public functions."""
    path = folder / "include/pool" / header
    return path.is_file() and set(names) <= {
        entity.name for entity in scanner.scan(
            path.read_text(errors="replace")) if entity.public}


def layers_of(folder):
    """Those of LAYERS that can be asked."""
    return [(header, name, get) for header, name, get in LAYERS
            if _offers(folder, header, f"{name}::{get}", f"{name}::Validate")]


def pools_of(folder):
    """Those of POOLS that can be asked."""
    return [(header, name) for header, name in POOLS
            if _offers(folder, header, f"{name}::Validate")]


def source(folder):
    """The program's text."""
    layers, pools = layers_of(folder), pools_of(folder)
    return MAIN.format(
        includes="".join(f'#include "pool/{found[0]}"\n'
                         for found in (*layers, *pools)),
        steps=STEPS, pools="".join(POOL.format(name=name)
                                   for _, name in pools),
        layers=", ".join(LAYER.format(name=name, get=get)
                         for _, name, get in layers))


def asked(folder):
    """The names of who is asked."""
    return [found[1] for found in (*layers_of(folder), *pools_of(folder))]


def _at(words):
    """What the program said last of where it was."""
    places = re.findall(r"^asked: (\w+), step (\d+)$", words, re.M)
    return places[-1] if places else ("the first calls", "0")


def _broken(shop, said, errors, repeat):
    """The finding of a check that failed."""
    match = re.search(r"(\S+:\d+): CHECK failed: (.*)", shop.words(errors))
    if not match:
        return None
    layer, step = _at(said)
    place = match.group(1).replace(f"{shop.folder}/", "")
    return Finding(place, f"does not hold: {match.group(2)} (asked of {layer} "
                   f"after about {step} random calls)",
                   "What a layer promises in its header is what the others "
                   "build on.", "Find the call that breaks it first: see the "
                   f"header's \"What always holds\". {repeat}")


def judge(shop, code, said, errors, repeat):
    """The finding of a run, None if all went well."""
    if code == 0:
        return None
    fault = re.search(r"^fault: (.*)$", said, re.M)
    if fault:
        return Finding("the pool", fault.group(1), "A program would lose or "
                       "spoil its data, or run out of memory.", repeat)
    unwritten = re.search(r"^day \d+: (.* is yours to write), (.*)$", errors,
                          re.M)
    if unwritten:
        return Finding("the pool", unwritten.group(1), "The random calls need "
                       "it, and ended there.",
                       f"Write it ({unwritten.group(2)}), then ask again.")
    broken = _broken(shop, said, errors, repeat)
    if broken:
        return broken
    layer, step = _at(said)
    if code is None:
        how = f"does not end within {SECONDS} seconds"
    elif code < 0:
        how = f"ends with {signal.Signals(-code).name}"
    else:
        how = f"ends with code {code}"
    words = errors.strip().splitlines()
    return Finding("the pool", f"a run of random calls {how}, after {layer} "
                   f"was asked in step {step}" + (
                       f": {words[-1]}" if words else ""),
                   "A program would crash, or hang, in the same way.", repeat)


def compile_program(shop):
    """(the program, what the compiler complains of)."""
    place = shop.root / "review"
    place.mkdir(exist_ok=True)
    text, program = place / "review.cc", place / "review"
    text.write_text(source(shop.folder), encoding="utf-8")
    done = subprocess.run(
        ["c++", "-O1", "-g", "-fno-builtin-malloc",
         "-Wno-missing-field-initializers", *shop.compiler_options(),
         str(text), "-o", str(program),
         str(shop.root / "build/dev" / shop.day / f"lib{shop.day}.a"),
         "-pthread"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return program, "" if done.returncode == 0 else complaints(
        map(shop.words, done.stdout.splitlines()))


def run_program(shop, program, seed):
    """The finding of one run, None if there is none."""
    repeat = f"To repeat it: gdb --args {program} {seed}"
    try:
        done = subprocess.run([program, str(seed)], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              errors="replace", timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as late:
        said = (late.stdout or b"").decode(errors="replace")
        return judge(shop, None, said, "", repeat)
    return judge(shop, done.returncode, done.stdout, done.stderr, repeat)
