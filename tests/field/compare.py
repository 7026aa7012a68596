"""compare.py compare|write CASES EXPECTED [CASE…]: runs each case's cmd.sh, and holds what came to a list.

A list has a line for each command of a case, in their order: exit code, a phrase that its output holds,
and what the check of its rows said, with tabs between. `write` takes for the phrase the last line of
the message without numbers of seconds; a person then reads what was written."""

import os
import re
import subprocess
import sys


def commands(transcript):
    """The commands of a transcript: name, exit code, output, and the lines behind it."""
    found, output, name, is_over = [], [], "", True
    for line in transcript.splitlines():
        end = re.fullmatch(r"=> exit (\d+)", line)
        if line.startswith("$ hitherto ") or line.startswith("--- "):
            name, output, is_over = line, [], False
        elif end:
            found.append([name, int(end[1]), "\n".join(output), []])
            output, is_over = [], True
        elif not line.strip():
            continue
        elif is_over and found:
            # Behind the end of a command: what a check said of its rows.
            found[-1][3].append(line.strip())
        else:
            output.append(line)
    for command in found:
        # What comes out of a set, and not of the check, differs from machine to machine.
        kept = [line for line in command[3] if not re.search(r"\breal\b|\buser\b|\bsys\b", line)]
        kept = [re.sub(r", tzinfo=<[^>]*>", "", line) for line in kept]
        command[3] = " / ".join(line for line in kept if line.startswith(("CHECK", "COMPARE", "SAME", "[(")))
    return found


def phrase_of(output):
    """The line of an output that says what came of the command."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("[ ")]
    said = [line for line in lines if line.startswith("hitherto: ")] or lines[:1]
    text = said[-1] if said else ""
    return re.sub(r", in [\d.]+ s$", "", text)


def run(case):
    """What a case prints, and the error of its shell."""
    done = subprocess.run(
        ["bash", "./cmd.sh"],
        cwd=case,
        env={**os.environ, "TZ": "UTC"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=900,
    )
    return done.stdout


def main():
    mode, cases, expected = sys.argv[1:4]
    chosen = sys.argv[4:]
    passed = failed = 0
    for case in sorted(os.listdir(cases)):
        folder = os.path.join(cases, case)
        if not os.path.isfile(os.path.join(folder, "cmd.sh")) or (chosen and case not in chosen):
            continue
        got = commands(run(folder))
        path = os.path.join(expected, case + ".tsv")
        if mode == "write":
            with open(path, "w") as file:
                for name, code, output, rows in got:
                    file.write(f"{code}\t{phrase_of(output)}\t{rows}\n")
            print(f"wrote {path}: {len(got)} commands")
            continue
        with open(path) as file:
            wanted = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
        if len(wanted) != len(got):
            print(f"FAILED  {case}: {len(got)} commands, {len(wanted)} expected")
            failed += 1
        for at, ((name, code, output, rows), want) in enumerate(zip(got, wanted), 1):
            if [str(code), rows] == [want[0], want[2]] and want[1] in output:
                passed += 1
                continue
            failed += 1
            print(f"FAILED  {case}, command {at}: {name}")
            print(f"  expected {want}")
            print(f"  found    {[str(code), phrase_of(output), rows]}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
