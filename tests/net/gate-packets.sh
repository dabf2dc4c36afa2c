#!/bin/bash
# SPDX-License-Identifier: MIT
# Fragments in any order, IPv6 extension headers, hop limits, multicast and broadcast: none of a client's
# packets leaves plain, by either lock.
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/gate-lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump nft python3
plugins=$HPN_BUILD/plugins/.libs
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { icmp = { }; };"
[ -f "$plugins/icmp.so" ] || skip "the icmp plugin is not built as a shared object"
protected_net
# The hosts may answer what they like.
MULTICAST4=239.1.2.3 MULTICAST6=ff0e::1:2:3

everything() { # TO4 TO6
	local kind n
	for kind in last-first only-later overlapping; do
		odd client1 $kind $CLIENT4 "$1"
		odd client1 $kind $CLIENT6 "$2"
	done
	for kind in hop-by-hop destination routing atomic headers; do odd client1 $kind $CLIENT6 "$2"; done
	for n in 0 1 2 3; do
		odd client1 hops $CLIENT4 "$1" $n
		odd client1 hops $CLIENT6 "$2" $n
	done
}
wide() {
	local n
	for n in 1 2 32; do
		odd client1 hops $CLIENT4 $MULTICAST4 $n
		odd client1 hops $CLIENT6 $MULTICAST6 $n
		odd client1 hops $CLIENT4 255.255.255.255 $n
		odd client1 hops $CLIENT4 192.0.2.255 $n
	done
}

ip -n "$(ns client1)" route add $MULTICAST4 via $PROXY_LAN4
for n in 1 2; do
	check "protected traffic works" works
	# With conntrack in the kernel, fragments are put together before rules see them.
	if [ $n = 2 ]; then
		on proxy nft add table inet fw
		on proxy nft 'add chain inet fw forward { type filter hook forward priority 0; }'
		on proxy nft add rule inet fw forward ct state invalid accept
	fi
	capture_start server hip0 "ip6"
	markers_watch
	everything $SERVER4 $SERVER6
	settled
	markers "fragments, headers, hop limits"
	capture_stop server hip0
	check "of them the peer gets some, out of ESP" sh -c "grep -qa $MARKER '$HPN_DIR/server/hip0.pcap'"
	markers_watch
	wide
	settled
	markers "multicast and broadcast"
done
markers_watch
everything $LEGACY4 $LEGACY6
settled
markers_some "to others they pass"

# Routing taken away: the guard.
keepers_kill
for f in -4 -6; do
	for pref in 7 100; do while ip $f -n "$P" rule del pref $pref; do :; done; done
done 2>/dev/null
markers_watch
everything $SERVER4 $SERVER6
settled
markers "the guard alone"
on proxy nft flush ruleset
check "the daemon comes back" daemon_start proxy
check "and works" wait_for 20 works
keepers_kill
on proxy nft flush ruleset
on proxy nft delete table inet hipproxy_guard 2>/dev/null
markers_watch
everything $SERVER4 $SERVER6
settled
markers "routing alone"
finish
