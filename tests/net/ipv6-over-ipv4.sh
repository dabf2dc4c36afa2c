#!/bin/bash
# SPDX-License-Identifier: MIT
# IPv6 clients where the way to the peer has IPv4 and UDP alone; and what has IPv6 in IPv4 of its
# own, Teredo (RFC 4380), which is UDP like any other for the proxy.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons tcpdump ssh sshd socat
HPN_PLUGINS=$HPN_BUILD/plugins/.libs
[ -d "$HPN_PLUGINS" ] || HPN_PLUGINS=$HPN_BUILD/plugins
BIG_BYTES=5000000
SERVER_MORE="plugin_dir = \"$HPN_PLUGINS\"; plugins = { icmp = { }; natudp = { mode = \"auto\"; }; };"
PROXY_MORE="plugin_dir = \"$HPN_PLUGINS\"; plugins = { icmp = { }; natudp = { mode = \"plain-udp\"; }; };"
server_peer() {
	cat <<-PEER
		peers = ( { name = "server"; hit = "$(hit_of server)"; addresses = [ "$SERVER4" ];
			serves = [ "$SERVER4/32", "$SERVER6/128" ]; } );
	PEER
}
no_ipv6() { # NODE IFACE
	on "$1" sh -c "echo 1 >/proc/sys/net/ipv6/conf/$2/disable_ipv6"
}

net_up && serve_http server && serve_ssh server && serve_echo server && serve_http legacy ||
	{ fail "the network comes up"; finish; }
make_file big "$BIG_BYTES"
key_of proxy; key_of server
# Nobody on the wide side has an IPv6 address, not even one of the link, nor has the switch.
for box in proxy:wan0 server:eth0 legacy:eth0 wan:all; do no_ipv6 ${box%:*} ${box#*:}; done
check "without HIP there is no way" eval '! HELLO_S=2 hello client1 $SERVER6 server'
server_conf; proxy_conf
daemon_start server && daemon_start proxy || { fail "the daemons come up"; finish; }

capture_start proxy wan0
check "http, a small page" hello client1 $SERVER6 server
check "http, 5 MB with the right sha256" fetch client1 $SERVER6 big
check "an upload of 5 MB with the right sha256" upload client1 $SERVER6 5000000
check "ping" on client1 ping -6 -c 3 -W 5 -q $SERVER6
check "ping of 1400 octets" on client1 ping -6 -c 1 -W 5 -s 1400 -q $SERVER6
check "datagrams of 3000 octets" udp_echo client1 $SERVER6 3000
check "an IPv4 client beside it" fetch client2 $SERVER4 big
capture_stop proxy wan0
pcap=$HPN_DIR/proxy/wan0.pcap
check "no IPv6 packet on the wide side" test "$(packets "$pcap" ip6)" = 0
check "all of it is UDP 10500" test "$(packets "$pcap" "udp port 10500")" -gt 100 -a \
	"$(packets "$pcap" "ip and not udp port 10500")" = 0
check "nothing plain" sh -c "! grep -qa $MARKER $pcap"

# --- Teredo addresses are no locators ---------------------------------------------------------

teredo_peer() {
	sed "s/\"$SERVER4\" \]/\"$SERVER4\", \"2001:0:c000:250::1\" ]/" "$HPN_DIR/proxy/hipproxy.conf" >"$HPN_DIR/teredo.conf"
	! "$DAEMON" -t -c "$HPN_DIR/teredo.conf" >"$HPN_DIR/said" 2>&1 &&
		grep -q 'peers\[0\].addresses\[1\]: 2001:0:c000:250::1 is a Teredo address' "$HPN_DIR/said"
}
check "a peer's Teredo address is refused, with the reason" teredo_peer

# --- Teredo of a client ------------------------------------------------------------------------

# RFC 4380, section 5.1.1: an authentication header, an origin indication, an IPv6 header without data.
teredo_packet() {
	printf '\0\1\0\0\1\2\3\4\5\6\7\10\0'
	printf '\0\0\361\223\77\377\376\245'
	printf '\140\0\0\0\0\0\73\25'
	printf '\40\1\0\0\300\0\2\132\0\0\361\223\77\377\376\245'
	printf '\40\1\0\0\300\0\2\132\0\0\361\223\77\377\376\244'
}
teredo_packet >"$HPN_DIR/teredo"
teredo_echo() { # ADDRESS: a datagram of its form goes to UDP 3544 and comes back as it was
	: >"$HPN_DIR/teredo.back"
	{ cat "$HPN_DIR/teredo"; wait_for 8 as_long "$HPN_DIR/teredo.back" "$HPN_DIR/teredo"; } |
		on client1 timeout --foreground 20 socat -t 0.1 - "UDP4:$1:3544,sourceport=3544" \
		>"$HPN_DIR/teredo.back" 2>/dev/null
	cmp -s "$HPN_DIR/teredo" "$HPN_DIR/teredo.back"
}
check "the datagram has the form" test "$(stat -c %s "$HPN_DIR/teredo")" = 61
for n in server legacy; do
	start $n teredo socat UDP6-RECVFROM:3544,fork,ipv6only=0 EXEC:cat
	wait_port $n 3544
done
capture_start proxy wan0
check "Teredo's datagrams to a HIP peer" teredo_echo $SERVER4
check "Teredo's datagrams to another host" teredo_echo $LEGACY4
capture_stop proxy wan0
check "those to the peer are protected" test "$(packets "$pcap" "udp port 3544 and host $SERVER4")" = 0
check "those to the other host are forwarded" test "$(packets "$pcap" "udp port 3544 and host $LEGACY4")" = 2
stop legacy teredo

# miredo, if it is there: the client qualifies at the server, through the proxy.
# It answers public addresses only, so the proxy masquerades.
miredo_works() {
	local d=$HPN_DIR
	on proxy iptables -t nat -A POSTROUTING -o wan0 -s 10.1.0.0/24 -j MASQUERADE
	ip -n "$(ns legacy)" addr add 192.0.2.91/24 dev eth0
	on legacy sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6'
	printf 'ServerBindAddress %s\nServerBindAddress2 192.0.2.91\n' $LEGACY4 >"$d/miredo-server.conf"
	printf 'InterfaceName teredo\nServerAddress %s\nServerAddress2 192.0.2.91\n' $LEGACY4 >"$d/miredo.conf"
	start legacy miredo-server "$(command -v miredo-server)" -f -u nobody -c "$d/miredo-server.conf" -p "$d/ms.pid"
	wait_port legacy 3544 || return 1
	start client1 miredo "$(command -v miredo)" -f -u nobody -c "$d/miredo.conf" -p "$d/m.pid"
	wait_for 60 sh -c "ip -n $(ns client1) -6 addr show dev teredo | grep -q ' 2001:0:c000:25a:'"
}
if command -v miredo >/dev/null && command -v miredo-server >/dev/null; then
	check "miredo behind the proxy gets its address from its server" miredo_works
	ctl proxy status >/dev/null || fail "the proxy goes on"
	check "the peer is still reached" hello client1 $SERVER6 server
else
	say "      miredo is not installed: its own run is left out"
fi
finish
