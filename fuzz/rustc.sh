#!/usr/bin/env bash
# rustc, as cargo calls it, but our own crates count which of their branches are taken, as libFuzzer wants it. Libraries
# stay as `cargo test` builds them, so that CI need not build them twice; `cargo fuzz` counts in all of them.
set -eu
counted=(-Cpasses=sancov-module -Ccodegen-units=8 --cfg fuzzing)
for arg in level=4 inline-8bit-counters pc-table trace-compares; do
    counted+=("-Cllvm-args=-sanitizer-coverage-$arg")
done
case " $* " in
*" --crate-name hitherto "* | *"fuzz/src/lib.rs"* | *"fuzz_targets/"* | *" --crate-name hitherto_fuzz "*) exec "$@" "${counted[@]}" ;;
*) exec "$@" ;;
esac
