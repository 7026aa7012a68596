"""One run on a standalone cluster: MASTER WHAT OUT MARKS SOURCE=PATH …"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any
from unittest import mock

os.environ["PYSPARK_PYTHON"] = sys.executable

from pyspark import cloudpickle
from pyspark.sql import SparkSession

import conftest
import faults
import hitherto.spark
from hitherto.spark import _task
from hitherto.spark._place import place


def place_and_kill_executor(made: str, shards: str, aside: str) -> None:
    """Places a shard, and then kills the executor that it was made on, once."""
    place(made, shards, aside)
    if faults.is_first("executor"):
        # The worker is forked by a daemon, which the executor started.
        with open(f"/proc/{os.getppid()}/stat") as stat:
            executor = int(stat.read().rpartition(")")[2].split()[1])
        os.kill(executor, signal.SIGKILL)


def hosts(spark: Any) -> int:
    """The number of hosts on which tasks run."""

    def host(batches: Any) -> Any:
        import time

        import pyarrow as pa

        time.sleep(1)
        for _ in batches:
            pass
        yield pa.RecordBatch.from_pydict({"host": [os.getcwd()]})

    found = spark.range(0, 8, 1, 8).mapInArrow(host, "host string").collect()
    return len({row.host for row in found})


def main() -> None:
    """Runs."""
    master, what, out, marks, *rest = sys.argv[1:]
    faults.MARKS = marks
    builder = SparkSession.builder.master(master)
    settings = {
        **conftest.SETTINGS,
        "spark.speculation": str(what == "speculation").lower(),
        "spark.speculation.interval": "200ms",
        "spark.speculation.multiplier": "1.2",
        "spark.speculation.quantile": "0.3",
        "spark.speculation.minTaskRuntime": "500ms",
        # The loser is left to run to its end, as a worker that does not hear that it is to stop.
        "spark.task.reaper.enabled": "false",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    count = hosts(spark)
    cloudpickle.register_pickle_by_value(faults)
    fault = faults.place_slowly if what == "speculation" else place_and_kill_executor
    mock.patch.object(_task, "place", fault).start()
    given = dict(text.split("=", 1) for text in rest)
    frames = {name: spark.read.parquet(path) for name, path in given.items()}
    hitherto.spark.sequences(spark, **frames, out=out, shards=6)
    spark.stop()
    print(json.dumps({"hosts": count}))


if __name__ == "__main__":
    main()
