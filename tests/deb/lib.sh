# SPDX-License-Identifier: MIT
# For the tests of packages; sourced by bash.
passed=0 failed=0

check() { # SENTENCE COMMAND...
	local what=$1; shift
	if "$@"; then echo "ok    $what"; passed=$((passed + 1))
	else echo "FAIL  $what"; failed=$((failed + 1)); fi
}

totals() { # NAME
	echo "# $1 PASS: $passed"
	echo "# $1 FAIL: $failed"
	echo "$passed passed, $failed failed, 0 skipped"
	[ "$failed" = 0 ]
}
