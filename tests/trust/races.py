"""Two runs that write to the same output at the same time: one wins, or both do one after the other; nothing is mixed.

Asked of each race, whose runs differ in their settings (or, where days are added, in their data):
- into a new output: exactly one exit 0, the other 73; the tree is the winner's;
- --overwrite: each 0 or 73, at least one 0; the tree is that of one of them;
- --add-days of the same day, --if-exists error: exactly one exit 0, the other 73; the tree is the winner's;
- --add-days of different days: both 0, and the tree is that of a run that adds both;
- --add-days against --overwrite: the tree is one that the runs make alone, or one after the other.
No folder aside is left, neither by the winner nor by the loser.

    races.py [--binary PATH] [--quick] [--seed N] [--races N]
"""
import shutil
import time

from scenes import OTHER, Stage
from trust import Child, Report, contents, flags_of, run, said, snapshot


class Races:
    """Races of each kind."""

    def __init__(self, report):
        self.report, self.root = report, report.work / "root"
        self.stage = Stage(report, "small")

    def command(self, job, flags, out=None):
        """A run into the output."""
        return [self.report.binary, job, "--quiet", "--threads", "1", "--out", out or self.root / "out", *flags]

    def alone(self, job, *runs):
        """What runs make one after the other."""
        out = self.report.work / "alone/out"
        for flags in runs:
            made = run(self.command(job, flags, out))
            assert made.code == 0, f"{made}\n{said(made)}"
        made = contents(out)
        shutil.rmtree(self.report.work / "alone")
        return made

    def race(self, name, job, before, flags, allowed, codes, times):
        """Races two runs from the same beginning, with a short lead for one of them."""
        report = self.report
        template = report.work / f"template-{name.replace(' ', '-')}"
        template.mkdir()
        for one in before:
            assert run(self.command(job, one, template / "out")).code == 0
        wins, seconds = {}, 0.05
        for turn in range(times):
            shutil.rmtree(self.root, ignore_errors=True)
            shutil.copytree(template, self.root)
            order = [0, 1] if report.random.random() < 0.5 else [1, 0]
            children = [None, None]
            children[order[0]] = Child(self.command(job, flags[order[0]]))
            time.sleep(report.random.random() * seconds * 0.5)
            children[order[1]] = Child(self.command(job, flags[order[1]]))
            ended = [child.wait() for child in children]
            seconds = max(0.01, min(run.seconds for run in ended))
            how = f"{report.name}.py --seed {report.asked.seed} (race '{name}', turn {turn}): {said(ended[0])} & {said(ended[1])}"
            found = tuple(run.code for run in ended)
            wins[found] = wins.get(found, 0) + 1
            report.check(found in codes, f"{name}: {ended[0]} and {ended[1]}", how)
            tree = contents(self.root / "out")
            fits = allowed.get(found, [tree for trees in allowed.values() for tree in trees])
            report.check(tree in fits, f"{name}, exit codes {found}: the tree is nobody's: {sorted(tree)}", how)
            left = [name for name in snapshot(self.root) if b".tmp-" in name]
            report.check(not left, f"{name}: {ended[0]} and {ended[1]} left {left[:3]}", how)
        shutil.rmtree(self.root)
        report.figure(name, times, "exit codes " + ", ".join(f"{a} and {b} ({n}×)" for (a, b), n in sorted(wins.items(), key=str)))


def main():
    report = Report("races", __doc__, {"--races": {"type": int, "default": 200, "help": "in all"}})
    races, times = Races(report), 2 if report.quick else None
    share = lambda part: times or report.asked.races * part // 100
    for job, part in (("sequences", 10), ("features", 10), ("dwell", 10)):
        a = flags_of(job, races.stage.data(job))
        b = a + OTHER[job]
        tree_a, tree_b = races.alone(job, a), races.alone(job, b)
        races.race(f"{job} new", job, [], [a, b], {(0, 73): [tree_a], (73, 0): [tree_b]}, [(0, 73), (73, 0)], share(part))
        races.race(f"{job} overwrite", job, [a], [a + ["--overwrite"], b + ["--overwrite"]], {
            (0, 0): [tree_a, tree_b], (0, 73): [tree_a], (73, 0): [tree_b]}, [(0, 0), (0, 73), (73, 0)], share(part))
    a, b = (flags_of("sequences", races.stage.data("sequences", seed=seed)) for seed in (7, 8))
    first, day, other = ["--date", "2025-08-16"], ["--add-days", "--date", "2025-08-17"], ["--add-days", "--date", "2025-08-18"]
    tree_a, tree_b = races.alone("sequences", a + first, a + day), races.alone("sequences", a + first, b + day)
    races.race("same day", "sequences", [a + first], [a + day, b + day], {(0, 73): [tree_a], (73, 0): [tree_b]}, [(0, 73), (73, 0)], share(20))
    both = [races.alone("sequences", a + first, a + day, a + other), races.alone("sequences", a + first, a + other, a + day)]
    races.race("other days", "sequences", [a + first], [a + day, a + other], {(0, 0): both}, [(0, 0)], share(10))
    new = a + ["--overwrite", "--date", "2025-08-19"]
    tree_new = races.alone("sequences", a + ["--date", "2025-08-19"])
    races.race("overwrite and add", "sequences", [a + first], [new, a + day], {
        (0, 0): [tree_new, races.alone("sequences", a + ["--date", "2025-08-19"], a + day)], (0, 74): [tree_new], (0, 73): [tree_new]},
        [(0, 0), (0, 74), (0, 73)], share(10))
    report.finish()


if __name__ == "__main__":
    main()
