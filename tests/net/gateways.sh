#!/bin/bash
# SPDX-License-Identifier: MIT
# Gateway to gateway through a NAT, no end machine changed:
#
#    client1, client2 -- [ proxy ] -- nat -- wan -- [ server ] -- plain
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons traceroute nmap dig dnsmasq ssh sshd iperf3 socat tcpdump
plugins=$HPN_BUILD/plugins/.libs
for p in server icmp natudp; do [ -f "$plugins/$p.so" ] || skip "the $p plugin is not built as a shared object"; done
HPN_NODES="$HPN_NODES plain nat"
web_hit() { "$CTL" hit "$HPN_DIR/server/web.pem"; }
server_peer() {
	echo "peers = ( { hit = \"$(web_hit)\"; addresses = [ \"$SERVER4\" ]; serves = [ \"$KNOWN4/32\" ]; } );"
}
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { icmp = { }; natudp = { mode = \"auto\"; }; };"
gateway_conf() {
	cat >"$HPN_DIR/server/hipproxy.conf" <<-EOF
		identities = ( { name = "gateway"; key = "$HPN_DIR/server/key.pem"; },
			{ name = "web"; key = "$HPN_DIR/server/web.pem"; } );
		control = { socket = "$HPN_DIR/server/control"; };
		state = "$HPN_DIR/server/state";
		log = { level = "${HPN_LOG:-info}"; };
		plugin_dir = "$plugins";
		plugins = { icmp = { }; natudp = { mode = "auto"; };
			server = { hosted = ( { identity = "web"; server = "$PLAIN4"; } );
				pool4 = "$POOL"; mapping = "$HPN_DIR/server/clients"; $SERVER_PLUGIN }; };
	EOF
}
POOL=10.99.0.0/24 SERVER_PLUGIN=
net_up && plain_up && nat_up || { fail "the network comes up"; finish; }
serve_http plain && serve_dns plain && serve_ssh plain && serve_iperf plain || fail "the services come up"
if [ -n "${HPN_SHORT:-}" ]; then size=20000000; else size=1000000000; fi
make_file big $size
key_of proxy; key_of server; "$CTL" keygen "$HPN_DIR/server/web.pem" >/dev/null
gateway_conf; proxy_conf
daemon_start server && daemon_start proxy || { fail "the daemons come up"; finish; }

capture_start server eth0 "not port 10500"
capture_start nat in0 "port 10500 and udp[4:2] < 600"
check "http" hello client1 $KNOWN4 plain
check "DNS" resolve client2 $KNOWN4
check "ssh" test "$(ssh_to client1 $KNOWN4 echo $MARKER)" = $MARKER
check "ping" sh -c "ip netns exec $(ns client1) ping -n -c2 -i0.2 -W2 $KNOWN4 | grep -q '2 received'"
check "traceroute" sh -c "ip netns exec $(ns client1) traceroute -n -w 2 -q 1 -m 6 $KNOWN4 | tail -1 | grep -q ' $KNOWN4 '"
check "$size octets arrive with the right sha256" fetch client1 $KNOWN4 big
check "iperf3 back" iperf_to client1 $KNOWN4 -R >"$HPN_DIR/rate"
say "      $(head -1 "$HPN_DIR/rate") Mbit/s to the client, through NAT"
capture_stop server eth0
capture_stop nat in0
check "nothing but UDP 10500 and the first natively tried I1s on the wire" test "$(packets "$HPN_DIR/server/eth0.pcap" 'not arp and not ip6 multicast and not icmp6 and not ip proto 139 and not icmp')" = 0
check "no text in what was captured" sh -c "! grep -qa $MARKER $HPN_DIR/nat/in0.pcap $HPN_DIR/server/eth0.pcap"
check "the server knows the proxy by the NAT's address" test "$(json server associations '.associations[0].path.dst')" = $NAT4

on nat nmap -n -Pn -sS -p 22,53,80,5201 $SERVER4 >"$HPN_DIR/nmap" 2>&1
check "from outside nothing of the legacy server is open" sh -c "grep -q '80/tcp' $HPN_DIR/nmap && ! grep -q open $HPN_DIR/nmap"

killed() { # NODE
	fetch client1 $KNOWN4 big --limit-rate 10M & local get=$!
	under_way client1 $get || return 1
	daemon_stop "$1" KILL; sleep 0.3
	daemon_start "$1" || return 1
	wait $get
}
make_file big 25000000
check "the client side is killed: the transfer ends with the right sha256" killed proxy
check "the server side is killed: the transfer ends with the right sha256" killed server

# The pool in the server's own network: ARP is answered for it.
daemon_stop server
ip -n "$(ns plain)" route del default
POOL=10.2.0.128/25 SERVER_PLUGIN='answer_on = "inner0";'
rm -f "$HPN_DIR/server/clients" "$HPN_DIR/server/state"
gateway_conf
check "a pool in the server's own network" daemon_start server
ctl proxy flush all
check "http, ARP answered by the proxy" hello client1 $KNOWN4 plain
check "at an address of that pool" sh -c "ip netns exec $(ns client1) curl -s http://$KNOWN4/whoami | grep -qE '10\.2\.0\.(1[2-9][0-9]|2)'"

# Behind the proxy's own address.
daemon_stop server
POOL=100.127.0.0/24 SERVER_PLUGIN='masquerade = true;'
rm -f "$HPN_DIR/server/clients" "$HPN_DIR/server/state"
gateway_conf
check "masquerading" daemon_start server
ctl proxy flush all
check "http" hello client1 $KNOWN4 plain
check "from the proxy's own address" sh -c "ip netns exec $(ns client1) curl -s http://$KNOWN4/whoami | grep -q '10\.2\.0\.1 '"
check "ping" sh -c "ip netns exec $(ns client1) ping -n -c2 -i0.2 -W2 $KNOWN4 | grep -q '2 received'"
make_file small 20000000
check "a large file, sha256" fetch client1 $KNOWN4 small
daemon_stop server
check "--cleanup" on server "$DAEMON" --cleanup
check "no rule is left" sh -c "! ip netns exec $(ns server) iptables-save | grep -q HIPPROXY && ! ip netns exec $(ns server) nft list tables | grep -q hipproxy"
finish
