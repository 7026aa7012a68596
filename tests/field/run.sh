#!/usr/bin/env bash
# Runs a built binary over logs as people have them, testdata/field, and holds what each command says to
# tests/field/expected: exit code, a phrase of the message, rows, and of what is refused the way out.
# Usage: tests/field/run.sh PATH_TO_HITHERTO_BINARY [CASE…]
#        tests/field/run.sh --write PATH_TO_HITHERTO_BINARY [CASE…]   writes them down anew, to be read by a person
#        tests/field/run.sh --table PATH_TO_HITHERTO_BINARY [CASE…]   prints the rows of the table in the guide
set -euo pipefail
mode=compare
case "${1:-}" in
    --write | --table) mode=${1#--}; shift ;;
esac
[ $# -ge 1 ] || { echo "usage: $0 [--write|--table] PATH_TO_HITHERTO_BINARY [CASE…]" >&2; exit 2; }
binary=$(realpath "$1")
shift
cd "$(dirname "$0")/../.."
. tests/readers/venv.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r testdata/field/. "$work"
python=$(realpath -s "$venv/bin/python")
HITHERTO=$binary PYTHON=$python "$python" tests/field/compare.py "$mode" "$work" tests/field/expected "$@"
