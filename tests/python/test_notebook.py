"""The notebook of `testdata/notebook` is that of its source, runs, and shows what cells print."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import hitherto as ht

for _package in ("nbclient", "ipykernel", "matplotlib", "pandas", "polars"):
    pytest.importorskip(_package, reason=f"the notebook needs {_package}, which is not installed")

nbformat: Any = pytest.importorskip("nbformat")

FOLDER = Path(__file__).parents[2] / "testdata" / "notebook"


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """The script that makes the notebook."""
    spec = importlib.util.spec_from_file_location("make_notebook", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The kernel of the notebook has the package and the binary that are tested."""
    assert ht.__file__ is not None
    monkeypatch.setenv("HITHERTO_BINARY", os.fspath(ht.binary()))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(ht.__file__).parents[1]), *sys.path])
    )
    monkeypatch.setenv("TMPDIR", os.fspath(tmp_path))


def kept() -> Any:
    """The notebook as it lies there."""
    return nbformat.read(FOLDER / "first_days.ipynb", as_version=4)


def printed(notebook: Any) -> list[str]:
    """What each cell of a notebook prints."""
    return [
        "".join(out["text"] for out in cell.outputs if out["output_type"] == "stream")
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_the_notebook_is_that_of_its_source(make: ModuleType) -> None:
    cells = [(cell.cell_type, cell.source) for cell in make.notebook().cells]
    assert [(cell.cell_type, cell.source) for cell in kept().cells] == cells
    assert len(cells) > 10


def test_the_notebook_is_executed_and_small() -> None:
    notebook = kept()
    nbformat.validate(notebook)
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    assert sum("image/png" in out.get("data", ()) for out in outputs) == 3
    assert all(out["output_type"] != "error" for out in outputs)
    assert (FOLDER / "first_days.ipynb").stat().st_size < 300_000
    # No path of the machine on which it was made.
    assert "/tmp" not in nbformat.writes(notebook).replace("mkdtemp", "")


def test_every_cell_runs_and_prints_what_is_shown(make: ModuleType) -> None:
    run = make.executed(make.notebook())
    found, shown = printed(run), printed(kept())
    if importlib.util.find_spec("torch") is None:
        assert found.pop() == "PyTorch is not installed: no batch\n"
        shown.pop()
    assert found == shown


def test_a_cell_that_fails_is_found(make: ModuleType) -> None:
    notebook = make.notebook()
    notebook.cells = [nbformat.v4.new_code_cell("assert False")]
    with pytest.raises(make.nbclient.exceptions.CellExecutionError):
        make.executed(notebook)
