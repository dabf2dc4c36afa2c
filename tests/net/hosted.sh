#!/bin/bash
# SPDX-License-Identifier: MIT
# A legacy server behind a server-side proxy: plain packets of others do not reach it, unless the
# identity permits it, and none with an address of the pool as source ever does.
#
#    hiphost -- [ proxy ] -- wan -- [ server ] -- plain 10.2.0.10
#                     legacy --/                      fd02::10
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq socat tcpdump nft python3
plugins=$HPN_BUILD/plugins/.libs
[ -f "$plugins/server.so" ] || skip "the server plugin is not built as a shared object"
HPN_NODES="$HPN_NODES plain"
not() { ! "$@"; }
hit_of_web() { "$CTL" hit "$HPN_DIR/server/web.pem"; }
gateway_conf() { # deny|allow
	{
		echo "identities = ( { name = \"gateway\"; key = \"$HPN_DIR/server/key.pem\"; },
			{ name = \"web\"; key = \"$HPN_DIR/server/web.pem\"; },
			{ name = \"six\"; key = \"$HPN_DIR/server/six.pem\"; } );
		control = { socket = \"$HPN_DIR/server/control\"; };
		state = \"$HPN_DIR/server/state\"; plugin_dir = \"$plugins\";
		plugins = { server = { pool4 = \"10.99.0.0/24\"; pool6 = \"fd99::/112\";
			mapping = \"$HPN_DIR/server/clients\";
			hosted = ( { identity = \"web\"; server = \"$PLAIN4\"; plain = \"$1\"; },
				{ identity = \"six\"; server = \"$PLAIN6\"; plain = \"$1\"; } ); }; };"
	} >"$HPN_DIR/server/hipproxy.conf"
}
forge() { on legacy python3 "${srcdir:-.}/tests/net/forge.py" "$@" >/dev/null; }
guard_count() { json server drops ".drops[] | select(.group == \"guard\" and .name == \"$1\") | .count"; }
arrives() { # KIND SOURCE DESTINATION
	local n
	capture_start plain eth0 "not arp and not icmp6[0] == 135 and not icmp6[0] == 136"
	forge "$@"
	on server python3 "${srcdir:-.}/tests/net/forge.py" echo 10.2.0.1 $PLAIN4 >/dev/null # after all else
	wait_for 5 sh -c "tcpdump -nr '$HPN_DIR/plain/eth0.pcap' 2>/dev/null | grep -q 'echo request'"
	capture_stop plain eth0
	n=$(tcpdump -nAr "$HPN_DIR/plain/eth0.pcap" "not icmp" 2>/dev/null | grep -c "$MARKER")
	[ "$n" -gt 0 ]
}

net_up && plain_up || { fail "the network comes up"; finish; }
for n in plain legacy; do serve_http $n && serve_echo $n || { fail "the services come up"; finish; }; done
key_of server; key_of hiphost
for n in web six; do "$CTL" keygen "$HPN_DIR/server/$n.pem" >/dev/null; done
server_peer() {
	echo "peers = ( { hit = \"$(hit_of_web)\"; addresses = [ $SERVER_LOCATORS ]; } );"
}
ip -n "$(ns legacy)" route add 10.2.0.0/24 via $SERVER4
ip -n "$(ns legacy)" -6 route add fd02::/64 via $SERVER6
check "without a daemon plain packets arrive" arrives udp $LEGACY4 $PLAIN4
check "over IPv6 too" arrives udp $LEGACY6 $PLAIN6
gateway_conf deny
hiphost_conf
daemon_start server && daemon_start hiphost || { fail "the daemons come up"; finish; }
check "a HIP host reaches the server" hello hiphost "$(hit_of_web)" plain
for kind in udp tcp; do
	check "$kind from elsewhere does not arrive" not arrives $kind $LEGACY4 $PLAIN4
	check "$kind over IPv6 does not" not arrives $kind $LEGACY6 $PLAIN6
done
check "counted" test "$(guard_count hosted-plain)" -ge 4
check "nor does what claims to come from the pool" not arrives udp 10.99.0.1 $PLAIN4
check "over IPv6 neither" not arrives udp fd99::1 $PLAIN6
check "counted by another name" test "$(guard_count forged-pool)" -ge 2
check "what the server begins itself is answered" hello plain $LEGACY4 legacy
check "over IPv6 too" hello plain $LEGACY6 legacy
check "the machine's own address is reached" on legacy ping -c1 -W2 -q $SERVER4 >/dev/null
gateway_conf allow
check "a reload that permits it" ctl server reload >/dev/null
check "plain packets arrive" arrives udp $LEGACY4 $PLAIN4
check "but none with an address of the pool" not arrives udp 10.99.0.1 $PLAIN4
check "the HIP host still reaches the server" hello hiphost "$(hit_of_web)" plain
gateway_conf deny
check "a reload that forbids it again" ctl server reload >/dev/null
check "none arrives" not arrives udp $LEGACY4 $PLAIN4
daemon_stop server
check "an orderly end leaves it closed" not arrives udp $LEGACY4 $PLAIN4
check "over IPv6 too" not arrives udp $LEGACY6 $PLAIN6
check "for addresses of the pool as well" not arrives udp 10.99.0.1 $PLAIN4
check "--cleanup opens" on server "$DAEMON" --cleanup
check "plain packets arrive then" arrives udp $LEGACY4 $PLAIN4
check "no table and no rule is left" test -z \
	"$(on server nft list tables | grep hipproxy_guard; ip -n "$(ns server)" rule | grep proto)"
finish
