#!/bin/bash
# SPDX-License-Identifier: MIT
# Policies: unknown destinations blocked with an ICMP error; rules to bypass and block.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
CLIENT_UNKNOWN=block
CLIENT_MORE='rules = (
	{ destination = "192.0.2.80/32"; protocol = "tcp"; ports = "22"; action = "bypass"; },
	{ destination = "192.0.2.80/32"; protocol = "tcp"; ports = "5201"; action = "block"; },
	{ client = "10.1.0.12/32"; destination = "192.0.2.90/32"; action = "bypass"; } );'
protected_net

refused_quickly() { # ADDRESS PORT
	local t=$SECONDS
	capture_start client1 eth0 "icmp or icmp6"
	on client1 timeout 10 curl -gsS --max-time 9 "$(url "$1" hello | sed "s,/hello,:$2/hello,")" \
		>/dev/null 2>"$HPN_DIR/client1/curl.log" && return 1
	capture_stop client1 eth0
	[ $((SECONDS - t)) -lt 7 ] &&
		[ "$(packets "$HPN_DIR/client1/eth0.pcap" "icmp[icmptype] == icmp-unreach or ip6[40] == 1")" -gt 0 ]
}

check "a HIP server is protected" hello client1 $SERVER4 server
check "an unknown destination is refused with an ICMP error" refused_quickly $LEGACY4 80
check "over IPv6 too" refused_quickly $LEGACY6 80
check "a blocked port is refused with an ICMP error" refused_quickly $SERVER4 5201
check "a client with a bypass reaches it" hello client2 $LEGACY4 legacy
capture_start proxy wan0 "tcp port 22"
check "a bypassed port is reached" test "$(ssh_to client1 $SERVER4 echo hi)" = hi
capture_stop proxy wan0
check "and in plain TCP" test "$(packets "$HPN_DIR/proxy/wan0.pcap")" -gt 5
finish
