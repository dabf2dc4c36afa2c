#!/bin/bash
# SPDX-License-Identifier: MIT
# Path MTU of each association: a router with a narrow link, and errors that somebody has forged.
#
#    client1 --- lan ---[ proxy ]--- wan ---[ router ]--- server
#                                     |    172.16.0.1      172.16.0.2, and 192.0.2.80 behind it
#                                   legacy, which forges errors
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons ssh sshd socat tcpdump ethtool python3
HPN_NODES="$HPN_NODES router"
BIG_BYTES=3000000
HPN_PLUGINS=$HPN_BUILD/plugins/.libs
[ -d "$HPN_PLUGINS" ] || HPN_PLUGINS=$HPN_BUILD/plugins
natudp() { echo "plugin_dir = \"$HPN_PLUGINS\"; plugins = { icmp = { }; natudp = { mode = \"$1\"; }; };"; }

# The client speaks to the server's IPv4 address, whatever the outer one is.
server_peer() {
	echo "peers = ( { hit = \"$(hit_of server)\"; addresses = [ $SERVER_LOCATORS ]; name = \"server\";
		serves = [ \"$SERVER4/32\" ]; } );"
}

# The server moves behind the router and keeps its addresses.
behind_a_router() {
	ip -n "$(ns server)" link del eth0 || return 1
	link router out0 wan 192.0.2.7/24 2001:db8:2::7/64 || return 1
	ip -n "$(ns router)" link add name in0 type veth peer name eth0 netns "$(ns server)" &&
		ip -n "$(ns router)" addr add 172.16.0.1/24 dev in0 &&
		ip -n "$(ns router)" addr add fd16::1/64 dev in0 nodad &&
		ip -n "$(ns router)" link set dev in0 up &&
		ip -n "$(ns server)" addr add 172.16.0.2/24 dev eth0 &&
		ip -n "$(ns server)" addr add $SERVER4/32 dev eth0 &&
		ip -n "$(ns server)" addr add fd16::2/64 dev eth0 nodad &&
		ip -n "$(ns server)" addr add $SERVER6/128 dev eth0 nodad &&
		ip -n "$(ns server)" link set dev eth0 up || return 1
	ip -n "$(ns server)" route add default via 172.16.0.1 src $SERVER4 &&
		ip -n "$(ns server)" -6 route add default via fd16::1 src $SERVER6 &&
		on router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
			echo 1 >/proc/sys/net/ipv6/conf/all/forwarding' &&
		ip -n "$(ns proxy)" route add $SERVER4/32 via 192.0.2.7 &&
		ip -n "$(ns proxy)" -6 route add $SERVER6/128 via 2001:db8:2::7 || return 1
	wide
	ip -n "$(ns router)" route add 10.1.0.0/16 via $PROXY_WAN4
	ip -n "$(ns router)" -6 route add fd01::/64 via $PROXY_WAN6
	wait_for 10 on proxy ping -c1 -W1 $SERVER4 && wait_for 10 on proxy ping -c1 -W1 $SERVER6
}

# The router's links to the server and to the proxy carry so many octets; nothing is lost to the link.
narrow() {
	ip -n "$(ns router)" route replace $SERVER4/32 dev in0 via 172.16.0.2 mtu lock "$1"
	ip -n "$(ns router)" route replace $PROXY_WAN4/32 dev out0 mtu lock "$1"
	ip -n "$(ns router)" -6 route replace $SERVER6/128 dev in0 via fd16::2 mtu lock "$1"
	ip -n "$(ns router)" -6 route replace $PROXY_WAN6/128 dev out0 mtu lock "$1"
}
wide() { narrow 1500; }

mtu_of() { json "$1" associations '.associations[0].mtu'; }
both_know() {
	wait_for 5 eval "[ \"\$(mtu_of proxy) \$(mtu_of server)\" = \"$1 $1\" ]" && return 0
	say "      proxy $(mtu_of proxy), server $(mtu_of server)"
	return 1
}
ignored() { json proxy drops '[.drops[] | select(.group == "icmp" and .name == "path-mtu") | .count] | add // 0'; }
# What the kernels have heard is forgotten too, so that each part stands alone.
anew() { # LOCATORS natudp-mode
	local n
	for n in proxy server; do daemon_stop $n; done
	for n in client1 proxy server; do
		ip -n "$(ns $n)" route flush cache
		ip -n "$(ns $n)" -6 route flush cache
		rm -f "$HPN_DIR/$n/state"
	done
	SERVER_LOCATORS=$1 PROXY_MORE=$(natudp "$2") SERVER_MORE=$(natudp "$2")
	proxy_conf; server_conf
	daemon_start server && daemon_start proxy && hello client1 $SERVER4 server
}

net_up && behind_a_router || { fail "the network comes up"; finish; }
for s in server legacy; do
	serve_http $s && serve_ssh $s && serve_echo $s || { fail "the services come up"; finish; }
done
make_file big "$BIG_BYTES"
key_of proxy; key_of server
server_conf; proxy_conf

# --- true errors -----------------------------------------------------------------------------

told() { # OCTETS MTU: the client's datagram is too long, and it hears so.
	ip -n "$(ns client1)" route flush cache
	on client1 ping -4 -M "do" -c 3 -i 0.3 -W 2 -s "$1" $SERVER4 2>&1 | grep -q "mtu[ =]*$2"
}
for way in "IPv4, native|\"$SERVER4\"|off" "IPv6, native|\"$SERVER6\"|off" \
	"IPv4, in UDP|\"$SERVER4\"|plain-udp" "IPv6, in UDP|\"$SERVER6\"|plain-udp"; do
	IFS='|' read -r name locators mode <<<"$way"
	wide
	check "$name: an association" anew "$locators" "$mode"
	narrow 1300
	check "$name: download" fetch client1 $SERVER4 big
	check "$name: ssh uploads" upload client1 $SERVER4 2000000
	check "$name: both ends know the path's MTU" both_know 1300
	check "$name: the client hears of it" told 1300 12
	check "$name: datagrams that may be cut arrive" udp_echo client1 $SERVER4 3000
	check "$name: another download" fetch client1 $SERVER4 big
done

# --- forged errors ---------------------------------------------------------------------------

# The latest packet of the proxy to the server: "SPI SEQUENCE" as two numbers.
latest() { # 4|6 [udp]
	local from=$PROXY_WAN4 skip=34
	[ "$1" = 4 ] || { from=$PROXY_WAN6; skip=54; }
	[ -z "${2:-}" ] || skip=$((skip + 8))
	capture_start router out0 "src host $from and (proto 50 or (udp port 10500))"
	on client1 ping -c 2 -i 0.2 -W 3 $SERVER4 >/dev/null
	capture_stop router out0
	tcpdump -r "$HPN_DIR/router/out0.pcap" -n -e -xx 2>/dev/null |
		python3 "${srcdir:-.}/tests/net/forge.py" words "$skip"
}
# The router's address on a packet that legacy makes: anybody can write it.
too_big() { # 4|6 MTU SPI SEQ [QUOTED-SOURCE QUOTED-DESTINATION]
	local from=192.0.2.7 to=$PROXY_WAN4 about=$SERVER4
	[ "$1" = 4 ] || { from=2001:db8:2::7 to=$PROXY_WAN6 about=$SERVER6; }
	on legacy env FORGE_ESP="$2 $3 $4 ${UDP:-}" python3 "${srcdir:-.}/tests/net/forge.py" toobig \
		$from $to "${6:-$about}" "${5:-$to}" >/dev/null
}
# Long packets leave for the server as before.
long_packets() { # 4|6
	local from=$PROXY_WAN4
	[ "$1" = 4 ] || from=$PROXY_WAN6
	capture_start router out0 "src host $from and (proto 50 or (udp port 10500))"
	upload client1 $SERVER4 300000 || return 1
	capture_stop router out0
	[ "$(packets "$HPN_DIR/router/out0.pcap" greater 1380)" -gt 20 ]
}
unchanged() { # 4|6 NUMBER-IGNORED
	wait_for 10 eval "[ \"\$(ignored)\" = $2 ]" && long_packets "$1" && [ "$(mtu_of proxy)" = 1500 ]
}

wide
# A capture shows each packet as a link would carry it.
offloads off
for way in "IPv4, native|4|\"$SERVER4\"|off|" "IPv6, native|6|\"$SERVER6\"|off|" \
	"IPv4, in UDP|4|\"$SERVER4\"|plain-udp|udp" "IPv6, in UDP|6|\"$SERVER6\"|plain-udp|udp"; do
	IFS='|' read -r name family locators mode UDP <<<"$way"
	check "$name: an association" anew "$locators" "$mode"
	old=$(latest "$family" $UDP)
	read -r spi seq <<<"$old"
	low=1279 other=2001:db8:2::77 mtu=1280
	[ "$family" = 6 ] || { low=67 other=192.0.2.77 mtu=600; }
	too_big "$family" $mtu $((spi ^ 1)) "$seq"
	check "$name: a wrong SPI changes nothing" unchanged "$family" 1
	too_big "$family" $mtu "$spi" $((seq + 100000))
	check "$name: a packet that was never sent changes nothing" unchanged "$family" 2
	read -r spi seq <<<"$(latest "$family" $UDP)"
	too_big "$family" $mtu "$spi" "$seq" "" $other
	check "$name: another destination changes nothing" unchanged "$family" 3
	read -r spi seq <<<"$(latest "$family" $UDP)"
	too_big "$family" $low "$spi" "$seq"
	check "$name: an MTU that no link can have changes nothing" unchanged "$family" 4
	# Longer ago than any router needs.
	on client1 ping -c 36 -i 0.25 -W 3 $SERVER4 >/dev/null
	read -r spi seq <<<"$old"
	too_big "$family" $mtu "$spi" "$seq"
	check "$name: a packet of long ago changes nothing" unchanged "$family" 5
	read -r spi seq <<<"$(latest "$family" $UDP)"
	too_big "$family" $mtu "$spi" "$seq"
	check "$name: who sees the packets can do it" wait_for 10 eval \
		"on client1 ping -c 1 -W 3 $SERVER4 && [ \"\$(mtu_of proxy)\" = $mtu ]"
	check "$name: and traffic goes on" fetch client1 $SERVER4 big
done
finish
