#!/bin/bash
# SPDX-License-Identifier: MIT
# hipproxyctl doctor on a server-side proxy: what is wrong between it and the servers behind it.
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/doctor-lib.sh"
need_daemons
plugins=$HPN_BUILD/plugins/.libs
[ -f "$plugins/server.so" ] || skip "the server plugin is not built as a shared object"
HPN_NODES="$HPN_NODES plain"
RULES=
gateway_conf() {
	cat >"$HPN_DIR/server/hipproxy.conf" <<-EOF2
		identities = ( { name = "gateway"; key = "$HPN_DIR/server/key.pem"; },
			{ name = "web"; key = "$HPN_DIR/server/web.pem"; } );
		control = { socket = "$HPN_DIR/server/control"; };
		state = "$HPN_DIR/server/state";
		log = { level = "${HPN_LOG:-info}"; };
		plugin_dir = "$plugins";
		plugins = { server = {
			hosted = ( { identity = "web"; server = "$PLAIN4"; } );
			pool4 = "10.99.0.0/24"; mapping = "$HPN_DIR/server/clients";
			rules = ( $RULES );
		}; };
	EOF2
}
server_peer() {
	echo "peers = ( { hit = \"$("$CTL" hit "$HPN_DIR/server/web.pem")\"; addresses = [ \"$SERVER4\" ];
		serves = [ \"$KNOWN4/32\" ]; name = \"web\"; } );"
}
net_up && plain_up || { fail "the network comes up"; finish; }
serve_http plain
key_of proxy; key_of server
"$CTL" keygen "$HPN_DIR/server/web.pem" >/dev/null
gateway_conf; proxy_conf
check "the server side comes up" daemon_start server
check "the client side comes up" daemon_start proxy
check "healthy before any traffic" healthy server
check "so is the client side" healthy proxy
check "it works" hello client1 $KNOWN4 plain
check "healthy with traffic" healthy server
check "so is the client side" healthy proxy

on server sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
check "no forwarding" names server no-forwarding
check "the cure cures it" cured server

on server iptables -P FORWARD DROP
on server iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
check "FORWARD with policy drop" names server forward-drop
on server iptables -A FORWARD -i hip0 -o inner0 -j ACCEPT
check "an accept for who begins: healthy" healthy server
check "and it works" hello client1 $KNOWN4 plain
on server iptables -D FORWARD 1
check "without the stateful one the answers are dropped" names server forward-drop
on server iptables -A FORWARD -i inner0 -o hip0 -j ACCEPT
check "with both as documented: healthy" healthy server
check "and it works" hello client1 $KNOWN4 plain
on server iptables -P FORWARD ACCEPT; on server iptables -F FORWARD

# The server's answers go elsewhere.
on plain ip route add blackhole 10.99.0.0/24
on client1 curl -gsS --max-time 4 "$(url $KNOWN4 hello)" >/dev/null 2>&1
check "a server without a route to the pool" names server no-route
check "status says so" status_says server no-route
on plain ip route del blackhole 10.99.0.0/24
ctl server flush flows >/dev/null; ctl proxy flush all >/dev/null
check "it works again" hello client1 $KNOWN4 plain

RULES='{ identity = "web"; protocol = "tcp"; ports = 22; action = "deny"; }'
gateway_conf
check "rules by reload" ctl server reload
on client1 curl -gsS --max-time 3 "http://$KNOWN4:22/" >/dev/null 2>&1
check "a rule that denies a connection is noted" notes server rule-denies
check "with identity and port" sh -c "jq -r '.findings[].text' $HPN_DIR/server/doctor.json | grep -q 'TCP port 22 of identity web'"
RULES='{ client = "'$(hit_of proxy)'"; action = "deny"; }'
gateway_conf; ctl server reload >/dev/null
ctl proxy flush all >/dev/null; ctl server flush associations >/dev/null
check "denied altogether, in silence: the client's side hears nothing" names proxy peer-silent
doctor server
check "the server's side names the rule" sh -c "jq -r '.findings[] | select(.id == \"rule-denies\").text' $HPN_DIR/server/doctor.json | grep -q 'an association with identity web'"
sed -i 's/rules = /refuse = "notify"; rules = /' "$HPN_DIR/server/hipproxy.conf"; ctl server reload >/dev/null
check "denied with a word: the client's side names it" names proxy rule-denies
finish
