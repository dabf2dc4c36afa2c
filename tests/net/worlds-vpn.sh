#!/bin/bash
# SPDX-License-Identifier: MIT
# A path of each deployment on machines with the routing rules of wg-quick and of Tailscale, and with an exit
# node.
HPN_WORLD=vpn
. "${srcdir:-.}/tests/net/deployments-lib.sh"
deployments_up
deployments

check "an exit node is chosen" for_boxes tailscale_exit_node
deployments " with an exit node"
behind_nat
gateways
deployments_end
