#!/usr/bin/env bash
# try.sh overlay|debootstrap <folder>: installs the packages in the folder on a Debian system that nothing
# else depends on, and compiles and runs demo.c there, as somebody does who has read README.md. Run by
# checks-package.sh, as root, with mounts of its own (unshare --mount), which end with it.
#
# The system is a copy of this one, of which only the differences are stored, or one made from nothing.
set -euo pipefail
kind=$1
folder=$2
root=$folder/system

mkdir "$root"
mount -t tmpfs tmpfs "$root"
mkdir "$root/upper" "$root/work" "$root/all"
if [ "$kind" = overlay ]; then
  mount -t overlay overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" "$root/all" || exit 77
else
  debootstrap --variant=minbase --include=gcc,libc6-dev,pkg-config "${SUITE:-stable}" "$root/all"
fi
root=$root/all
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
cp "$folder"/*.deb "$folder/demo.c" c-tests/harness/module.c c-tests/helper/host.c "$root/tmp"

chroot "$root" bash -euo pipefail -c '
  cd /tmp
  apt-get install --yes /tmp/*.deb
  cc demo.c $(pkg-config --cflags --libs cfutures) -o with-pkg-config
  cc demo.c -lcfutures -o plain
  cc -static demo.c $(pkg-config --static --libs cfutures) -o static
  cc -shared -fPIC module.c -o libmodule.so
  cc host.c -lcfutures -L. -lmodule -lpthread -Wl,-rpath,. -o host
  ./host is "$(dpkg -L libcfutures0 | grep cfutures-worker)"
  for program in with-pkg-config plain static; do ./$program >$program.output; done
' </dev/null
for output in "$root"/tmp/*.output; do
  diff -u --label README.md --label "$(basename "$output")" "$folder/expected" "$output"
done
