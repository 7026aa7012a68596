"""Measures loaders in turns, each run in a process of its own: loaders.py SETS [--runs N]. See run.sh."""
import argparse, json, os, resource, statistics, subprocess, sys, time
from pathlib import Path

from one import touch_memory

# name: layout of the set, and the settings of Samples; None is the loader of the guide
LOADERS = {
    "guide": ("sample", None),
    "by sample": ("request", {}),
    "by sample, types int8": ("request", {"types_dtype": "int8"}),
    "by sample, layout sample": ("sample", {}),
    "by sample, 200 actions": ("request", {"max_actions": 200}),
    "by sample, jagged": ("request", {"layout": "jagged"}),
    "by request": ("request", {"by": "request"}),
    "by request of 128": ("request", {"by": "request", "batch_size": 128}),
}


def cpu_seconds():
    return time.process_time()


def measure_guide(path):
    from torch.utils.data import DataLoader
    from train import Samples

    day = next(path.glob("dt=*"))
    start, count, first = cpu_seconds(), 0, None
    for batch in DataLoader(Samples(day), batch_size=1024):
        count += len(batch[0])
        first = first or (cpu_seconds(), count)
        if count > 200_000:
            break
    end = cpu_seconds()
    return {"first": count / (end - start), "next": (count - first[1]) / (end - first[0])}


def measure_samples(path, settings):
    import torch
    from hitherto.torch import Samples

    if "types_dtype" in settings:
        settings["types_dtype"] = getattr(torch, settings["types_dtype"])
    samples, rates = Samples(path, **settings), []
    for _ in range(3):
        start, count = cpu_seconds(), 0
        for batch in samples:
            count += len(batch["item_id"])
        rates.append(count / (cpu_seconds() - start))
    return {"first": rates[0], "next": statistics.median(rates[1:])}


def measure_load(path):
    """CPU seconds and peak memory of loading a day."""
    import hitherto.torch
    from hitherto._source import load_day

    day = next(path.glob("dt=*")).name[3:]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = cpu_seconds()
    arrays = load_day(path, day)
    took = cpu_seconds() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    per_million = took / len(arrays.history) * 1e6
    return {"seconds": per_million, "peak": peak * 1024 / arrays.nbytes, "bytes": arrays.nbytes}


def measure(name, sets):
    import pyarrow, torch

    torch.set_num_threads(1)
    pyarrow.set_cpu_count(1)
    touch_memory()
    if name.startswith("load "):
        return measure_load(sets / name.removeprefix("load "))
    layout, settings = LOADERS[name]
    return measure_guide(sets / layout) if settings is None else measure_samples(sets / layout, settings)


def run(name, sets):
    command = [sys.executable, __file__, str(sets), "--measure", name]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    print(name, found, file=sys.stderr, flush=True)
    return found


def compare(sets, runs):
    loads = [f"load {layout}" for layout in ("request", "sample")]
    found = {name: [] for name in (*LOADERS, *loads)}
    for _ in range(runs):
        for name in found:
            found[name].append(run(name, sets))
    middle = {n: {k: statistics.median(r[k] for r in rs) for k in rs[0]} for n, rs in found.items()}
    guide = middle["guide"]["next"]
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, medians of {runs} runs\n")
    print("| samples per CPU second | first epoch | next epochs | of the guide's |\n|---|---|---|---|")
    for name in LOADERS:
        first, following = middle[name]["first"], middle[name]["next"]
        print(f"| {name} | {first:,.0f} | {following:,.0f} | {following / guide:.0f} x |")
    print("\n| load of a day | CPU s per million samples | peak beyond imports, of the arrays |\n|---|---|---|")
    for name in loads:
        print(f"| {name.removeprefix('load ')} | {middle[name]['seconds']:.2f} | {middle[name]['peak']:.2f} x |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--measure")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.sets)))
    else:
        compare(given.sets, given.runs)
