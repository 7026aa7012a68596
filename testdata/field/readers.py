import glob, sys, warnings; warnings.filterwarnings("ignore")
import pandas as pd, polars as pl, duckdb, numpy as np, pyarrow.dataset as ds, pyarrow.parquet as pq
out = sys.argv[1]
def t(name, f):
    try: print("READ", name, f())
    except Exception as e: print("READ", name, "FAILED", type(e).__name__)
t("pandas folder", lambda: pd.read_parquet(out).shape)
t("pandas day", lambda: pd.read_parquet(f"{out}/dt=2025-08-15").shape)
t("pyarrow dataset", lambda: ds.dataset(out, partitioning="hive").to_table().num_rows)
t("pyarrow table", lambda: pq.read_table(out).num_rows)
t("polars glob", lambda: pl.scan_parquet(out + "/dt=*/*.parquet").collect().shape)
t("duckdb glob", lambda: duckdb.sql(f"select count(*), min(dt)::varchar from read_parquet('{out}/dt=*/*.parquet', hive_partitioning=true)").fetchall()[0])
