#!/bin/bash
# SPDX-License-Identifier: MIT
# Lengths and fragments through two gateways (RFC 7915, 4.1 and 5.1): what its sender allows to be
# fragmented arrives behind any link, and what came in fragments travels.
#
#    client1, client2 -- lan -- [ proxy ] -- wan -- [ server ] -- mid -- plain
#
# Narrow is the link between server and mid, or those of the clients.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons python3 ssh sshd tcpdump
plugins=$HPN_BUILD/plugins/.libs
for p in server icmp; do [ -f "$plugins/$p.so" ] || skip "the $p plugin is not built as a shared object"; done
HPN_NODES="$HPN_NODES mid plain"
PLAIN4=10.3.0.10 PLAIN6=fd03::10
tool=${srcdir:-.}/tests/net/datagram.py

cable() { # NODE IFACE ADDRESS4 ADDRESS6 NODE IFACE ADDRESS4 ADDRESS6
	ip -n "$(ns "$1")" link add name "$2" type veth peer name "$6" netns "$(ns "$5")" &&
		ip -n "$(ns "$1")" addr add "$3" dev "$2" && ip -n "$(ns "$1")" addr add "$4" dev "$2" nodad &&
		ip -n "$(ns "$5")" addr add "$7" dev "$6" && ip -n "$(ns "$5")" addr add "$8" dev "$6" nodad &&
		ip -n "$(ns "$1")" link set dev "$2" up && ip -n "$(ns "$5")" link set dev "$6" up
}
forwards() { on "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'; }
behind_up() {
	cable server inner0 10.2.0.1/24 fd02::1/64 mid near0 10.2.0.2/24 fd02::2/64 &&
		cable mid far0 10.3.0.1/24 fd03::1/64 plain eth0 $PLAIN4/24 $PLAIN6/64 &&
		gateway plain 10.3.0.1 fd03::1 && gateway mid 10.2.0.1 fd02::1 &&
		ip -n "$(ns server)" route add 10.3.0.0/24 via 10.2.0.2 &&
		ip -n "$(ns server)" -6 route add fd03::/64 via fd02::2 &&
		ip -n "$(ns proxy)" route add $KNOWN4/32 via $SERVER4 &&
		ip -n "$(ns proxy)" -6 route add $KNOWN6/128 via $SERVER6 && forwards server && forwards mid
}

hit_of_file() { "$CTL" hit "$HPN_DIR/server/$1.pem"; }
server_peer() {
	echo "peers = ( { hit = \"$(hit_of_file web4)\"; addresses = [ \"$SERVER4\" ]; serves = [ \"$KNOWN4/32\" ]; },
		{ hit = \"$(hit_of_file web6)\"; addresses = [ \"$SERVER4\" ]; serves = [ \"$KNOWN6/128\" ]; } );"
}
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { icmp = { }; }; ${MORE:-}"
gateway_conf() {
	cat >"$HPN_DIR/server/hipproxy.conf" <<-EOC
		identities = ( { name = "web4"; key = "$HPN_DIR/server/web4.pem"; },
			{ name = "web6"; key = "$HPN_DIR/server/web6.pem"; } );
		control = { socket = "$HPN_DIR/server/control"; };
		state = "$HPN_DIR/server/state";
		log = { level = "${HPN_LOG:-info}"; };
		plugin_dir = "$plugins";
		plugins = { icmp = { };
			server = { hosted = ( { identity = "web4"; server = "$PLAIN4"; },
					{ identity = "web6"; server = "$PLAIN6"; } );
				pool4 = "10.99.0.0/24"; pool6 = "fd99::/64"; mapping = "$HPN_DIR/server/clients"; }; };
		${MORE:-}
	EOC
}

echo_up() { # NAME ADDRESS [options]
	local name=$1 to=$2; shift 2
	start plain "$name" python3 "$tool" --echo "$@" "$to"
	wait_for 20 bound "$to"
}
bound() { on plain ss -lnuH 'sport = :7777' | grep -qF "$1"; }

ask5() { # CLIENT ADDRESS OCTETS [options]: five of five
	local client=$1 to=$2 octets=$3 from=10.1.0.1${1#client}; shift 3
	case $to in *:*) from=fd01::1${client#client} ;; esac
	answer=$(on "$client" timeout --foreground 100 python3 "$tool" --count 5 --burst 5 "$@" "$from" "$to" "$octets" 2>&1)
	[ "$answer" = "5 of 5" ] || { say "      $answer"; return 1; }
}

refused5() { # CLIENT ADDRESS OCTETS
	answer=$(on "$1" timeout --foreground 100 python3 "$tool" --refused --count 5 "10.1.0.1${1#client}" "$2" "$3" 2>&1)
	[ "$answer" = "5 of 5" ] || { say "      $answer"; return 1; }
}

pings() { on "$1" ping -n -c 3 -i 0.2 -W 3 -M dont -s "$2" $KNOWN4 | grep -q "3 received"; }

link_mtu() { # NODE IFACE MTU
	ip -n "$(ns "$1")" link set dev "$2" mtu "$3"
}
narrow_far() { link_mtu server inner0 "$1"; link_mtu mid near0 "$1"; }
wan_mtu() {
	link_mtu proxy wan0 "$1"; link_mtu wan proxy "$1"
	link_mtu server eth0 "$1"; link_mtu wan server "$1"
	wait_for 20 known_mtu "$1"
}
# The daemons ask the kernel about the path now and then, while there is traffic.
known_mtu() { # MTU
	local n
	on client1 ping -n -c1 -W1 $KNOWN4
	for n in proxy server; do
		[ "$(json $n associations '.associations[] |
			select(.local_hit == "'"$WEB4"'" or .peer_hit == "'"$WEB4"'") | .mtu')" = "$1" ] || return 1
	done
}
narrow_near() { # the clients' links
	local c
	for c in client1 client2; do link_mtu $c eth0 "$1"; link_mtu lan $c "$1"; done
}

# Both families' connection tracking puts fragments together before it routes.
conntrack() { # NODE -A|-D
	on "$1" iptables -w 10 "$2" FORWARD -m conntrack --ctstate INVALID -j DROP &&
		on "$1" ip6tables -w 10 "$2" FORWARD -m conntrack --ctstate INVALID -j DROP
}

net_up && behind_up || { fail "the network comes up"; finish; }
discovery() { on "$1" sh -c "echo $2 >/proc/sys/net/ipv4/ip_no_pmtu_disc"; } # 1: its sockets never set DF
discovery plain 1
serve_http plain && serve_ssh plain || { fail "the services come up"; finish; }
echo_up echo4 $PLAIN4 && echo_up echo6 $PLAIN6 --piece 1232 || { fail "the echo services come up"; finish; }
make_file some 3000000
for k in web4 web6; do "$CTL" keygen "$HPN_DIR/server/$k.pem" >/dev/null; done
key_of proxy
WEB4=$(hit_of_file web4)
gateway_conf; proxy_conf
daemon_start server && daemon_start proxy || { fail "the daemons come up"; finish; }

check "a datagram over IPv4" ask5 client1 $KNOWN4 100
check "a datagram over IPv6" ask5 client1 $KNOWN6 100

for where in far near; do
	narrow_$where 1300
	pieces=; [ $where = far ] || pieces="--piece 1200"
	for n in 1260 1261 1300 1301 1372 1400 1401 1465 1466 1467 1500; do
		check "$where link of 1300, IPv4 without DF, $n octets: 5 of 5" ask5 client1 $KNOWN4 $n $pieces
	done
	for n in 1280 1281 1372 1500 4000; do
		check "$where link of 1300, IPv6 in fragments, $n octets: 5 of 5" ask5 client1 $KNOWN6 $n --piece 1200
	done
	narrow_$where 1500
done

# Hosts that never set DF, and know nothing of path MTUs: embedded ones.
discovery client1 1
for n in client1 plain; do
	on $n iptables -w 10 -A INPUT -p icmp --icmp-type fragmentation-needed -j DROP
done
narrow_far 1300
check "far link of 1300, TCP without DF: download" fetch client1 $KNOWN4 some --max-time 30
check "far link of 1300, TCP without DF: upload" upload client1 $KNOWN4 3000000
check "far link of 1300, ping without DF, 1400 octets" pings client1 1372
narrow_far 1500
discovery client1 0
for n in client1 plain; do on $n iptables -w 10 -F INPUT; done

# Fragments, with and without connection tracking, which puts them together before the kernel routes.
for track in no yes; do
	[ $track = no ] || { conntrack proxy -A; conntrack server -A; }
	for n in 1000 1390 1420 1460 1500 2000 3000 8000 20000; do
		check "conntrack: $track, IPv4 in fragments with DF, $n octets" ask5 client1 $KNOWN4 $n --df --piece 800
		check "conntrack: $track, IPv6 in fragments, $n octets" ask5 client2 $KNOWN6 $n --piece 800
	done
	check "conntrack: $track, 40 fragments, every second one first, IPv4" ask5 client1 $KNOWN4 32020 --piece 800 --order even
	check "conntrack: $track, 40 fragments, every second one first, IPv6" ask5 client1 $KNOWN6 32040 --piece 800 --order even
	check "conntrack: $track, the longest datagram, backward" ask5 client1 $KNOWN4 65528 --piece 1376 --order backward
	check "conntrack: $track, NFS over UDP: 8 KB in fragments with DF" ask5 client1 $KNOWN4 8300 --df --piece 1376
done

# ICMP errors as long as Ethernet carries, of a host that refuses.  It has learned nothing of narrow links.
stop plain echo4
for n in client1 plain; do ip -n "$(ns $n)" route flush cache; done
for df in "" --df; do
	start plain refuse python3 "$tool" --refuse $df $PLAIN4
	wait_for 20 bound $PLAIN4
	# The datagram fits, the error about it does not.
	wan_mtu 1500
	check "ICMP errors about 1460 octets${df:+ with DF}, path of 1500" refused5 client1 $KNOWN4 1460
	wan_mtu 1280
	check "ICMP errors about 1240 octets${df:+ with DF}, path of 1280" refused5 client1 $KNOWN4 1240
	stop plain refuse
done
for n in proxy server; do
	check "$n: nothing was too big" test "$(json $n drops '[.drops[] | select(.name == "too-big") | .count] | add // 0')" = 0
done
finish
