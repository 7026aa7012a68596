#!/usr/bin/env bash
# Compares the output of a built binary with a recomputation in plain Python, read back by pyarrow, DuckDB and Polars,
# and follows what it prints to the letter.
# Usage: tests/readers/run.sh PATH_TO_HITHERTO_BINARY
# HITHERTO_TORCH=1 installs PyTorch first (some GB), so that the training example runs too.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 PATH_TO_HITHERTO_BINARY" >&2; exit 2; }
binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
here=tests/readers
work=target/readers
log=target/readers.log

. tests/readers/venv.sh

failed=0
"$venv/bin/python" "$here/recompute.py" "$binary" "$work" 2>&1 | tee "$log" || failed=1

"$venv/bin/python" "$here/advice.py" "$binary" "$work/advice" 2>&1 | tee -a "$log" || failed=1

if [ "${HITHERTO_TORCH:-0}" = 1 ]; then
    "$venv/bin/pip" install --quiet --disable-pip-version-check torch
fi
python=""
for candidate in "$venv/bin/python" python3; do
    if "$candidate" -c 'import torch, pyarrow' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "SKIPPED: PyTorch is not here, so train.py did not run; HITHERTO_TORCH=1 installs it"
else
    rm -rf "$work/trained"
    # Small row groups, so that there is something to share among the workers.
    if "$binary" sequences --quiet --out "$work/trained" --row-group-rows 16 --timezone Europe/Berlin \
        --impressions "$work/berlin/impressions.csv" --clicks "$work/berlin/clicks.csv.gz" \
        --carts "$work/berlin/carts.ndjson.zst" --orders "$work/berlin/orders.csv" &&
        "$python" "$here/train.py" "$work/trained/dt=2025-03-30"; then
        echo "passed  train.py" | tee -a "$log"
    else
        echo "FAILED  train.py" | tee -a "$log"
        failed=1
    fi
fi

passes=$(grep -c '^passed ' "$log" || true)
failures=$(grep -c '^FAILED ' "$log" || true)
# A crash of recompute.py prints no FAILED line, yet is one.
[ "$failures" -gt 0 ] || failures=$failed
echo "$passes passed, $failures failed"
exit "$failed"
