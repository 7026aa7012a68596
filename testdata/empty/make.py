"""Makes Parquet files of no rows, as the tools of their names write them: python make.py FOLDER

Columns of a frame without rows have no types to be told by, so some tools write others than a log has. What
Spark writes is imitated: its executors leave files of no row group, or of one that is empty.
"""
import os, sys

import duckdb, fastparquet, pandas, polars, pyarrow
import pyarrow.parquet as pq

NAMES = ["customer_id", "item_id", "click_time"]
folder = sys.argv[1]
path = lambda name: os.path.join(folder, f"{name}.parquet")

pandas.DataFrame({name: pandas.Series([], dtype="object") for name in NAMES}).to_parquet(path("pandas"))
pandas.DataFrame().to_parquet(path("pandas_no_columns"))
fastparquet.write(path("fastparquet"), pandas.DataFrame({name: pandas.Series([], dtype="int64") for name in NAMES}))
polars.DataFrame(schema=NAMES).write_parquet(path("polars"))
nothing = pyarrow.table({name: pyarrow.nulls(0) for name in NAMES})
pq.write_table(nothing, path("pyarrow"))
duckdb.sql(f"copy (select 1 as customer_id, 2 as item_id, 'x' as click_time where false) to '{path('duckdb')}'")

fields = ",".join('{"name":"%s","type":"string","nullable":true,"metadata":{}}' % name for name in NAMES)
spark = {"org.apache.spark.version": "3.5.1",
         "org.apache.spark.sql.parquet.row.metadata": '{"type":"struct","fields":[%s]}' % fields}
schema = pyarrow.schema([(name, pyarrow.string()) for name in NAMES], metadata=spark)
with pq.ParquetWriter(path("spark"), schema, store_schema=False, compression="snappy"):
    pass
with pq.ParquetWriter(path("spark_empty_group"), schema, store_schema=False, compression="snappy") as writer:
    writer.write_table(schema.empty_table())

# Not without rows: two row groups of one row each, and an empty one between them.
clicks = lambda customer: pyarrow.table({"customer_id": pyarrow.array([customer], pyarrow.int64()),
                                         "item_id": pyarrow.array([20 + customer], pyarrow.int32()),
                                         "click_time": ["2025-08-14 10:00:00"]})
with pq.ParquetWriter(path("between"), clicks(1).schema) as writer:
    for rows in [clicks(1), clicks(1)[:0], clicks(2)]:
        writer.write_table(rows)

for name in sorted(os.listdir(folder)):
    if name.endswith(".parquet"):
        of = pq.ParquetFile(os.path.join(folder, name)).metadata
        groups = [of.row_group(at).num_rows for at in range(of.num_row_groups)]
        print(f"{name:28} {of.num_rows} rows, groups {groups}, {of.created_by}")
