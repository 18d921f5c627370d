#!/usr/bin/env bash
# dist.sh <folder>: makes <folder>/cfutures-<version>.tar.gz, from which the library is built without a
# network. Run by `./run dist` and by the check "dist".
#
# It holds the files of the project as they are here, and the one crate that the library needs. Those that
# only the Rust tests need are ten times as much: they and the tests' dependencies on them stay out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo=${CFUTURES_CARGO:-cargo}
[ -e .git ] || {
  echo "The source archive is made from a clone of the repository; this is no clone." >&2
  exit 1
}
mkdir -p "$1"
out=$(cd "$1" && pwd)
name=cfutures-$(sed -n 's/^version *= *"\(.*\)".*/\1/p' Cargo.toml)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

mkdir "$stage/$name"
git ls-files -z --cached --others --exclude-standard | xargs -0 sh -c '
  for file; do if [ -e "$file" ]; then printf "%s\0" "$file"; fi; done' sh |
  tar c --null --files-from=- | tar x -C "$stage/$name"
cd "$stage/$name"
awk '/^\[/ { out = /dev-dependencies/ } !out' Cargo.toml >Cargo.toml.new
mv Cargo.toml.new Cargo.toml
mkdir .cargo

# vendor: prints what must stand in the configuration. What it needs may be here already.
vendor() {
  "$cargo" --offline vendor vendor 2>/dev/null || "$cargo" vendor vendor 2>../log
}
vendor >.cargo/config.toml || {
  cat ../log >&2
  exit 1
}
touch -r CHANGELOG.md Cargo.toml Cargo.lock .cargo/config.toml
cd ..
tar c --sort=name --owner=0 --group=0 --numeric-owner "$name" | gzip -9n >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"
