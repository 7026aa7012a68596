#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a while, from the seeds and from what earlier runs found.
# usage: fuzz/run.sh [--seconds N] [--asan] [TARGET...]
#
#   --seconds N  of each target; default 60
#   --asan       by cargo-fuzz: all libraries instrumented, with AddressSanitizer, optimised. Takes ten minutes to build
#                and needs rustup; installs Rust nightly and cargo-fuzz if they are not there. Without it, only our own
#                code is instrumented and libraries are those of `cargo test`, so that it builds in a minute or two.
#
# Finds lie in fuzz/artifacts, logs in fuzz/TARGET.log. Prints what each target executed; exits with 1 if one found
# something.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=60
asan=0
targets=()
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=$2 && shift 2 ;;
    --asan) asan=1 && shift ;;
    -*) awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0" >&2 && exit 2 ;;
    *) targets+=("$1") && shift ;;
    esac
done
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -n 's/^name = "\([a-z]*\)"$/\1/p' fuzz/Cargo.toml)
if [ "$asan" = 1 ]; then
    rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal >&2
    command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked >&2
    cargo +nightly fuzz build --release >&2
    built=fuzz/target/$(rustc -vV | sed -n 's/^host: //p')/release
else
    RUSTC_WRAPPER=$PWD/fuzz/rustc.sh CARGO_TARGET_DIR=$PWD/target cargo build --locked --manifest-path fuzz/Cargo.toml >&2
    built=target/debug
fi
failed=0
for target in "${targets[@]}"; do
    log=fuzz/$target.log
    folders=("fuzz/corpus/$target")
    mkdir -p "${folders[0]}" "fuzz/artifacts/$target"
    [ ! -d "fuzz/seeds/$target" ] || folders+=("fuzz/seeds/$target")
    "$built/$target" "${folders[@]}" -max_total_time="$seconds" -rss_limit_mb=3000 -timeout=20 -print_final_stats=1 \
        -artifact_prefix="fuzz/artifacts/$target/" >"$log" 2>&1 || failed=1
    awk -v target="$target" '/stat::number_of_executed_units/ { n = $2 } / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") c = $(i + 1) }
        /^SUMMARY:/ { s = $0 } END { printf "%-10s %12d executions, %6d edges%s\n", target, n, c, s ? "  " s : "" }' "$log"
done
exit "$failed"
