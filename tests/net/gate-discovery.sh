#!/bin/bash
# SPDX-License-Identifier: MIT
# Discovery: what an administrator's FORWARD rule forbids, by the client's address or the server's, is
# forbidden for destinations that become known too, first packets included.  What is learned is in both
# locks at once.
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/gate-lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump nft python3
server_peer() { :; }
SERVER_HIP='opportunistic_responder = "on";'
PROXY_MORE='hip = { opportunistic_initiator = "on"; };'
protected_net
knows() { ctl proxy peers | grep -F "$1" | grep -q protected; }
in_guard() { on proxy nft list set inet hipproxy_guard "$1" 2>/dev/null | grep -qF "$2"; }
firewall() { # RULES: one that knows connections, with these before its accepts
	on proxy nft add table inet fw
	on proxy nft delete table inet fw
	on proxy nft -f - <<-END
		table inet fw {
			chain forward {
				type filter hook forward priority 0; policy drop;
				$1
				ct state established,related accept
				iifname "lan0" accept
			}
		}
	END
}
dropped() { # N: by the guard, so many
	[ "$(on proxy nft list counter inet hipproxy_guard left-plain | sed -n 's/.*packets \([0-9]*\).*/\1/p')" -gt "$1" ]
}
# What comes out at the server, in ESP or not, from a client.
came() { grep -ac "$MARKER" "$HPN_DIR/server/$1.pcap"; }

# --- forbidden

for who in "ip saddr $CLIENT4 drop; ip6 saddr $CLIENT6 drop" "ip daddr $SERVER4 drop; ip6 daddr $SERVER6 drop"; do
	firewall "$who"
	ctl proxy flush all >/dev/null
	capture_start server hip0
	markers_watch
	for i in 1 2 3; do
		forge client1 udp $CLIENT4 $SERVER4
		forge client1 udp $CLIENT6 $SERVER6
		forge client1 tcp $CLIENT4 $SERVER4
		forge client1 tcp $CLIENT6 $SERVER6
	done
	HELLO_S=2 check "forbidden ($who): not reached" not hello client1 $SERVER4 server
	HELLO_S=2 check "nor over IPv6" not hello client1 $SERVER6 server
	capture_stop server hip0
	check "no first packet comes there inside ESP" test "$(came hip0)" = 0
	markers "forbidden"
done
firewall "ip saddr $CLIENT4 drop; ip6 saddr $CLIENT6 drop"
check "another client makes the server known" hello client2 $SERVER4 server
check "over IPv6 too" hello client2 $SERVER6 server
HELLO_S=2 check "known now, and still forbidden to the first" not hello client1 $SERVER4 server
HELLO_S=2 check "over IPv6" not hello client1 $SERVER6 server

# --- learned

on proxy nft delete table inet fw
ctl proxy flush all >/dev/null
check "nothing is known" wait_for 5 not knows $SERVER4
markers_watch
check "the first connection is protected" works
check "the server is known" knows $SERVER4
check "and in the guard at once" in_guard protected4_32 $SERVER4
check "over IPv6 too" in_guard protected6_128 $SERVER6
settled
markers "learned"
keepers_kill
for f in -4 -6; do
	for pref in 7 100; do while ip $f -n "$P" rule del pref $pref; do :; done; done
	ip $f -n "$P" route flush table 10500
done 2>/dev/null
for t in iptables ip6tables; do on proxy $t -t security -F; done
traffic_start
markers_watch
check "packets come that must not pass" wait_for 10 dropped 20
settled
markers "killed, routing removed: what was learned is guarded"
traffic_stop

# --- the first connection through a firewall that knows connections

daemon_start proxy
firewall ""
ctl proxy flush all >/dev/null
wait_for 5 not knows $SERVER4
capture_start client1 eth0 "port 80 or port 7777"
check "the first connection through a stateful firewall works" hello client1 $SERVER4 server
check "over IPv6 too" hello client1 $SERVER6 server
capture_stop client1 eth0
check "without a SYN sent twice" test "$(packets "$HPN_DIR/client1/eth0.pcap" "src $CLIENT4 and tcp[13] & 0x12 == 2")" = 1 -a \
	"$(packets "$HPN_DIR/client1/eth0.pcap" "src $CLIENT6 and ip6[40+13] & 0x12 == 2")" = 1
ctl proxy flush all >/dev/null
wait_for 5 not knows $SERVER4
check "the first datagram is answered through it" udp_echo client1 $SERVER4 100
check "over IPv6 too" udp_echo client1 $SERVER6 100
finish
