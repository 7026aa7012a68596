"""System calls that fail: the n-th of each kind, with each of four errors, for every n that a run comes to.

`strace` makes the call fail (`-e inject=CALL:error=E:when=n`; n counts in each thread, so one n may hit two threads).
Calls that open or write files are taken path by path (`-P`), so that those of the dynamic loader, and the message on
standard error, are left out. Each run is in a PID namespace of its own, so that the folder aside has the same name
every time.

Asked of each run that a failure was put into:
- exit code 74, or 73 where a folder cannot be made or opened for the output; the message names a path and the error;
  the output is as it was; nothing is left. If what failed was the removal of what is left (unlink, rmdir, and opening
  or listing the folder aside), something may be left, and the next run removes it;
- or exit code 0 and the complete new output, where the run can do without the call: removing a dead run's folder or
  its own, asking for memory or the machine's size. Then, too, what is left goes with the next run.

    faults.py [--binary PATH] [--quick] [--scene TEXT] [--call TEXT]
"""
import os
import re
import shutil
import subprocess
import sys

from scenes import Stage
from trust import Report, run, said

ERRORS = {"EIO": 5, "ENOSPC": 28, "EMFILE": 24, "EACCES": 13}
BY_PATH = ["open", "openat", "write"]
CALLS = ["pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "unlink", "unlinkat",
         "rmdir", "ftruncate", "getdents64"]
REMOVING = {"unlink", "unlinkat", "rmdir"}
NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


class Faults:
    """Injections and what came of them."""

    def __init__(self, report):
        self.report, self.root, self.log = report, report.work / "root", report.work / "strace"
        self.injected, self.codes, self.calls, self.left = 0, {}, 0, 0

    def strace(self, scene, *flags):
        """Runs a scene from its beginning under strace."""
        scene.fresh(self.root)
        found = run([*NAMESPACE, "strace", "-f", "-y", "-o", self.log, *flags, *scene.command(self.root)], limit=None, timeout=120)
        return found, self.log.read_text(errors="replace")

    def paths(self, scene):
        """Paths below our folder that a run opens or writes to, each with the call."""
        _, log = self.strace(scene, "-e", f"trace={','.join(BY_PATH)}")
        paths = {}
        for line in log.splitlines():
            opened = re.search(r"\b(open|openat)\((?:[A-Z_0-9]+<([^>]*)>, )?\"([^\"]*)\"", line)
            written = re.search(r"\b(write)\(\d+<([^>]*)>", line)
            if opened:
                call, at, path = opened.groups()
                # A folder is opened by its own path; what lies in it, when it is removed, by the folder's descriptor.
                paths[call, os.path.join(at or "/", path)] = True
            elif written:
                paths[written.groups()] = True
        return [(call, path) for call, path in paths if path.startswith(os.fspath(self.report.work))]

    def one(self, scene, call, error, n, path=None):
        """One run with one failure. False if the run did not come to it."""
        report = self.report
        flags = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={n}"] + (["-P", path] if path else [])
        found, log = self.strace(scene, *flags)
        hits = [line for line in log.splitlines() if "(INJECTED)" in line]
        if not hits:
            return False
        self.injected += 1
        self.codes[found.code] = self.codes.get(found.code, 0) + 1
        what = f"{scene.name}: {hits[0].split(' ', 1)[1].strip()[:160]}"
        how = f"{report.name}.py --scene '{scene.name}' --call {call}; {said(found)}"
        may_leave = all(any(f"{name}(" in line for name in REMOVING) or ".tmp-" in line for line in hits)
        fault = scene.fault(self.root)
        report.check(fault is None, f"{what}: {fault}", how)
        state = scene.found(self.root)
        if found.code == 0:
            report.check(state == scene.new, f"{what}: exit 0, but the output is not complete", how)
        else:
            report.check(found.code in (73, 74), f"{what}: {found}", how)
            report.check(state == scene.old, f"{what}: {found}, but something was published", how)
            named = os.strerror(ERRORS[error]) in found.err and os.fspath(report.work) in found.err
            report.check(named, f"{what}: the message names no path or error: {found}", how)
        left = scene.untidy(self.root)
        above = [] if state is not None or "/" not in scene.out else [name for name in os.listdir(self.root) if name != "temp"]
        self.left += bool(left)
        report.check(not left + above or may_leave, f"{what}: {found}, and left {left + above}", how)
        if left:
            next = run(scene.again(self.root))
            tidy = next.code == 0 and not scene.untidy(self.root) and scene.settled(self.root) == scene.new_settled
            report.check(tidy, f"{what}: the next run: {next}, left {scene.untidy(self.root)}", how)
        return True

    def every(self, scene, call, path=None):
        """Every n, with every error."""
        for error in list(ERRORS)[:1] if self.report.quick else ERRORS:
            n = 1
            while self.one(scene, call, error, n, path):
                n += 1
                if self.report.quick and n > 2:
                    break
            self.calls += n - 1


def main():
    report = Report("faults", __doc__, {
        "--scene": {"default": "", "help": "those whose name holds this"}, "--call": {"default": "", "help": "the same for calls"}})
    works = shutil.which("strace") and shutil.which("unshare")
    if not works or subprocess.run([*NAMESPACE, "strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        report.skip("needs root, strace and unshare")
    stage, faults = Stage(report, "small"), Faults(report)
    scenes = [stage.add("features")] if report.quick else [
        stage.new("sequences"), stage.new("dwell"), stage.overwrite("features"), stage.add("sequences"),
        stage.replace("features"), stage.quarantine("sequences", True), stage.spill("dwell")]
    for scene in scenes:
        if report.asked.scene not in scene.name:
            continue
        before = faults.injected
        for call, path in faults.paths(scene):
            if report.asked.call in call and (not report.quick or "_manifest" in path):
                faults.every(scene, call, path)
        for call in CALLS if not report.quick else ["fsync", "renameat2", "mkdir"]:
            if report.asked.call in call:
                faults.every(scene, call)
        print(f"    {scene.name}: {faults.injected - before} runs with a failing call", flush=True)
    codes = ", ".join(f"{code} ({times}×)" for code, times in sorted(faults.codes.items(), key=str))
    report.figure(f"failing system calls, every n of {len(BY_PATH + CALLS)} kinds, {len(ERRORS)} errors, {len(scenes)} runs",
                  faults.injected, f"exit codes {codes}; {faults.left} left something for the next run; {report.failures} failed")
    report.finish()


if __name__ == "__main__":
    main()
