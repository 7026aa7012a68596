"""A set made by a Spark cluster from log files that all its machines see.

spark-submit spark_job.py DATA --out OUT --date 2025-08-15 [--shards 2]
"""

from __future__ import annotations

import argparse

import hitherto.spark
from pyspark.sql import SparkSession


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", help="folder with the four sources")
    parser.add_argument("--out", required=True)
    parser.add_argument("--date", required=True)
    # Each shard reads all files, so there are as many as machines.
    parser.add_argument("--shards", type=int, default=2)
    wanted = parser.parse_args()

    spark = SparkSession.builder.appName("hitherto").getOrCreate()
    training = hitherto.spark.sequences(
        spark,
        wanted.data,
        out=wanted.out,
        date=wanted.date,
        shards=wanted.shards,
        layout="sample",
        add_days=True,
        if_exists="skip",
    )
    print(training)
    spark.stop()


if __name__ == "__main__":
    main()
