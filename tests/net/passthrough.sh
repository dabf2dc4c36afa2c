#!/bin/bash
# SPDX-License-Identifier: MIT
# A legacy client and a legacy server: passed on, and without work in user space.  Without discovery
# nothing is looked at; with it only the first packets are.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
protected_net

few_queued() { # BEFORE MOST
	local now
	now=$(queued)
	[ $((now - $1)) -le "$2" ] || { say "      $((now - $1)) packets went through the queue"; return 1; }
}

everything() { # MOST: so many packets may come to user space
	local before
	check "$2: http over IPv4" hello client1 $LEGACY4 legacy
	check "$2: http over IPv6" hello client1 $LEGACY6 legacy
	check "$2: DNS" resolve client1 $LEGACY4
	check "$2: ssh" test "$(ssh_to client1 $LEGACY4 echo hi)" = hi
	check "$2: datagrams of 3000 octets" udp_echo client1 $LEGACY4 3000
	check "$2: ping" on client1 ping -c2 -i0.2 -W2 -q $LEGACY4 >/dev/null
	before=$(queued)
	check "$2: 20 MB over IPv4" fetch client1 $LEGACY4 big
	check "$2: 20 MB over IPv6" fetch client2 $LEGACY6 big
	check "$2: at most $1 of these packets came to user space" few_queued "$before" "$1"
	before=$(queued)
	check "$2: UDP stream" iperf_to client1 $LEGACY4 -u -b 20M >/dev/null
	check "$2: nor of the datagrams" few_queued "$before" "$1"
}

everything 0 "without discovery"
check "no association was made" test "$(associations_of proxy)" = 0
check "no packet filter rule of ours" sh -c "! ip netns exec $(ns proxy) iptables-save | grep -q HIPPROXY"
PROXY_MORE='hip = { opportunistic_initiator = "on"; };'
daemon_stop proxy
proxy_conf
daemon_start proxy
everything 60 "with discovery"
check "the destination is known as passed" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' peers | grep -F $LEGACY4 | grep -qi pass"
finish
