"""Packages that come with an extra, imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from ._errors import Error


class MissingPackage(Error, ImportError):
    """A package that an extra of hitherto installs is not there."""


def need(module: str, why: str, extra: str | None = "arrow") -> Any:
    """A module, imported.

    Raises:
        MissingPackage: if it is not installed; the message has the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # A package that is there and lacks one of its own has its own message.
        package = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != package:
            raise
        command = f"pip install 'hitherto[{extra}]'" if extra else f"pip install {package}"
        raise MissingPackage(f"{why} needs {package}; {command}", hint=command) from error
