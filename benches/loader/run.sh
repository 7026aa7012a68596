#!/usr/bin/env bash
# Measures `hitherto.torch.Samples` beside the loader of the guide (tests/readers/train.py) and those of other packages.
#
# usage: benches/loader/run.sh --binary PATH [--python PATH] [--set S|M|L] [--peers LIST] [--runs N] [--seconds N]
#                              [--copies COUNT] [--settings]
#
#   --binary PATH    the program that makes the sets
#   --python PATH    a Python with numpy, pyarrow and torch; default python3
#   --set S|M|L      how much; default M:
#                      S    1,000 impressions,    167,000 actions,   1,000 customers
#                      M  100,000 impressions, 16,700,000 actions, 100,000 customers, which are a million samples
#                      L  1,000,000 impressions, 167,000,000 actions, a million customers, which are ten million samples
#   --peers LIST     any of hf,mds,litdata,lance, or none; default all: HF datasets, MosaicML Streaming, LitData, Lance
#   --runs N         runs of each, taken in turns; default 3
#   --seconds N      stops a run so long after its first batch, or at the end of the epoch; default 15
#   --copies COUNT   samples in the copies that mds, litdata and lance read, at most; default 100000
#   --settings       measures settings of `Samples` and the load of a day instead, without peers (see loaders.py)
#
# Each run is a process of its own, with one thread for PyTorch and the input in the page cache, and no workers. Before
# it is measured another process touches 1 GB and ends, so that no loader pays for memory that the host of a virtual
# machine took back (see one.py). CPU time is that of the process and all it starts, imports apart. "with the start"
# counts all of it, "after the first batch" what follows. "of the guide's" compares rates after the first batch, but ours
# with the start, which loads the day: so it favours the others. Ours are int32 types by default, for nn.Embedding; the
# others give int8, as the set has it, so "types int8" is the line that compares with theirs. Peak RSS includes imports,
# and counts pages that are shared or mapped too.
#
# With S each loader also reads a whole epoch apart, whose samples are compared with those of the set: if they differ,
# the script exits with 1. A peer is installed with pip into a venv of its own in target/loader, which sees the packages
# of --python. One that cannot be installed or run is a line of the table, with the reason. stdout carries the table.
# On 2 cores the first run of S takes some minutes, as pip does; M then takes some 4 minutes for each of its runs.
set -euo pipefail

usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"; }
wrong() { echo "$1; see benches/loader/run.sh --help" >&2; exit 2; }

script=$(realpath "$0")
binary="" python=python3 set=M peers=hf,mds,litdata,lance runs=3 seconds=15 copies=100000 settings=""
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage "$script"; exit ;;
        --settings) settings=yes; shift; continue ;;
        --binary | --python | --set | --peers | --runs | --seconds | --copies) [ $# -ge 2 ] || wrong "$1 needs a value" ;;
        *) wrong "unknown option $1" ;;
    esac
    case $1 in
        --binary) binary=$(realpath -e "$2") || wrong "--binary $2 is not there" ;;
        --python) python=$2 ;;
        --set) set=$2 ;;
        --peers) peers=$2 ;;
        --runs) runs=$2 ;;
        --seconds) seconds=$2 ;;
        --copies) copies=$2 ;;
    esac
    shift 2
done
[ -n "$binary" ] || wrong "--binary is missing"
[[ $set =~ ^[SML]$ ]] || wrong "--set $set is none of S, M, L"
known='(hf|mds|litdata|lance)'
[[ $peers =~ ^(none|$known(,$known)*)$ ]] || wrong "--peers $peers names others than hf, mds, litdata, lance"
for name in runs seconds copies; do
    [[ ${!name} =~ ^[1-9][0-9]*$ ]] || wrong "--$name ${!name} is not a number above 0"
done
python=$(command -v "$python") || wrong "--python is not there"
python=$(realpath -s "$python")

cd "$(dirname "$script")/../.."
case $set in S) impressions=1000 ;; M) impressions=100000 ;; L) impressions=1000000 ;; esac
sets=target/loader/$impressions
venvs=target/loader/venvs
if [ ! -e "$sets/request/_SUCCESS" ] || [ ! -e "$sets/sample/_SUCCESS" ]; then
    rm -rf "$sets" && mkdir -p "$sets"
    "$binary" generate "$sets/logs" --impressions "$impressions" --actions $((impressions * 167)) \
        --customers "$impressions" --quiet >&2
    for layout in sample request; do
        "$binary" sequences "$sets/logs" --out "$sets/$layout" --layout "$layout" --quiet >&2
    done
fi
# Libraries of peers write to the home folder and ask servers unless told otherwise.
export OMP_NUM_THREADS=1 PYTHONPATH=src/python:tests/readers HF_HUB_OFFLINE=1 HF_HOME=$PWD/target/loader/hf
if [ -n "$settings" ]; then
    exec "$python" benches/loader/loaders.py "$sets" --runs "$runs"
fi

# A peer has a venv of its own, as peers ask for different versions of the same packages. "installed" is written last.
install() {
    local venv=$venvs/$1 pin
    pin=$(grep -A1 -x "# $1" benches/loader/requirements.txt | tail -n 1)
    [ "$(cat "$venv/installed" 2> /dev/null)" != "$pin $python" ] || return 0
    echo "installing $pin" >&2
    rm -rf "$venv" && mkdir -p "$venvs"
    { "$python" -m venv "$venv" \
        && "$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$(echo "$venv"/lib/python3*/site-packages)/outer.pth" \
        && "$venv/bin/pip" install --quiet --disable-pip-version-check "$pin" \
        && echo "$pin $python" > "$venv/installed"; } > "$venvs/$1.log" 2>&1 || echo "could not install $pin" >&2
}
if [ "$peers" != none ]; then
    for peer in ${peers//,/ }; do install "$peer"; done
fi
check=""
[ "$set" != S ] || check=--check
exec "$python" benches/loader/compare.py "$sets" --name "$set" --venvs "$venvs" --peers "$peers" \
    --runs "$runs" --seconds "$seconds" --copies "$copies" $check
