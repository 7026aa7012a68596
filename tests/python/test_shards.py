"""Shards of a set to the set."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Literal

import pytest

import hitherto as ht


def files(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def make_shards(shop: Path, out: Path, count: int) -> Path:
    """All shards of a set, by the command line."""
    for number in range(count):
        shard = ["--shard", f"{number}/{count}", "--layout", "request", "--quiet"]
        command = [str(ht.binary()), "sequences", str(shop), "--out", str(out), *shard]
        subprocess.run(command, check=True)
    return out


def test_shards_become_the_set_of_one_run(shop: Path, tmp_path: Path) -> None:
    shards = make_shards(shop, tmp_path / "shards", 3)
    made = ht.finalize(shards, out=tmp_path / "made", progress=False, fail_if="samples<1")
    one = ht.sequences(shop, out=tmp_path / "one", shards=3, progress=False)
    assert made.samples == one.samples > 0
    assert files(made.path) == files(one.path)
    with pytest.raises(ht.OutputExists):
        ht.finalize(shards, out=tmp_path / "made", progress=False)
    with pytest.raises(ht.GateFailed):
        ht.finalize(shards, out=tmp_path / "other", progress=False, fail_if="samples>0")


@pytest.mark.parametrize("job", ["dwell", "features"])
def test_shards_of_other_jobs_become_the_set_of_one_run(
    tmp_path: Path, job: Literal["dwell", "features"]
) -> None:
    logs, shards = tmp_path / "logs", tmp_path / "shards"
    ht.generate(logs, job=job, days=2, progress=False)
    for number in range(2):
        shard = ["--shard", f"{number}/2", "--quiet", "--out", str(shards)]
        subprocess.run([str(ht.binary()), job, str(logs), *shard], check=True)
    made = ht.finalize(shards, out=tmp_path / "made", count=2, progress=False)
    run = ht.dwell if job == "dwell" else ht.features
    one = run(logs, out=tmp_path / "one", progress=False)
    assert made.counts == one.counts
    assert files(made.path) == files(one.path)


def test_shards_that_are_missing_or_damaged_are_errors(shop: Path, tmp_path: Path) -> None:
    shards = make_shards(shop, tmp_path / "shards", 2)
    with pytest.raises(ht.NotFound, match="of 3 shards"):
        ht.finalize(shards, out=tmp_path / "out", count=3, progress=False)
    part = next(shards.rglob("part-00001.parquet"))
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(ht.DataError, match="make its shard again"):
        ht.finalize(shards, out=tmp_path / "out", progress=False)
    shutil.rmtree(shards / "shard-00001-of-00002")
    with pytest.raises(ht.NotFound, match="of 2 shards"):
        ht.finalize(shards, out=tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_a_shard_is_no_set(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(ht.UsageError, match=r"hitherto\.finalize"):
        ht.sequences(shop, out=tmp_path / "out", shard="0/2")
