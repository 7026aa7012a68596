#!/usr/bin/env bash
# Measures `hitherto.spark` on this machine beside Spark alone: CPU seconds of all processes, wall time, memory.
#
# usage: benches/spark/run.sh --binary PATH [--set S|M|L] [--ways LIST] [--runs N] [--shards N] [--check]
#
#   --binary PATH    the program
#   --set S|M|L      how much; default M:
#                      S   10,000 impressions,  1,670,000 actions,  10,000 customers
#                      M  100,000 impressions, 16,700,000 actions, 100,000 customers, which are a million samples
#                      L  ten times M: ten million samples
#   --ways LIST      any of ours,paths,shuffle,windows,alone; default all:
#                      ours     hitherto.spark.sequences of DataFrames
#                      paths    hitherto.spark.sequences of files: no row goes through Spark
#                      shuffle  the same union through Spark's shuffle to Python, which counts the rows: Spark's share
#                      windows  the job by Spark alone: window, collect_list, explode
#                      alone    one run of the program, without Spark
#   --runs N         runs of each, taken in turns; default 3
#   --shards N       shards of ours, paths and shuffle; default 32, 2 of paths
#   --check          exits with 1 if `ours` takes more than 1.15 times the CPU seconds of `shuffle`, or more than
#                    1/3.5 of those of `windows`
#
# Each run is a session of Spark with local[2], in a process of its own, with the input in the page cache. CPU seconds
# are those of the driver, the JVM, the Python workers and the program, start and end included. The rows of all sets
# are compared: if they differ, the script exits with 1. Needs Java 17. stdout carries the table. On 2 cores a run of M
# takes up to a minute, and `windows` some four. L took 2 minutes of `ours` and 10 GB of disk; `windows` was not tried
# with it.
set -euo pipefail

usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"; }
wrong() { echo "$1; see benches/spark/run.sh --help" >&2; exit 2; }

script=$(realpath "$0")
binary="" set=M ways=ours,paths,shuffle,windows,alone runs=3 shards=32 check=""
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage "$script"; exit ;;
        --check) check=--check; shift; continue ;;
        --binary | --set | --ways | --runs | --shards) [ $# -ge 2 ] || wrong "$1 needs a value" ;;
        *) wrong "unknown option $1" ;;
    esac
    case $1 in
        --binary) binary=$(realpath -e "$2") || wrong "--binary $2 is not there" ;;
        --set) set=$2 ;;
        --ways) ways=$2 ;;
        --runs) runs=$2 ;;
        --shards) shards=$2 ;;
    esac
    shift 2
done
[ -n "$binary" ] || wrong "--binary is missing"
[[ $set =~ ^[SML]$ ]] || wrong "--set $set is none of S, M, L"
known='(ours|paths|shuffle|windows|alone)'
[[ $ways =~ ^$known(,$known)*$ ]] || wrong "--ways $ways names others than ours, paths, shuffle, windows, alone"
for name in runs shards; do
    [[ ${!name} =~ ^[1-9][0-9]*$ ]] || wrong "--$name ${!name} is not a number above 0"
done
command -v java > /dev/null || wrong "java is not on the path: install Java 17"

cd "$(dirname "$script")/../.."
. tests/venv.sh
work=target/spark-bench
mkdir -p "$work"
make_venv "$work/venv" benches/spark/requirements.txt
case $set in S) impressions=10000 ;; M) impressions=100000 ;; L) impressions=1000000 ;; esac
if [ ! -e "$work/$set/made" ]; then
    rm -rf "${work:?}/$set"
    "$binary" generate "$work/$set/logs" --impressions "$impressions" --actions $((impressions * 167)) \
        --customers "$impressions" --quiet >&2
    touch "$work/$set/made"
fi
export HITHERTO_BINARY=$binary PYTHONPATH=$PWD/src/python SPARK_LOCAL_IP=127.0.0.1
exec "$work/venv/bin/python" benches/spark/compare.py "$work/$set" --ways "$ways" --runs "$runs" --shards "$shards" $check
