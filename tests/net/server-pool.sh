#!/bin/bash
# SPDX-License-Identifier: MIT
# A server-side proxy whose server has a network of its own: clients told apart in its log, servers
# that begin, what outsiders see, who is refused and how, crashes, a pool in the server's network.
#
#    client1 --- lan ---[ proxy ]--- wan --------[ gate ]--- dmz --- web  10.2.0.10 fd02::10
#    hiphost ---/                     |  192.0.2.70     10.2.0.1
#                       server (HIP host), legacy (outsider)
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump nmap
HPN_NODES="$HPN_NODES gate dmz web"
HPN_PLUGINS=$HPN_BUILD/plugins/.libs
[ -f "$HPN_PLUGINS/server.so" ] || skip "the server plugin is not built as a shared object"
GATE4=192.0.2.70 GATE6=2001:db8:2::70 WEB4=10.2.0.10 WEB6=fd02::10
PUBLIC4=203.0.113.80 PUBLIC6=2001:db8:cafe::80 # by these, clients know web
BIG_BYTES=30000000

gate_up() {
	ip -n "$(ns dmz)" link add name switch type bridge mcast_snooping 0 &&
		ip -n "$(ns dmz)" link set dev switch up &&
		link gate wan0 wan $GATE4/24 $GATE6/64 && link gate srv0 dmz 10.2.0.1/24 fd02::1/64 &&
		link web eth0 dmz $WEB4/24 $WEB6/64 && gateway web 10.2.0.1 fd02::1 &&
		gateway gate $PROXY_WAN4 $PROXY_WAN6 &&
		ip -n "$(ns proxy)" route add $PUBLIC4 via $GATE4 &&
		ip -n "$(ns proxy)" route add $PUBLIC6 via $GATE6 || return 1
	# Only what hipproxyd makes of HIP reaches the servers.
	on gate sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
		for t in iptables ip6tables; do
			$t -P FORWARD DROP && $t -A FORWARD -i hip0 -o srv0 -j ACCEPT &&
				$t -A FORWARD -i srv0 -o hip0 -j ACCEPT || exit 1
		done' && wait_for 10 on gate ping -c1 -W1 $WEB4 && wait_for 10 on gate ping -c1 -W1 $WEB6
}

hosted_hit() { "$CTL" hit "$HPN_DIR/gate/$1.pem"; }

# What a test wants otherwise than by default it says here.
GATE_RULES= GATE_POOLS='pool4 = "10.99.0.0/24"; pool6 = "fd99::/64";'
gate_conf() {
	local d=$HPN_DIR/gate i
	key_of gate
	for i in web4 web6; do [ -f "$d/$i.pem" ] || "$CTL" keygen "$d/$i.pem" >/dev/null; done
	cat >"$d/hipproxy.conf" <<-EOF2
		identities = ( { name = "gate"; key = "$d/key.pem"; },
			{ name = "web4"; key = "$d/web4.pem"; }, { name = "web6"; key = "$d/web6.pem"; } );
		control = { socket = "$d/control"; };
		state = "$d/state";
		log = { target = "stderr"; level = "${HPN_LOG:-info}"; };
		hip = { puzzle_k = 0; };
		plugin_dir = "$HPN_PLUGINS";
		plugins = { server = {
			hosted = ( { identity = "web4"; server = "$WEB4"; },
				{ identity = "web6"; server = "$WEB6"; } );
			mapping = "$d/clients";
			$GATE_POOLS
			$GATE_RULES
		}; };
	EOF2
}

hosted_peers() {
	cat <<-EOF
		peers = ( { hit = "$(hosted_hit web4)"; addresses = [ "$GATE4", "$GATE6" ];
				serves = [ "$PUBLIC4" ]; name = "web4"; },
			{ hit = "$(hosted_hit web6)"; addresses = [ "$GATE4", "$GATE6" ];
				serves = [ "$PUBLIC6" ]; name = "web6"; } );
	EOF
}
server_peer() { hosted_peers; } # what lib.sh gives proxy and hiphost

whoami() { on "$1" timeout 10 curl -gs --max-time 8 "$(url "$2" whoami)" | sed 's/^::ffff://; s/ .*//'; }
within() { case $1 in $2*) true ;; *) say "      it is $1"; false ;; esac; }
reload() { ctl gate reload >/dev/null; }
unreached() { ! hello "$1" "$2" web; } # NODE ADDRESS
gate_counter() { ctl gate drops | awk -v n="$1" '$2 == "server" && $3 == n { s += $1 } END { print s + 0 }'; }

net_up && gate_up || { fail "the network comes up"; finish; }
serve_http web && serve_dns web && serve_ssh web && serve_echo web && serve_iperf web ||
	{ fail "the services of web come up"; finish; }
make_file big "$BIG_BYTES"
gate_conf
for n in proxy hiphost server; do key_of $n; done
proxy_conf; hiphost_conf
{ conf_head server; hosted_peers
	echo "host = { enabled = true; identity = \"server\"; };"; } >"$HPN_DIR/server/hipproxy.conf"
daemon_start gate && daemon_start proxy && daemon_start hiphost && daemon_start server ||
	{ fail "the daemons come up"; finish; }
W4=$(hosted_hit web4) W6=$(hosted_hit web6)

# --- HIP hosts ---------------------------------------------------------------------------

capture_start gate wan0
for n in 1 1300 9000; do
	check "HIP host to IPv4 server: $n octets of UDP and back" udp_echo hiphost "$W4" $n
done
check "HIP host to IPv6 server: http" fetch hiphost "$W6" big
udp_echo hiphost "$W6" 3000 # its answer teaches web the path MTU
check "HIP host to IPv6 server: 3000 octets of UDP and back" udp_echo hiphost "$W6" 3000
first=$(whoami hiphost "$W4") second=$(whoami server "$W4")
check "a client has an address of the pool" within "$first" 10.99.0.
check "another client has another" test "$second" != "$first" -a -n "$second"
check "and of the IPv6 pool" within "$(whoami hiphost "$W6")" fd99::
check "the server's log tells them apart" test "$(grep -cE "^(::ffff:)?$first " "$HPN_DIR/web/nginx/access.log")$(grep -cE "^(::ffff:)?$second " "$HPN_DIR/web/nginx/access.log")" = 11

# --- back ----------------------------------------------------------------------------------

start hiphost listen socat TCP6-LISTEN:9000,fork,reuseaddr "SYSTEM:echo from hiphost; cat"
wait_port hiphost 9000
back() { # ADDRESS
	[ "$(echo ping | on web timeout 10 socat -t 2 - "TCP:$1:9000")" = "from hiphost
ping" ]
}
check "the server opens a connection to the client's address" back "$first"
check "by an IPv6 address too" back "[$(whoami hiphost "$W6")]"
idle=10.99.0.1; [ "$idle" != "$first" ] && [ "$idle" != "$second" ] || idle=10.99.0.2
check "an address that is nobody's leads nowhere" sh -c "! echo | ip netns exec $(ns web) timeout 3 socat -t 1 - TCP:$idle:9000"

# --- gateway to gateway ----------------------------------------------------------------------

check "gateway to gateway, IPv6: http" fetch client1 $PUBLIC6 big
fetch client2 $PUBLIC4 big & other=$!
check "two clients at once: one" fetch client1 $PUBLIC4 big
check "two clients at once: the other" wait $other
say "      $(iperf_to client1 $PUBLIC4) Mbit/s up, $(iperf_to client1 $PUBLIC4 -R) down"
capture_stop gate wan0
pcap=$HPN_DIR/gate/wan0.pcap
on_link="arp or ip6 multicast or (icmp6 and (src net fe80::/10 or ip6[40] >= 133))"
check "nothing but HIP and ESP on the way" test "$(packets "$pcap" "not ($on_link) and not ip proto 139 and not ip proto 50 and not ip6 proto 139 and not ip6 proto 50")" = 0
check "no address of legacy hosts or of the pool on the way" test "$(packets "$pcap" "net 10.0.0.0/8 and not host 10.1.0.13 or net fd00::/8 and not host fd01::13")" = 0
check "no payload on the way" sh -c "! grep -qa $MARKER $pcap"

# --- outsiders -----------------------------------------------------------------------------------

open_ports() { on legacy timeout 120 nmap -n -Pn -T5 --max-retries 1 "$@" -oG - | grep -c /open/; }
check "nmap finds no port of gate" test "$(open_ports -p1-10000 $GATE4)$(open_ports -sU --top-ports 20 $GATE4 | tail -1)" = 00
on legacy ip route add 10.2.0.0/24 via $GATE4
on legacy ip route add 10.99.0.0/24 via $GATE4
check "nor of web, by way of gate" test "$(open_ports -p22,53,80,5201 $WEB4)" = 0
check "nor of clients, by way of gate" test "$(open_ports -p22,9000 "$first")" = 0

# --- rules -------------------------------------------------------------------------------

rules() { GATE_RULES="clients = ( { name = \"friend\"; hit = \"$(hit_of hiphost)\"; } ); $*"; gate_conf; reload; }
check "rules: reload" rules 'rules = ( { client = "friend"; action = "allow"; } ); default = "deny";'
check "a client that is named" hello hiphost "$W4" web
check "another is refused, flow by flow" unreached server "$W4"
check "that is counted" test $(($(gate_counter denied) + $(json gate drops '.drops[] | select(.name == "hip_policy") | .count'))) -ge 1
rules 'rules = ( { client = "friend"; protocol = "tcp"; ports = 80; identity = "web4"; action = "deny"; }, { client = "friend"; action = "allow"; } ); default = "deny";'
check "one port of one identity is denied" unreached hiphost "$W4"
check "its other ports are not" test "$(ssh_to hiphost "$W4" echo hi)" = hi
check "nor is the other identity" hello hiphost "$W6" web
test_says() { ctl gate policy test "${@:2}" 2>&1 | grep -q "$1" || { ctl gate policy test "${@:2}"; false; }; }
check "policy test: denied by rule 1" test_says 'denied by rule 1' "$(hit_of hiphost)" web4 tcp 80
check "and the status says so" test "$(ctl gate policy test "$(hit_of hiphost)" web4 tcp 80 >/dev/null; echo $?)" = 1
check "that of an allowed one is 0" sh -c "'$CTL' -s $HPN_DIR/gate/control policy test $(hit_of hiphost) web4 tcp 22 >/dev/null"
check "policy test: allowed by rule 2" test_says 'allowed by rule 2' "$(hit_of hiphost)" web4 tcp 22
check "policy test: denied by default" test_says 'denied by default' "$(hit_of server)" web4 tcp 22
ctl gate policy | sed 's/^/      /'

exchange_refused() { # SENTENCE: a stranger's I1
	forget server gate
	capture_start gate wan0 "ip proto 139 and host $SERVER4"
	check "$1: not reached" unreached server "$W4"
	capture_stop gate wan0
}
exchange_refused "a client without any right"
check "it gets silence" test "$(packets "$HPN_DIR/gate/wan0.pcap" "src host $GATE4")" = 0
check "and is counted" test "$(gate_counter refused)" -ge 1
rules 'rules = ( { client = "friend"; action = "allow"; } ); default = "deny"; refuse = "notify";'
exchange_refused "a client without any right, refuse = notify"
# NOTIFY is packet type 17 (RFC 7401, section 5.3.6)
check "it gets NOTIFY and nothing else" sh -c "
	[ $(packets "$HPN_DIR/gate/wan0.pcap" "src host $GATE4 and ip[22] & 0x7f = 17") -ge 1 ] &&
	[ $(packets "$HPN_DIR/gate/wan0.pcap" "src host $GATE4 and ip[22] & 0x7f != 17") = 0 ]"
GATE_RULES= ; gate_conf; check "all may again: reload" reload
ctl server flush all >/dev/null # it remembers the refusal for some minutes
check "the client without any right has it" hello server "$W4" web
check "a mistake is refused by reload" sh -c "sed -i s/10.99.0.0/10.99.0.1/ $HPN_DIR/gate/hipproxy.conf; ! '$CTL' -s $HPN_DIR/gate/control reload 2>/dev/null"
gate_conf

# --- restart and crash ---------------------------------------------------------------------------

killed() { # NODE CLIENT ADDRESS
	local get t0=$SECONDS
	fetch "$2" "$3" big --limit-rate 6M & get=$!
	under_way "$2" $get || return 1
	daemon_stop "$1" KILL 2>/dev/null
	sleep 0.5
	daemon_start "$1" || return 1
	wait $get && say "      $((SECONDS - t0)) s in all"
}
daemon_stop gate; daemon_start gate
check "a client's address outlives a restart" test "$(whoami hiphost "$W4")" = "$first"
check "gate is killed in a transfer of a HIP host: right sha256" killed gate hiphost "$W4"
check "gate is killed in a transfer between gateways: right sha256" killed gate client1 $PUBLIC4
check "the client-side proxy is killed: right sha256" killed proxy client1 $PUBLIC4
check "a client's address outlives it all" test "$(whoami hiphost "$W4")" = "$first"
back_after() { daemon_stop gate KILL 2>/dev/null; daemon_start gate && back "$first"; }
check "after a crash the server begins: it reaches the client" back_after

# --- a narrow path ---------------------------------------------------------------------------------

on gate ip link set dev wan0 mtu 1400
check "1400 octets on the way: the file arrives" fetch client2 $PUBLIC4 big
check "1400 octets on the way: ssh uploads" upload client2 $PUBLIC4 2000000
on gate ip link set dev wan0 mtu 1500

# --- the pool in the server's own network ------------------------------------------------------------

on web ip route del default; on web ip -6 route del default
on gate sh -c 'echo 1 >/proc/sys/net/ipv6/conf/srv0/proxy_ndp'
GATE_POOLS='pool4 = "10.2.0.128/25"; pool6 = "fd02::1:0/112"; answer_on = "srv0";'
gate_conf
daemon_stop gate; daemon_start gate
check "pool in the server's network: http" fetch hiphost "$W4" big
check "pool in the server's network: IPv6" fetch hiphost "$W6" big
first=$(whoami hiphost "$W4")
check "pool in the server's network: its address" within "$first" 10.2.0.
check "pool in the server's network: back" back "$first"
daemon_stop gate; daemon_start gate
check "pool in the server's network: the server begins after a restart" back "$first"

# --- behind the proxy's address: web knows no way but to its own network --------------------------

GATE_POOLS='pool4 = "10.99.0.0/24"; pool6 = "fd99::/64"; masquerade = true;'
gate_conf
daemon_stop gate; daemon_start gate
check "masquerade: http" fetch hiphost "$W4" big
check "masquerade: IPv6" fetch client1 $PUBLIC6 big
check "masquerade: DNS" resolve client1 $PUBLIC4
check "masquerade: web sees the proxy" test "$(whoami hiphost "$W4") $(whoami hiphost "$W6")" = "10.2.0.1 fd02::1"
check "masquerade: gate is killed in a transfer: right sha256" killed gate client1 $PUBLIC4
finish
