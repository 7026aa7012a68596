"""The Python of the guide's page and of the README runs as it stands there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import hitherto as ht

for _package in ("duckdb", "pandas", "polars", "pyarrow", "torch", "torchdata"):
    pytest.importorskip(_package, reason=f"the Python of the guide needs {_package}")

ROOT = Path(__file__).parents[2]
GUIDE, README = ROOT / "src" / "guide" / "train.md", ROOT / "README.md"
# The block of the layout that older binaries lack.
TIMELINE = 'layout="timeline"'


def blocks(page: Path) -> list[tuple[int, str]]:
    """The blocks marked `python` of a page, each with the number of its first line."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.M | re.S)
    return [(text.count("\n", 0, block.start(1)) + 1, block[1]) for block in found]


def run(page: Path, wanted: list[tuple[int, str]]) -> None:
    """Runs blocks in one namespace; lines of errors are those of the page."""
    names: dict[str, object] = {"__name__": "page"}
    for line, block in wanted:
        exec(compile("\n" * (line - 1) + block, str(page), "exec"), names)


def has_timeline() -> bool:
    """Whether the binary has layout timeline."""
    usage = [str(ht.binary()), "sequences", "--help"]
    return "timeline:" in subprocess.run(usage, capture_output=True, text=True, check=True).stdout


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder with `testdata`, as the root of a clone has it."""
    monkeypatch.chdir(tmp_path)
    Path("testdata").symlink_to(ROOT / "testdata")


def test_the_guide_runs() -> None:
    wanted = [(line, block) for line, block in blocks(GUIDE) if TIMELINE not in block]
    assert len(wanted) > 10
    run(GUIDE, wanted)


def test_the_timelines_of_the_guide_run() -> None:
    if not has_timeline():
        pytest.skip("this binary has no layout timeline")
    imports = [
        (line, "\n" * i + text)
        for line, block in blocks(GUIDE)
        for i, text in enumerate(block.splitlines())
        if re.match(r"import |from ", text)
    ]
    timelines = [found for found in blocks(GUIDE) if TIMELINE in found[1]]
    assert len(timelines) == 1
    run(GUIDE, imports + timelines)


def test_the_readme_runs() -> None:
    wanted = blocks(README)
    assert wanted
    run(README, wanted)


def test_a_block_that_fails_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n")
    with pytest.raises(AssertionError) as error:
        run(page, blocks(page))
    assert error.traceback[-1].lineno == 7
