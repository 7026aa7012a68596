"""One way to make the set, in a process of its own: WAY LOGS OUT SHARDS. See run.sh."""
import os
import subprocess
import sys
import warnings

os.environ["PYSPARK_PYTHON"] = sys.executable
warnings.simplefilter("ignore", FutureWarning)
SOURCES = {"impressions": "impressions", "clicks": "clicks", "carts": "add_to_carts", "orders": "previous_orders"}


def session(local, memory):
    """A session on the two cores of this machine."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": memory,
        "spark.local.dir": local,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "32",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def frames_of(spark, logs):
    return {name: spark.read.parquet(f"{logs}/{folder}") for name, folder in SOURCES.items()}


def ours(spark, logs, out, shards):
    import hitherto.spark

    hitherto.spark.sequences(spark, **frames_of(spark, logs), out=out, shards=shards, layout="sample")


def paths(spark, logs, out, shards):
    import hitherto.spark

    hitherto.spark.sequences(spark, logs, out=out, shards=2, layout="sample")


def shuffle(spark, logs, out, shards):
    """What Spark takes to deal the same rows to Python, where nothing is done with them."""
    import pyarrow as pa
    from hitherto.spark._session import batches_of_rows
    from hitherto.spark._union import union_of

    def count(batches):
        yield pa.RecordBatch.from_pydict({"rows": [sum(batch.num_rows for batch in batches)]})

    union, _ = union_of("sequences", frames_of(spark, logs), {}, "int64", shards)
    with batches_of_rows(spark):
        found = union.mapInArrow(count, "rows long").collect()
    assert len(found) == shards


def windows(spark, logs, out, shards):
    """The job by Spark alone, after the strongest public solution that we found: a window for each customer and day,
    then explode."""
    from pyspark.sql import Window, functions as F

    impressions = spark.read.parquet(f"{logs}/impressions").withColumn("d", F.to_date(F.col("dt").cast("string")))
    probes = impressions.select("customer_id", "d").distinct()

    def actions(folder, item, moment, code):
        return spark.read.parquet(f"{logs}/{folder}").select(
            "customer_id", F.col(item).alias("item"), F.col(moment).alias("ts"), F.lit(code).cast("byte").alias("ty"))

    def padded(column, dtype):
        return F.slice(F.concat(column, F.array_repeat(F.lit(0).cast(dtype), 1000)), 1, 1000)

    def zeros(dtype):
        return F.array_repeat(F.lit(0).cast(dtype), 1000)

    union = (actions("clicks", "item_id", "click_time", 1)
             .unionByName(actions("add_to_carts", "config_id", "occurred_at", 2))
             .unionByName(actions("previous_orders", "config_id", "occurred_at", 3)))
    prior = union.join(F.broadcast(probes), "customer_id").where(
        (F.col("ts") < F.col("d").cast("timestamp")) & (F.col("ts") >= F.date_sub("d", 365).cast("timestamp")))
    newest = Window.partitionBy("customer_id", "d").orderBy(F.desc("ts"), F.desc("ty"), F.desc("item"))
    histories = (
        prior.withColumn("rn", F.row_number().over(newest)).where("rn <= 1000")
        .groupBy("customer_id", "d").agg(F.array_sort(F.collect_list(F.struct("rn", "item", "ty"))).alias("l"))
        .select("customer_id", "d", padded(F.col("l.item"), "int").alias("actions"),
                padded(F.col("l.ty"), "byte").alias("action_types")))
    items = (impressions.select("d", "ranking_id", "customer_id", F.explode("impressions").alias("i"))
             .select("d", "ranking_id", "customer_id", "i.item_id", "i.is_order"))
    (items.join(histories, ["customer_id", "d"], "left")
     .withColumn("actions", F.coalesce("actions", zeros("int")))
     .withColumn("action_types", F.coalesce("action_types", zeros("byte")))
     .withColumnRenamed("d", "dt").write.option("compression", "zstd").partitionBy("dt").parquet(out))


def main():
    way, logs, out, shards = sys.argv[1:]
    if way == "alone":
        command = [os.environ["HITHERTO_BINARY"], "sequences", logs, "--out", out, "--quiet", "--threads", "2"]
        subprocess.run(command, check=True)
        return
    # Spark alone asks for its heap; a heap that it does not need is not faster.
    spark = session(f"{out}.local", "16g" if way == "windows" else "4g")
    {"ours": ours, "paths": paths, "shuffle": shuffle, "windows": windows}[way](spark, logs, out, int(shards))
    spark.stop()


if __name__ == "__main__":
    main()
