#!/bin/bash
# SPDX-License-Identifier: MIT
# Two clients use the same source port to one server at the same time.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
protected_net

tcp_both() {
	fetch client1 $SERVER4 big --local-port 40000 --limit-rate 8M & local one=$!
	fetch client2 $SERVER4 big --local-port 40000 --limit-rate 8M & local two=$!
	sleep 1
	ports=$(ctl proxy --json flows | jq '[.flows[] | select(.legacy_port == 40000) | .local_port] | unique | length')
	wait $one && wait $two
}

udp_from() { # NODE TEXT: what comes back to port 40001
	on "$1" timeout 5 sh -c "(echo $2; sleep 1) | socat -t1 - UDP4:$SERVER4:7777,sourceport=40001"
}

udp_both() {
	local a=$HPN_DIR/one.txt b=$HPN_DIR/two.txt
	udp_from client1 one >"$a" & local one=$!
	udp_from client2 two >"$b" & local two=$!
	wait $one $two
	[ "$(cat "$a")$(cat "$b")" = onetwo ]
}

check "both downloads arrive with the right sha256" tcp_both
check "the server saw two ports" test "$ports" = 2
check "both datagrams came back to the right client" udp_both
check "one association serves both" test "$(associations_of proxy)" = 1
finish
