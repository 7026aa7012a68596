"""Full disks: the output and the temporary folder on a tmpfs that is too small, in 20 sizes from 1 MiB to enough,
each larger than the one before by the same factor.

Asked of each size: exit code 74, the message says that there is no space, nothing is published, nothing is left, and
the free space is what it was before; or, where it is enough, exit code 0 and the same bytes as on a large disk.

    full.py [--binary PATH] [--quick] [--scene TEXT]
"""
import os
import shutil
import subprocess

from scenes import Scene, Stage
from trust import MIB, Report, contents, run, said


def used(folder):
    """Bytes in use on a filesystem."""
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


class Disk:
    """A tmpfs of some size, while it is needed."""

    def __init__(self, folder, size):
        self.folder, self.size = folder, size

    def __enter__(self):
        self.folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "trust", self.folder], check=True)
        return self.folder

    def __exit__(self, *_):
        subprocess.run(["umount", self.folder], check=True)
        self.folder.rmdir()


def main():
    report = Report("full", __doc__, {"--scene": {"default": "", "help": "those whose name holds this"}})
    disk = report.work / "disk"
    try:
        with Disk(disk, MIB):
            pass
    except (subprocess.CalledProcessError, FileNotFoundError):
        report.skip("needs root, to mount a tmpfs")
    stage = Stage(report, "small" if report.quick else "large")
    make = {
        "dwell new": lambda: stage.new("dwell"), "sequences spill": lambda: stage.spill("sequences"), "dwell spill": lambda: stage.spill("dwell"),
        "sequences plain": lambda: Scene(stage, "sequences", "plain", [*stage.new("sequences").flags, "--codec", "none"]),
        "features add days": lambda: stage.add("features")}
    scenes = [made() for name, made in make.items() if report.asked.scene in name and (not report.quick or name == "sequences plain")]
    codes, tried = {}, 0
    for scene in scenes:
        with Disk(disk, 4 << 30) as folder:
            scene.fresh(folder / "root")
            before = used(folder)
            assert run(scene.command(folder / "root")).code == 0
            # What lies there in between is not known: the output, what was spilled, and the old days once more.
            enough = 2 * used(folder) + 4 * MIB
        steps = 3 if report.quick else 20
        for step in range(steps):
            size = int(MIB * (enough / MIB) ** (step / (steps - 1)))
            with Disk(disk, size) as folder:
                root = folder / "root"
                what = f"{scene.name} on {size / MIB:.1f} MiB"
                try:
                    scene.fresh(root)
                except (OSError, shutil.Error):
                    continue
                (root / "temp").mkdir(exist_ok=True)
                before = used(folder)
                found = run(scene.command(root))
                how = f"{report.name}.py --scene '{scene.name}': {said(found)}"
                tried += 1
                codes[found.code] = codes.get(found.code, 0) + 1
                report.check(not scene.untidy(root), f"{what}: {found}, left {scene.untidy(root)}", how)
                if found.code == 0:
                    report.check(contents(root / scene.out) == scene.new, f"{what}: exit 0, but other bytes", how)
                    continue
                report.check(found.code == 74, f"{what}: {found}", how)
                report.check("No space left" in found.err, f"{what}: the message does not say so: {found}", how)
                report.check(scene.found(root) == scene.old, f"{what}: {found}, but something was published", how)
                report.check(used(folder) == before, f"{what}: {used(folder) - before} bytes are not free again", how)
                if step == steps - 1:
                    report.fail(f"{what}: that should have been enough: {found}", how)
    codes = ", ".join(f"{code} ({times}×)" for code, times in sorted(codes.items(), key=str))
    report.figure(f"disks of 20 sizes, {len(scenes)} runs", tried, f"exit codes {codes}; {report.failures} failed")
    report.finish()


if __name__ == "__main__":
    main()
