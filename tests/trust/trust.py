"""What the scripts of this folder share: the program under test, how a run is measured, good data, what is reported.

A script says what it asks of the program at its top, does it, and calls `Report.finish`, whose exit code is 1 if
anything failed. Everything it makes lies in `target/trust/NAME-PID`, which goes at the end.
"""
import argparse
import hashlib
import json
import os
import random
import resource
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
# No run may take more address space: a bomb that goes off ends its own process, not the machine.
ADDRESS_SPACE = 6 << 30

# The jobs, and the flag of each source with the folder that `generate` writes it to.
SOURCES = {
    "sequences": {"impressions": "impressions", "clicks": "clicks", "carts": "add_to_carts", "orders": "previous_orders"},
    "features": {"impressions": "impressions", "clicks": "clicks", "listings": "listings"},
    "dwell": {"events": "."},
}


class Run:
    """What came of one run: `code` is negative for a signal, None if it was stopped because it took too long."""

    def __init__(self, args, code, out, err, seconds, rss):
        self.args, self.code, self.out, self.err, self.seconds, self.rss = args, code, out, err, seconds, rss

    def __str__(self):
        end = "took too long" if self.code is None else f"exit {self.code}" if self.code >= 0 else f"signal {-self.code}"
        return f"{end}, {self.seconds:.2f} s, {self.rss / MIB:.0f} MiB: {self.err.strip()[-300:] or 'silent'}"


class Child:
    """A run that is under way."""

    def __init__(self, args, cwd=None, env=None, limit=ADDRESS_SPACE, stdin=subprocess.DEVNULL):
        self.args = [os.fspath(arg) for arg in args]
        self.streams = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.began = time.monotonic()
        self.process = subprocess.Popen(self.args, cwd=cwd, env=env, stdin=stdin, stdout=self.streams[0],
                                        stderr=self.streams[1], start_new_session=True)
        self.pid = self.process.pid
        self.ended = None
        if limit:
            try:
                resource.prlimit(self.pid, resource.RLIMIT_AS, (limit, limit))
            except (ProcessLookupError, PermissionError):
                pass

    def kill(self, number=signal.SIGKILL):
        """Sends a signal to the process, if it has not been waited for."""
        if self.ended is None:
            os.kill(self.pid, number)

    def wait(self, timeout=60):
        """Waits for the end, at most so many seconds."""
        if self.ended:
            return self.ended
        late = []
        timer = threading.Timer(timeout, lambda: (late.append(True), os.killpg(self.pid, signal.SIGKILL)))
        timer.start()
        _, status, usage = os.wait4(self.pid, 0)
        seconds = time.monotonic() - self.began
        timer.cancel()
        self.process.returncode = code = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in self.streams:
            stream.seek(0)
            texts.append(stream.read(MIB).decode("utf-8", "replace"))
            stream.close()
        self.ended = Run(self.args, None if late else code, *texts, seconds, usage.ru_maxrss * 1024)
        return self.ended


def run(args, timeout=60, **more):
    """Runs a program to its end."""
    return Child(args, **more).wait(timeout)


class Report:
    """Counts what was done and what failed, and says so."""

    def __init__(self, name, doc, arguments=None):
        sys.stdout.reconfigure(errors="backslashreplace")
        parser = argparse.ArgumentParser(prog=name, description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--binary", type=Path, default=ROOT / "target/release/hitherto", help="the program under test")
        parser.add_argument("--quick", action="store_true", help="a small sample, to see whether the script works")
        parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="of random choices")
        parser.add_argument("--keep", action="store_true", help="leave in target/trust what was made")
        for flag, options in (arguments or {}).items():
            parser.add_argument(flag, **options)
        self.asked = parser.parse_args()
        self.name, self.quick, self.failures, self.figures = name, self.asked.quick, 0, []
        self.binary = self.asked.binary.resolve()
        if not self.binary.is_file():
            parser.error(f"no such program: {self.binary}")
        self.random = random.Random(self.asked.seed)
        self.work = ROOT / "target/trust" / f"{name}-{os.getpid()}"
        wipe(self.work)
        self.work.mkdir(parents=True)
        print(f"{name}: seed {self.asked.seed}", flush=True)

    def fail(self, what, how):
        """Notes a failure: what was wrong, and how to repeat it."""
        self.failures += 1
        if self.failures <= 200:
            print(f"FAILED {self.name}: {what}\n    repeat: {how}", flush=True)

    def check(self, holds, what, how):
        """Notes a failure unless something holds."""
        if not holds:
            self.fail(what, how)
        return holds

    def figure(self, done, times, result):
        """A line of the table: what was done, how often, and what came of it."""
        self.figures.append((done, times, result))

    def skip(self, why):
        """Ends the script, loudly, because something that it needs is not here."""
        print(f"SKIPPED {self.name}: {why}")
        print(f"FIGURE\t{self.name}\t{why}\t0\tSKIPPED", flush=True)
        wipe(self.work)
        sys.exit(0)

    def finish(self):
        """Prints the figures, tidies up, and ends the script."""
        for done, times, result in self.figures:
            print(f"FIGURE\t{self.name}\t{done}\t{times}\t{result}")
        print(f"{self.name}: {f'{self.failures} FAILED (seed {self.asked.seed})' if self.failures else 'all passed'}", flush=True)
        if not self.asked.keep:
            wipe(self.work)
        sys.exit(1 if self.failures else 0)


def wipe(path):
    """Removes a folder and all in it, whatever its modes."""
    if path.is_dir() and not path.is_symlink():
        subprocess.run(["chmod", "-R", "u+rwX", path], stderr=subprocess.DEVNULL)
        shutil.rmtree(path)


def said(run):
    """A run as a line for a shell."""
    return " ".join(shlex.quote(os.fsdecode(arg)) for arg in run.args)


def snapshot(root, skip=()):
    """All that lies below a folder: name → kind, mode, content. Links are not followed."""
    found = {}
    root = os.fsencode(root)

    def visit(path, name):
        info = os.lstat(path)
        kind = stat.S_IFMT(info.st_mode)
        if kind == stat.S_IFREG:
            with open(path, "rb") as file:
                content = hashlib.blake2b(file.read(), digest_size=16).hexdigest()
        else:
            content = os.readlink(path) if kind == stat.S_IFLNK else None
        found[name] = (kind, stat.S_IMODE(info.st_mode), content)
        if kind == stat.S_IFDIR:
            for entry in sorted(os.listdir(path)):
                inner = os.path.join(name, entry)
                if os.fsdecode(inner) not in skip:
                    visit(os.path.join(path, entry), inner)

    visit(root, b"")
    return found


def contents(root):
    """Files below a folder with their contents, without the folders' modes: what a reader sees of an output."""
    return {name: value[2] for name, value in snapshot(root).items() if value[0] == stat.S_IFREG}


def generate(report, job, folder, format="csv", seed=7, **sizes):
    """Makes good data of a job, in a format; `json` is made from `ndjson`."""
    kind = [] if job == "sequences" else [job]
    flags = [part for name, value in sizes.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    written = "ndjson" if format == "json" else format
    made = run([report.binary, "generate", *kind, folder, "--format", written, "--quiet", "--seed", str(seed), *flags])
    if made.code != 0:
        sys.exit(f"{report.name}: could not make data: {said(made)}\n{made}")
    if format == "json":
        for path in sorted(Path(folder).rglob("*.ndjson")):
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            path.with_suffix(".json").write_text(json.dumps(rows))
            path.unlink()
    return folder


TINY = {
    "sequences": {"impressions": 8, "actions": 200, "customers": 10, "items": 50},
    "features": {"impressions": 50, "clicks": 100, "users": 10, "listings": 20, "days": 2},
    "dwell": {"events": 200, "users": 10, "flyers": 20, "merchants": 5},
}


def flags_of(job, folder, replaced=None, path=None):
    """Flags that name the good sources of a job, one of them replaced by another file."""
    paths = {source: str(path if source == replaced else Path(folder) / name) for source, name in SOURCES[job].items()}
    if job == "dwell":
        return [paths["events"]]
    return [part for source, path in paths.items() for part in (f"--{source}", path)]
