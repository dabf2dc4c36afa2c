#!/bin/bash
# SPDX-License-Identifier: MIT
# The network of namespaces by itself: plain forwarding, and nothing left behind.
. "${srcdir:-.}/tests/net/lib.sh"
need curl nginx dig dnsmasq ssh sshd iperf3 socat tcpdump

forwarding() {
	net_up || { fail "the network comes up"; finish; }
	make_file big 5000000
	serve_http legacy && serve_dns legacy && serve_ssh legacy && serve_echo legacy ||
		fail "the services come up"
	capture_start proxy wan0
	check "IPv4: the file arrives" fetch client1 $LEGACY4 big
	check "IPv6: the file arrives" fetch client2 $LEGACY6 big
	check "DNS answers" resolve client1 $LEGACY4
	check "datagrams of 3000 octets come back" udp_echo client1 $LEGACY6 3000
	check "ssh uploads" upload client1 $LEGACY4 1000000
	capture_stop proxy wan0
	check "the capture shows the plain text" grep -qa "$MARKER" "$HPN_DIR/proxy/wan0.pcap"
}

forwarding
trap - EXIT
net_down
check "no namespace is left" sh -c "! ip netns list | grep -q '^hp$HPN_ID-'"
check "no file is left" test ! -e "$HPN_DIR"
finish
