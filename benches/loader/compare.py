"""Compares loaders in turns: compare.py SETS --venvs FOLDER [--peers LIST] [--runs N] ... See run.sh."""
import argparse, importlib.metadata, json, os, platform, re, shutil, statistics, subprocess, sys
from pathlib import Path

import peers
from one import LOADERS

PACKAGES = {"hf": "datasets", "mds": "mosaicml-streaming", "litdata": "litdata", "lance": "pylance"}
HERE = Path(__file__).parent


class Failed(Exception):
    pass


def python_of(peer, venvs):
    if peer is None:
        return sys.executable
    if not (venvs / peer / "installed").exists():
        log = (venvs / f"{peer}.log").read_text().strip().splitlines()
        raise Failed("could not be installed: " + (log[-1] if log else "pip said nothing"))
    return str(venvs / peer / "bin/python")


def call(command, timeout):
    """The last line of what a command prints. If it fails, its last error is the reason."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"gave nothing for {timeout:.0f} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        raise Failed(([x for x in lines if re.match(r"[\w.]+(Error|Exception)\b", x)] or lines)[-1])
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def copy_of(peer, given):
    """Where the copy for a peer lies; it is made if it is not there."""
    version = version_of(peer, given.venvs)
    out = given.sets / "copies" / f"{peer}-{version}-{given.copies}"
    if not out.exists():
        aside = out.with_name("unfinished")
        shutil.rmtree(aside, ignore_errors=True)
        aside.parent.mkdir(exist_ok=True)
        day = next((given.sets / "sample").glob("dt=*"))
        command = [python_of(peer, given.venvs), HERE / "peers.py", peer, day, aside, given.copies]
        print(f"writes {out}", file=sys.stderr, flush=True)
        call(list(map(str, command)), 600)
        aside.rename(out)
    return out


def version_of(peer, venvs):
    code = f"import importlib.metadata as m; print(m.version({PACKAGES[peer]!r}))"
    return call([python_of(peer, venvs), "-c", code], 60)


def run(name, given, *options):
    peer, source, _, _ = LOADERS[name]
    path = copy_of(peer, given) if source == "copy" else given.sets / source
    command = [python_of(peer, given.venvs), str(HERE / "one.py"), name, str(path), *options]
    found = json.loads(call(command, 300 + 2 * given.seconds))
    print(name, found, file=sys.stderr, flush=True)
    return found


def expected(sets, count):
    """The sums of one.py over the first samples of the set, as pyarrow reads them."""
    import pyarrow as pa, pyarrow.compute as pc

    table = pa.concat_tables(peers.tables(next((sets / "sample").glob("dt=*")), count))
    lists = [pc.sum(pc.list_flatten(table[name])).as_py() for name in ("actions", "action_types")]
    labels = pc.sum(table["is_order"].cast("int8")).as_py()
    return [len(table), pc.sum(table["item_id"]).as_py(), labels, *lists]


def check(name, given):
    """Refuses a loader that gives other samples than are in the set."""
    found = run(name, given, "--check")
    right = expected(given.sets, given.copies if LOADERS[name][1] == "copy" else 10**12)
    if found != right:
        raise SystemExit(f"{name} gave other samples: sums are {found}, not {right}")


def line(name, runs, guide, venvs):
    peer, source, order, _ = LOADERS[name]
    middle = {key: statistics.median(x[key] for x in runs) for key in runs[0]}
    rate = middle["whole" if name.startswith("ours") else "after"]
    label = f"{name} {version_of(peer, venvs)}" if peer else name
    of = " (copy)" if source == "copy" else ""
    return (
        f"| {label} | {order} | {middle['samples']:,.0f}{of} | {middle['whole']:,.0f} "
        f"| {middle['after']:,.0f} | {rate / guide:.2f} x "
        f"| {middle['first']:.2f} | {middle['peak'] / 1e6:,.0f} |"
    )


def compare(given):
    chosen = [x for x, what in LOADERS.items() if what[0] is None or what[0] in given.peers]
    found, failed = {name: [] for name in chosen}, {}
    for turn in range(given.runs):
        for name in chosen:
            try:
                if given.check and turn == 0:
                    check(name, given)
                if name not in failed:
                    found[name].append(run(name, given, "--seconds", str(given.seconds)))
            except Failed as error:
                # Ours and that of the guide have to run; a peer that does not is a line of the table.
                if LOADERS[name][0] is None:
                    raise SystemExit(f"{name}: {error}") from None
                failed[name] = str(error)
                print(f"{name}: {error}", file=sys.stderr, flush=True)
    print_table(found, failed, given)


def print_table(found, failed, given):
    of = ", ".join(f"{x} {importlib.metadata.version(x)}" for x in ("torch", "numpy", "pyarrow"))
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} CPUs, load {load:.1f}, Python {platform.python_version()}, {of}")
    print(f"set of {given.name}, medians of {given.runs} runs of {given.seconds:.0f} s or an epoch\n")
    print("| loader | order | samples read | per CPU s, with the start | per CPU s, after the first batch ", end="")
    print("| of the guide's | first batch, s | peak RSS, MB |\n|---|---|---|---|---|---|---|---|")
    guide = statistics.median(x["after"] for x in found["guide"])
    for name, runs in found.items():
        if name in failed:
            print(f"| {name} | could not be measured: {failed[name]} |")
        else:
            print(line(name, runs, guide, given.venvs))
    if given.check:
        print("\nEach loader above gave every sample of what it reads once, with the values of the set.")
        print("Rates of a set this small are those of a start: compare rates with --set M.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--venvs", type=Path, required=True)
    parser.add_argument("--peers", type=lambda x: x.split(","), required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--copies", type=int, required=True)
    parser.add_argument("--check", action="store_true")
    compare(parser.parse_args())
