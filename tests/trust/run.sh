#!/usr/bin/env bash
# Tries to break a built binary: hostile files, kills, failing system calls, full disks, races, signals, permissions.
# Usage: tests/trust/run.sh [--binary PATH] [--quick] [NAME...]
# Each NAME is a script of this folder (all, if none is given); --quick tries a small sample of each, in a minute.
# Prints a line for each figure at the end. Some scripts need root (mount, setpriv, unshare), strace, or a build with
# the feature `failpoints` (made here, if there is cargo): what cannot run says so loudly, and does not fail.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/trust
binary=target/release/hitherto
flags=()
names=()
while [ $# -gt 0 ]; do
    case $1 in
    --binary) binary=$2 && shift 2 ;;
    --quick) flags+=(--quick) && shift ;;
    -*) echo "usage: $0 [--binary PATH] [--quick] [NAME...]" >&2 && exit 2 ;;
    *) names+=("$1") && shift ;;
    esac
done
[ ${#names[@]} -gt 0 ] || names=(corpora bombs flips medium kills faults full races signals permissions)
[ -x "$binary" ] || { echo "$0: no such program: $binary (cargo build --release makes it)" >&2; exit 2; }

# Some files are made with pyarrow, and DuckDB is asked; tests/readers has both. The stamp is written last, so that a
# venv left half made is made again.
venv=target/readers-venv
if ! cmp -s tests/readers/requirements.txt "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/readers/requirements.txt
    cp tests/readers/requirements.txt "$venv/requirements.txt"
fi

# Fail points are in no build that people use, so they need one of their own.
points=target/debug/hitherto-failpoints
if [[ " ${names[*]} " == *" kills "* ]] && command -v cargo >/dev/null; then
    cargo build --quiet --features failpoints
    cp target/debug/hitherto "$points"
fi

log=target/trust.log
: >"$log"
failed=0
for name in "${names[@]}"; do
    more=()
    [ "$name" != kills ] || more=(--failpoints "$points")
    "$venv/bin/python" "$here/$name.py" --binary "$binary" "${flags[@]}" "${more[@]}" 2>&1 | tee -a "$log" | { grep -v '^FIGURE' || true; } || failed=1
done
echo
{ printf 'script\twhat was done\ttimes\tresult\n'; sed -n 's/^FIGURE\t//p' "$log"; } | column -t -s "$(printf '\t')"
exit "$failed"
