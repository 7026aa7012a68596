"""Runs killed with SIGKILL: at every point of their life, and at random moments. The output is old or new, never a part.

A build with the feature `failpoints` ends itself at the n-th hit of a named point; the script asks which points a run
comes to, and how often, and kills it at the first, the second and the last hit of each. Then it kills runs at random
times. Asked after each: the output is what it was, or what it will be (with --add-days, each day is, and the manifest
of the whole names no day that is not there); the same run once more succeeds, gives the same bytes as an undisturbed
one (of the manifests of added days all but what the run found among the actions, as it is another run), and removes
whatever the killed one left, in the temporary folder as well; and `verify` finds the output sound, and rows of it what
the inputs make them, which it still knows.

    kills.py [--binary PATH] [--failpoints PATH] [--quick] [--seed N] [--kills N] [--scene TEXT] [--point TEXT]
"""
import os
import signal
import time
from pathlib import Path

from scenes import Stage
from trust import ROOT, Child, Report, run, said


class Kills:
    """Kills and what came of them."""

    def __init__(self, report):
        self.report, self.root = report, report.work / "root"
        self.killed, self.ended, self.old, self.new, self.points = 0, 0, 0, 0, set()

    def after(self, scene, found, what):
        """What is asked after a kill."""
        report = self.report
        how = f"{report.name}.py --seed {report.asked.seed} --scene '{scene.name}' ({what}); {said(found)}"
        if found.code == 0:
            self.ended += 1
        elif not report.check(found.code == -signal.SIGKILL, f"{scene.name}, {what}: {found}", how):
            return
        self.killed += found.code != 0
        fault = scene.fault(self.root)
        report.check(fault is None, f"{scene.name}, killed {what}: {fault}", how)
        state = scene.found(self.root)
        self.new += state == scene.new
        self.old += state == scene.old
        next = run(scene.again(self.root))
        report.check(next.code == 0, f"{scene.name}, killed {what}: the next run: {next}", how)
        report.check(scene.settled(self.root) == scene.new_settled, f"{scene.name}, killed {what}: the next run makes other bytes", how)
        left = scene.untidy(self.root)
        report.check(not left, f"{scene.name}, killed {what}: the next run leaves {left}", how)
        audit = run([report.binary, "verify", self.root / scene.out, "--audit-rows", "3", "--quiet"])
        report.check(audit.code == 0, f"{scene.name}, killed {what}: verify after the next run: {audit}", how)

    def at_points(self, scene, only):
        """Kills at every point that the run comes to."""
        log = self.report.work / "points"
        log.unlink(missing_ok=True)
        scene.fresh(self.root)
        run(scene.command(self.root), env={**os.environ, "HITHERTO_FAILPOINT_LOG": os.fspath(log)})
        hits = {}
        for name in log.read_text().splitlines() if log.exists() else []:
            hits[name] = hits.get(name, 0) + 1
        self.points |= set(hits)
        for name, times in hits.items():
            for n in sorted({1, 2, times} & set(range(1, times + 1))) if only in name else []:
                scene.fresh(self.root)
                found = run(scene.command(self.root), env={**os.environ, "HITHERTO_FAILPOINT": f"{name}:{n}"})
                self.after(scene, found, f"HITHERTO_FAILPOINT='{name}:{n}'")
        return len(hits)

    def at_random(self, scenes, times):
        """Kills at random times over a little more than a run takes, until so many runs were killed before they ended."""
        for turn in range(4 * times):
            if self.killed == times:
                return
            scene = self.report.random.choice(scenes)
            wait = self.report.random.random() * scene.run.seconds * 1.1
            scene.fresh(self.root)
            child = Child(scene.command(self.root))
            time.sleep(max(0, child.began + wait - time.monotonic()))
            child.kill()
            self.after(scene, child.wait(), f"after {wait * 1000:.1f} ms, turn {turn}")


def main():
    report = Report("kills", __doc__, {
        "--failpoints": {"type": Path, "default": ROOT / "target/debug/hitherto-failpoints", "help": "a build with the feature"},
        "--kills": {"type": int, "default": 500, "help": "at random times"},
        "--scene": {"default": "", "help": "those whose name holds this"}, "--point": {"default": "", "help": "the same for points"}})
    plain, with_points = report.binary, report.asked.failpoints.resolve()
    report.binary = with_points if with_points.is_file() else plain
    chosen = lambda stage: [scene for scene in stage.all(report.quick) if report.asked.scene in scene.name]
    kills = Kills(report)
    scenes = chosen(Stage(report, "small"))
    for scene in scenes:
        if not kills.at_points(scene, report.asked.point if not report.quick else "rename"):
            print(f"SKIPPED points: {report.binary} has none; cargo build --features failpoints makes one that has")
            break
    if kills.points:
        report.figure(f"killed at {len(kills.points)} points, first, second and last hit, {len(scenes)} runs", kills.killed,
                      f"{kills.old} times old, {kills.new} new, {kills.killed + kills.ended - kills.old - kills.new} days of both; "
                      f"{kills.ended} ended before; {report.failures} failed")
    before = report.failures
    report.binary = plain
    kills = Kills(report)
    if not report.asked.point:
        times = 10 if report.quick else report.asked.kills
        kills.at_random(scenes if report.quick else chosen(Stage(report, "large")), times)
        report.figure("killed at random times", kills.killed, (
            f"{kills.old} times old, {kills.new} new, {kills.killed + kills.ended - kills.old - kills.new} days of both; "
            f"{kills.ended} ended before; {report.failures - before} failed"))
    report.finish()


if __name__ == "__main__":
    main()
