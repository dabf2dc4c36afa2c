#!/bin/bash
# SPDX-License-Identifier: MIT
# Details of HIP on the wire: other versions, another identity, forged UPDATEs, domain identifiers.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons tcpdump python3
HPN_PLUGINS=$HPN_BUILD/plugins/.libs
[ -d "$HPN_PLUGINS" ] || HPN_PLUGINS=$HPN_BUILD/plugins
SERVER_MORE="plugin_dir = \"$HPN_PLUGINS\"; plugins = { natudp = { mode = \"auto\"; }; };"
hipforge() { on legacy python3 "${srcdir:-.}/tests/net/hipforge.py" "$@"; }

net_up || { fail "the network comes up"; finish; }
serve_http server
key_of proxy; key_of server -t rsa; "$CTL" keygen -t rsa "$HPN_DIR/proxy/rsa.pem" >/dev/null

# --- another identity ------------------------------------------------------------------------

# The server's kind of key is RSA, and it takes no other.
SERVER_HIP='puzzle_k = 0; hit_suites = [ 1 ];'
server_conf
proxy_conf
identities() { # MORE: the proxy has an ECDSA key, and an RSA key
	local f=$HPN_DIR/proxy/hipproxy.conf both
	both="{ name = \"proxy\"; key = \"$HPN_DIR/proxy/key.pem\"; },"
	both="$both { name = \"rsa\"; key = \"$HPN_DIR/proxy/rsa.pem\"; di = \"gw.example.test\"; }"
	sed -i "s|^identities = .*|identities = ( $both );|; s|identity = \"proxy\";|& $1|" "$f"
}
identities ""
daemon_start server && daemon_start proxy || { fail "the daemons come up"; finish; }
HELLO_S=2 check "without another identity there is no association" eval '! hello client1 $SERVER4 server'
daemon_stop proxy
proxy_conf
identities 'other_identities = [ "rsa" ];'
daemon_start proxy || fail "the proxy comes up"
for to in $SERVER4 $SERVER6; do
	check "the other identity reaches the server ($to)" hello client1 "$to" server
done
check "the server sees the RSA identity" test \
	"$(json server associations '.associations[0].peer_hit')" = "$("$CTL" hit "$HPN_DIR/proxy/rsa.pem")"
check "and its name" test "$(json server associations '.associations[0].peer_di')" = gw.example.test
check "one association" test "$(associations_of proxy)" = 1
forget proxy server
check "once more" hello client2 $SERVER4 server

# --- another version -------------------------------------------------------------------------

# problem CAPTURE-FILTER POINTER-OFFSET POINTER: legacy has got an ICMP error that points there.
problem() {
	local n
	for n in 1 2 3 4 5; do
		capture_start legacy eth0 "$1"
		hipforge "${@:4}"
		wait_for 3 eval '[ -s "$HPN_DIR/legacy/eth0.pcap" ] && [ "$(packets "$HPN_DIR/legacy/eth0.pcap")" -ge 1 ]'
		capture_stop legacy eth0
		[ "$(tcpdump -n -x -r "$HPN_DIR/legacy/eth0.pcap" 2>/dev/null |
			python3 -c 'import sys
octets = bytes.fromhex("".join(l.split(":", 1)[1].strip().replace(" ", "") for l in sys.stdin if l.startswith("\t0x")))
print(octets[int(sys.argv[1])])' "$2" 2>/dev/null)" = "$3" ] && return 0
	done
	return 1
}
v4="icmp[0] == 12" v6="icmp6 and ip6[40] == 4"
check "version 1, IPv4: the pointer is right" problem "$v4" 24 23 version $LEGACY4 $SERVER4 1
check "version 3, IPv6: the pointer is right" problem "$v6" 47 43 version $LEGACY6 $SERVER6 3
check "version 1, IPv4 in UDP: the pointer is right" problem "$v4" 24 35 version $LEGACY4 $SERVER4 1 40000
check "version 1, IPv6 in UDP: the pointer is right" problem "$v6" 47 55 version $LEGACY6 $SERVER6 1 40000

# --- forged UPDATEs --------------------------------------------------------------------------

# As from legacy's address; what the server sends there is counted.
capture_start server eth0 "dst host $LEGACY4 and proto 139"
on client2 true
on proxy env PYTHONPATH="${srcdir:-.}/tests/net" python3 "${srcdir:-.}/tests/net/hipforge.py" update \
	$LEGACY4 $SERVER4 "$(hit_of server)" 500 8
capture_stop server eth0
n=$(packets "$HPN_DIR/server/eth0.pcap")
say "      500 forged UPDATEs in 8 s: $n messages to the victim"
check "a victim gets few of our messages" test "$n" -le 30
check "all goes on" hello client1 $SERVER4 server
finish
