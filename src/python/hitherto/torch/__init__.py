"""Training with PyTorch on sets that `hitherto sequences` made.

`Samples` gives batches; `to_kjt` and `to_hstu` turn them into what TorchRec's models take. It needs
`pip install 'hitherto[torch]'`.
"""

from .._optional import need

for _module in ("numpy", "pyarrow", "torch"):
    need(_module, "hitherto.torch", "torch")

from ._kjt import to_hstu, to_kjt  # noqa: E402
from ._samples import Samples  # noqa: E402

__all__ = ["Samples", "to_hstu", "to_kjt"]
