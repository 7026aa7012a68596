#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a while, from the seeds and from what earlier runs found.
# usage: fuzz/run.sh [--seconds N] [--release] [TARGET...]
#
#   --seconds N  of each target; default 60
#   --release    with all optimisations: builds longer, runs some times faster; default is the build that CI makes
#
# Needs rustup; installs Rust nightly and cargo-fuzz if they are not there. Finds lie in fuzz/artifacts; prints what each
# target executed, and exits with 1 if one found something.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=60
build=(--dev)
targets=()
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=$2 && shift 2 ;;
    --release) build=(--release) && shift ;;
    -*) awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0" >&2 && exit 2 ;;
    *) targets+=("$1") && shift ;;
    esac
done
rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal >&2
command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked >&2
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo +nightly fuzz list)

cargo +nightly fuzz build "${build[@]}" >&2
failed=0
for target in "${targets[@]}"; do
    corpus=fuzz/corpus/$target seeds=fuzz/seeds/$target log=fuzz/$target.log
    mkdir -p "$corpus" "$seeds"
    cargo +nightly fuzz run "${build[@]}" "$target" "$corpus" "$seeds" -- \
        -max_total_time="$seconds" -rss_limit_mb=3000 -timeout=20 -print_final_stats=1 >"$log" 2>&1 || failed=1
    awk -v target="$target" '/stat::number_of_executed_units/ { n = $2 } / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") c = $(i + 1) }
        /SUMMARY:/ { s = $0 } END { printf "%-10s %12d executions, %6d edges%s\n", target, n, c, s ? "  " s : "" }' "$log"
done
exit "$failed"
