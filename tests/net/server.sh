#!/bin/bash
# SPDX-License-Identifier: MIT
# A legacy server behind a server-side proxy, reached by a HIP host and, gateway to gateway, by
# legacy clients that know it as 10.9.0.10.
#
#    client1, client2 -- [ proxy ] -- wan -- [ server ] -- plain 10.2.0.10
#    hiphost ----------------/                  192.0.2.80    fd02::10
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons python3 traceroute nmap dig dnsmasq ssh sshd iperf3 socat tcpdump
plugins=$HPN_BUILD/plugins/.libs
[ -f "$plugins/server.so" ] || skip "the server plugin is not built as a shared object"
HPN_NODES="$HPN_NODES plain"
web_hit() { "$CTL" hit "$HPN_DIR/server/web.pem"; }
six_hit() { "$CTL" hit "$HPN_DIR/server/six.pem"; }
RULES=
gateway_conf() {
	{
		cat <<-EOF
			identities = ( { name = "gateway"; key = "$HPN_DIR/server/key.pem"; },
				{ name = "web"; key = "$HPN_DIR/server/web.pem"; },
				{ name = "six"; key = "$HPN_DIR/server/six.pem"; } );
			control = { socket = "$HPN_DIR/server/control"; };
			state = "$HPN_DIR/server/state";
			log = { level = "${HPN_LOG:-info}"; };
			plugin_dir = "$plugins";
			plugins = { icmp = { }; server = {
				hosted = ( { identity = "web"; server = "$PLAIN4"; },
					{ identity = "six"; server = "fd02::10";
					  ports = ( { protocol = "tcp"; port = 8000; to = 80; } ); } );
				pool4 = "10.99.0.0/24"; pool6 = "fd99::/112";
				mapping = "$HPN_DIR/server/clients";
				clients = ( { name = "hiphost"; hit = "$(hit_of hiphost)"; } );
				rules = ( $RULES );
			}; };
		EOF
	} >"$HPN_DIR/server/hipproxy.conf"
}
server_peer() {
	cat <<-EOF
		peers = ( { hit = "$(web_hit)"; addresses = [ $SERVER_LOCATORS ]; serves = [ "$KNOWN4/32" ]; },
			{ hit = "$(six_hit)"; addresses = [ $SERVER_LOCATORS ]; serves = [ "$KNOWN6/128" ]; } );
	EOF
}
not() { ! "$@"; }

PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { icmp = { }; };"
net_up && plain_up || { fail "the network comes up"; finish; }
serve_http plain && serve_dns plain && serve_ssh plain && serve_echo plain && serve_ssh hiphost ||
	fail "the services come up"
[ -n "${HPN_SHORT:-}" ] && size=10000000 || size=100000000
make_file big $size
key_of proxy; key_of hiphost; key_of server
"$CTL" keygen "$HPN_DIR/server/web.pem" >/dev/null
"$CTL" keygen "$HPN_DIR/server/six.pem" >/dev/null
gateway_conf; proxy_conf; hiphost_conf
check "the server side comes up" daemon_start server
check "the client side comes up" daemon_start proxy
check "the HIP host comes up" daemon_start hiphost

# --- HIP host to legacy server
capture_start server eth0
check "HIP host: http by HIT" hello hiphost "$(web_hit)" plain
mine=$(on hiphost curl -gsS "http://[$(web_hit)]/whoami" | sed 's/^::ffff://; s/ .*//')
check "the server sees it at an address of the pool" sh -c "echo $mine | grep -q '^10\.99\.0\.'"
check "HIP host: ssh" test "$(ssh_to hiphost "$(web_hit)" echo hi)" = hi
check "HIP host: IPv6 server, mapped port" sh -c "ip netns exec $(ns hiphost) curl -gsS --max-time 8 'http://[$(six_hit)]:8000/hello' | grep -q 'hello from plain'"
check "a port that is not hosted is closed" not on hiphost curl -gsS --max-time 2 "http://[$(six_hit)]:80/hello" 2>/dev/null
check "the server opens a connection back" test "$(ssh_to plain "$mine" echo back)" = back

# --- gateway to gateway
check "legacy client: http" hello client1 $KNOWN4 plain
check "another one" hello client2 $KNOWN4 plain
other=$(on client1 curl -gsS "http://$KNOWN4/whoami" | sed 's/^::ffff://; s/ .*//')
check "known to the server by another address" test -n "$other" -a "$other" != "$mine"
check "legacy client: IPv6" sh -c "ip netns exec $(ns client1) curl -gsS --max-time 8 'http://[$KNOWN6]:8000/hello' | grep -q 'hello from plain'"
check "legacy client: DNS" resolve client1 $KNOWN4
check "legacy client: ping" sh -c "ip netns exec $(ns client1) ping -n -c2 -i0.2 -W2 $KNOWN4 | grep -q '2 received'"
check "legacy client: ping of 3000 octets" sh -c "ip netns exec $(ns client1) ping -n -s 3000 -c2 -i0.2 -W2 $KNOWN4 | grep -q '2 received'"
check "HIP host: ping" sh -c "ip netns exec $(ns hiphost) ping -n -c2 -i0.2 -W2 $(web_hit) | grep -q '2 received'"
on client1 traceroute -n -w 2 -q 1 -m 6 $KNOWN4 >"$HPN_DIR/tr" 2>&1
check "legacy client: traceroute ends at the server" sh -c "tail -1 $HPN_DIR/tr | grep -q ' $KNOWN4 '" || cat "$HPN_DIR/tr"
sed 's/^/      /' "$HPN_DIR/tr"
check "legacy client: a closed port is refused at once" sh -c "ip netns exec $(ns client1) nmap -n -Pn -sU -p 9999 $KNOWN4 | grep -q '9999/udp closed'"
check "legacy client: ssh" test "$(ssh_to client2 $KNOWN4 echo hi)" = hi
check "legacy client: datagrams of 3000 octets" udp_echo client1 $KNOWN4 3000
check "legacy client: a large file, sha256" fetch client1 $KNOWN4 big
check "legacy client: an upload, sha256" upload client1 $KNOWN4 10000000
capture_stop server eth0
check "only HIP and ESP between the gateways" only_hip "$HPN_DIR/server/eth0.pcap"
check "no legacy address on the wire" test "$(packets "$HPN_DIR/server/eth0.pcap" 'host 10.2.0.10 or host 10.9.0.10 or net 10.1.0.0/24 and not host 10.1.0.13 or net 10.99.0.0/24')" = 0

# --- kill -9 in a transfer, either side
killed() { # NODE
	fetch client1 $KNOWN4 big --limit-rate 10M & local get=$!
	under_way client1 $get || return 1
	daemon_stop "$1" KILL; sleep 0.3
	daemon_start "$1" || return 1
	wait $get
}
make_file big 25000000
check "the server side is killed: the transfer ends with the right sha256" killed server
check "the client side is killed: the transfer ends with the right sha256" killed proxy
check "the HIP host has its address still" test "$(on hiphost curl -gsS --max-time 20 "http://[$(web_hit)]/whoami" | sed 's/^::ffff://; s/ .*//')" = "$mine"

# --- access
policy() { ctl server policy test "$@"; }
check "policy test: allowed by default" sh -c "'$CTL' -s $HPN_DIR/server/control policy test $(hit_of hiphost) web tcp 80 | grep -q '^allowed by default'"
RULES='{ client = "hiphost"; identity = "web"; protocol = "tcp"; ports = 22; action = "deny"; },
	{ client = "hiphost"; identity = "web"; protocol = "tcp"; ports = 7001; action = "deny"; },
	{ client = "'$(hit_of proxy)'"; identity = "six"; action = "deny"; }'
gateway_conf
start plain cat socat TCP6-LISTEN:7001,fork,reuseaddr,ipv6only=0 EXEC:cat
wait_port plain 7001
held() { start "$1" held python3 "${srcdir:-.}/tests/net/conn.py" "$2" 7001; wait_for 15 grep -q up "$HPN_DIR/$1/held.log"; }
ended() { wait_for 15 grep -qE '^(reset|closed|silent)$' "$HPN_DIR/$1/held.log" && grep -q "^$2\$" "$HPN_DIR/$1/held.log"; }
check "connections that are up, of the HIP host" held hiphost "$(web_hit)"
check "and of a client" held client1 $KNOWN4
check "rules by reload" ctl server reload
check "what they deny is cut, the HIP host's application is told" ended hiphost reset
check "the server too" wait_for 10 not sh -c "ip netns exec $(ns plain) ss -tnH state established 'sport = :7001' | grep -qF '$mine'"
check "nobody else's" kill -0 "$(pid_of client1 held)"
check "an event says so" sh -c "'$CTL' -s $HPN_DIR/server/control events --no-follow --kind connections-cut | grep -qE 'were cut: [1-9]'"
check "http is permitted" hello hiphost "$(web_hit)" plain
check "ssh is not" not ssh_to hiphost "$(web_hit)" echo hi 2>/dev/null
check "of this client" test "$(ssh_to client1 $KNOWN4 echo hi)" = hi
check "policy test: denied by rule 1" sh -c "'$CTL' -s $HPN_DIR/server/control policy test $(hit_of hiphost) web tcp 22 | grep -q '^denied by rule 1'"
check "policy in JSON" sh -c "'$CTL' -s $HPN_DIR/server/control --json policy | jq -e '.rules | length == 4 and .[0].action == \"deny\" and
	.[0].number == 1 and .[0].hits > 0 and .[0].port_min == 22 and (.[3].default and .[3].action == \"allow\")' >/dev/null"
check "pipeline in JSON" sh -c "'$CTL' -s $HPN_DIR/server/control --json pipeline | jq -e '([.stages[].stage] | index(\"out.flow\") and index(\"out.outer\"))
	and ([.stages[] | select(.stage == \"out.xlat\") | .hooks[].name] | index(\"core.xlat46\")) and ([.plugins[].name] | index(\"server\"))' >/dev/null"
check "hits are counted" sh -c "'$CTL' -s $HPN_DIR/server/control policy | grep -E '^ +1 +deny .* [1-9][0-9]* hits'"
ctl proxy flush all; ctl server flush associations
check "an association nothing is permitted for is refused" not hello client1 $KNOWN6 plain
check "and counted" sh -c "'$CTL' -s $HPN_DIR/server/control drops | grep -q 'server *refused'"
check "the other identity still answers" hello client1 $KNOWN4 plain
finish
