#!/bin/bash
# SPDX-License-Identifier: MIT
# kill -9 of the proxy, then of the server, in the middle of a transfer; each comes back.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
BIG_BYTES=30000000
protected_net

killed_during_transfer() { # NODE
	local get
	fetch client1 $SERVER4 big --limit-rate 6M & get=$!
	under_way client1 $get || return 1
	daemon_stop "$1" KILL
	sleep 0.5
	daemon_start "$1" || return 1
	wait $get
}

capture_start proxy wan0 "($NOT_HIP) and ip"
check "the proxy is killed: the transfer ends with the right sha256" killed_during_transfer proxy
check "there is an association again" test "$(associations_of proxy)" = 1
check "a new connection works" hello client2 $SERVER4 server
check "the server is killed: the transfer ends with the right sha256" killed_during_transfer server
check "a new connection works" hello client2 $SERVER4 server
capture_stop proxy wan0
check "nothing went out plain meanwhile" test "$(packets "$HPN_DIR/proxy/wan0.pcap")" = 0
finish
