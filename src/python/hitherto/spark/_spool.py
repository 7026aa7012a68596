"""The rows of a shard, from batches of the tagged union to a Parquet file for each source.

Runs on executors, which may lack this package: standard library and pyarrow only.
"""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# A row group is written when either is reached; that is also what a source holds in memory.
GROUP_ROWS = 262_144
GROUP_BYTES = 64 << 20


class Spool:
    """Files of a shard.

    ``columns`` has for each source the columns of the union that are its own and their names:
    ``[("clicks", [("int_0", "item_id"), …]), …]``. The first column of a batch says whose a row is:
    the place of its source, or ``-1 - shard`` of the row that names the shard.

    Attributes:
        shards: the shards that were named, in the order in which they came.
        paths: the file of each source. All are there after ``close``, also without a row, as a
            source without a file would be an error.
    """

    def __init__(self, folder: str, columns: list[tuple[str, list[tuple[str, str]]]]) -> None:
        self.shards: list[int] = []
        self.paths = {name: os.path.join(folder, f"{name}.parquet") for name, _ in columns}
        self._sources = [_Source(self.paths[name], own) for name, own in columns]
        self._schema: Any = None

    def add(self, batch: Any) -> None:
        """Takes a batch."""
        self._schema = batch.schema
        owners = batch.column(0)
        if len(owners) == 0:
            return
        # Spark reads the sources one after the other, so most batches are of one.
        ends = pc.call_function("min_max", [owners]).as_py()
        if ends["min"] == ends["max"] >= 0:
            self._sources[ends["min"]].add(batch)
            return
        for owner in owners.unique().to_pylist():
            if owner < 0:
                self.shards.append(-1 - owner)
            else:
                is_own = pc.call_function("equal", [owners, pa.scalar(owner, owners.type)])
                self._sources[owner].add(batch.filter(is_own))

    def close(self) -> None:
        """Writes what is left."""
        for source in self._sources:
            source.close(self._schema)


class _Source:
    """The file of a source."""

    def __init__(self, path: str, columns: list[tuple[str, str]]) -> None:
        self._path, self._columns = path, columns
        self._batches: list[Any] = []
        self._rows = self._bytes = 0
        self._writer: Any = None

    def add(self, batch: Any) -> None:
        """Takes rows of this source."""
        own = pa.RecordBatch.from_arrays(
            [batch.column(name) for name, _ in self._columns],
            names=[name for _, name in self._columns],
        )
        self._batches.append(own)
        self._rows += own.num_rows
        self._bytes += own.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._flush(own.schema)

    def close(self, union: Any) -> None:
        """Writes what is left; ``union`` is the schema of the batches."""
        fields = [pa.field(name, union.field(slot).type) for slot, name in self._columns]
        self._flush(pa.schema(fields))
        self._writer.close()

    def _flush(self, schema: Any) -> None:
        if self._writer is None:
            # Written once and read once: compression and dictionaries cost more than they save.
            # Statistics let the binary pass over row groups.
            self._writer = pq.ParquetWriter(
                self._path,
                schema,
                compression="none",
                use_dictionary=False,
                write_statistics=True,
                store_schema=False,
            )
        if self._rows:
            table = pa.Table.from_batches(self._batches, schema)
            self._writer.write_table(table, row_group_size=GROUP_ROWS)
        self._batches = []
        self._rows = self._bytes = 0
