"""Logs and sets that many tests read. The binary is that of HITHERTO_BINARY, or the one
installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import hitherto as ht

TESTDATA = Path(__file__).parents[2] / "testdata"

HAS_TORCH = importlib.util.find_spec("torch") is not None
# These import torch on their first lines.
collect_ignore_glob = [] if HAS_TORCH else ["test_torch*.py"]


def pytest_report_header() -> str:
    """Says which binary is tested, and what is left out."""
    torch = "" if HAS_TORCH else "; torch is not installed: test_torch*.py are left out"
    return f"binary: {ht.binary()}{torch}"


def pytest_sessionstart() -> None:
    """Ends the session where there is no binary, as each test needs it."""
    try:
        ht.binary()
    except ht.NotFound as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def shop() -> Path:
    """The folder of the logs of a small shop."""
    return TESTDATA / "shop"


@pytest.fixture(scope="session")
def sources(shop: Path) -> dict[str, str]:
    """The sources of the shop, by the names of their keywords."""
    return {
        "impressions": str(shop / "impressions"),
        "clicks": str(shop / "clicks"),
        "carts": str(shop / "add_to_carts.ndjson"),
        "orders": str(shop / "previous_orders.json"),
    }


@pytest.fixture(scope="session")
def requests(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> ht.Set:
    """A set of the shop, a row for each impression. Nobody changes it."""
    return ht.sequences(shop, out=tmp_path_factory.mktemp("sets") / "requests", progress=False)


@pytest.fixture(scope="session")
def samples(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> ht.Set:
    """The same, a row for each item."""
    out = tmp_path_factory.mktemp("sets") / "samples"
    return ht.sequences(shop, out=out, layout="sample", progress=False)
