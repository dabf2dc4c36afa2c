#!/bin/bash
# SPDX-License-Identifier: MIT
# TFTP with the plugin tftp at a server-side proxy alone: a legacy host behind it is the client of a HIP host,
# which fails without the plugin because only port 69 is hosted; and it is a HIP host's server, which
# works without the plugin too.
#
#    hiphost -- lan -- proxy -- wan -- [ server ] -- plain
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/tftp-lib.sh"
tftp_up
KIND=gateway
hiphost_conf
proxy_with "" && daemon_start hiphost || fail "hiphost comes up"
for family in 4 6; do
	legacy=$PLAIN4; [ $family = 4 ] || legacy=$PLAIN6
	check "a gateway for $legacy without the plugin" gateway_with $legacy ""
	ctl hiphost flush all >/dev/null
	# A gateway lets its own servers answer from any port in every mode: nothing fails here.
	serve plain hpa
	check "server side, server $legacy: a HIP client gets without the plugin" moves hpa get hiphost "$(web_hit)"
	unserve plain
	known=$(pool_of $family)
	all_fail "server side, client $legacy, without the plugin" server hiphost plain "$known"
	check "with the plugin" gateway_with $legacy "tftp = { };"
	ctl hiphost flush all >/dev/null
	both_servers "server side, server $legacy" plain hiphost "$(web_hit)"
	both_servers "server side, client $legacy" hiphost plain "$known"
done
through_loss "server side" hiphost plain "$known"
daemon_stop hiphost
finish
