"""The loaders that compare.py measures, and the copies of samples that some of them need.

Each function takes where its samples lie and returns a function that begins an epoch of batches of 1024. It imports
first, so that imports are not measured. A batch is a dict of tensors: `item_id`, `is_order`, `actions` and
`action_types`. Only `copy_to` is run for its own sake: peers.py PEER DAY OUT COUNT.
"""
import itertools, sys
from pathlib import Path

BATCH = 1024
ACTIONS = 1000
COLUMNS = ["item_id", "is_order", "actions", "action_types"]


def parts(path):
    """The parts of the one day of a set."""
    return sorted(str(x) for x in path.glob("dt=*/*.parquet"))


def guide(path):
    from torch.utils.data import DataLoader
    from train import Samples

    samples = Samples(next(path.glob("dt=*")))
    names = ["item_id", "actions", "action_types", "is_order"]
    return lambda: (dict(zip(names, batch)) for batch in DataLoader(samples, batch_size=BATCH))


def ours(path, **settings):
    import torch
    from hitherto.torch import Samples

    if "types_dtype" in settings:
        settings["types_dtype"] = getattr(torch, settings["types_dtype"])
    return lambda: iter(Samples(path, **settings))


def hf_documented(path):
    import datasets
    from torch.utils.data import DataLoader

    def begin():
        rows = datasets.load_dataset(
            "parquet", data_files=parts(path), split="train", streaming=True, columns=COLUMNS
        )
        return iter(DataLoader(rows.shuffle(seed=0).with_format("torch"), batch_size=BATCH))

    return begin


def hf_best(path):
    import datasets, torch

    def begin():
        rows = datasets.load_dataset(
            "parquet", data_files=parts(path), split="train", streaming=True, columns=COLUMNS
        )
        for batch in rows.with_format("numpy").iter(batch_size=BATCH):
            yield {name: torch.from_numpy(values) for name, values in batch.items()}

    return begin


def mds(path):
    from streaming import StreamingDataLoader, StreamingDataset

    def begin():
        rows = StreamingDataset(local=str(path), shuffle=True, batch_size=BATCH)
        return iter(StreamingDataLoader(rows, batch_size=BATCH))

    return begin


def litdata(path):
    import litdata

    def begin():
        rows = litdata.StreamingDataset(str(path), shuffle=True)
        return iter(litdata.StreamingDataLoader(rows, batch_size=BATCH))

    return begin


def lance(path):
    from lance.torch.data import LanceDataset

    return lambda: iter(LanceDataset(str(path), columns=COLUMNS, batch_size=BATCH))


def tables(day, count):
    """The first `count` samples of a day, one table for each row group."""
    import pyarrow.parquet as pq

    for path in sorted(day.glob("*.parquet")):
        file = pq.ParquetFile(path)
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=COLUMNS).drop_null()[:count]
            count -= len(table)
            yield table
            if count == 0:
                return


def rows(day, count):
    for table in tables(day, count):
        item, label, *lists = (table[name].combine_chunks() for name in COLUMNS)
        lists = [x.flatten().to_numpy().reshape(-1, ACTIONS) for x in lists]
        for values in zip(item.to_pylist(), label.to_pylist(), *lists):
            yield dict(zip(COLUMNS, (values[0], int(values[1]), *values[2:])))


def copy_to_mds(day, out, count):
    from streaming import MDSWriter

    types = ["int32", "int8", f"ndarray:int32:{ACTIONS}", f"ndarray:int8:{ACTIONS}"]
    with MDSWriter(out=str(out), columns=dict(zip(COLUMNS, types))) as writer:
        for row in rows(day, count):
            writer.write(row)


def rows_of(given):
    yield from rows(*given)  # LitData takes a function for one of many rows only if it is a generator itself.


def copy_to_litdata(day, out, count):
    import litdata

    litdata.optimize(
        fn=rows_of, inputs=[(day, count)], output_dir=str(out), chunk_bytes="64MB", num_workers=1
    )


def copy_to_lance(day, out, count):
    import lance
    import pyarrow as pa

    def fixed(table):
        item, label, *lists = (table[name].combine_chunks() for name in COLUMNS)
        lists = [pa.FixedSizeListArray.from_arrays(x.flatten(), ACTIONS) for x in lists]
        return pa.record_batch([item, label.cast(pa.int8()), *lists], names=COLUMNS)

    batches = (fixed(table) for table in tables(day, count))
    first = next(batches)
    reader = pa.RecordBatchReader.from_batches(first.schema, itertools.chain([first], batches))
    lance.write_dataset(reader, str(out))


COPIES = {"mds": copy_to_mds, "litdata": copy_to_litdata, "lance": copy_to_lance}

if __name__ == "__main__":
    peer, day, out, count = sys.argv[1:]
    COPIES[peer](Path(day), Path(out), int(count))
