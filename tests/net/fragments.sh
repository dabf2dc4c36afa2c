#!/bin/bash
# SPDX-License-Identifier: MIT
# Datagrams longer than the link, both ways.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
protected_net
capture_start proxy wan0 "$NOT_HIP"
# The sender of whole packets that are too large is told so, and sends smaller ones next time.
learn() {
	udp_echo "$1" "$2" "$3"
	udp_echo "$1" "$2" "$3"
}
check "IPv4, a packet of 1500 octets, once the path MTU is known" learn client1 $SERVER4 1472
check "IPv6, a packet of 1500 octets, once the path MTU is known" learn client2 $SERVER6 1452
for size in 1 1200 1400 1500 3000 8000; do
	check "IPv4, $size octets" udp_echo client1 $SERVER4 $size
	check "IPv6, $size octets" udp_echo client2 $SERVER6 $size
done
capture_stop proxy wan0
check "none went out plain" test "$(packets "$HPN_DIR/proxy/wan0.pcap")" = 0
finish
