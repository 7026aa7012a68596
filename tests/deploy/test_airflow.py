"""The DAG of Airflow, with stand-ins for its decorators: the commands of its tasks are run."""

from __future__ import annotations

import py_compile
import runpy
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recipes import RECIPES, SHOP, args_in, hitherto, needs_shards, rows

FILE = RECIPES / "airflow_shards.py"
TEMPLATE = "{{ macros.ds_add(ds, -1) }}"


class Task:
    """A task, as ``@task.bash`` makes it: it holds commands, in the order in which they run."""

    def __init__(self, function: Callable[..., str], log: list[list[str]]) -> None:
        self.function, self.log = function, log
        self.commands: list[str] = []

    def __call__(self) -> Task:
        self.commands = [self.function()]
        return self

    def expand(self, **values: list[Any]) -> Task:
        ((name, items),) = values.items()
        self.commands = [self.function(**{name: item}) for item in items]
        return self

    def __rshift__(self, later: Task) -> Task:
        self.log.extend([self.commands, later.commands])
        return later


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of the DAG, a list for each stage."""
    found: list[list[str]] = []
    sdk, pendulum = types.ModuleType("airflow.sdk"), types.ModuleType("pendulum")
    sdk.dag = lambda **_: lambda function: function  # type: ignore[attr-defined]
    sdk.task = types.SimpleNamespace(bash=lambda function: Task(function, found))  # type: ignore[attr-defined]
    pendulum.datetime = pendulum.duration = lambda *_, **__: None  # type: ignore[attr-defined]
    for name, module in (
        ("airflow", types.ModuleType("airflow")),
        ("airflow.sdk", sdk),
        ("pendulum", pendulum),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    runpy.run_path(str(FILE))
    return found


def test_python_compiles_it(tmp_path: Path) -> None:
    py_compile.compile(str(FILE), cfile=str(tmp_path / "dag.pyc"), doraise=True)


def test_its_commands_make_the_day_of_one_machine(stages: list[list[str]], tmp_path: Path) -> None:
    needs_shards()
    folders = {"shop": SHOP, "shards": tmp_path / "shards", "training": tmp_path / "training"}
    shards, finalize = stages
    assert len(shards) == 16
    assert len(finalize) == 1
    program, remove = finalize[0].replace(TEMPLATE, "2025-08-15").split(" && ")
    for command in (*shards, program):
        hitherto(*args_in(command.replace(TEMPLATE, "2025-08-15"), **folders))
    # Only the shards of this day are removed.
    assert remove == "rm -r /data/shards/2025-08-15"
    hitherto("sequences", SHOP, "--date", "2025-08-15", "--out", tmp_path / "one")
    assert rows(tmp_path / "training") == rows(tmp_path / "one")
