#!/usr/bin/env bash
# Builds the image of the Dockerfile without a daemon and without a registry, and runs it as it will be run: without
# root, over a folder of the host. The stage that compiles is played by a small image whose `cargo` hands over
# BINARY, so this checks all of the Dockerfile but the compiler.
# Usage: tests/deploy/image.sh STATIC_BINARY
#   cargo rustc --profile dist --bin hitherto --target "$(rustc --print host-tuple)" -- -C target-feature=+crt-static
# makes such a binary. Needs root, and Debian's packages buildah and busybox-static, which it installs.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 STATIC_BINARY" >&2; exit 2; }
binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
if ldd "$binary" 2>/dev/null | grep -q "=>"; then
    echo "$binary is not static: the image has no C library" >&2
    exit 2
fi
if ! command -v buildah >/dev/null || ! command -v busybox >/dev/null; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends buildah busybox-static
fi

work=$(mktemp -d)
bud() { buildah --root "$work/images" --runroot "$work/run" --storage-driver vfs "$@"; }
finish() {
    bud rm --all >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT

# The stand-in for the image of Rust.
mkdir -p "$work/rust/bin" "$work/rust/usr/local/bin" "$work/rust/tmp" "$work/rust/etc"
cp "$(command -v busybox)" "$work/rust/bin/busybox"
for tool in sh cp mkdir test; do ln -s busybox "$work/rust/bin/$tool"; done
cp "$binary" "$work/rust/hitherto"
tuple=x86_64-unknown-linux-gnu
printf '#!/bin/sh\necho %s\n' $tuple >"$work/rust/usr/local/bin/rustc"
cat >"$work/rust/usr/local/bin/cargo" <<EOF
#!/bin/sh
set -e
# What the compiler needs has to have come through .dockerignore.
for file in Cargo.toml Cargo.lock README.md src/main.rs src/guide/README.md benches/stages.rs; do test -f \$file; done
for file in .git target tests testdata/shop; do test ! -e \$file; done
test "\$*" = "rustc --locked --profile dist --bin hitherto --target $tuple -- -C target-feature=+crt-static"
mkdir -p target/$tuple/dist
cp /hitherto target/$tuple/dist/hitherto
EOF
chmod +x "$work"/rust/usr/local/bin/*
base=$(bud from scratch)
bud add --quiet "$base" "$work/rust" / >/dev/null
bud commit --quiet "$base" localhost/rust >/dev/null

bud bud --quiet --isolation chroot --pull-never --build-arg RUST_IMAGE=localhost/rust \
    --build-arg SPARK_IMAGE=localhost/rust --target hitherto --tag localhost/hitherto . >/dev/null

# Bytes as they are unpacked.
image=$(bud from --pull-never localhost/hitherto)
root=$(bud mount "$image")
size=$(du --summarize --bytes "$root" | cut -f1)
echo "image: $size bytes"
[ "$size" -lt 40000000 ] || { echo "more than 40 MB" >&2; exit 1; }
[ "$(stat -c %a "$root/tmp")" = 1777 ] || { echo "/tmp is not for all" >&2; exit 1; }
config=$(bud inspect --type image --format '{{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.WorkingDir}}' \
    localhost/hitherto)
[ "$config" = "1000:1000 [/usr/local/bin/hitherto] /data" ] || { echo "$config" >&2; exit 1; }

# As the entrypoint runs: user 1000, in /data, which belongs to it.
mkdir "$work/data"
cp -r testdata/shop "$work/data/shop"
chown -R 1000:1000 "$work/data"
# buildah makes its own mount points within the folders above.
chmod 755 "$work"
in_image() { bud run --isolation chroot --volume "$work/data:/data" "$image" -- /usr/local/bin/hitherto "$@"; }
in_image sequences shop --date 2025-08-15 --out training --quiet
in_image verify training --quiet
[ "$(stat -c %u "$work/data/training/_SUCCESS")" = 1000 ] || { echo "the set is not the user's" >&2; exit 1; }
if in_image sequences shop --out /elsewhere/training --quiet 2>/dev/null; then
    echo "it wrote into the image: it runs as root" >&2
    exit 1
fi
echo "the image runs"
