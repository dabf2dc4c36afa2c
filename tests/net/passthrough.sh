#!/bin/bash
# SPDX-License-Identifier: MIT
# A legacy client and a legacy server: passed on, and without work in user space.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
protected_net

few_queued() { # BEFORE: fewer than 60 packets since then
	local now
	now=$(queued)
	[ $((now - $1)) -lt 60 ] || { say "      $((now - $1)) packets went through the queue"; return 1; }
}

check "http over IPv4" hello client1 $LEGACY4 legacy
check "http over IPv6" hello client1 $LEGACY6 legacy
check "DNS" resolve client1 $LEGACY4
check "ssh" test "$(ssh_to client1 $LEGACY4 echo hi)" = hi
check "datagrams of 3000 octets" udp_echo client1 $LEGACY4 3000
check "ping" on client1 ping -c2 -i0.2 -W2 -q $LEGACY4 >/dev/null
before=$(queued)
check "20 MB over IPv4" fetch client1 $LEGACY4 big
check "20 MB over IPv6" fetch client2 $LEGACY6 big
check "hardly any of these packets came to user space" few_queued "$before"
before=$(queued)
check "UDP stream" iperf_to client1 $LEGACY4 -u -b 20M >/dev/null
check "nor of the datagrams" few_queued "$before"
check "no association was made" test "$(associations_of proxy)" = 0
check "the destination is known as passed" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' peers | grep -F $LEGACY4 | grep -qi pass"
finish
