"""Runs a job on a Spark cluster: Spark deals the rows, and the bundled binary makes the set.

``sequences`` and ``dwell`` take DataFrames, or paths of files on a disk that all machines share;
``features`` takes paths. They publish the same set as one machine would: the same rows in the same
order. Spark 3.5 or newer, classic or Connect; executors need Python and pyarrow, and nothing of
this package.

Install it with ``pip install 'hitherto[spark]'``. On a platform that has its own Spark, such as
Databricks, install plain ``hitherto``, which leaves that Spark alone.
"""

from __future__ import annotations

from .._optional import need as _need

for _module in ("pyspark", "pyarrow", "pandas"):
    # pandas is PySpark's own wish: it calls no function with Arrow batches without it.
    _need(_module, "hitherto.spark", "spark")

from ._jobs import dwell, features, sequences  # noqa: E402
from ._union import shard_of  # noqa: E402

__all__ = ["dwell", "features", "sequences", "shard_of"]
