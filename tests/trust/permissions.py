"""Modes, links, pipes, devices and hostile names: nothing is made or changed outside OUT, nothing hangs.

A tree of sentinels lies next to where each case works; its names, modes and contents are compared before and after, as
is everything else around the output. Each run may take 5 s.

    permissions.py [--binary PATH] [--quick] [--only TEXT]
"""
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
from pathlib import Path

from trust import TINY, Child, Report, flags_of, generate, run, said, snapshot, wipe

SECONDS = 5
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
DAY = "dt=2025-08-16"
# Names that mean something to a shell, a URL, a terminal or a filesystem, and no more than a name here.
NAMES = {
    "percent": b"%2e%2e", "percent slash": b"%2e%2e%2fsentinel", "line feed": b"out\nput", "right to left": "\u202etuo".encode(), "255 bytes": b"n" * 255,
    "no UTF-8": b"out\xff\xfe", "leading dash": b"-rf", "two dashes": b"--overwrite", "blanks": b"  ", "tilde": b"~", "star": b"*", "dots": b"...",
    "escape": b"\x1b[31m", "quotes": b"'\"`$(id)", "backslash": b"..\\sentinel", "hidden": b".out", "underscore": b"_out", "trailing dot": b"out.",
    "trailing blank": b"out ", "equals": b"dt=..", "emoji": "\U0001f5d1".encode(), "combining": "e\u0301".encode(), "glob": b"[a-z]?", "semicolon": b";id",
    "newlines": b"\n\n\n", "tab": b"\t", "254 bytes of two": "\u00e9".encode() * 127, "null word": b"null", "device word": b"CON",
}


class Cases:
    """Runs cases, and compares the world around them."""

    def __init__(self, report):
        self.report, self.count = report, 0
        self.base = Path(tempfile.mkdtemp(prefix="hitherto-trust-"))
        self.base.chmod(0o755)
        # Where any user may reach it, but not among what is compared.
        self.tools = Path(tempfile.mkdtemp(prefix="hitherto-trust-"))
        self.tools.chmod(0o755)
        report.binary = self.binary = self.tools / "hitherto"
        shutil.copy(report.asked.binary, self.binary)
        self.shop = generate(report, "sequences", self.base / "shop", "csv", **{**TINY["sequences"], "days": 2})
        self.flyers = generate(report, "dwell", self.base / "flyers", "csv", **TINY["dwell"])
        self.sentinel, self.place = self.base / "sentinel", self.base / "place"
        self.flags = flags_of("sequences", self.shop)
        self.start()
        made = self.run("--out", self.sentinel / "ours")
        assert made.code == 0, made
        (self.sentinel / "deep").mkdir()
        (self.sentinel / "deep/file").write_text("mine")
        (self.sentinel / "link").symlink_to("deep")
        (self.sentinel / DAY).mkdir()
        (self.sentinel / DAY / "thesis").write_text("mine")

    def some(self, all):
        """All of them, or a few for a quick look."""
        all = list(all)
        return all[::6] if self.report.quick else all

    def start(self):
        """An empty place to work in, and the world around it."""
        wipe(self.place)
        self.place.mkdir()
        self.before = snapshot(self.base, skip=["place"])

    def command(self, *more, user=()):
        """A run of `sequences` on good data."""
        return [*user, self.binary, "sequences", "--quiet", "--threads", "1", *self.flags, *more]

    def run(self, *more, user=(), command=None, **options):
        """Runs it in the place."""
        child = Child(command or self.command(*more, user=user), cwd=self.place, **options)
        return child.wait(SECONDS)

    def patient(self, command):
        """Runs what may wait for a pipe, and asks it to end after a second."""
        child = Child(command, cwd=self.place)
        timer = threading.Timer(1, lambda: child.kill(signal.SIGTERM))
        timer.start()
        found = child.wait(SECONDS)
        timer.cancel()
        return found

    def bad(self):
        """Flags of a run that sets a row of each day aside."""
        path = self.base / "bad.ndjson"
        shown = lambda day, item: {"dt": f"2025-08-{day}", "ranking_id": "r", "customer_id": 1, "impressions": [{"item_id": item, "is_order": True}]}
        path.write_text("".join(json.dumps(shown(day, item)) + "\n" for day in (16, 17) for item in (0, 1)))
        self.start()
        return [*flags_of("sequences", self.shop, "impressions", path), "--on-bad-row", "quarantine", "--allow-unused"]

    def ours(self, name="out", *more):
        """An output of our own in the place."""
        made = self.run("--out", self.place / name, *more)
        assert made.code == 0, made
        return self.place / name

    def case(self, name, codes, found, left=None):
        """Checks what came of a case: its code, the world around, and what lies in the place, if that is given."""
        report = self.report
        self.count += 1
        how = f"{report.name}.py --only '{name}': {said(found)}"
        report.check(found.code in codes, f"{name}: expected {codes}, {found}", how)
        report.check("panicked" not in found.err and "internal fault" not in found.err, f"{name}: {found}", how)
        after = snapshot(self.base, skip=["place"])
        changed = [key for key in {**self.before, **after} if self.before.get(key) != after.get(key)]
        report.check(not changed, f"{name}: changed outside: {changed[:5]}", how)
        here = sorted(os.listdir(os.fsencode(self.place)))
        if left is not None:
            report.check(here == sorted(left), f"{name}: in the place are {here}, expected {sorted(left)}", how)


def umasks(cases):
    """Published files and folders have the modes that the umask leaves; while they are made, nobody else sees them."""
    bad = cases.bad()
    for mask in cases.some((0o077, 0o027, 0o022, 0o002, 0o000)):
        cases.start()
        for job, flags in {"sequences": bad, "dwell": [cases.flyers]}.items():
            command = ["sh", "-c", f'umask {mask:03o} && exec "$@"', "sh", cases.binary, job, "--quiet", "--out", f"a/{job}", *flags]
            found = cases.run(command=command)
            modes = {(kind, mode) for kind, mode, _ in list(snapshot(cases.place).values())[1:]}
            expected = {(stat.S_IFDIR, 0o777 & ~mask), (stat.S_IFREG, 0o666 & ~mask)}
            cases.case(f"umask {mask:03o} {job}", [0], found)
            quarantined = job == "dwell" or (cases.place / "a/sequences/_quarantine").is_dir()
            cases.report.check(modes == expected and quarantined, f"umask {mask:03o} {job}: modes {sorted(map(oct, {mode for _, mode in modes}))}", said(found))
    cases.start()
    child = Child(["sh", "-c", 'umask 000 && exec "$@"', "sh", *cases.command("--out", "out")], cwd=cases.place)
    seen = set()
    while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        for name in os.listdir(cases.place):
            try:
                seen |= {(".tmp-" in name, stat.S_IMODE(os.lstat(cases.place / name).st_mode))}
            except FileNotFoundError:
                pass
    found = child.wait(SECONDS)
    cases.case("umask 000 while it runs", [0], found, [b"out"])
    open_to_others = [mode for aside, mode in seen if aside and mode & 0o077]
    cases.report.check(not open_to_others, f"the folder aside was open to others: {open_to_others}", said(found))


def owners(cases):
    """Folders and files that somebody without rights may not write or read."""
    if not shutil.which("setpriv") or os.getuid() != 0:
        print("SKIPPED: owners: needs root and setpriv")
        return
    cases.start()
    for name, mode, codes in (("out", 0o755, [73]), ("out", 0o555, [73]), ("deep/er/out", 0o755, [73])):
        cases.place.chmod(mode)
        cases.case(f"output in a folder of mode {mode:o}, {name}", codes, cases.run("--out", cases.place / name, user=NOBODY), [])
    cases.place.chmod(0o777)
    cases.case("output in a folder that all may write", [0], cases.run("--out", cases.place / "out", user=NOBODY), [b"out"])
    for flag in ("--overwrite", "--add-days"):
        cases.start()
        out = cases.ours("out", "--date", "2025-08-16")
        before = snapshot(out)
        found = cases.run("--out", out, flag, "--if-exists", "replace", user=NOBODY) if flag == "--add-days" else cases.run("--out", out, flag, user=NOBODY)
        cases.case(f"{flag} of another owner", [73, 74], found, [b"out"])
        cases.report.check(snapshot(out) == before, f"{flag} of another owner changed it", said(found))
    cases.start()
    cases.place.chmod(0o777)
    for what in ("clicks", "clicks/dt=2025-08-15"):
        folder = cases.place / "in"
        shutil.copytree(cases.shop, folder)
        locked = next(iter(sorted((folder / "clicks").rglob("*.csv")))) if "=" in what else folder / "clicks"
        locked.chmod(0)
        command = [*NOBODY, cases.binary, "sequences", "--quiet", "--out", cases.place / "out", *flags_of("sequences", folder)]
        cases.case(f"input that may not be read: {what}", [74], cases.run(command=command), [b"in"])
        locked.chmod(0o755)
        shutil.rmtree(folder)
    cases.start()
    out = cases.ours("out", "--date", "2025-08-16")
    (out / "_manifest.json").chmod(0)
    for flag in ("--overwrite", "--add-days"):
        cases.case(f"manifest that may not be read, {flag}", [74], cases.run("--out", out, flag, user=NOBODY), [b"out"])


def links(cases):
    """Links in the place of what is written, replaced or removed."""
    replace = ["--add-days", "--if-exists", "replace"]
    for kind in (["--overwrite"], ["--add-days"], []):
        for name, target in (("sentinels", cases.sentinel), ("a file", cases.sentinel / "deep/file"), ("nothing", Path("gone")), ("itself", Path("out"))):
            cases.start()
            (cases.place / "out").symlink_to(target)
            cases.case(f"output is a link to {name} {' '.join(kind)}", [73, 74] if name == "itself" else [73], cases.run("--out", "out", *kind), [b"out"])
    cases.start()
    real = cases.ours("real")
    (cases.place / "out").symlink_to("real")
    cases.case("output is a link to an output", [0], cases.run("--out", "out", "--overwrite"), [b"out", b"real"])
    cases.report.check((cases.place / "out").is_symlink() and (real / "_SUCCESS").is_file(), "the link was replaced", "permissions.py --only link")
    cases.start()
    (cases.place / "above").symlink_to(cases.place / "real")
    (cases.place / "real").mkdir()
    cases.case("output below a link", [0], cases.run("--out", "above/out"), [b"above", b"real"])
    for what, kind in (("link", "symlink"), ("pipe", "fifo"), ("file", "file"), ("folder", "folder")):
        cases.start()
        first = int(Path("/proc/sys/kernel/ns_last_pid").read_text())
        for pid in range(first, first + 200):
            path = cases.place / f".out.tmp-{pid}-0"
            if kind == "symlink":
                path.symlink_to(cases.sentinel / "deep")
            elif kind == "fifo":
                os.mkfifo(path)
            elif kind == "file":
                path.write_text("mine")
            else:
                path.mkdir()
        found = cases.run("--out", "out")
        # Empty folders of that name are a dead run's, and go.
        left = [b"out"] + ([os.fsencode(f".out.tmp-{pid}-0") for pid in range(first, first + 200)] if kind != "folder" else [])
        cases.case(f"a {what} where the folder aside would be", [0], found, left)
    cases.start()
    (cases.place / "temp").symlink_to(cases.sentinel / "deep")
    cases.case("temporary folder is a link", [0], cases.run("--out", "out", "--temp-dir", "temp", "--memory", "64MiB"), [b"out", b"temp"])
    for kind, codes in (("error", [73]), ("skip", [0]), ("replace", [0])):
        for target, code in ((cases.sentinel / "ours" / DAY, codes), (cases.sentinel / DAY, [73])):
            cases.start()
            out = cases.ours("out")
            shutil.rmtree(out / DAY)
            (out / DAY).symlink_to(target)
            found = cases.run("--out", "out", "--add-days", "--if-exists", kind)
            cases.case(f"day is a link to {target.parent.name}, --if-exists {kind}", code, found, [b"out"])
    cases.start()
    out = cases.ours("out", "--date", "2025-08-16")
    (out / "_manifest.json").unlink()
    (out / "_manifest.json").symlink_to(cases.sentinel / "ours/_manifest.json")
    cases.case("manifest is a link", [0, 73], cases.run("--out", "out", "--add-days", "--date", "2025-08-17"), [b"out"])
    flags = cases.bad()
    for kind in ("link", "file", "pipe"):
        cases.start()
        command = [cases.binary, "sequences", "--quiet", "--out", "out", *flags]
        cases.run(command=[*command, "--date", "2025-08-16"])
        quarantine = cases.place / "out/_quarantine"
        wipe(quarantine)
        {"link": lambda: quarantine.symlink_to(cases.sentinel / "deep"), "file": lambda: quarantine.write_text("mine"), "pipe": lambda: os.mkfifo(quarantine)}[kind]()
        cases.case(f"quarantine is a {kind}", [73], cases.run(command=[*command, *replace]), [b"out"])


def special(cases):
    """Pipes, sockets and devices in the place of inputs, lists and outputs."""
    cases.start()
    kinds = {"pipe": cases.place / "pipe", "socket": cases.place / "socket", "/dev/zero": Path("/dev/zero"), "/dev/null": Path("/dev/null"),
             "/dev/full": Path("/dev/full"), "/proc/self/fd/0": Path("/proc/self/fd/0")}
    os.mkfifo(kinds["pipe"])
    held = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(cases.place)
    held.bind("socket")
    os.chdir(here)
    left = [b"pipe", b"socket"]
    for name, path in cases.some(kinds.items()):
        # A pipe is an input; one that nobody writes to is waited for, until the run is asked to end.
        codes = [143] if name == "pipe" else [65, 66]
        for source in ("impressions", "clicks"):
            flags = flags_of("sequences", cases.shop, source, path)
            cases.case(f"{source} is {name}", codes, cases.patient([cases.binary, "sequences", "--quiet", "--out", "out", *flags]), left)
        cases.case(f"events are {name}", codes, cases.patient([cases.binary, "dwell", "--quiet", "--out", "out", path]), left)
        flags = [flag for flag in cases.flags if flag != "--clicks" and flag != str(cases.shop / "clicks")]
        cases.case(f"list is {name}", [65, 66], cases.run(command=[cases.binary, "sequences", "--quiet", "--out", "out", *flags, "--files-from", f"clicks={path}"]), left)
        cases.case(f"folder of all is {name}", [66], cases.run(command=[cases.binary, "sequences", "--quiet", "--out", "out", path]), left)
        if not name.startswith("/proc"):
            for kind in ([], ["--overwrite"], ["--add-days"]):
                cases.case(f"output is {name} {' '.join(kind)}", [73], cases.run("--out", path, *kind), left)
        cases.case(f"temporary folder is {name}", [2], cases.run("--out", "out", "--temp-dir", path), left)
    held.close()
    for name in ("pipe", "socket"):
        cases.start()
        folder = cases.place / "clicks"
        shutil.copytree(cases.shop / "clicks", folder)
        make = os.mkfifo if name == "pipe" else lambda path: os.mknod(path, stat.S_IFSOCK | 0o600)
        make(folder / "part.csv")
        flags = flags_of("sequences", cases.shop, "clicks", folder)
        cases.case(f"{name} in a folder", [65], cases.run(command=[cases.binary, "sequences", "--quiet", "--out", "out", *flags]), [b"clicks"])
        for where in ("_manifest.json", f"{DAY}/_manifest.json"):
            for kind in ("--overwrite", "--add-days"):
                if "/" in where and kind == "--overwrite":
                    continue
                cases.start()
                out = cases.ours()
                (out / where).unlink()
                make(out / where)
                cases.case(f"{where} is a {name}, {kind}", [73, 74], cases.run("--out", "out", kind), [b"out"])
    for turn in range(2 if cases.report.quick else 20):
        cases.start()
        flags = flags_of("sequences", cases.shop, "clicks", cases.place / "clicks.csv")
        good = "customer_id,item_id,click_time\n" + "1,7,2025-08-14\n" * 200_000
        (cases.place / "clicks.csv").write_text(good)
        os.mkfifo(cases.place / "pipe")
        swap = lambda: os.replace(cases.place / "pipe", cases.place / "clicks.csv")
        threading.Timer(turn * 0.002, swap).start()
        # Before it is looked for, it is a pipe that nobody writes to.
        found = cases.patient([cases.binary, "sequences", "--quiet", "--out", "out", *flags])
        cases.case(f"a pipe takes the place of a file after {turn * 2} ms", [0, 65, 143], found)


def names(cases):
    """Hostile names of outputs and inputs, and hostile values in the data."""
    for name, raw in cases.some(NAMES.items()):
        cases.start()
        cases.case(f"output called {name}", [0], cases.run(command=[*cases.command(), b"--out=" + raw]), [raw])
        cases.case(f"output called {name}, once more", [73], cases.run(command=[*cases.command(), b"--out=" + raw]), [raw])
        cases.case(f"output called {name}, --overwrite", [0], cases.run(command=[*cases.command(), "--overwrite", b"--out=" + raw]), [raw])
        cases.case(f"output called {name}, --add-days", [0], cases.run(command=[*cases.command(), "--add-days", "--if-exists", "replace", b"--out=" + raw]), [raw])
    for name, raw, codes in (("nothing", b"", [2, 73]), ("here", b".", [73]), ("above", b"..", [73]), ("root", b"/", [73]), ("256 bytes", b"n" * 256, [73]),
                             ("a long path", b"/".join([b"n" * 200] * 30), [73]), ("below a file", os.fsencode(cases.sentinel / "deep/file/out"), [73]),
                             ("sentinels", os.fsencode(cases.sentinel), [73]), ("a day of sentinels", os.fsencode(cases.sentinel / DAY), [73])):
        for kind in ([], ["--overwrite"], ["--add-days"]):
            cases.start()
            cases.case(f"output is {name} {' '.join(kind)}", codes, cases.run(command=[*cases.command(), *kind, b"--out=" + raw]), [])
    cases.start()
    cases.case("output below what is not there, and up again", [0, 73], cases.run("--out", "gone/../out"))
    for name, raw in cases.some(NAMES.items()):
        cases.start()
        folder = os.path.join(os.fsencode(cases.place), b"in")
        os.makedirs(os.path.join(folder, b"clicks-of"))
        inside = os.path.join(folder, b"clicks-of", raw[:250])
        with open(sorted((cases.shop / "clicks").rglob("*.csv"))[0], "rb") as good, open(inside, "wb") as file:
            file.write(good.read())
        flags = flags_of("sequences", cases.shop, "clicks", Path(os.fsdecode(folder)) / "clicks-of")
        command = [cases.binary, "sequences", "--quiet", "--format", "csv", "--out", "out", *flags]
        cases.case(f"input called {name}", [0, 65, 66], cases.run(command=command))
    for value in cases.some(("..", "%2e%2e", "..%2Fsentinel", "%2Fetc", "2025-08-15%2F..", "2025-08-15%00", "2025-08-15 ", "2025-08-15\n", "dt=2025-08-15", "%3D2025-08-15",
                  "__HIVE_DEFAULT_PARTITION__", "9999-99-99", "-2025-08-15", "20250815", "2025-8-15", "", "\u202e2025-08-15", "2" * 240)):
        cases.start()
        folder = cases.place / "impressions" / f"dt={value}"
        folder.mkdir(parents=True)
        shutil.copy(sorted((cases.shop / "impressions").rglob("*.csv"))[0], folder / "part.csv")
        flags = flags_of("sequences", cases.shop, "impressions", cases.place / "impressions")
        cases.case(f"input day {value[:20]!r}", [0, 65, 66], cases.run(command=[cases.binary, "sequences", "--quiet", "--out", "out", *flags]))
        days(cases)
    for value in cases.some(("../../sentinel", "..", "/etc", "2025-08-15/../..", "2025-08-15\0", "2025-08-15 00:00", "-1", "99999-01-01")):
        cases.start()
        rows = [{"dt": value, "ranking_id": value, "customer_id": 1, "impressions": [{"item_id": 1, "is_order": True}]}]
        (cases.place / "impressions.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
        flags = flags_of("sequences", cases.shop, "impressions", cases.place / "impressions.ndjson")
        cases.case(f"dt in the data {value!r}", [0, 65], cases.run(command=[cases.binary, "sequences", "--quiet", "--out", "out", *flags]))
        days(cases)
        cases.start()
        rows = [{"timestamp": "2025-08-15T10:00:00Z", "user_id": value, "event": "flyer_open", "flyer_id": value, "merchant_id": value}]
        (cases.place / "events.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
        cases.case(f"merchant {value!r}", [0, 65], cases.run(command=[cases.binary, "dwell", "--quiet", "--out", "out", "events.ndjson"]))


def days(cases):
    """The folders of an output are days, and nothing else."""
    out = cases.place / "out"
    named = [name for name in os.listdir(out) if not name.startswith("_")] if out.exists() else []
    fine = all(len(name) == 13 and name.startswith("dt=") and name[3:].replace("-", "").isdigit() for name in named)
    cases.report.check(fine, f"folders of the output: {named}", "permissions.py")


def main():
    report = Report("permissions", __doc__, {"--only": {"default": "", "help": "one of umasks, owners, links, special, names"}})
    cases = Cases(report)
    try:
        for group in (umasks, owners, links, special, names):
            if report.asked.only in group.__name__:
                before, failed = cases.count, report.failures
                group(cases)
                report.figure(group.__doc__.split(":")[0].split(";")[0].rstrip("."), cases.count - before, f"{report.failures - failed} failed")
    finally:
        wipe(cases.base)
        wipe(cases.tools)
    report.finish()


if __name__ == "__main__":
    main()
