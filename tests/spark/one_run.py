"""One run of a driver that may be killed: OUT WHEN SOURCE=PATH … [overwrite=]."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import Any
from unittest import mock

os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"

from pyspark.sql import SparkSession

import conftest
import hitherto.spark
from hitherto._process import run as run_binary
from hitherto.spark import _driver, _task
from hitherto.spark._spool import Spool


def die(*_: object, **__: object) -> None:
    """Ends all processes of this run at once: the driver, the JVM and the workers."""
    os.killpg(0, signal.SIGKILL)


def finalize_and_die(*args: Any, **keywords: Any) -> None:
    """Ends the run when the set is published, and its staging folder is still there."""
    run_binary(*args, **keywords)
    die()


def session_of(process: str = "self") -> int:
    """The session of a process, which is the fourth number behind its name; 0 if it ended."""
    try:
        with open(f"/proc/{process}/stat") as stat:
            return int(stat.read().rpartition(")")[2].split()[3])
    except (FileNotFoundError, ProcessLookupError):
        return 0


class SpoolThatKillsAll(Spool):
    """Ends the run from within a task."""

    def add(self, batch: Any) -> None:
        """Takes a batch."""
        super().add(batch)
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid() and session_of(name) == session_of():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(name), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Runs."""
    out, when, *rest = sys.argv[1:]
    given = dict(text.split("=", 1) for text in rest)
    overwrite = given.pop("overwrite", None) is not None
    builder = SparkSession.builder.master("local[2,4]")
    settings = {**conftest.SETTINGS, "spark.local.dir": os.environ["HITHERTO_TEST_LOCAL"]}
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    if when == "before finalize":
        mock.patch.object(_driver, "run_binary", side_effect=die).start()
    elif when == "after finalize":
        mock.patch.object(_driver, "run_binary", side_effect=finalize_and_die).start()
    elif when == "in the middle":
        mock.patch.object(_task, "Spool", SpoolThatKillsAll).start()
    frames = {name: spark.read.parquet(path) for name, path in given.items()}
    hitherto.spark.sequences(spark, **frames, out=out, shards=4, overwrite=overwrite)


if __name__ == "__main__":
    main()
