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

# A client that sends all the time; the server sums up what it gets.
restarted_during_upload() {
	local sum
	rm -f "$HPN_DIR/server/sum" "$HPN_DIR/client1/sent"
	start server sink socat -u TCP6-LISTEN:7801,ipv6only=0,reuseaddr "SYSTEM:sha256sum >$HPN_DIR/server/sum"
	wait_port server 7801
	on client1 timeout --foreground 90 bash -c "for i in {1..60}; do
		head -c 100000 /dev/urandom | tee -a $HPN_DIR/client1/sent; sleep 0.05; done | socat -u - TCP4:$SERVER4:7801" &
	sum=$!
	wait_for 10 test -s "$HPN_DIR/client1/sent"
	daemon_stop proxy
	sleep 0.5
	daemon_start proxy || return 1
	wait $sum || return 1
	wait_for 10 test -s "$HPN_DIR/server/sum" &&
		[ "$(cut -d' ' -f1 "$HPN_DIR/server/sum")" = "$(sha256sum <"$HPN_DIR/client1/sent" | cut -d' ' -f1)" ]
}

capture_start proxy wan0 "($NOT_HIP) and ip"
check "the proxy is stopped and started: an upload ends with the right sha256" restarted_during_upload
check "the proxy is killed: the transfer ends with the right sha256" killed_during_transfer proxy
check "there is an association again" test "$(associations_of proxy)" = 1
check "a new connection works" hello client2 $SERVER4 server
check "the server is killed: the transfer ends with the right sha256" killed_during_transfer server
check "a new connection works" hello client2 $SERVER4 server
capture_stop proxy wan0
check "nothing went out plain meanwhile" test "$(packets "$HPN_DIR/proxy/wan0.pcap")" = 0
finish
