#!/bin/sh
# The demo must not only run: the report must name the crash, the function, the line and the null member.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
line=$(grep -n 'order.quantity \* order.pricing->unit_cents' "$here/pricing_service.cc" | cut -d: -f1)
report=$(sh "$here/run.sh")
printf '%s\n' "$report"

failed=
for wanted in SIGSEGV quote "pricing_service.cc:$line" pricing null; do
  case $report in
    *"$wanted"*) ;;
    *)
      echo "the report does not say: $wanted" >&2
      failed=yes
      ;;
  esac
done
[ -z "$failed" ]
