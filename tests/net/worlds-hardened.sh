#!/bin/bash
# SPDX-License-Identifier: MIT
# A path of each deployment on machines hardened after CIS: rp_filter 1 and a stateful nftables ruleset that
# drops, with the accepts of conf/firewall.nft.
HPN_WORLD=hardened
. "${srcdir:-.}/tests/net/deployments-lib.sh"
deployments_up
check "the firewall is closed: no client is reached from outside" outside_in fails
deployments

check "the firewall is reloaded" for_boxes firewall_load
deployments " after a reload of the firewall"
behind_nat
gateways

# Debian's own form of the file begins with "flush ruleset".
check "the whole ruleset is loaded anew" for_boxes nftables_load
now=" after flush ruleset"
gateways "$now"
restart proxy
gateways " after hipproxyd is restarted"
deployments_end
