#!/usr/bin/env bash
# Measures `hitherto.torch.Samples` beside the loader of the guide (tests/readers/train.py), in samples per CPU second.
#
# usage: benches/loader/run.sh --binary PATH [--python PATH] [--runs N] [--impressions COUNT]
#
#   --binary PATH        the program that makes the sets
#   --python PATH        a Python with numpy, pyarrow and torch; default python3
#   --runs N             runs of each, taken in turns; default 3
#   --impressions COUNT  default 100000, which are a million samples
#
# Each run is a process of its own with one thread for PyTorch, and counts the CPU time of all its threads. "first" is
# an epoch with what loads the day, "next" are two more with the day in memory; the loader of the guide has no such
# difference, and is stopped after 200,000 samples. "peak" is the memory beyond imports, as a multiple of the arrays.
# The sets lie in target/loader. stdout carries the table.
set -euo pipefail

usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"; }
wrong() { echo "$1; see benches/loader/run.sh --help" >&2; exit 2; }

script=$(realpath "$0")
binary="" python=python3 runs=3 impressions=100000
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage "$script"; exit ;;
        --binary | --python | --runs | --impressions) [ $# -ge 2 ] || wrong "$1 needs a value" ;;
        *) wrong "unknown option $1" ;;
    esac
    case $1 in
        --binary) binary=$(realpath -e "$2") || wrong "--binary $2 is not there" ;;
        --python) python=$2 ;;
        --runs) runs=$2 ;;
        --impressions) impressions=$2 ;;
    esac
    shift 2
done
[ -n "$binary" ] || wrong "--binary is missing"
[[ $runs =~ ^[1-9][0-9]*$ ]] || wrong "--runs $runs is not a number above 0"
[[ $impressions =~ ^[1-9][0-9]*$ ]] || wrong "--impressions $impressions is not a number above 0"

cd "$(dirname "$script")/../.."
sets=target/loader/$impressions
if [ ! -e "$sets/request/_SUCCESS" ] || [ ! -e "$sets/sample/_SUCCESS" ]; then
    rm -rf "$sets" && mkdir -p "$sets"
    "$binary" generate "$sets/logs" --impressions "$impressions" --actions $((impressions * 167)) \
        --customers "$impressions" --quiet >&2
    for layout in sample request; do
        "$binary" sequences "$sets/logs" --out "$sets/$layout" --layout "$layout" --quiet >&2
    done
fi
export OMP_NUM_THREADS=1 PYTHONPATH=src/python:tests/readers
exec "$python" benches/loader/loaders.py "$sets" --runs "$runs"
