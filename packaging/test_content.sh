#!/bin/sh
# test_content.sh DIR: the .deb in DIR holds what it should, depends on what it needs, and nothing of this machine.
set -eu

deb=$(ls "${1:?the directory of the package}"/*.deb)
unpacked=$(mktemp -d "${TMPDIR:-/tmp}/inquest-deb-XXXXXX")
trap 'rm -rf "$unpacked"' EXIT INT TERM
failed=

bad() {
  echo "$deb: $*" >&2
  failed=yes
}

dpkg-deb --extract "$deb" "$unpacked"
for path in usr/bin/inquest usr/share/man/man1/inquest.1.gz usr/share/man/man1/inquest-explain.1.gz usr/share/man/man1/inquest-heap.1.gz \
  usr/share/inquest/known-issues.json usr/share/bash-completion/completions/inquest usr/share/doc/inquest/copyright usr/share/doc/inquest/NOTICE; do
  [ -f "$unpacked/$path" ] || bad "$path is not there"
done
[ "$(find "$unpacked" -type f -path '*/bin/*' | wc -l)" -eq 1 ] || bad "there is more than one program"
# Of libraries and headers only the handler's.
libraries='usr/include/inquest/handler.h usr/lib/libinquest.a usr/lib/libinquest.so usr/lib/libinquest.so.0
  usr/lib/inquest/libinquest-preload.so usr/lib/pkgconfig/inquest.pc'
for path in $libraries; do
  [ -e "$unpacked/$path" ] || bad "$path is not there"
done
found=$(cd "$unpacked" && find . -name '*.a' -o -name '*.so*' -o -name '*.h' | wc -l)
[ "$found" -eq 6 ] || bad "there are more libraries and headers than the handler's: $found"
for path in usr/lib/libinquest.so usr/lib/inquest/libinquest-preload.so; do
  readelf --dynamic "$unpacked/$path" | grep -q NEEDED && bad "$path needs a library"
  readelf --sections "$unpacked/$path" | grep -q ' \.debug_info' && bad "$path is not stripped"
done
[ "$(PKG_CONFIG_LIBDIR="$unpacked/usr/lib/pkgconfig" pkg-config --variable=libdir inquest)" = /usr/lib ] ||
  bad "pkg-config is told of another place"

depends=$(dpkg-deb --field "$deb" Depends)
for library in libc6 libstdc++6 libcurl4 zlib1g libisal2 libseccomp2 liblzma5 libzstd1 liblz4-1 libzydis4.0; do
  case $depends in
    *"$library "* | *"$library,"* | *"$library") ;;
    *) bad "does not depend on $library: $depends" ;;
  esac
done
# What the program is linked with must be named, with its licence, in NOTICE.
for package in $(printf '%s\n' "$depends" | tr ',' '\n' | awk '{ print $1 }'); do
  grep -qF "$package" "$unpacked/usr/share/doc/inquest/NOTICE" || bad "NOTICE does not name $package"
done
dpkg-deb --contents "$deb" | awk '$2 != "root/root" { exit 1 }' || bad "a file does not belong to root"

program=$unpacked/usr/bin/inquest
readelf --dynamic "$program" | grep -E 'RPATH|RUNPATH' >&2 && bad "it has a run path"
readelf --dynamic "$program" | grep -q BIND_NOW || bad "it is not linked with -z now"
readelf --file-header "$program" | grep -q 'DYN' || bad "it is not position-independent"
readelf --sections "$program" | grep -q ' \.debug_info' && bad "it is not stripped"
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
strings --all "$program" "$unpacked"/usr/lib/libinquest.* "$unpacked"/usr/lib/inquest/* | grep -F "$here/" >&2 &&
  bad "something names a path of the machine that built it"

[ -z "$failed" ] && echo "$deb: content is right; Depends: $depends"
