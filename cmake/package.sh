#!/usr/bin/env bash
# package.sh [source folder]: makes the packages of CFuturesPackage.cmake in <source>/build/package/packages.
# Run by `./run package`, and by the check "dist" for an unpacked source archive.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

# On Debian the worker program lies in a folder of its architecture, as the library does, so that packages for
# several architectures can be installed beside each other.
flags=()
generators=TGZ
if command -v dpkg-shlibdeps >/dev/null; then
  generators="TGZ;DEB"
  flags+=(-DCMAKE_INSTALL_LIBEXECDIR="lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)")
fi
cmake --preset package "${flags[@]}"
cmake --build --preset package
rm -rf build/package/packages
cd build/package
cpack -G "$generators"
