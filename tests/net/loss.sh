#!/bin/bash
# SPDX-License-Identifier: MIT
# Base exchanges with every third control packet lost in either direction.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
protected_net
for chain in INPUT OUTPUT; do
	on server iptables -A $chain -p 139 -m statistic --mode nth --every 3 --packet 0 -j DROP
done
slow_hello() {
	on client1 timeout 40 curl -gsS --max-time 35 "$(url $SERVER4 hello)" 2>&1 | grep -q 'hello from server'
}
for i in 1 2 3 4 5 6 7 8; do
	plain_watch
	check "new association $i" slow_hello
	check "and nothing plain" plain_none
	daemon_stop proxy KILL
	daemon_start proxy || fail "the proxy starts again"
done
finish
