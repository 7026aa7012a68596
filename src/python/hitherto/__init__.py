"""Point-in-time training data from raw event logs: exactly what was known then, and nothing later.

The jobs (``sequences``, ``features``, ``dwell``, ``run``) run the bundled binary and return a
``Set``; ``finalize`` makes one of shards, and ``open`` takes one that lies there. ``read`` gives
its rows to Arrow, Polars, pandas or DuckDB, and ``hitherto.torch`` to PyTorch.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError as _NoPackage
from importlib.metadata import version as _version

from ._binary import binary
from ._errors import (
    DataError,
    Error,
    GateFailed,
    InternalError,
    IOFailed,
    NotFound,
    OutputExists,
    UsageError,
)
from ._jobs import dwell, features, sequences
from ._optional import MissingPackage
from ._plan import Plan, generate, plan
from ._read import read
from ._run import run
from ._set import Set, open
from ._shards import finalize
from ._verify import Verified, explain, verify

try:
    __version__ = _version("hitherto")
except _NoPackage:
    # The sources are used without being installed.
    __version__ = "0+unknown"

__all__ = [
    "DataError",
    "Error",
    "GateFailed",
    "IOFailed",
    "InternalError",
    "MissingPackage",
    "NotFound",
    "OutputExists",
    "Plan",
    "Set",
    "UsageError",
    "Verified",
    "binary",
    "dwell",
    "explain",
    "features",
    "finalize",
    "generate",
    "open",
    "plan",
    "read",
    "run",
    "sequences",
    "verify",
]
