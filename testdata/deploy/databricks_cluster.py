"""Databricks: one day by a cluster, from tables into a folder of a volume.

databricks_cluster.py CATALOG.SCHEMA OUT 2025-08-16
"""

from __future__ import annotations

import sys

import hitherto.spark
from pyspark.sql import SparkSession


def main() -> None:
    schema, out, day = sys.argv[1:]
    spark = SparkSession.builder.getOrCreate()
    training = hitherto.spark.sequences(
        spark,
        impressions=spark.table(f"{schema}.impressions").where(f"dt = '{day}'"),
        clicks=spark.table(f"{schema}.clicks"),
        carts=spark.table(f"{schema}.add_to_carts"),
        orders=spark.table(f"{schema}.previous_orders"),
        out=out,
        add_days=True,
        if_exists="skip",
    )
    print(training)


if __name__ == "__main__":
    main()
