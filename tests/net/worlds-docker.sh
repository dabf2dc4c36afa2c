#!/bin/bash
# SPDX-License-Identifier: MIT
# A path of each deployment beside dockerd's chains, with the rules of conf/firewall-docker.iptables.
HPN_WORLD=docker-like
. "${srcdir:-.}/tests/net/deployments-lib.sh"
deployments_up
check "the firewall is closed: no client is reached from outside" outside_in fails
deployments
check "dockerd restarts" for_boxes docker_restart
deployments " after dockerd's restart"
behind_nat
gateways
deployments_end
