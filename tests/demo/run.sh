#!/bin/sh
# Lets a small C++ service crash for real and has inquest say why. INQUEST names the program.
# Standard output is inquest's report and nothing else.
set -eu

: "${INQUEST:?the inquest program}"
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/inquest-demo-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

core=$(sh "$here/make_core.sh" "$work")
printf '%s\n' "demo: inquest explain core" "" >&2
"$INQUEST" explain "$core"
