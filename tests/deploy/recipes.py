"""What the tests of recipes share: running the program, and comparing sets."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "testdata" / "deploy"
SHOP = ROOT / "testdata" / "shop"
BINARY = os.environ["HITHERTO_BINARY"]


def hitherto(*args: object, ok: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs the program; unless told otherwise it has to succeed."""
    done = subprocess.run([BINARY, *map(str, args)], text=True, capture_output=True, check=False)
    assert not ok or done.returncode == 0, done.stderr
    return done


def args_in(text: str, **folders: Path) -> list[str]:
    """The arguments of a recipe's command ``hitherto …``, with its folders replaced by others."""
    words = text.split()
    assert words[0] == "hitherto", text
    return moved(words[1:], **folders)


def moved(words: Sequence[str], **folders: Path) -> list[str]:
    """Arguments whose paths below /data are elsewhere: ``shop=`` is in place of /data/shop."""
    out = []
    for word in words:
        name, slash, rest = word.removeprefix("/data/").partition("/")
        if word.startswith("/data/"):
            assert name in folders, f"{word} is none of {sorted(folders)}"
            word = f"{folders[name]}{slash}{rest}"
        out.append(word)
    return out


def rows(training: Path) -> list[dict[str, Any]]:
    """All rows of a set, in the order of its files."""
    days = sorted(path.name.removeprefix("dt=") for path in training.glob("dt=*"))
    found: list[dict[str, Any]] = []
    for day in days:
        text = hitherto("head", training, "--date", day, "-n", 1_000_000, "--json").stdout
        found += [json.loads(line) for line in text.splitlines()]
    assert found, training
    return found


def needs_shards() -> None:
    """Skips the test if the program cannot make shards."""
    if not re.search(r"--shard\b", hitherto("sequences", "--help").stdout):
        pytest.skip("this program has no --shard")
