#!/bin/bash
# SPDX-License-Identifier: MIT
# A path of each deployment on machines with the routing rules of wg-quick and of Tailscale, and with an exit
# node and the rules of conf/vpn.sh.
HPN_WORLD=vpn
. "${srcdir:-.}/tests/net/deployments-lib.sh"
deployments_up
deployments

check "an exit node is chosen" for_boxes tailscale_exit_node
mark "rule 5270 leads HITs to the exit node" "host to host with an exit node"
path "host to host with an exit node" hiphost "$(hit_of server)" server
check "conf/vpn.sh runs" for_boxes vpn_example
deployments " with an exit node and conf/vpn.sh"
behind_nat
gateways
deployments_end
