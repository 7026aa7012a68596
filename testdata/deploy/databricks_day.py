"""Databricks: one day by one machine, from files in a volume into a set of its own in a volume.

databricks_day.py SHOP OUT 2025-08-16 [flags of hitherto sequences …]

makes OUT/day=2025-08-16. Volumes are object stores behind a file system, which cannot rename a
folder in one step. So the set is made on the machine's own disk, checked, and copied: last the
``_SUCCESS`` by which readers know that it is complete.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import hitherto


def main() -> None:
    shop, out, day, *flags = sys.argv[1:]
    target = Path(out, f"day={day}")
    if (target / "_SUCCESS").exists():
        print(f"{target} is there already")
        return
    with tempfile.TemporaryDirectory(dir=local_disk()) as scratch:
        made = Path(scratch, "training")
        run = [str(hitherto.binary()), "sequences", shop, "--date", day, "--out", str(made), *flags]
        # The exit code is the program's, so that the job shows it.
        code = subprocess.call(run) or subprocess.call([run[0], "verify", str(made)])
        if code:
            sys.exit(code)
        copy(made, target)


def copy(made: Path, target: Path) -> None:
    """Copies a set, in place of what a stopped attempt left; the mark that it is complete last."""
    shutil.rmtree(target, ignore_errors=True)
    files = [path for path in sorted(made.rglob("*")) if path.is_file()]
    files.sort(key=lambda path: path.name == "_SUCCESS")
    for file in files:
        to = target / file.relative_to(made)
        to.parent.mkdir(parents=True, exist_ok=True)
        # Without times and rights, which a volume does not keep.
        shutil.copyfile(file, to)


def local_disk() -> str | None:
    """The disk of the machine; elsewhere than on Databricks that of temporary files."""
    return "/local_disk0" if Path("/local_disk0").is_dir() else None


if __name__ == "__main__":
    main()
