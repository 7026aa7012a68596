#!/usr/bin/env bash
# Runs `hitherto sequences` beside other engines that do the same job on one set of made logs, and prints a table; or
# `hitherto features` or `hitherto dwell` beside Polars.
#
# usage: benches/peers/run.sh [--job sequences|features|dwell] [--set S|M|L] [--format parquet|csv|ndjson] [--runs N]
#                             [--peers LIST] [--variants] [--binary PATH]
#
#   --job JOB        default sequences; the others know no peer but polars, and no variants. Sets of features have 1, 10
#                    and 100 million clicks and a tenth of that of impressions, those of dwell 1, 10 and 100 million
#                    events of 20 thousand, 200 thousand and 2 million users
#   --set S|M|L      how much; default M, of which each is ten times the one before:
#                      S     10,000 impressions,   1,670,000 actions,    10,000 customers
#                      M    100,000 impressions,  16,700,000 actions,   100,000 customers
#                      L  1,000,000 impressions, 167,000,000 actions, 1,000,000 customers
#   --format FORMAT  what the set is in; default parquet. With csv the impressions stay Parquet, as CSV has no lists.
#                    csv and ndjson know the peers polars and duckdb, and no variants
#   --runs N         runs of each, taken in turns; default 3
#   --peers LIST     any of polars,duckdb,clickhouse,spark; default polars (spark needs Java 17 or newer)
#   --variants       also measures --codec lz4_raw, --layout request, a set with texts for ids of items
#                    (--item-vocabulary build) and, with set L, --memory 1GiB
#   --binary PATH    the program to measure; without it, `cargo build --profile dist` makes it
#
# The first run makes a Python venv in target/peers/venv and the set in target/peers/SET; later runs find them there.
# Each run is a process of its own, with the input in the page cache. After the first run of each, its rows are
# compared with ours: if they differ, the script says so and exits with 1. A peer that fails is a line of the table.
# stdout carries the machine and the table, stderr each run as it ends.
#
# On 2 cores, one run of each with S takes a minute or two, of which spark takes one. By their sizes M takes some
# ten times that and L a hundred, with some 5 GB of disk, and more where a peer spills. Leave the machine alone then.
#
# Text against DuckDB and Polars, `--format csv --peers polars,duckdb` and the same with ndjson, takes six to seven
# minutes each with M and --runs 3, of which DuckDB takes four, and a minute more where the set is not there yet. It has
# 0.6 GB as CSV and 1.3 GB as NDJSON.
set -euo pipefail

usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"; }
wrong() { echo "$1; see benches/peers/run.sh --help" >&2; exit 2; }

script=$(realpath "$0")
job=sequences set=M format=parquet runs=3 peers=polars binary="" variants=""
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage "$script"; exit ;;
        --variants) variants=--variants; shift; continue ;;
        --job | --set | --format | --runs | --peers | --binary) [ $# -ge 2 ] || wrong "$1 needs a value" ;;
        *) wrong "unknown option $1" ;;
    esac
    case $1 in
        --job) job=$2 ;;
        --set) set=$2 ;;
        --format) format=$2 ;;
        --runs) runs=$2 ;;
        --peers) peers=$2 ;;
        --binary) binary=$(realpath -e "$2") || wrong "--binary $2 is not there" ;;
    esac
    shift 2
done
[[ $job =~ ^(sequences|features|dwell)$ ]] || wrong "--job $job is none of sequences, features, dwell"
[[ $job$peers$variants =~ ^(sequences.*|(features|dwell)polars)$ ]] || wrong "--job $job has no peer but polars, and no variants"
[[ $set =~ ^[SML]$ ]] || wrong "--set $set is none of S, M, L"
[[ $format =~ ^(parquet|csv|ndjson)$ ]] || wrong "--format $format is none of parquet, csv, ndjson"
[[ $format = parquet || $job = sequences ]] || wrong "--job $job has no --format"
[[ $format$variants =~ ^(parquet.*|csv|ndjson)$ ]] || wrong "--format $format has no variants"
[[ $runs =~ ^[1-9][0-9]*$ ]] || wrong "--runs $runs is not a number above 0"
known='(polars|duckdb|clickhouse|spark)'
[[ $peers =~ ^$known(,$known)*$ ]] || wrong "--peers $peers names others than polars, duckdb, clickhouse, spark"
[[ $format = parquet || $peers =~ ^(polars|duckdb)(,(polars|duckdb))*$ ]] || wrong "--format $format knows no peers but polars and duckdb"
case $peers in
    *spark*) command -v java > /dev/null || wrong "--peers spark needs Java 17 or newer on the path: install it" ;;
esac

cd "$(dirname "$script")/../.."
here=benches/peers
venv=target/peers/venv

pins() { grep -E "^($1)==" "$here/requirements.txt"; }
# Installs packages that are not there yet. The stamp is written last, so that what was left half made is made again.
install() {
    local stamp=$venv/installed-${1%%|*}
    [ "$(cat "$stamp" 2> /dev/null)" != "$(pins "$1")" ] || return 0
    echo "installing ${1//|/, }" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r <(pins "$1") >&2
    pins "$1" > "$stamp"
}
[ -e "$venv/made" ] || { rm -rf "$venv" && python3 -m venv "$venv" && touch "$venv/made"; }
install 'duckdb|numpy|polars|pyarrow'
case $peers in *clickhouse*) install 'chdb|chdb-core' ;; esac
case $peers in *spark*) install 'pyspark' ;; esac

if [ -z "$binary" ]; then
    cargo build --profile dist >&2
    binary=$(realpath "${CARGO_TARGET_DIR:-target}/dist/hitherto")
fi
if [ "$job" = features ]; then
    mkdir -p target/peers/features
    exec "$venv/bin/python" "$here/features.py" compare "$set" --binary "$binary" --runs "$runs"
fi
if [ "$job" = dwell ]; then
    "$venv/bin/python" "$here/dwell.py" generate "$set"
    exec "$venv/bin/python" "$here/dwell.py" compare "$set" --binary "$binary" --runs "$runs"
fi
"$venv/bin/python" "$here/peers.py" generate "$set"
[ -z "$variants" ] || "$venv/bin/python" "$here/peers.py" generate "$set" --texts
[ "$format" = parquet ] || "$venv/bin/python" "$here/peers.py" generate "$set" --format "$format"
exec "$venv/bin/python" "$here/peers.py" compare "$set" --binary "$binary" --runs "$runs" --peers "$peers" --format "$format" $variants
