#!/bin/sh
# test_install.sh DIR: installs the .deb in DIR with apt into a bare Debian 12 root and explains a core there.
# Exit code 77 when no such root can be made here (not root, no debootstrap, no mirror).
set -eu

deb=$(ls "${1:?the directory of the package}"/*.deb)
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

skip() {
  echo "skipped: $*" >&2
  exit 77
}

[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
command -v debootstrap >/dev/null 2>&1 || skip "debootstrap is not installed"

# Not under the build directory: the path of a root shows up in what runs inside.
bare=$(mktemp -d "${TMPDIR:-/tmp}/inquest-root-XXXXXX")
trap 'rm -rf --one-file-system "$bare"' EXIT INT TERM
debootstrap --variant=minbase bookworm "$bare" "$mirror" >"$bare.log" 2>&1 || {
  tail -n 3 "$bare.log" >&2
  rm -f "$bare.log"
  skip "no Debian root could be made from $mirror"
}
rm -f "$bare.log"

inside() { chroot "$bare" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }

cp "$deb" "$bare/inquest.deb"
inside apt-get -q=2 -o Dpkg::Use-Pty=0 install --no-install-recommends -y /inquest.deb
inside inquest --version
inside inquest --help >/dev/null

mkdir "$bare/crash"
core=$(sh "$here/tests/demo/make_core.sh" "$bare/crash")
# The path of the program in the core is the one outside; --exe says where it is now.
report=$(inside inquest explain "/crash/$(basename "$core")" --exe /crash/pricing-service)
printf '%s\n' "$report"
failed=
for wanted in SIGSEGV 'quote' 'pricing_service.cc' 'pricing'; do
  case $report in
    *"$wanted"*) ;;
    *)
      echo "the installed program does not say: $wanted" >&2
      failed=yes
      ;;
  esac
done
inside dpkg --remove inquest >/dev/null
[ -z "$(cd "$bare" && find usr -path '*inquest*' ! -type d)" ] || {
  echo "removing the package leaves files behind" >&2
  failed=yes
}
[ -z "$failed" ]
