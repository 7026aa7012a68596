#!/usr/bin/env bash
# Checks the Python package with a binary: tests/python/run.sh BINARY [--torch]
# With --torch it installs PyTorch as well. Without, the tests that need it are skipped, unless it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
HITHERTO_BINARY=$(realpath "${1:?usage: tests/python/run.sh BINARY [--torch]}")
export HITHERTO_BINARY OMP_NUM_THREADS=1

venv=target/python-venv
lists=(tests/python/requirements.txt)
if [ "${2:-}" = --torch ]; then
    lists+=(tests/python/requirements-torch.txt)
fi
wanted=$(cat "${lists[@]}")
# The stamp is written last, so that a venv left half made is made again.
if [ "$wanted" != "$(cat "$venv/requirements.txt" 2>/dev/null)" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "${lists[@]/#/-r}"
    printf '%s\n' "$wanted" > "$venv/requirements.txt"
fi
bin=$venv/bin

"$bin/ruff" format --check
"$bin/ruff" check
"$bin/mypy"
"$bin/pyright" --pythonpath "$bin/python"
"$bin/pytest"
