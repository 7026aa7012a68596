"""How much memory there is, and how much may be used."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from .._errors import UsageError

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS.update({f"{x}I": 1 << 10 * i for i, x in enumerate("KMGT", start=1)})


def bytes_of(text: str | int) -> int:
    """Bytes, from a number or a text such as "8GB", "8GiB" or "500MB"."""
    if isinstance(text, int) and not isinstance(text, bool) and text > 0:
        return text
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*", str(text).upper())
    if isinstance(text, bool) or found is None or float(found[1]) == 0:
        raise UsageError(f'memory={text!r} is no size; give bytes, or a text such as "8GB"')
    return int(float(found[1]) * _UNITS[found[2]])


def free_bytes(device: torch.device | None) -> int:
    """Bytes that are free: on a CUDA device, or of the machine and its control group."""
    if device is not None and device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    found = [int(x) << 10 for x in re.findall(r"MemAvailable:\s+(\d+) kB", _read("/proc/meminfo"))]
    group = Path("/sys/fs/cgroup")
    limit, used = _read(group / "memory.max").strip(), _read(group / "memory.current").strip()
    if limit.isdigit() and used.isdigit():
        found.append(max(int(limit) - int(used), 1))
    return min(found) if found else 8 << 30


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError:
        return ""
