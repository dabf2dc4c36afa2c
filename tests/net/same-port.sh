#!/bin/bash
# SPDX-License-Identifier: MIT
# Two clients use the same source port to one server at the same time.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
protected_net

tcp_both() {
	fetch client1 $SERVER4 big --local-port 40000 --limit-rate 8M & local one=$!
	fetch client2 $SERVER4 big --local-port 40000 --limit-rate 8M & local two=$!
	check "the server sees two ports" wait_for 20 two_ports
	wait $one && wait $two
}
two_ports() {
	[ "$(ctl proxy --json flows |
		jq '[.flows[] | select(.legacy_port == 40000) | .local_port] | unique | length')" = 2 ]
}

# What is sent from port 40001 comes back to it.
udp_from() { # NODE TEXT
	echo "$2" >"$HPN_DIR/$2"
	ask "$1" $SERVER4 "$HPN_DIR/$2" "$HPN_DIR/$2.back" ,sourceport=40001
	cmp -s "$HPN_DIR/$2" "$HPN_DIR/$2.back"
}

udp_both() {
	udp_from client1 one & local one=$!
	udp_from client2 two & local two=$!
	wait $one && wait $two
}

check "both downloads arrive with the right sha256" tcp_both
check "both datagrams came back to the right client" udp_both
check "one association serves both" test "$(associations_of proxy)" = 1
finish
