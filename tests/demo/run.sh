#!/bin/sh
# Lets a small C++ service crash for real and has inquest say why. INQUEST names the program.
# Standard output is inquest's report and nothing else. DEMO_DIR, when given, keeps the program and its core.
set -eu

: "${INQUEST:?the inquest program}"
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if [ -n "${DEMO_DIR:-}" ]; then
  work=$DEMO_DIR
  rm -rf "$work"
  mkdir -p "$work"
else
  work=$(mktemp -d "${TMPDIR:-/tmp}/inquest-demo-XXXXXX")
  trap 'rm -rf "$work"' EXIT INT TERM
fi

core=$(sh "$here/make_core.sh" "$work")
printf '%s\n' "demo: inquest explain core" "" >&2
"$INQUEST" explain "$core"
