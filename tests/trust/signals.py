"""SIGINT and SIGTERM at random moments: the run ends within two seconds, and leaves nothing.

Asked of each: exit code 130 or 143 (0 if it was done; the signal itself in the first milliseconds, before anybody
watches for signals); at most 2 s; the output is what it was, or complete; no folder aside, nothing in the temporary
folder. A second signal may end the process at once, and leave what the next run removes; it is not sent here.

    signals.py [--binary PATH] [--quick] [--seed N] [--signals N]
"""
import signal
import time

from scenes import Stage
from trust import Child, Report, said

SECONDS = 2.0


def main():
    report = Report("signals", __doc__, {"--signals": {"type": int, "default": 200, "help": "in all"}})
    stage = Stage(report, "small" if report.quick else "large")
    scenes = stage.all(report.quick)
    root, codes, slowest, asked = report.work / "root", {}, (0, ""), 0
    for turn in range(10 if report.quick else report.asked.signals):
        scene = report.random.choice(scenes)
        number = report.random.choice([signal.SIGINT, signal.SIGTERM])
        wait = report.random.random() * scene.run.seconds * 1.1
        scene.fresh(root)
        child = Child(scene.command(root))
        time.sleep(max(0, child.began + wait - time.monotonic()))
        sent = time.monotonic()
        child.kill(number)
        found = child.wait()
        seconds = time.monotonic() - sent
        what = f"{scene.name}, signal {number} after {wait * 1000:.1f} ms"
        how = f"{report.name}.py --seed {report.asked.seed} (turn {turn}): {said(found)}"
        code = "the signal itself" if found.code == -number else found.code
        codes[code] = codes.get(code, 0) + 1
        asked += 1
        slowest = max(slowest, (seconds, what))
        report.check(found.code in (0, 128 + number, -number), f"{what}: {found}", how)
        report.check(found.code != -number or wait < 0.03, f"{what}: the signal was not watched for: {found}", how)
        report.check(seconds <= SECONDS, f"{what}: took {seconds:.2f} s to end", how)
        state = scene.found(root)
        report.check(state == (scene.new if found.code == 0 else scene.old), f"{what}: {found}: {scene.fault(root) or 'published'}", how)
        report.check(not scene.untidy(root), f"{what}: left {scene.untidy(root)}", how)
        above = [] if state is not None else [path.name for path in root.iterdir() if path.name != "temp"]
        report.check(not above, f"{what}: left {above}", how)
    codes = ", ".join(f"{code} ({times}×)" for code, times in sorted(codes.items(), key=str))
    report.figure("SIGINT and SIGTERM at random times", asked, f"exit codes {codes}; slowest end {slowest[0]:.2f} s ({slowest[1]}); {report.failures} failed")
    report.finish()


if __name__ == "__main__":
    main()
