"""A cluster of processes on this machine: two workers with names of hosts of their own, as Spark
makes a second attempt beside the first on another host only."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import hitherto as ht
from logs import assert_same, shop, write

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a standalone master with two workers of two cores."""
    import pyspark

    folder = tmp_path_factory.mktemp("cluster")
    spark_class = str(Path(pyspark.__file__).parent / "bin" / "spark-class")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"spark://127.0.0.1:{port}"
    deploy = "org.apache.spark.deploy"
    commands = [
        [f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", f"{port}", "--webui-port", "0"]
    ]
    for host in ("127.0.0.1", "127.0.0.2"):
        commands.append(
            [
                *(f"{deploy}.worker.Worker", "--host", host, "--webui-port", "0"),
                *("--cores", "2", "--memory", "2g", "--work-dir", f"{folder}/{host}", url),
            ]
        )
    environment = {
        **os.environ,
        "SPARK_LOCAL_DIRS": str(folder),
        # Workers announce names of their own, not that of the machine.
        "SPARK_LOCAL_IP": "",
        "PYSPARK_PYTHON": sys.executable,
    }
    log = (folder / "log").open("w")
    processes = []
    try:
        for command in commands:
            processes.append(
                subprocess.Popen([spark_class, *command], env=environment, stdout=log, stderr=log)
            )
            time.sleep(3)
        yield url
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()
        log.close()


@pytest.mark.parametrize("what", ["speculation", "executor"])
def test_a_cluster(master: str, tmp_path: Path, what: str) -> None:
    """Speculation: two attempts at a shard at a time, of which both place it. Executor: one is
    killed with all that it has shuffled. Nothing of the package is installed there."""
    tables = shop(tmp_path / "made", impressions=120, actions=6000, customers=60)
    paths = write(tables, tmp_path / "logs")
    one = ht.sequences(**paths, out=tmp_path / "one", progress=False)
    marks = tmp_path / "marks"
    marks.mkdir()
    command = [sys.executable, str(HERE / "cluster_run.py"), master, what, str(tmp_path / "got")]
    command += [str(marks), *(f"{source}={path}" for source, path in paths.items())]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("SPARK_LOCAL_IP", None)
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert_same(ht.open(tmp_path / "got"), one)
    found = [path.name for path in marks.iterdir()]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["hosts"] == 2
    if what == "speculation":
        assert "slow" in found
        # The copy that started later.
        assert any(name.startswith("quick shard-00002") for name in found), found
    else:
        assert "executor" in found
