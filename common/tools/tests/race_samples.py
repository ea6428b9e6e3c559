"""Made-up results of a race, for the tests of what is made of them."""

ROWS = [f"burst/{2 ** power}" for power in range(3, 12)] + [
    "pair/1", "mixed/16", "cold", "large", "ramp/oldest"]
MACHINE = {"date": "2030-01-01 00:00 UTC", "processor": "A <Processor>",
           "cores": 2, "allocators": {"malloc": "glibc 2.36"}}


def benchmark(nanoseconds, **more):
    """What Google Benchmark prints of a row, as far as we read it."""
    return {"served": 1.0, "scale": 1.0, "rounds": 11.0, "label": "",
            "ns_per_op": nanoseconds, "asked_bytes": 2.0 ** 24,
            "peak_bytes": 2.0 ** 25, "free_ns": nanoseconds / 4,
            "malloc_ns": nanoseconds * 3 / 4, "top_bytes": 2.0 ** 25,
            "settled_bytes": 2.0 ** 22, "released_bytes": 2.0 ** 21, **more}


def one_run(row, allocator, nanoseconds, repetition=0, **more):
    """A run in which a row took so many nanoseconds per operation."""
    return {"row": row, "allocator": allocator, "repetition": repetition,
            "benchmark": benchmark(nanoseconds, **more)}


def results_of(runs):
    """Results with these runs; allocators and rows in order of appearance."""
    return {"machine": MACHINE, "settings": {}, "runs": runs,
            "allocators": list(dict.fromkeys(r["allocator"] for r in runs)),
            "rows": list(dict.fromkeys(r["row"] for r in runs))}


def whole_race(days=10, peers=("jemalloc", "mimalloc", "tcmalloc")):
    """A race of so many days, each twice as fast as the one before.

    malloc takes 40 ns, the first day 10,240 ns and only a part of the work.
    """
    times = {f"day{day:02}": 20480.0 / 2 ** day for day in range(1, days + 1)}
    times["malloc"] = 40.0
    times.update({peer: 30.0 + i for i, peer in enumerate(peers)})
    part = {"scale": 1 / 64, "label": "at 1/64 of the work: more would take "
            "too long"}
    runs = [one_run(row, name, time, **(part if name == "day01" else {}))
            for row in ROWS for name, time in times.items()]
    # What the first day is compared with.
    runs += [one_run(row, "malloc", 40.0, scale=1 / 64) for row in ROWS]
    return results_of(runs)
