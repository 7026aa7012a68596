#!/usr/bin/env bash
# Makes pages with a built binary and opens them in headless Chromium: `open.py` says what is asked of each.
# Usage: tests/page/run.sh PATH_TO_HITHERTO_BINARY
# Needs Chromium (Debian: apt-get install chromium); without it, this says so loudly and does not fail.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 PATH_TO_HITHERTO_BINARY" >&2; exit 2; }
binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
    echo "SKIPPED: Chromium is not here, so no page was opened"
    exit 0
fi
venv=target/page-venv
work=target/page
if ! cmp -s tests/page/requirements.txt "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/page/requirements.txt
    cp tests/page/requirements.txt "$venv/requirements.txt"
fi
rm -rf "$work"
mkdir -p "$work"
"$binary" sequences testdata/shop --out "$work/shop" --quiet
"$binary" sequences testdata/shop --out "$work/short" --max-actions 20 --cutoff day --layout request --quiet
"$binary" sequences testdata/challenge-csv --out "$work/small" --quiet
"$binary" generate features "$work/market" --quiet
"$binary" features "$work/market" --out "$work/features" --quiet
"$binary" generate dwell "$work/flyers" --quiet
"$binary" dwell "$work/flyers" --out "$work/dwell" --quiet
"$binary" report "$work/shop" --compare "$work/short" --quiet
for set in short small features dwell; do
    "$binary" report "$work/$set" --quiet
done
"$binary" report "$work/shop/dt=2025-08-15" --compare "$work/shop/dt=2025-08-16" --quiet
"$venv/bin/python" tests/page/open.py "$work/shots" "$work"/{shop,short,small,features,dwell}/_report.html "$work/shop/dt=2025-08-15/_report.html"
