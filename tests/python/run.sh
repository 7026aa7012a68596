#!/usr/bin/env bash
# Checks the Python package: its format, its types, and with a built binary its tests.
# Usage: tests/python/run.sh PATH_TO_HITHERTO_BINARY
# HITHERTO_TORCH=1 installs PyTorch first (some GB). Without, the tests that need it are left out, with a line that
# says so.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 PATH_TO_HITHERTO_BINARY" >&2; exit 2; }
HITHERTO_BINARY=$(realpath "$1")
export HITHERTO_BINARY OMP_NUM_THREADS=1
cd "$(dirname "$0")/../.."

. tests/python/venv.sh
bin=$venv/bin

"$bin/ruff" format --check
"$bin/ruff" check
mapfile -t files < <(find src/python/hitherto tests/python -name '*.py')
imports=normal
if ! "$bin/python" -c 'import torch' 2>/dev/null; then
    echo "PyTorch is not installed: hitherto/torch is checked for its format only (HITHERTO_TORCH=1 installs it)"
    mapfile -t files < <(printf '%s\n' "${files[@]}" | grep -v torch)
    imports=silent
fi
"$bin/mypy" --follow-imports=$imports "${files[@]}"
"$bin/pyright" --pythonpath "$bin/python" "${files[@]}"
"$bin/pytest"
