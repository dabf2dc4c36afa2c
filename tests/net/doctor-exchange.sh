#!/bin/bash
# SPDX-License-Identifier: MIT
# hipproxyctl doctor, log, peers and associations tell apart why a peer can't be reached.
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/doctor-lib.sh"
need_daemons socat
net_up || { fail "the network comes up"; finish; }
serve_http server
PROXY_MORE='hip = { retransmit_ms = 100; retransmit_max = 2; };'
SERVER_HIP='opportunistic_responder = "on";' BOTH=$SERVER_LOCATORS SERVER_LOCATORS="\"$SERVER4\""
key_of proxy; key_of server; key_of hiphost
server_conf; proxy_conf
check "the server comes up" daemon_start server
check "the proxy comes up" daemon_start proxy

# tried: a client tries, until the exchange has failed for this reason.
reason() { [ "$(json proxy associations '.associations[0].reason')" = "$1" ]; }
peer_reason() { [ "$(json proxy peers '.peers[0].reason')" = "$1" ]; }
tried() {
	on client1 curl -gsS --max-time 1 "$(url $SERVER4 hello)" >/dev/null 2>&1
	wait_for 10 reason "$1"
}
told() { # REASON TEXT
	check "associations: $1" tried "$1"
	check "peers: $1" peer_reason "$1"
	check "the log: $2" wait_for 5 logged proxy "$2"
}
forget() { ctl proxy flush all >/dev/null; ctl server flush associations >/dev/null; : >"$HPN_DIR/proxy/hipproxyd.log"; }
restart() { daemon_stop proxy; rm -f "$HPN_DIR/proxy/state"; : >"$HPN_DIR/proxy/hipproxyd.log"; proxy_conf; daemon_start proxy; }

check "nothing is wrong" healthy proxy

# --- the peer's daemon is down
daemon_stop server
check "daemon down: doctor" names proxy peer-down
told no-hip "does not run there"
check "daemon down: status" status_says proxy peer-down
check "daemon down: one line of doctor all the same" names proxy peer-down
daemon_start server
check "it is up again: healthy" healthy proxy
forget

# --- the HIT in the configuration is another one
right=$(declare -f server_peer)
server_peer() {
	echo "peers = ( { hit = \"$(hit_of hiphost)\"; addresses = [ $SERVER_LOCATORS ]; name = \"server\"; } );"
}
restart
check "wrong HIT: doctor" names proxy wrong-hit
check "wrong HIT: the right one is shown" sh -c "jq -r '.findings[0].cure' $HPN_DIR/proxy/doctor.json | grep -q '$(hit_of server)'"
told other-hit "(it has $(hit_of server))"
check "wrong HIT: nothing was adopted" test "$(associations_of server)" = 0
check "wrong HIT: the other side logs it" logged server "asks for a HIT which is none of ours.*$(hit_of hiphost)"
check "wrong HIT: and notes it" notes server asked-wrong-hit
check "wrong HIT: and counts it" sh -c "'$CTL' -s $HPN_DIR/server/control drops | grep -q not_our_hit"
# A host that answers no opportunistic I1 says nothing.
SERVER_HIP='puzzle_k = 0;'; daemon_stop server; server_conf; daemon_start server; forget
check "silence: doctor" names proxy peer-silent
told no-answer "no answer: "
SERVER_HIP='opportunistic_responder = "on";'; daemon_stop server; server_conf; daemon_start server
eval "$right"; restart

# --- the peer has another key than before
check "it was met" hello client1 $SERVER4 server
daemon_stop server; forget
mv "$HPN_DIR/server/key.pem" "$HPN_DIR/server/key.old"
key_of server; daemon_start server
check "other key: doctor" names proxy other-key
told other-key "(it has $(hit_of server))"
daemon_stop proxy; daemon_start proxy
check "other key: doctor after a restart" names proxy other-key
daemon_stop server; mv "$HPN_DIR/server/key.old" "$HPN_DIR/server/key.pem"; daemon_start server; forget
check "the old key again: healthy" healthy proxy

# --- a firewall before the peer
# A router says "administratively prohibited".  (Linux' own REJECT does not answer HIP: it takes the
# checksum, which has a pseudo header, for a wrong one.)
on legacy sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; ip route add prohibit 198.51.100.9'
on proxy ip route add 198.51.100.9 via $LEGACY4
SERVER_LOCATORS='"198.51.100.9"'; restart
check "HIP rejected: doctor" names proxy hip-rejected
on client1 curl -gsS --max-time 1 http://198.51.100.9/ >/dev/null 2>&1
check "HIP rejected: associations" wait_for 10 reason prohibited
check "HIP rejected: the log" wait_for 5 logged proxy "a firewall on the way rejects HIP"
SERVER_LOCATORS="\"$SERVER4\""; restart
on server iptables -A INPUT -p 139 -j DROP
check "HIP dropped: doctor" names proxy peer-silent
check "HIP dropped: doctor there" names server hip-drop
on server iptables -F INPUT; forget
on server iptables -A INPUT -p 50 -j DROP
on client1 curl -gsS --max-time 4 "$(url $SERVER4 hello)" >/dev/null 2>&1
check "ESP blocked: doctor" names proxy esp-blocked
check "ESP blocked: status" status_says proxy esp-blocked
check "ESP blocked: doctor there" names server esp-blocked
on server iptables -F INPUT
check "without the rule it works" hello client1 $SERVER4 server
check "and is healthy" healthy proxy
on server iptables -A INPUT -p 50 -j DROP
on client2 curl -gsS --max-time 5 "$(url $SERVER4 hello)" >/dev/null 2>&1
check "ESP blocked later: doctor" names proxy esp-blocked
on server iptables -F INPUT; forget

# --- no host at all
SERVER_LOCATORS='"192.0.2.99"'; restart
check "no host: doctor" names proxy peer-unreachable
SERVER_LOCATORS=$BOTH; restart
check "two addresses: healthy" healthy proxy
on server ip6tables -A INPUT -p 139 -j DROP
check "two addresses, one answers: a note" notes proxy peer-silent
on server ip6tables -F INPUT
SERVER_LOCATORS="\"$SERVER4\""; restart

# --- access
daemon_stop server; sed -i 's/accept_default = "allow"/accept_default = "deny"/' "$HPN_DIR/server/hipproxy.conf"
daemon_start server; forget
check "denied: doctor" names proxy rule-denies
told denied "access rules deny us"
check "denied: the other side notes it" notes server rule-denies
daemon_stop server; server_conf; daemon_start server; forget

# --- a service on IPv4 only
start server v4only socat TCP4-LISTEN:8080,fork,reuseaddr EXEC:cat
wait_port server 8080
check "a service on IPv4 only is noted" notes server ipv4-only
on client1 timeout 5 socat -u /dev/null "TCP4:$SERVER4:8080" 2>/dev/null
check "once a peer has tried it is named" names server ipv4-only
check "the client's side is healthy" healthy proxy
stop server v4only
check "without the service: healthy" healthy server

# --- both ends have the same key
cp "$HPN_DIR/proxy/key.pem" "$HPN_DIR/proxy/key.own"
cp "$HPN_DIR/server/key.pem" "$HPN_DIR/proxy/key.pem"
daemon_stop proxy; proxy_conf
doctor proxy -c "$HPN_DIR/proxy/hipproxy.conf"
check "same key: doctor" sh -c "jq -r '.findings[].id' $HPN_DIR/proxy/doctor.json | grep -qx same-key"
server_peer() {
	echo "peers = ( { hit = \"$(hit_of hiphost)\"; addresses = [ \"$SERVER4\" ]; name = \"server\"; } );"
}
restart
on client1 curl -gsS --max-time 1 "$(url $SERVER4 hello)" >/dev/null 2>&1
check "same key: the other side logs it" wait_for 5 logged server "comes with our own HIT"
check "same key: doctor there" names server same-key
finish
