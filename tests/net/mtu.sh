#!/bin/bash
# SPDX-License-Identifier: MIT
# Links with an MTU of 1280.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
protected_net

mtu() { # NODE IFACE MTU, and the switch's end
	local peer=lan
	[ "$1" = client1 ] || peer=wan
	ip -n "$(ns "$1")" link set dev "$2" mtu "$3"
	ip -n "$(ns $peer)" link set dev "$1" mtu "$3"
}

transfers() { # NAME
	plain_watch
	check "$1: IPv4 download" fetch client1 $SERVER4 big
	check "$1: IPv4 upload" upload client1 $SERVER4 3000000
	check "$1: IPv6 download" fetch client1 $SERVER6 big
	check "$1: IPv6 upload" upload client1 $SERVER6 3000000
	check "$1: datagrams of 3000 octets" udp_echo client1 $SERVER4 3000
	check "$1: none of it went out plain" plain_none
}

mtu server eth0 1280
mtu proxy wan0 1280
transfers "1280 between proxy and server"
mtu server eth0 1500
mtu proxy wan0 1500
ctl proxy flush all
mtu client1 eth0 1280
transfers "1280 before the client"
finish
