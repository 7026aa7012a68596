"""One loader in this process: one.py NAME PATH --seconds N, or --check. Prints JSON; compare.py runs it.

CPU time is that of this process and of its workers, with all their threads, from the call that makes the loader.
"""
import argparse, json, os, resource, subprocess, sys, time
from pathlib import Path

import peers

# name of the line: the peer (None: of this repository), what it reads, its order, how to open it
LOADERS = {
    "guide": (None, "sample", "buffer of 20,000", peers.guide),
    "HF datasets, documented": ("hf", "sample", "buffer of 1,000", peers.hf_documented),
    "HF datasets, best": ("hf", "sample", "that of the files", peers.hf_best),
    "MosaicML Streaming": ("mds", "copy", "shuffled", peers.mds),
    "LitData": ("litdata", "copy", "shuffled", peers.litdata),
    "Lance": ("lance", "copy", "that of the files", peers.lance),
    "ours, by sample": (None, "request", "exact shuffle", peers.ours),
    # The peers give types as the set has them, and so does this line. By default ours are int32, for nn.Embedding.
    "ours, by sample, types int8": (
        *(None, "request", "exact shuffle"),
        lambda path: peers.ours(path, types_dtype="int8"),
    ),
    "ours, by sample, jagged": (
        *(None, "request", "exact shuffle"),
        lambda path: peers.ours(path, layout="jagged"),
    ),
    # With about ten samples a request, 100 requests are a batch of about as many samples as the others have.
    "ours, by request": (
        *(None, "request", "exact, of requests"),
        lambda path: peers.ours(path, by="request", batch_size=100),
    ),
}


TOUCHED_BYTES = 1 << 30


def touch_memory():
    """Lets a process of its own touch memory and end.

    The host of a virtual machine may take back what lies free, and whoever touches it next pays: 1.8 s of CPU time a GB
    were measured, 0.05 s without that. It would be chance which loader pays, and several times what a load of a day takes.
    """
    code = (
        "import mmap, sys; memory = mmap.mmap(-1, int(sys.argv[1]), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
        "for at in range(0, len(memory), mmap.PAGESIZE): memory[at] = 1"
    )
    subprocess.run([sys.executable, "-c", code, str(TOUCHED_BYTES)], check=True)


def stats():
    """The fields of /proc/PID/stat from the state on, of this process and of all below it, by PID."""
    fields = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields[int(path.parent.name)] = path.read_text().rsplit(")", 1)[1].split()
        except OSError:  # It has ended.
            continue
    found = [os.getpid()]
    for pid in found:
        found += (x for x in fields if int(fields[x][1]) == pid)
    return {pid: fields[pid] for pid in found}


def cpu_seconds():
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    workers = (x for pid, x in stats().items() if pid != os.getpid())
    ticks = sum(int(x[11]) + int(x[12]) for x in workers)
    of_ended = ended.ru_utime + ended.ru_stime
    return time.process_time() + of_ended + ticks / os.sysconf("SC_CLK_TCK")


def peak_bytes():
    """The peaks of this process and of each of its workers, added up."""
    lines = (x for pid in stats() for x in Path(f"/proc/{pid}/status").open())
    return sum(int(x.split()[1]) * 1024 for x in lines if x.startswith("VmHWM"))


def check_batch(name, batch):
    """Refuses what is no batch of tensors, of which the cost would not compare."""
    import torch

    samples = len(batch["item_id"])
    histories = len(batch["history_length"]) if "history_index" in batch else samples
    actions, types = batch["actions"], batch["action_types"]
    shape = actions.shape if "offsets" in batch else (histories, peers.ACTIONS)
    is_right = all(isinstance(x, torch.Tensor) and x.shape == shape for x in (actions, types))
    if not is_right or actions.is_floating_point() or len(batch["is_order"]) != samples:
        raise SystemExit(f"{name} gave a batch of another shape: {actions.shape}, {types.shape}")


def measure(name, begin, seconds):
    cpu, start = cpu_seconds(), time.perf_counter()
    batches, count = begin(), 0
    for batch in batches:
        count += len(batch["item_id"])
        if count == len(batch["item_id"]):
            first = (time.perf_counter(), cpu_seconds(), count)
            check_batch(name, batch)
        if time.perf_counter() - first[0] > seconds:
            break
    end = cpu_seconds()
    return {
        "whole": count / (end - cpu),
        # A set of one batch has nothing after it.
        "after": (count - first[2]) / (end - first[1]) if count > first[2] else count / (end - cpu),
        "first": first[0] - start,
        "peak": peak_bytes(),
        "samples": count,
    }


def sums(begin):
    """Sums over an epoch that do not depend on its order."""
    found = [0] * 5
    for batch in begin():
        actions, types = batch["actions"], batch["action_types"]
        if "history_index" in batch:
            actions, types = (x[batch["history_index"]] for x in (actions, types))
        values = [batch["item_id"], batch["is_order"], actions, types]
        found = [a + b for a, b in zip(found, [len(values[0]), *(int(x.sum()) for x in values)])]
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=LOADERS)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    import pyarrow, torch

    torch.set_num_threads(1)
    pyarrow.set_cpu_count(1)
    begin = LOADERS[given.name][3](given.path)
    touch_memory()
    found = sums(begin) if given.check else measure(given.name, begin, given.seconds)
    # Libraries write to stdout too: the last line is ours.
    print("\n" + json.dumps(found), flush=True)
