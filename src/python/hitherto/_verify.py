"""Checks and explanations of published sets."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ._command import Day, PathLike
from ._flags import flags_of
from ._process import run as run_binary


@dataclass(frozen=True)
class Verified:
    """A set that is sound.

    Attributes:
        path: its folder.
        report: what ``hitherto verify`` printed.
        audit: the content of ``_audit.json``: ``verdict``, ``rows_recomputed``, ``canaries`` and
            more; ``None`` if no row was audited.
    """

    path: Path
    report: str
    audit: Mapping[str, Any] | None

    @property
    def rows_recomputed(self) -> int:
        """Number of rows that were recomputed from the inputs and compared."""
        return int(self.audit["rows_recomputed"]) if self.audit else 0


def verify(
    path: PathLike,
    *,
    audit_rows: int | Literal["all"] = 1000,
    inputs_from: PathLike | None = None,
    threads: int | None = None,
    progress: bool | None = False,
    **flags: object,
) -> Verified:
    """Checks that a published set is complete, and that its rows follow from its inputs.

    Rows are recomputed from the inputs that the manifest lists. Tables that were handed to the run
    are gone, so the rows of such a set cannot be audited: use ``audit_rows=0``, which checks the
    files only.

    Args:
        path: the set.
        audit_rows: number of rows to recompute, ``"all"``, or 0.
        inputs_from: the folder at which relative paths of inputs start.
        progress: as for ``sequences``; by default nothing is shown.

    Raises:
        DataError: if the set is not sound; the message has each problem.
        NotFound: if there is no set, or its inputs are gone or have changed. The files are sound
        then.
    """
    options = {
        "audit_rows": audit_rows,
        "inputs_from": inputs_from,
        "threads": threads,
        **flags,
    }
    # The report comes on standard output, and `--quiet` leaves it out. So it is asked for, and not
    # shown.
    out = Path(path)
    report = run_binary(
        ["verify", *flags_of(options), "--", os.fspath(out)], progress=progress, is_quiet=False
    )
    audit = json.loads((out / "_audit.json").read_bytes()) if str(audit_rows) != "0" else None
    return Verified(out, report, audit)


def explain(
    path: PathLike,
    *,
    ranking_id: str | None = None,
    customer: str | int | None = None,
    date: Day | None = None,
    **flags: object,
) -> list[dict[str, Any]]:
    """Says of every action of a customer why it is in a history of a ``sequences`` set, or why not.

    Args:
        path: the set.
        ranking_id: only impressions of this ranking; or
        customer, date: only those of this customer on this day.

    Returns:
        A dictionary for each action of each impression, newest first: ``time``, ``type``,
        ``item_id``, ``position`` in the history or ``None``, ``fate`` and others.

    Raises:
        UsageError: without a ranking, and without a customer and a day.
        NotFound: if there is no such set or impression, or its inputs are gone or have changed.
    """
    options = {"ranking_id": ranking_id, "customer": customer, "date": date, **flags}
    text = run_binary(["explain", "--json", *flags_of(options), "--", os.fspath(path)])
    return [json.loads(line) for line in text.splitlines()]
