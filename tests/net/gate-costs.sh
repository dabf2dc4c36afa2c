#!/bin/bash
# SPDX-License-Identifier: MIT
# alone: measures how long the gate takes
# With 10,000 peers, comparing what is wanted with what the kernel has takes less than 50 ms, and a HIT
# that is learned costs the same as with few.
. "${srcdir:-.}/tests/net/lib.sh"
need jq
[ -x "$HPN_BUILD/bench/gate" ] || skip "bench/gate is not built"
figures=$("$HPN_BUILD/bench/gate" 10000) || { fail "bench/gate measures"; exit 1; }
few=$("$HPN_BUILD/bench/gate" 10)
say "      $figures"
say "      $few"
of() { jq -r ".$2" <<<"$1"; }
check "comparing takes less than 50 ms" test "$(of "$figures" compare_us)" -lt 50000
check "putting a route back takes less than 50 ms" test "$(of "$figures" repair_us)" -lt 50000
check "a HIT that is learned takes less than 2 ms" test "$(of "$figures" learn_us)" -lt 2000
finish
