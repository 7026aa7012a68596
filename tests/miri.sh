#!/usr/bin/env bash
# Runs the tests of all that is low-level under Miri, which finds undefined behaviour in what is executed.
# usage: tests/miri.sh    (needs rustup; installs Rust nightly with Miri if they are not there; takes ten minutes)
#
# Left out are src/encode/direct/zstd.rs, the one module with `unsafe`: it calls C, which Miri cannot run; and what starts
# threads: Miri stops in crossbeam-epoch below rayon, before it comes to ours.
set -euo pipefail
cd "$(dirname "$0")/.."
rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal >&2
rustup component add --toolchain nightly miri rust-src >&2
modules=(context dictionary::{keys,mark,rank,table,tests} encode::direct::{history_deltas,literals_and_copies,lz4} ids
    kernel::{chunk,column,op,partition,sort,sweep} scan::parquet::{delta,footer,header,levels,thrift})
MIRIFLAGS="-Zmiri-disable-isolation" cargo +nightly miri test --locked --no-default-features --lib -- "${modules[@]/%/::}"
