"""compare.py compare|write|table CASES EXPECTED [CASE…]: runs each case's cmd.sh, and holds what came to a list.

A list has a line for each command of a case, in their order, with tabs between: exit code; a phrase that its output
holds; what the check of its rows said; and of a command that is refused the way out, which its output holds, too.
A way out that begins with `=` is none that the message offers: what stands behind it names what is to be mended.
`write` takes for the phrase the last line of the message, and for the way out what looks like one; a person then
reads what was written. `table` prints what came of each case as a table of Markdown. A whole `compare` also holds
the table of the guide to it."""

import os
import re
import subprocess
import sys

GUIDE = "src/guide/field.md"
# What looks like a way out: a command, a setting, or an action.
WAYS_OUT = (r"`[^`]+`", r"duckdb -c .*", r"--[a-z][a-z-]*(?:=| )?(?:'[^']*'|[^ ;,)]+)?", r"[a-z_]+ = \"[a-z]+\"")
# In other ways a run only says what was wrong with all rows.
WEAK = "--on-bad-row quarantine"


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
        kept = [re.sub(r", tzinfo=<[^>]*>", "", line) for line in command[3]]
        # Times of runs differ from machine to machine.
        starts = ("CHECK", "COMPARE", "SAME", "READ", "[(")
        command[3] = " / ".join(line for line in kept if line.startswith(starts))
    return found


def phrase_of(output):
    """The line of an output that says what came of the command."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("[ ")]
    if "its first row:" in lines[:-1]:
        return lines[lines.index("its first row:") + 1]
    starts = ("hitherto: ", "as it stands it ends with: ", "missing: ")
    said = [line for line in lines if line.startswith(starts)]
    said = said or [line for line in lines if line.startswith("warning: ")] or lines[:1]
    text = said[-1] if said else ""
    return re.sub(r", in [\d.]+ s$", "", text)


def way_out_of(output):
    """What looks like a way out in the message of a refused command."""
    text = phrase_of(output)
    ways = [way[0] for pattern in WAYS_OUT if (way := re.search(pattern, text.replace(WEAK, "")))]
    return (ways or [WEAK if WEAK in text else ""])[0].strip()


def run(case):
    """What a case prints."""
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


def listed(path):
    """The lines of a list, each with four fields."""
    if not os.path.exists(path):
        return []
    with open(path) as file:
        lines = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    return [(line + [""] * 4)[:4] for line in lines]


def write(path, got):
    """Writes a list, with the ways out that a person named for the same messages."""
    named = {line[1]: line[3] for line in listed(path) if line[3]}
    with open(path, "w") as file:
        for _, code, output, rows in got:
            phrase = phrase_of(output)
            way_out = named.get(phrase, way_out_of(output)) if code else ""
            file.write("\t".join([str(code), phrase, rows, way_out]).rstrip("\t") + "\n")
    print(f"wrote {path}: {len(got)} commands")


def faults(got, wanted):
    """What is wrong with what came, as texts."""
    if len(wanted) != len(got):
        yield f"{len(got)} commands, {len(wanted)} expected"
    for at, ((name, code, output, rows), want) in enumerate(zip(got, wanted), 1):
        way_out = want[3].removeprefix("=")
        if [str(code), rows] != [want[0], want[2]] or want[1] not in output:
            found = [str(code), phrase_of(output), rows]
            yield f"command {at}: {name}\n  expected {want[:3]}\n  found    {found}"
        elif code and not way_out:
            yield f"command {at}: {name}\n  is refused, and the list names no way out: {phrase_of(output)}"
        elif code and way_out not in output:
            yield f"command {at}: {name}\n  does not say {way_out!r}: {phrase_of(output)}"


def row(case, folder, got, wanted):
    """The row of a case in the table."""
    with open(os.path.join(folder, "property.txt")) as file:
        kind = file.read().strip().removeprefix("property: ").replace("|", "\\|")
    works = sum(code == 0 for _, code, _, _ in got)
    wrong = re.compile("WRONG|DIFFERS|FAILED|nothing to read")
    checked = sum(bool(rows) and not wrong.search(rows) for _, _, _, rows in got)
    ways = [want[3] for (_, code, _, _), want in zip(got, wanted) if code]
    out = sum(bool(way) and not way.startswith("=") for way in ways)
    return f"| `{case}` | {kind} | {len(got)} | {works} | {checked} | {out} | {len(ways) - out} |"


def main():
    mode, cases, expected = sys.argv[1:4]
    chosen = sys.argv[4:]
    passed, failed, rows = 0, 0, []
    for case in sorted(os.listdir(cases)):
        folder = os.path.join(cases, case)
        if not os.path.isfile(os.path.join(folder, "cmd.sh")) or (chosen and case not in chosen):
            continue
        got = commands(run(folder))
        path = os.path.join(expected, case + ".tsv")
        if mode == "write":
            write(path, got)
            continue
        wanted = listed(path)
        rows.append(row(case, folder, got, wanted))
        if mode == "table":
            continue
        found = list(faults(got, wanted))
        for fault in found:
            print(f"FAILED  {case}: {fault}")
        failed += len(found)
        passed += len(got) - min(len(found), len(got))
    if mode == "table":
        print("\n".join(rows))
    elif mode == "compare":
        with open(GUIDE) as file:
            page = file.read().splitlines()
        for line in rows:
            if line not in page:
                failed += 1
                print(f"FAILED  the table of {GUIDE} lacks\n  {line}")
        print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
