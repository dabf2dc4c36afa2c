#!/bin/bash
# SPDX-License-Identifier: MIT
# Forged plain packets reach no client, and no client's packet leaves in the clear when routing
# rules are taken away: the guard, the second lock.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump nft python3
plugins=$HPN_BUILD/plugins/.libs
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { icmp = { }; };"
[ -f "$plugins/icmp.so" ] || skip "the icmp plugin is not built as a shared object"
protected_net
not() { ! "$@"; }
P=$(ns proxy)
CLIENT4=10.1.0.11 CLIENT6=fd01::11

forge() { local node=$1; shift; on "$node" python3 "${srcdir:-.}/tests/net/forge.py" "$@" >/dev/null; }
guard_count() { json proxy drops ".drops[] | select(.group == \"guard\" and .name == \"$1\") | .count"; }
test_count() { [ "$(guard_count "$1")" = "$2" ]; }
works() { hello client1 $SERVER4 server && hello client1 $SERVER6 server; }

# arrives NODE DEVICE SENTENCE: how many packets with the marker came there since look.
look() { capture_start "$1" "$2" "not arp and not icmp6[0] == 135 and not icmp6[0] == 136"; }
seen() { capture_stop "$1" "$2"; grep -ac "$MARKER" "$HPN_DIR/$1/$2.pcap"; }
# delivered NODE KIND ARGUMENTS: does anything of it come to client1?
delivered() {
	local n
	look client1 eth0
	forge "$@"
	forge legacy echo $LEGACY4 $CLIENT4 # after all else, and let through
	wait_for 5 sh -c "tcpdump -nr '$HPN_DIR/client1/eth0.pcap' 2>/dev/null | grep -q 'echo request'"
	capture_stop client1 eth0
	n=$(tcpdump -nAr "$HPN_DIR/client1/eth0.pcap" "not icmp[0] == 8 and not icmp[0] == 0" 2>/dev/null |
		grep -c "$MARKER")
	[ "$n" -gt 0 ]
}

check "protected traffic works" works

# --- in

check "what a server without HIP sends arrives" delivered legacy udp $LEGACY4 $CLIENT4
check "its errors too" delivered legacy error $LEGACY4 $CLIENT4 $LEGACY4
check "over IPv6 as well" delivered legacy error $LEGACY6 $CLIENT6 $LEGACY6
for kind in udp tcp port10500 proto50 proto139; do
	check "$kind with the peer's source does not" not delivered legacy $kind $SERVER4 $CLIENT4
	check "$kind over IPv6 does not" not delivered legacy $kind $SERVER6 $CLIENT6
done
check "counted" test "$(guard_count forged-source)" -ge 10
check "an ICMP error with the peer's source does not" not delivered legacy error $SERVER4 $CLIENT4 $LEGACY4
check "nor over IPv6" not delivered legacy error $SERVER6 $CLIENT6 $LEGACY6
check "an ICMP error from anywhere that quotes a packet to the peer does not" \
	not delivered legacy error $LEGACY4 $CLIENT4 $SERVER4
check "nor over IPv6" not delivered legacy error $LEGACY6 $CLIENT6 $SERVER6
check "counted by another name" test "$(guard_count forged-error)" -ge 30
# By way of the proxy, as from further away.
ip -n "$(ns legacy)" route add $SERVER4/32 via $PROXY_WAN4
ip -n "$(ns legacy)" -6 route add $SERVER6/128 via $PROXY_WAN6
look server hip0
forge legacy udp $CLIENT4 $SERVER4
forge legacy udp $CLIENT6 $SERVER6
check "nobody else's packet in a client's name is protected" wait_for 5 test_count forged-client 2
check "so it does not come to the peer" test "$(seen server hip0)" = 0
ip -n "$(ns legacy)" route del $SERVER4/32 via $PROXY_WAN4
ip -n "$(ns legacy)" -6 route del $SERVER6/128 via $PROXY_WAN6
fetch client1 $SERVER4 big --limit-rate 8M & get=$!
for i in 1 2 3 4 5; do forge legacy tcp $SERVER4 $CLIENT4; forge legacy error $LEGACY4 $CLIENT4 $SERVER4; done
check "a transfer beside forged packets ends with the right sha256" wait $get

# --- out

look proxy wan0
for kind in port10500 proto50 proto139 udp; do
	forge client1 $kind $CLIENT4 $SERVER4
	forge client1 $kind $CLIENT6 $SERVER6
done
check "nothing of a client leaves plain because of port or protocol" test "$(seen proxy wan0)" = 0

# A router among the clients, whose address is in no client network, speaks of a datagram to one.
look proxy wan0
capture_start server hip0 "icmp6 and ip6[40] < 128"
on client1 sh -c "echo hi | socat -t 2 - UDP4:$SERVER4:7777,sourceport=40001" >/dev/null
on client1 sh -c "echo hi | socat -t 2 - UDP6:[$SERVER6]:7777,sourceport=40001" >/dev/null
export FORGE_PORTS="7777 40001"
forge client2 error 172.31.0.9 $SERVER4 $CLIENT4 $SERVER4
forge client2 error fd31::9 $SERVER6 $CLIENT6 $SERVER6
unset FORGE_PORTS
check "no error of a router among the clients leaves plain" test "$(seen proxy wan0)" = 0
capture_stop server hip0
check "the peer is told inside ESP" test "$(packets "$HPN_DIR/server/hip0.pcap")" -ge 2

# --- each lock alone

traffic='
import socket, time
to = [(socket.AF_INET, "'$SERVER4'"), (socket.AF_INET6, "'$SERVER6'")]
to = [(socket.socket(f, socket.SOCK_DGRAM), a) for f, a in to]
while True:
	for s, a in to:
		try: s.sendto(b"'$MARKER'", (a, 7979))
		except OSError: pass
	time.sleep(0.0005)'
start client1 traffic python3 -c "$traffic"
plain_watch
for i in $(seq 20); do
	for f in -4 -6; do
		ip $f -n "$P" rule del pref 100
		ip $f -n "$P" rule del pref 101
		ip $f -n "$P" route flush table 10500
	done 2>/dev/null
done
for f in -4 -6; do # what systemd-networkd does at its restart
	ip $f -n "$P" rule list | sed -n 's/^\([0-9]*\):.*proto .*/\1/p' | while read -r pref; do
		ip $f -n "$P" rule del pref "$pref" 2>/dev/null
	done
done
check "rules and routes taken away again and again: works" wait_for 5 works
capture_stop proxy wan0
check "not one plain packet" test "$(packets "$HPN_DIR/proxy/wan0.pcap")" = 0
check "the guard has dropped what routing let through" test "$(guard_count left-plain)" -gt 0

plain_watch
owned=$(json proxy status .gate.guard)
say "      the guard is $owned"
for i in 1 2 3; do
	on proxy nft flush ruleset
	on proxy nft delete table inet hipproxy_guard 2>/dev/null
done
check "the guard stands again at once" wait_for 1 on proxy nft list table inet hipproxy_guard >/dev/null
check "filters flushed: works" works
daemon_stop proxy KILL
on proxy nft flush ruleset
check "killed, filters flushed: closed" not udp_echo client1 $SERVER4 100
daemon_start proxy
check "it comes back" wait_for 20 works
daemon_stop proxy KILL
for f in -4 -6; do
	for pref in 7 9 100 101; do ip $f -n "$P" rule del pref $pref; done
	ip $f -n "$P" route flush table 10500
done 2>/dev/null
check "killed, routing flushed: closed" not udp_echo client1 $SERVER4 100
check "over IPv6 too" not udp_echo client1 $SERVER6 100
daemon_start proxy
check "it comes back again" wait_for 20 works
capture_stop proxy wan0
check "not one plain packet meanwhile" test "$(packets "$HPN_DIR/proxy/wan0.pcap")" = 0
stop client1 traffic

# --- others masquerade all that clients send, without saying where to

on proxy iptables -t nat -A POSTROUTING -s 10.1.0.0/24 -j MASQUERADE
on proxy ip6tables -t nat -A POSTROUTING -s fd01::/64 -j MASQUERADE
check "noticed" wait_for 5 sh -c "ip netns exec $P nft list chain inet hipproxy_guard sources 2>/dev/null | grep -q snat"
ctl proxy flush flows >/dev/null
check "masquerade: works" works
check "the daemon sees the client's own address" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' --json flows |
	jq -e '[.flows[].legacy] | length > 0 and all(test(\"10.1.0.1|fd01:\"))' >/dev/null"
check "others are masqueraded" hello client1 $LEGACY4 legacy
on proxy iptables -t nat -F; on proxy ip6tables -t nat -F

# --- exceptions

sed -i 's,rules = .*,,; s,enabled = true,& ; rules = ( { destination = "192.0.2.80/32"; protocol = "tcp"; ports = 22; action = "bypass"; } ),' "$HPN_DIR/proxy/hipproxy.conf"
ctl proxy reload >/dev/null
check "a bypassed port passes the guard, both ways" test "$(ssh_to client1 $SERVER4 echo hi)" = hi
check "others are protected" works
daemon_stop proxy
on proxy "$DAEMON" --cleanup
check "--cleanup: no table is left" not on proxy nft list table inet hipproxy_guard 2>/dev/null
check "and forged packets pass again" delivered legacy udp $SERVER4 $CLIENT4
finish
