"""Where the binary is."""

from __future__ import annotations

import os
import shutil
import site
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from ._errors import NotFound

VARIABLE = "HITHERTO_BINARY"
NAME = "hitherto"


def binary() -> Path:
    """The path of the ``hitherto`` binary that the functions of this package run.

    It is the one that the environment variable ``HITHERTO_BINARY`` names; else the one that was
    installed with the package; else the first on ``PATH``.

    Raises:
        NotFound: if there is none, or ``HITHERTO_BINARY`` names no program.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if _is_program(Path(named)):
            return Path(named)
        raise NotFound(
            f'{VARIABLE} is "{named}", which is no program; set it to the path of the hitherto '
            "binary, or unset it"
        )
    for folder in _folders():
        if _is_program(folder / NAME):
            return folder / NAME
    on_path = shutil.which(NAME)
    if on_path:
        return Path(on_path)
    raise NotFound(
        "the hitherto binary is not installed; install the wheel (pip install --force-reinstall "
        f"hitherto), or set {VARIABLE} to the path of a binary (cargo install --path . makes one)"
    )


def _folders() -> Iterator[Path]:
    """The folders in which installers put scripts, those beside this package first."""
    packages = Path(__file__).resolve().parent.parent
    # `pip install --target DIR` puts the package into DIR and the binary into DIR/bin.
    yield packages / "bin"
    # Of `pip install --prefix DIR` and of a venv whose Python is not the one that runs:
    # DIR/lib/python3.x/site-packages/hitherto and DIR/bin.
    if len(packages.parents) > 2:
        yield packages.parents[2] / "bin"
    yield Path(sysconfig.get_path("scripts"))
    user = site.getuserbase()
    if user:
        yield Path(user) / "bin"


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
