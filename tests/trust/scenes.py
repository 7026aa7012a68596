"""The runs that are killed, disturbed and raced: each job into a new output, over an old one, adding days, spilling.

A scene is a command, what its output is before (`old`), and what it is after a run that nobody disturbs (`new`).
"""
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from trust import contents, flags_of, generate, run, said, snapshot

SIZES = {
    "small": {
        "sequences": {"impressions": 40, "actions": 3000, "customers": 40, "items": 200, "days": 4, "history_days": 5},
        "features": {"impressions": 400, "clicks": 2000, "users": 30, "listings": 40, "days": 4},
        "dwell": {"events": 3000, "users": 30, "flyers": 20, "merchants": 5, "days": 2},
    },
    "large": {
        "sequences": {"impressions": 400, "actions": 300_000, "customers": 500, "items": 2000, "days": 4, "history_days": 30},
        "features": {"impressions": 4000, "clicks": 200_000, "users": 300, "listings": 200, "days": 4},
        "dwell": {"events": 150_000, "users": 500, "flyers": 100, "merchants": 20, "days": 2},
    },
}
# Data of which memory has no room, if it may take a few MiB.
SPILLING = {
    "sequences": {"impressions": 50, "actions": 600_000, "customers": 100, "items": 2000, "days": 1, "history_days": 30},
    "features": {"impressions": 1000, "clicks": 300_000, "users": 300, "listings": 200, "days": 2},
    "dwell": {"events": 300_000, "users": 500, "flyers": 100, "merchants": 20, "days": 2},
}
ONE = ["--threads", "1"]
MORE = {"sequences": ["--lookback-days", "none", "--max-actions", "65536", "--no-pad", *ONE], "features": ONE, "dwell": ONE}
FOLDER = {"sequences": "dt=2025-08-{}", "features": "date=2025-08-{}"}
OTHER = {"sequences": ["--max-actions", "5"], "features": ["--windows", "1h"], "dwell": ["--method", "session"]}


class Scene:
    """One kind of run. `flags` name the inputs, `more` says how the output comes about."""

    def __init__(self, stage, job, name, flags, more=(), before=None, out="out", days=False):
        self.stage, self.job, self.name = stage, job, f"{job} {name}"
        self.flags, self.more, self.before, self.out, self.days = list(flags), list(more), before, out, days
        self.template = stage.folder / f"template-{self.name.replace(' ', '-')}"
        self.template.mkdir()
        if before:
            self.succeed(self.command(self.template, before))
        self.old = contents(self.template / out) if before else None
        self.old_whole = (self.template / out / "_manifest.json").read_bytes() if before else None
        root = stage.folder / "reference"
        self.fresh(root)
        self.run = self.succeed(self.command(root))
        self.new = contents(root / out)
        self.new_whole = (root / out / "_manifest.json").read_bytes()
        self.new_settled = self.settled(root)
        self.check_tidy(root)
        shutil.rmtree(root)

    def command(self, root, flags=None):
        """The command, with its output and its temporary folder below `root`."""
        flags = self.flags + self.more if flags is None else flags
        (root / "temp").mkdir(exist_ok=True)
        return [self.stage.report.binary, self.job, "--quiet", "--out", root / self.out, "--temp-dir", root / "temp", *flags]

    def succeed(self, command):
        """Runs a command that must succeed."""
        found = run(command)
        if found.code != 0:
            sys.exit(f"{self.name}: {found}\n    {said(found)}")
        return found

    def fresh(self, root):
        """Makes `root` as it is before the run."""
        if root.exists():
            shutil.rmtree(root)
        shutil.copytree(self.template, root, symlinks=True)

    def found(self, root):
        """What a reader sees of the output: files and contents, none if it is not there."""
        out = root / self.out
        return {name: content for name, content in contents(out).items() if b".out.tmp-" not in name} if out.exists() else None

    def fault(self, root):
        """What is wrong with the output after a run that did not end well; nothing if it is as it was, or as it will be."""
        found = self.found(root)
        if not self.days:
            return None if found in (self.old, self.new) else f"neither old nor new: {differences(found or {}, self.old or {}, self.new)}"
        if found is None:
            return "the output is gone"
        folders = {name.split(b"/")[0] for name in {**self.old, **self.new, **found} if b"/" in name and not name.startswith(b"_")}
        part = lambda tree, folder: {name: content for name, content in tree.items() if name.startswith(folder + b"/")}
        for folder in folders:
            if part(found, folder) not in (part(self.old, folder), part(self.new, folder)):
                return f"{folder.decode()} is neither old nor new: {sorted(part(found, folder))}"
        rest = {name: content for name, content in found.items() if name.split(b"/")[0] not in folders}
        whole = (root / self.out / "_manifest.json").read_bytes()
        for name, content in rest.items():
            if content not in (self.old.get(name), self.new.get(name)) and not (name == b"_manifest.json" and self.is_between(whole)):
                return f"{name.decode()} is neither old nor new"
        if not set(rest) >= {name for name in self.old if name.split(b"/")[0] not in folders}:
            return f"of what was there, something is gone: {sorted(rest)}"
        there = {folder.decode() for folder in folders if part(found, folder)}
        named = {part["path"].split("/")[0] for part in json.loads(whole)["parts"]}
        return f"the manifest of the whole names days that are not there: {named - there}" if named - there else None

    def is_between(self, manifest):
        """Whether a manifest of the whole is the old one, but for inputs and rejected rows, to which those of the new one come, and the vocabulary:
        the first step of adding days."""
        old, new, found = (json.loads(text) for text in (self.old_whole, self.new_whole, manifest))
        inputs, lists, _ = found.pop("inputs"), found.pop("action_inputs", {}), found.pop("xxh64")
        vocabulary = found.pop("vocabulary", None)
        is_known = all(file in old["inputs"] + new["inputs"] for file in inputs)
        is_known &= all(file in old["quarantine"] + new["quarantine"] for file in found.pop("quarantine"))
        is_known &= vocabulary in (old.pop("vocabulary", None), new.get("vocabulary"))
        is_known &= set(lists) <= set(old.get("action_inputs", {})) | set(new.get("action_inputs", {}))
        return is_known and found.items() <= old.items()

    def settled(self, root):
        """What the run after a killed one must make: every byte. But where days are added, it adds those that are left,
        and manifests and metrics say of actions what the run found that made the day: that is left out of them, and the checksum too."""
        found = self.found(root)
        if not self.days or found is None:
            return found
        for name in found:
            if name.endswith(b"_manifest.json"):
                manifest = json.loads(Path(os.fsdecode(os.path.join(os.fsencode(root / self.out), name))).read_text())
                found[name] = {key: value for key, value in manifest.items() if key not in ("actions", "action_inputs", "xxh64")}
            if name.endswith(b"_metrics.json"):
                metrics = json.loads(Path(os.fsdecode(os.path.join(os.fsencode(root / self.out), name))).read_text())
                found[name] = {key: metrics.get(key) for key in ("counts", "sequence_length_distribution", "top_customers", "missing_days_by_source")}
        return found

    def again(self, root):
        """The command of the next run: the same, which replaces an output that is complete."""
        more = [] if self.days or not (root / self.out).exists() or "--overwrite" in self.more else ["--overwrite"]
        return [*self.command(root), *more]

    def untidy(self, root):
        """What a run left besides its output: none if nothing."""
        left = [os.fsdecode(name) for name in snapshot(root) if b".tmp-" in name or b".hitherto-spill" in name]
        left += [f"temp/{name}" for name in os.listdir(root / "temp")]
        return sorted(set(left))[:5]

    def check_tidy(self, root):
        """Ends everything if an undisturbed run leaves something."""
        if self.untidy(root):
            sys.exit(f"{self.name}: an undisturbed run left {self.untidy(root)}")


def differences(found, old, new):
    """A few names that tell what is wrong."""
    wrong = [name for name in {**found, **new} if found.get(name) not in (old.get(name), new.get(name))]
    missing = [name for name in new if name not in found]
    return f"files {sorted(found)[:9]}, of other contents {wrong[:4]}, missing {missing[:4]}"


class Stage:
    """Where scenes are made: their data, and what they are like undisturbed."""

    def __init__(self, report, size="small"):
        self.report, self.folder, self.size = report, report.work / size, size
        self.folder.mkdir()

    def data(self, job, format="csv", seed=7, sizes=None):
        """Good data of a job."""
        folder = self.folder / f"{job}-{format}-{seed}-{'given' if sizes else self.size}"
        if not folder.exists():
            generate(self.report, job, folder, format, seed, **(sizes or SIZES[self.size][job]))
        return folder

    def new(self, job):
        """Into an output that is not there, nor the folders above it."""
        return Scene(self, job, "new", flags_of(job, self.data(job)), out="a/b/out")

    def overwrite(self, job):
        """Over an output with other settings."""
        flags = flags_of(job, self.data(job))
        return Scene(self, job, "overwrite", flags, ["--overwrite"], before=flags + OTHER[job])

    def add(self, job):
        """Three days to one."""
        flags = flags_of(job, self.data(job))
        more = ["--add-days", "--if-exists", "skip", "--threads", "2"]
        return Scene(self, job, "add days", flags, more, before=flags + ["--date", "2025-08-16"], days=True)

    def vocabulary(self, job):
        """Three days to one, with items that have no code before."""
        flags = [*flags_of(job, self.data(job)), "--item-vocabulary", "build"]
        more = ["--add-days", "--if-exists", "skip"]
        return Scene(self, job, "add days vocabulary", flags, more, before=flags + ["--date", "2025-08-16"], days=True)

    def replace(self, job):
        """Three days of four, with other data."""
        more = ["--add-days", "--if-exists", "replace", "--from", "2025-08-17", "--to", "2025-08-19"]
        before = flags_of(job, self.data(job))
        # At the same paths: the manifest of the whole names its inputs.
        return Scene(self, job, "replace days", flags_of(job, self.data(job, seed=8)), more, before=before, days=True)

    def quarantine(self, job, add):
        """With rows that are set aside."""
        data = self.data(job)
        bad = self.folder / f"bad-{job}"
        if not bad.exists():
            shutil.copytree(data, bad)
            name = {"sequences": "clicks", "features": "clicks", "dwell": "."}[job]
            file = sorted((bad / name).rglob("*.csv"))[0]
            header, *rows = file.read_text().splitlines()
            times = [at for at, name in enumerate(header.split(",")) if name in ("click_time", "click_ts", "timestamp")]
            for row in rows[:20]:
                fields = row.split(",")
                fields[times[0]] = "never"
                rows.append(",".join(fields))
            file.write_text("\n".join([header, *rows, ""]))
        flags = flags_of(job, bad)
        more = ["--on-bad-row", "quarantine"]
        if not add:
            return Scene(self, job, "quarantine", flags, more)
        before = flags_of(job, data) + more + ["--date", "2025-08-16"]
        return Scene(self, job, "add days quarantine", flags, [*more, "--add-days", "--if-exists", "skip"], before=before, days=True)

    def shards(self, name, more=()):
        """Three shards of a set."""
        folder = self.folder / f"shards-{name}"
        for shard in () if folder.exists() else range(3):
            command = [self.report.binary, "sequences", "--quiet", "--out", folder, "--shard", f"{shard}/3"]
            found = run([*command, *flags_of("sequences", self.data("sequences")), *more])
            if found.code != 0:
                sys.exit(f"shards: {found}")
        return os.fspath(folder)

    def finalize(self):
        """Shards put together: new, over a set of other settings, and three days to one."""
        all_days, first = self.shards("all"), self.shards("first", ["--date", "2025-08-16"])
        other = self.shards("other", OTHER["sequences"])
        more = ["--add-days", "--if-exists", "skip"]
        return [
            Scene(self, "finalize", "new", [all_days], out="a/b/out"),
            Scene(self, "finalize", "overwrite", [all_days], ["--overwrite"], before=[other]),
            Scene(self, "finalize", "add days", [all_days], more, before=[first], days=True),
        ]

    def spill(self, job):
        """With so little memory that most goes to the temporary folder."""
        flags = flags_of(job, self.data(job, "parquet" if job == "sequences" else "csv", sizes=SPILLING[job])) + MORE[job]
        for mebibytes in range(3, 40):
            out = self.folder / "trial"
            found = run([self.report.binary, job, "--quiet", "--stats", "json", "--out", out, *flags, "--memory", f"{mebibytes}MiB"])
            subprocess.run(["rm", "-rf", out])
            if found.code == 0 and json.loads(found.out)["spilled_bytes"] > 0:
                return Scene(self, job, "spill", flags, ["--memory", f"{mebibytes}MiB"])
        sys.exit(f"{job} does not spill, however little memory it has: {found}")

    def all(self, quick=False):
        """Every scene; three of them for a quick look."""
        if quick:
            return [self.new("dwell"), self.overwrite("sequences"), self.add("features")]
        made = [self.new(job) for job in SIZES["small"]] + [self.overwrite(job) for job in SIZES["small"]]
        made += [self.add("sequences"), self.add("features"), self.replace("sequences"), self.replace("features")]
        made += [self.vocabulary("sequences"), *self.finalize()]
        made += [self.quarantine("sequences", False), self.quarantine("sequences", True), self.quarantine("dwell", False)]
        return made + [self.spill(job) for job in SIZES["small"]]
