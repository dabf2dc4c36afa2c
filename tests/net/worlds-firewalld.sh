#!/bin/bash
# SPDX-License-Identifier: MIT
# A path of each deployment beside firewalld's zones and its reverse path filter for IPv6, with the
# commands of conf/firewall-firewalld.sh.
HPN_WORLD=firewalld-like
. "${srcdir:-.}/tests/net/deployments-lib.sh"
deployments_up
check "the firewall is closed: no client is reached from outside" outside_in fails
deployments
check "firewalld reloads" for_boxes firewalld_start
deployments " after a reload"

check "firewalld reloads without the filter" for_boxes firewalld_no_rpfilter
client_side " with IPv6_rpfilter=no"
behind_nat
gateways " with IPv6_rpfilter=no"
deployments_end
