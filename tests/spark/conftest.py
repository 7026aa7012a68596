"""A session of Spark for all tests of a process, on this machine alone.

``SPARK_TEST_MASTER`` names another master; ``connect`` is a server of Spark Connect in this
process. The binary is that of ``HITHERTO_BINARY``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("logs")

# Executors start with this Python, and find faults of the tests in its modules by value.
os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"

MASTER = os.environ.get("SPARK_TEST_MASTER", "local[2,4]")
SETTINGS = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.executor.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # Another zone than that of the logs: what is made must not depend on it.
    "spark.sql.session.timeZone": "America/Los_Angeles",
    "spark.sql.shuffle.partitions": "4",
}


def pytest_report_header() -> str:
    """Says what is tested."""
    import pyspark

    import hitherto as ht

    return f"binary: {ht.binary()}; pyspark {pyspark.__version__} on {MASTER}"


@pytest.fixture(scope="session")
def local_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Spark keeps its files."""
    return tmp_path_factory.mktemp("local")


@pytest.fixture(scope="session")
def spark(local_dir: Path) -> Iterator[Any]:
    """The session."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    builder = builder.remote("local[2,4]") if MASTER == "connect" else builder.master(MASTER)
    for name, value in {**SETTINGS, "spark.local.dir": str(local_dir)}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    if MASTER != "connect":
        session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
