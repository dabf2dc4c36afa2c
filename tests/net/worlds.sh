#!/bin/bash
# SPDX-License-Identifier: MIT
# A path of each deployment on machines with a kernel's defaults.
HPN_WORLD=default
. "${srcdir:-.}/tests/net/deployments-lib.sh"
mark_fails() { # NUMBER COMMAND: so many failures a marked check counts
	(HPN_FAILED=0; known reason sentence "$2" >/dev/null; [ $HPN_FAILED = "$1" ])
}
check "a known failure is no failure" mark_fails 0 false
check "a mark that is no longer true is one" mark_fails 1 true
deployments_up
check "without a firewall, a client is reached from outside" outside_in works
deployments
behind_nat
gateways
deployments_end
