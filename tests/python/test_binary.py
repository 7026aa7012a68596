"""Where the binary is found, and `python -m hitherto`."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

import hitherto as ht
from hitherto import _binary


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\necho found\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for installations, where no binary is anywhere else."""
    monkeypatch.delenv("HITHERTO_BINARY", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(_binary, "__file__", str(tmp_path / "a/b/c/hitherto/_binary.py"))
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path / "scripts"))
    monkeypatch.setattr(site, "getuserbase", lambda: str(tmp_path / "user"))
    return tmp_path


def test_the_variable_wins(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = program(bare / "named")
    program(bare / "scripts/hitherto")
    monkeypatch.setenv("HITHERTO_BINARY", str(named))
    assert ht.binary() == named


def test_a_variable_that_names_no_program_is_an_error(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bare / "scripts/hitherto")
    monkeypatch.setenv("HITHERTO_BINARY", str(bare))
    with pytest.raises(ht.NotFound, match="HITHERTO_BINARY"):
        ht.binary()


def test_places_in_order(bare: Path) -> None:
    # The last place first, so that each further one has to win over those before it. The package is
    # in a/b/c, as it is in PREFIX/lib/python3.x/site-packages with `--prefix`, or in TARGET with
    # `--target`.
    for place in ("path", "user/bin", "scripts", "bin", "a/b/c/bin"):
        made = program(bare / place / "hitherto")
        assert ht.binary() == made


def test_a_file_that_cannot_run_is_passed_over(bare: Path) -> None:
    program(bare / "scripts/hitherto").chmod(0o644)
    made = program(bare / "path/hitherto")
    assert ht.binary() == made


def test_without_any_the_error_says_what_to_do(bare: Path) -> None:
    with pytest.raises(ht.NotFound, match="pip install --force-reinstall hitherto") as caught:
        ht.binary()
    assert isinstance(caught.value, FileNotFoundError)


def module(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    source = str(Path(ht.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-m", "hitherto", *args],
        env={**os.environ, "PYTHONPATH": source, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_module_is_the_binary() -> None:
    assert module("--version").stdout.startswith("hitherto ")
    assert module("sequences").returncode == 2


def test_the_module_without_a_binary_says_so() -> None:
    done = module("--version", HITHERTO_BINARY="/nowhere")
    assert (done.returncode, done.stdout) == (66, "")
    assert "HITHERTO_BINARY" in done.stderr


def test_the_package_needs_nothing_else() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['numpy', 'pyarrow', 'torch', 'pandas']))\n"
        "import hitherto as ht\n"
        "s = ht.sequences(sys.argv[1], out=sys.argv[2], progress=False); s.verify()\n"
        "try: s.read()\n"
        "except ht.MissingPackage as error: print(error.hint)\n"
    )
    source = str(Path(ht.__file__).parents[1])
    shop = Path(__file__).parents[2] / "testdata/shop"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, str(shop), f"{folder}/out"],
            env={**os.environ, "PYTHONPATH": source, "HITHERTO_BINARY": str(ht.binary())},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stdout == "pip install 'hitherto[arrow]'\n", done.stderr
