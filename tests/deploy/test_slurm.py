"""The script of a Slurm array, run as Slurm runs it: once for each number."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from recipes import BINARY, RECIPES, SHOP, args_in, hitherto, needs_shards, rows

SCRIPT = RECIPES / "slurm_shard.sh"


def test_bash_reads_it() -> None:
    assert subprocess.run(["bash", "-n", SCRIPT], check=False).returncode == 0


def test_options_come_before_commands() -> None:
    # sbatch reads its options up to the first line that is neither empty nor a comment.
    lines = SCRIPT.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    assert sum(line.startswith("#SBATCH --") for line in lines[:first]) == 5
    assert not any(line.startswith("#SBATCH") for line in lines[first:])


def test_the_array_makes_the_day_of_one_machine(tmp_path: Path) -> None:
    needs_shards()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "hitherto").symlink_to(BINARY)
    shards, training = tmp_path / "shards", tmp_path / "training"
    # Number 1 is requeued after it was done.
    for task in (1, 0, 1, 2):
        environ = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "SLURM_ARRAY_TASK_ID": str(task),
            "SLURM_ARRAY_TASK_COUNT": "3",
        }
        subprocess.run(["bash", SCRIPT, SHOP, "2025-08-16", shards], env=environ, check=True)
    (line,) = [line for line in SCRIPT.read_text().splitlines() if "hitherto finalize" in line]
    command = line.split("'")[1].replace("/data/shards/2025-08-16", str(shards))
    hitherto(*args_in(command.replace("--shards 16", "--shards 3"), training=training))
    hitherto("sequences", SHOP, "--date", "2025-08-16", "--out", tmp_path / "one")
    assert rows(training) == rows(tmp_path / "one")


def test_a_shard_that_fails_fails_its_task(tmp_path: Path) -> None:
    if shutil.which("hitherto"):
        pytest.skip("a hitherto is installed")
    environ = {**os.environ, "SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "1"}
    done = subprocess.run(["bash", SCRIPT, SHOP, "2025-08-16", tmp_path], env=environ, check=False)
    assert done.returncode == 127
