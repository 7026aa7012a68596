"""What tests of the loader share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hitherto.torch import Samples


def all_of(path: Path, **settings: Any) -> list[Any]:
    """The batches of an epoch, as many as were said."""
    samples = Samples(path, **settings)
    said = len(samples)
    batches = list(samples)
    assert len(batches) == said
    return batches
