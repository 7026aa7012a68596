#!/usr/bin/env bash
# Makes rows of public shapes of logs, testdata/public, by `job init` alone, and compares every value of every row with
# SQL over the raw files.
# Usage: tests/public/run.sh PATH_TO_HITHERTO_BINARY
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 PATH_TO_HITHERTO_BINARY" >&2; exit 2; }
binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
. tests/readers/venv.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$venv/bin/python" tests/public/compare.py "$binary" "$work"
