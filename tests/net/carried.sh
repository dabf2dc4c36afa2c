#!/bin/bash
# SPDX-License-Identifier: MIT
# Protocols without ports between two gateways (the setting `protocols`), by raw sockets:
#
#    client1, client2 -- [ proxy ] -- wan -- [ server ] -- plain
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons python3 tcpdump
plugins=$HPN_BUILD/plugins/.libs
for p in server icmp; do [ -f "$plugins/$p.so" ] || skip "the $p plugin is not built as a shared object"; done
HPN_NODES="$HPN_NODES plain"
GRE=47 SCTP=132 LITE=136
RAW=${srcdir:-.}/tests/net/rawproto.py
web_hit() { "$CTL" hit "$HPN_DIR/server/web.pem"; }
server_peer() {
	echo "peers = ( { hit = \"$(web_hit)\"; addresses = [ \"$SERVER4\" ]; serves = [ \"$KNOWN4/32\", \"$KNOWN6/128\" ]; } );"
}
gateway_conf() { # PROTOCOLS [RULES]
	cat >"$HPN_DIR/server/hipproxy.conf" <<-EOF
		identities = ( { name = "gateway"; key = "$HPN_DIR/server/key.pem"; },
			{ name = "web"; key = "$HPN_DIR/server/web.pem"; } );
		control = { socket = "$HPN_DIR/server/control"; };
		state = ""; log = { level = "${HPN_LOG:-info}"; };
		protocols = ( $1 );
		plugin_dir = "$plugins";
		plugins = { icmp = { }; server = { hosted = ( { identity = "web"; server = "$SERVER"; } );
			pool4 = "10.99.0.0/24"; pool6 = "fd99::/112"; mapping = ""; $2 }; };
	EOF
}
again() { # [PROTOCOLS [RULES]]
	daemon_stop server
	gateway_conf "$@"
	daemon_start server && ctl proxy flush all >/dev/null
}
ask_raw() { on "$1" python3 "$RAW" ask "$2" "$3" "$4"; }
refused() { on "$1" python3 "$RAW" refused "$2" "$3"; }
lite() { on "$1" python3 "$RAW" lite $LITE "$2" "$3"; }
dropped() { [ "$(json "$1" drops "[.drops[] | select(.name == \"$2\") | .count] | add")" -gt 0 ]; }
serve() { # FAMILY PROTOCOL
	start plain "raw$1-$2" python3 "$RAW" serve "$1" "$2"
	wait_for 20 grep -q serving "$HPN_DIR/plain/raw$1-$2.log"
}

net_up && plain_up || { fail "the network comes up"; finish; }
for proto in $GRE $SCTP $LITE; do serve 4 $proto; serve 6 $proto; done
key_of proxy; key_of server; "$CTL" keygen "$HPN_DIR/server/web.pem" >/dev/null
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { icmp = { }; };"
proxy_conf; SERVER=$PLAIN4; gateway_conf
daemon_start server && daemon_start proxy || { fail "the daemons come up"; finish; }
for to in $KNOWN4 $KNOWN6; do
	check "by default, $to: protocol unreachable" refused client1 $GRE $to
done

PROXY_MORE="protocols = ( \"gre\", 132, \"udp-lite\" ); $PROXY_MORE"; proxy_conf
check "the client side carries them, by a reload" ctl proxy reload
check "but not the other side: protocol unreachable from there" refused client1 $SCTP $KNOWN4
check "counted there" dropped server no-mapping
capture_start proxy wan0
for SERVER in $PLAIN4 $PLAIN6; do
	check "both carry them, server $SERVER" again '"gre", "sctp", 136'
	for to in $KNOWN4 $KNOWN6; do
		me=10.1.0.11; [ $to = $KNOWN6 ] && me=fd01::11
		# A client's other address is another host's.
		ctl proxy flush flows >/dev/null; ctl server flush flows >/dev/null
		check "GRE, $to" ask_raw client1 $GRE $to 100
		check "SCTP, $to" ask_raw client1 $SCTP $to 1200
		check "SCTP in fragments, $to" ask_raw client1 $SCTP $to 3000
		check "UDP-Lite, $to: the checksum is right" lite client1 $to $me
		check "one that is not named, $to: protocol unreachable" refused client1 90 $to
		check "a second client, $to: protocol unreachable" refused client2 $GRE $to
	done
done
capture_stop proxy wan0
# Errors about ESP that finds no daemon, while it restarts, quote ESP.
check "nothing but ESP and HIP went over the wire" test "$(packets "$HPN_DIR/proxy/wan0.pcap" "not arp and not icmp6 and not ip proto 139 and not ip proto 50 and not ip6 proto 139 and not ip6 proto 50 and not (icmp[0] == 3 and icmp[1] == 2)")" = 0
check "no text in what was captured" sh -c "! grep -qa $MARKER $HPN_DIR/proxy/wan0.pcap"
check "a second client is counted" dropped proxy protocol-used
check "flows show them" sh -c "'$CTL' -s $HPN_DIR/proxy/control --json flows | jq -e '[.flows[] | select(.proto == \"132\")] | length > 0' >/dev/null"
SERVER=$PLAIN4
check "a rule for GRE alone" again '"gre", "sctp"' 'default = "deny"; rules = ( { protocol = "gre"; action = "allow"; } );'
check "GRE passes" ask_raw client1 $GRE $KNOWN4 100
check "SCTP does not" sh -c "! TIMEOUT=3 ip netns exec $(ns client1) python3 $RAW ask $SCTP $KNOWN4 100"
check "counted" dropped server access
check "policy test knows the protocol" sh -c "'$CTL' -s $HPN_DIR/server/control policy test $(hit_of proxy) web gre | grep -q 'allowed by rule 1'"
finish
