"""The jobs of Databricks: their fields by its SDK, and the script that can run elsewhere."""

from __future__ import annotations

import json
import py_compile
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.jobs import JobSettings
from recipes import RECIPES, SHOP, hitherto, rows

JOBS = sorted(RECIPES.glob("databricks_*.json"))
DAY = "2025-08-16"


def understood(described: dict[str, Any]) -> dict[str, Any]:
    """What the SDK makes of a job: it passes over fields that it does not know."""
    found: dict[str, Any] = JobSettings.from_dict(described).as_dict()
    return found


@pytest.mark.parametrize("file", JOBS, ids=lambda file: file.stem)
def test_every_field_is_of_the_api(file: Path, tmp_path: Path) -> None:
    described = json.loads(file.read_text())
    assert understood(described) == described
    (task,) = described["tasks"]
    (cluster,) = described["job_clusters"]
    assert task["job_cluster_key"] == cluster["job_cluster_key"]
    script = Path(task["spark_python_task"]["python_file"])
    py_compile.compile(str(RECIPES / script.name), cfile=str(tmp_path / "job.pyc"), doraise=True)

    # The check is not blind.
    for broken in (described, task, task["spark_python_task"], cluster["new_cluster"]):
        broken["parametres"] = "x"
        assert understood(described) != described
        del broken["parametres"]


@pytest.mark.parametrize("file", JOBS, ids=lambda file: file.stem)
def test_the_wheel_is_that_of_this_version(file: Path) -> None:
    version = hitherto("--version").stdout.split()[1]
    (task,) = json.loads(file.read_text())["tasks"]
    (library,) = task["libraries"]
    assert Path(library["whl"]).name.startswith(f"hitherto-{version}-py3-none-manylinux")


def run_day(out: Path, *flags: str) -> int:
    (task,) = json.loads((RECIPES / "databricks_day.json").read_text())["tasks"]
    # The job's own parameters, with folders of this machine.
    parameters = task["spark_python_task"]["parameters"]
    assert len(parameters) == 3
    command = [sys.executable, *map(str, (RECIPES / "databricks_day.py", SHOP, out, DAY)), *flags]
    return subprocess.run(command, check=False).returncode


def test_the_day_is_a_set_of_its_own(tmp_path: Path) -> None:
    out = tmp_path / "training"
    assert run_day(out) == 0
    made = out / f"day={DAY}"
    hitherto("sequences", SHOP, "--date", DAY, "--out", tmp_path / "one")
    assert rows(made) == rows(tmp_path / "one")
    hitherto("verify", made)

    # It is there: nothing is written again.
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    assert run_day(out) == 0
    assert before == {path: path.stat().st_mtime_ns for path in made.rglob("*")}

    # Stopped while it was copied: the next attempt makes it whole.
    (made / "_SUCCESS").unlink()
    (made / "stray").write_text("half a file")
    assert run_day(out) == 0
    assert not (made / "stray").exists()
    hitherto("verify", made)


def test_a_failure_is_the_program_s(tmp_path: Path) -> None:
    out = tmp_path / "training"
    assert run_day(out, "--fail-if", "samples>0") == 3
    assert not list(tmp_path.rglob("day=*"))
