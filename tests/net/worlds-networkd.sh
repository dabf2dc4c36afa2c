#!/bin/bash
# SPDX-License-Identifier: MIT
# A path of each deployment beside systemd-networkd, which removes routing rules and routes that it has not
# made when it restarts, unless conf/networkd.conf forbids it.
HPN_WORLD=networkd
. "${srcdir:-.}/tests/net/deployments-lib.sh"
networkd_configured_restart() { networkd_configure "$1" && networkd_restart "$1"; }
deployments_up
deployments
check "networkd is configured and restarts" for_boxes networkd_configured_restart
deployments " after networkd's restart"
behind_nat
check "networkd restarts again" for_boxes networkd_restart
gateways

for n in $HPN_BOXES; do rm "$HPN_DIR/$n/networkd.conf"; done
check "networkd restarts without it" for_boxes networkd_restart
now=" after a restart without conf/networkd.conf"
path "client side, IPv6$now" client1 $SERVER6 server
path "host to host$now" hiphost "$(hit_of server)" server
path "gateway to gateway, IPv4$now" client1 $KNOWN4 plain
restart server
restart hiphost
path "host to host after hipproxyd is restarted" hiphost "$(hit_of server)" server
deployments_end
