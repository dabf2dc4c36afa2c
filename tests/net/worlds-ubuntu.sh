#!/bin/bash
# SPDX-License-Identifier: MIT
# A path of each deployment on machines with rp_filter 2.
HPN_WORLD=ubuntu
. "${srcdir:-.}/tests/net/deployments-lib.sh"
deployments_up
deployments
behind_nat
gateways
deployments_end
