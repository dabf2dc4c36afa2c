#!/bin/bash
# SPDX-License-Identifier: MIT
# A legacy client reaches a HIP server: curl, DNS, ssh, iperf3; only HIP and ESP on the way.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
BIG_BYTES=${HPN_SHORT:+10000000} BIG_BYTES=${BIG_BYTES:-100000000}
protected_net

read_protected() {
	capture_start proxy wan0
	capture_start proxy lan0
	check "the client's first request is answered" hello client1 $SERVER4 server
	check "DNS over UDP" resolve client1 $SERVER4
	check "DNS over TCP" test "$(on client1 timeout 10 dig +tcp +short @$SERVER4 www.example.test)" = 203.0.113.7
	check "ssh runs a command" test "$(ssh_to client1 $SERVER4 echo $MARKER)" = $MARKER
	capture_stop proxy lan0
	capture_stop proxy wan0
	check "plain text before the proxy" grep -qa "$MARKER" "$HPN_DIR/proxy/lan0.pcap"
	check "only HIP and ESP behind it, and no plain text" only_hip "$HPN_DIR/proxy/wan0.pcap"
}

bulk() {
	capture_start proxy wan0 "$NOT_HIP"
	check "$BIG_BYTES octets of curl arrive with the right sha256" fetch client1 $SERVER4 big
	check "an upload arrives with the right sha256" upload client1 $SERVER4 20000000
	local out in
	out=$(iperf_to client1 $SERVER4) || fail "iperf3 towards the server"
	in=$(iperf_to client1 $SERVER4 -R) || fail "iperf3 from the server"
	[ -z "$out" ] || [ -z "$in" ] || pass "iperf3: $out Mbit/s to the server, $in Mbit/s back"
	check "iperf3 with UDP" iperf_to client1 $SERVER4 -u -b 50M >/dev/null
	capture_stop proxy wan0
	check "none of it went out plain" test "$(packets "$HPN_DIR/proxy/wan0.pcap")" = 0
	check "all of it through one association" test "$(associations_of proxy)" = 1
}

read_protected
bulk
finish
