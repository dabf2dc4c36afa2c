#!/bin/bash
# SPDX-License-Identifier: MIT
# A path of each deployment on machines with rp_filter 2.
HPN_WORLD=ubuntu
. "${srcdir:-.}/tests/net/deployments-lib.sh"
mark "$NO_WAY_BACK" "client side, IPv4"
deployments_up
deployments
check "conf/sysctl.conf is written" for_boxes sysctl_example
restart proxy
client_side " with conf/sysctl.conf"
behind_nat
gateways " with conf/sysctl.conf"
deployments_end
