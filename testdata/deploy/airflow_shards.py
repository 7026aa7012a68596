"""Airflow 3: a day by a task for each shard, on workers that see the logs in one place."""

from __future__ import annotations

import pendulum
from airflow.sdk import dag, task

SHARDS = 16


@dag(
    schedule="30 3 * * *",
    start_date=pendulum.datetime(2025, 8, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": pendulum.duration(minutes=5)},
)
def training():
    # The day before the run (`ds`), whose logs are complete by now.
    day = "{{ macros.ds_add(ds, -1) }}"
    shards = f"/data/shards/{day}"

    # A task that is tried again makes the same bytes, so it may replace what it left.
    @task.bash
    def shard(index: int) -> str:
        return (
            f"hitherto sequences /data/shop --date {day} "
            f"--shard {index}/{SHARDS} --out {shards} --overwrite"
        )

    @task.bash
    def finalize() -> str:
        return (
            f"hitherto finalize {shards} --shards {SHARDS} --out /data/training "
            "--add-days --if-exists skip && rm -r " + shards
        )

    shard.expand(index=list(range(SHARDS))) >> finalize()


training()
