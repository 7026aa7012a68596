"""What is asked of a session of Spark, classic or Connect: settings, cores, and a file for all."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._optional import need

_BYTES = "spark.sql.execution.arrow.maxBytesPerBatch"
_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"
# Of rows that become one batch; Spark's own default. Without a limit a partition is one batch.
_ROWS_DEFAULT, _ROWS_MAX = "10000", 100_000
# By session, the binaries that it has, so that each is sent once.
_sent: set[tuple[int, str]] = set()


@contextlib.contextmanager
def batches_of_rows(spark: Any) -> Iterator[None]:
    """Makes Spark cut Arrow batches by rows, while a job runs.

    Spark 4 measures a batch after each row, unless the limit of bytes is this very number: some
    1.5 µs a row. Where settings may not be changed the job runs, and a warning says so.
    """
    wanted = {}
    if _value(spark, _BYTES) is not None:
        wanted[_BYTES] = str(2**31 - 1)
    if not 0 < int(_value(spark, _ROWS) or _ROWS_DEFAULT) <= _ROWS_MAX:
        wanted[_ROWS] = _ROWS_DEFAULT
    # What was set by somebody; `None` is Spark's default.
    before: dict[str, str | None] = {}
    try:
        for name, value in wanted.items():
            given = spark.conf.get(name, None)
            try:
                spark.conf.set(name, value)
                before[name] = given
            except Exception as error:  # It has a class of its own in each kind of session.
                text = str(error).partition("\n")[0]
                warnings.warn(
                    f"{name} cannot be set to {value} here, so Spark hands rows over more slowly, "
                    f"or needs more memory: {text}",
                    stacklevel=2,
                )
        yield
    finally:
        for name, given in before.items():
            if given is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, given)


def _value(spark: Any, name: str) -> str | None:
    """The value of a setting, be it a default; ``None`` if this Spark has no such setting."""
    try:
        return str(spark.conf.get(name))
    except Exception:  # It has a class of its own in each kind of session.
        return None


def cores(spark: Any) -> int:
    """The number of tasks that run at once."""
    if not is_connect(spark):
        return int(spark.sparkContext.defaultParallelism)
    functions = need("pyspark.sql.functions", "hitherto.spark", "spark")
    # A range is cut into as many pieces; Connect has no other way to ask.
    return int(spark.range(1 << 16).select(functions.spark_partition_id()).distinct().count())


def is_connect(spark: Any) -> bool:
    """Whether a session is one of Spark Connect, which has neither SparkContext nor RDDs."""
    return type(spark).__module__.startswith("pyspark.sql.connect")


def send(spark: Any, binary: Path) -> str:
    """Sends the binary to all executors; the name by which they find it."""
    digest = hashlib.sha256(binary.read_bytes()).hexdigest()[:16]
    name = f"hitherto-{digest}"
    known = (id(spark) if is_connect(spark) else id(spark.sparkContext), name)
    if known in _sent:
        return name
    # Its digest is its name: Spark refuses another file of a name that it has. Executors that come
    # later fetch it from here, so it stays while this process lives.
    folder = tempfile.mkdtemp(prefix="hitherto-binary-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = os.path.join(folder, name)
    shutil.copy(binary, copy)
    if not is_connect(spark):
        spark.sparkContext.addFile(copy)
    else:
        _add_artifact(spark, copy)
    _sent.add(known)
    return name


def _add_artifact(spark: Any, path: str) -> None:
    try:
        spark.addArtifacts(path, file=True)
    except Exception as error:
        # Another session object of the same server side sent it; its name says that it is the same.
        text = str(error)
        if "ARTIFACT_ALREADY_EXISTS" not in text and "Duplicate" not in text:
            raise
