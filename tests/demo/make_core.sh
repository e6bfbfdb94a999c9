#!/bin/sh
# make_core.sh DIR: builds the pricing service in DIR, lets it crash for real, and prints the path of the core.
# Exit code 77 when this machine lets no core be made.
set -eu

work=${1:?the directory to work in}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

say() { printf '%s\n' "demo: $*" >&2; }

# The kernel writes a core here when it is told to write plain files and the limit lets it.
crash_by_kernel() {
  pattern=$(cat /proc/sys/kernel/core_pattern)
  case $pattern in '|'* | /*) return 1 ;; esac
  # shellcheck disable=SC3045  # dash knows ulimit -c
  (cd "$work" && ulimit -c unlimited 2>/dev/null && exec ./pricing-service) >"$work/log" 2>&1 && return 1
  for core in "$work"/*core*; do
    if [ -s "$core" ]; then return 0; fi
  done
  return 1
}

# Otherwise gdb stands by and writes the same at the moment of the signal.
crash_under_gdb() {
  command -v gdb >/dev/null 2>&1 || return 1
  core=$work/core
  (cd "$work" && gdb -nx -batch -ex 'set disable-randomization off' -ex run -ex "generate-core-file $core" \
    ./pricing-service) >"$work/log" 2>&1 </dev/null || true
  [ -s "$core" ]
}

say "compiling a small order-pricing service (g++ -O2 -g)"
"${CXX:-g++-12}" -std=c++20 -O2 -g -pthread -o "$work/pricing-service" "$here/pricing_service.cc"

say "starting it; order 1042 is for a product that is no longer in the catalogue"
if crash_by_kernel; then
  say "it crashed, and the kernel wrote a core"
elif crash_under_gdb; then
  say "it crashed; core_pattern or limits keep the kernel from writing a core here, so gdb wrote it"
else
  say "no core can be made here; the attempt ended with:"
  tail -n 5 "$work/log" >&2
  exit 77
fi
printf '%s\n' "$core"
