#!/usr/bin/env bash
# Checks hitherto.spark with Spark on this machine: sets made by Spark are compared with those of a single run, row by
# row in order, and value by value in counts and metrics.
#
# usage: tests/spark/run.sh BINARY [--smoke | --quick] [--spark VERSION]… [--matrix]
#        tests/spark/run.sh --install
#
#   BINARY           the program
#   --smoke          a few tests of one version, in a minute
#   --install        only what the tests need: Java and the venv
#   --quick          without the tests that take long (200 shards, a cluster of processes, drivers that are killed)
#   --spark VERSION  the version of PySpark; default 4.3.0; may be repeated
#   --matrix         3.5.9, 4.0.5 and 4.3.0, and Spark Connect with the last two
#
# Each version has a venv of its own in target/spark, made by pip. Java 17 is installed by apt if there is no java.
# Everything is on loopback. --quick takes some five minutes on 2 cores, all of it for one version some ten.
set -euo pipefail

usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; }
wrong() { echo "$1; see tests/spark/run.sh --help" >&2; exit 2; }

binary="" versions=() connect="" select=() install=""
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit ;;
        --quick) select=(-m "not slow") ;;
        --smoke) select=(-k "test_integers or test_files_on_a_shared_disk or test_a_bad_row_is_named or test_the_columns or test_dwell or test_features") ;;
        --install) install=yes ;;
        --matrix) versions+=(3.5.9 4.0.5 4.3.0) connect=yes ;;
        --spark) [ $# -ge 2 ] || wrong "--spark needs a version"; versions+=("$2"); shift ;;
        -*) wrong "unknown option $1" ;;
        *) [ -z "$binary" ] || wrong "one binary is enough"; binary=$(realpath -e "$1") || wrong "$1 is not there" ;;
    esac
    shift
done
[ -n "$binary$install" ] || wrong "BINARY is missing"
[ ${#versions[@]} -gt 0 ] || versions=(4.3.0)
if ! command -v java > /dev/null; then
    { apt-get update -qq && apt-get install -y --no-install-recommends openjdk-17-jre-headless; } > /dev/null
fi

cd "$(dirname "$0")/../.."
. tests/venv.sh
export HITHERTO_BINARY=$binary SPARK_LOCAL_IP=127.0.0.1
mkdir -p target/spark
for version in "${versions[@]}"; do
    { cat tests/spark/requirements.txt; echo "pyspark==$version"; } > "target/spark/$version.txt"
    make_venv "target/spark/$version" "target/spark/$version.txt"
    [ -z "$install" ] || continue
    run=("$PWD/target/spark/$version/bin/python" -m pytest -p no:cacheprovider -c tests/spark/pytest.ini tests/spark)
    echo "Spark $version" >&2
    "${run[@]}" "${select[@]}"
    # PySpark 3.5 comes without the server of Connect.
    if [ -n "$connect" ] && [ "$version" != 3.5.9 ]; then
        echo "Spark $version, Connect" >&2
        SPARK_TEST_MASTER=connect "${run[@]}" -m "not slow"
    fi
done
