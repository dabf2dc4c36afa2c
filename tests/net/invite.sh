#!/bin/bash
# SPDX-License-Identifier: MIT
# invite on one side, peer add on the other: from no peer at all to protected traffic.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons
built=$HPN_BUILD/plugins/.libs
not() { ! "$@"; }
server_peer() { :; }
# The router's own address and that of the TUN device are not for peers.
invite() { on server "$CTL" invite -c "$HPN_DIR/server/hipproxy.conf" "$@" 2>"$HPN_DIR/err"; }
peer() { # COMMAND ARGUMENT...
	local cmd=$1; shift
	on proxy "$CTL" -s "$HPN_DIR/proxy/control" peer "$cmd" -c "$HPN_DIR/proxy/hipproxy.conf" "$@" \
		>"$HPN_DIR/out" 2>"$HPN_DIR/err"
}
dropped_in() { ls -A "$HPN_DIR/proxy/conf.d" 2>/dev/null; }

net_up || { fail "the network comes up"; finish; }
serve_http server
# The address of a Teredo client on the machine itself is not offered.
ip -n "$(ns server)" addr add 2001:0:c000:25a::1/128 dev eth0 nodad
key_of proxy; key_of server
server_conf; proxy_conf
daemon_start server && daemon_start proxy || { fail "the daemons come up"; finish; }
wan_hip() { # true if hello works and nothing but HIP is on the wire
	local ok=1
	capture_start proxy wan0
	hello client1 $SERVER4 server && ok=0
	capture_stop proxy wan0
	[ $ok = 0 ] && only_hip "$HPN_DIR/proxy/wan0.pcap"
}

# --- invite

check "invite" sh -c "ip netns exec $(ns server) '$CTL' invite -c '$HPN_DIR/server/hipproxy.conf' --name east >'$HPN_DIR/invitation' 2>'$HPN_DIR/err'"
check "it has the HIT" grep -qF "hit = \"$(hit_of server)\"" "$HPN_DIR/invitation"
check "and the machine's addresses alone" grep -qxF "	addresses = [ \"$SERVER4\", \"$SERVER6\" ];" "$HPN_DIR/invitation"
check "the HIT is said again, to be compared" grep -qxF "east: HIT $(hit_of server)" "$HPN_DIR/err"
check "--address and --serves are taken" test "$(invite --address 198.51.100.7 --serves 10.7.0.0/16 --serves 10.8.0.1 |
	grep -cF -e 'addresses = [ "198.51.100.7" ]' -e 'serves = [ "10.7.0.0/16", "10.8.0.1/32" ]')" = 2
check "a bad address is refused" not invite --address nonsense
check "a Teredo address is refused" not invite --address 2001:0:c000:25a::1
check "an unknown identity is refused" not invite nobody
check "a name that is no name is refused" not invite --name ../x

if [ -f "$built/server.so" ]; then
	mkdir -p "$HPN_DIR/gateway"
	for k in web mail; do "$CTL" keygen "$HPN_DIR/gateway/$k.pem" >/dev/null 2>&1; done
	cat >"$HPN_DIR/gateway/hipproxy.conf" <<-EOF
		identities = ( { name = "own"; key = "$HPN_DIR/server/key.pem"; },
			{ name = "web"; key = "$HPN_DIR/gateway/web.pem"; },
			{ name = "mail"; key = "$HPN_DIR/gateway/mail.pem"; } );
		control = { socket = "$HPN_DIR/gateway/control"; };
		plugin_dir = "$built";
		plugins = { natudp = { port = 10501; }; server = { pool4 = "10.99.0.0/24";
			hosted = ( { identity = "web"; server = "10.2.0.10"; },
				{ identity = "mail"; server = "10.2.0.11"; } ); }; };
	EOF
	gateway() { on server "$CTL" invite -c "$HPN_DIR/gateway/hipproxy.conf" "$@" 2>/dev/null; }
	gateway --name gw >"$HPN_DIR/both"
	check "a gateway invites to what it hosts" test "$(grep -cF -e 'name = "gw-web"' -e 'name = "gw-mail"' \
		-e 'serves = [ "10.2.0.10/32" ]' -e 'serves = [ "10.2.0.11/32" ]' "$HPN_DIR/both")" = 4
	check "and names its UDP port" grep -qF "natudp = { port = 10501; }" "$HPN_DIR/both"
	check "--serves for several is refused" not gateway --serves 10.7.0.1
	check "for one it is taken" sh -c "$(declare -f on ns gateway); HPN_ID=$HPN_ID HPN_DIR='$HPN_DIR' CTL='$CTL'; gateway --serves 10.7.0.1 web | grep -qF '10.7.0.1/32'"
	check "peer add takes both" peer add --name gw "$HPN_DIR/both"
	check "into one file" test "$(dropped_in)" = gw.conf
	check "which is listed" peer list
	check "with both" test "$(grep -c '^gw-' "$HPN_DIR/out")" = 2
	check "and removed" peer remove gw
fi

# --- peer add

check "no traffic is protected at first" not wan_hip
check "peer add" sh -c "ip netns exec $(ns proxy) '$CTL' -s '$HPN_DIR/proxy/control' peer add -c '$HPN_DIR/proxy/hipproxy.conf' <'$HPN_DIR/invitation' >'$HPN_DIR/out'"
file=$HPN_DIR/proxy/conf.d/east.conf
check "it says what it wrote" grep -qxF "$file: written" "$HPN_DIR/out"
check "and whom to trust" grep -qF "Compare the HIT" "$HPN_DIR/out"
check "and that the daemon knows it" grep -qF "hipproxyd has reloaded" "$HPN_DIR/out"
check "the file is for the service to read" test "$(stat -c %a "$file")" = 640
check "peer list names it" peer list
check "with its HIT" grep -q "^east .*$(hit_of server)" "$HPN_DIR/out"
ctl proxy flush all >/dev/null
check "traffic to it is protected" wait_for 20 wan_hip

# --- what is refused changes nothing

refused() { # TEXT SENTENCE
	local before
	before=$(dropped_in; cat "$HPN_DIR/proxy/conf.d"/*)
	printf '%s' "$1" >"$HPN_DIR/text"
	! peer add "$HPN_DIR/text" && grep -qF -- "$2" "$HPN_DIR/err" &&
		[ "$(dropped_in; cat "$HPN_DIR/proxy/conf.d"/*)" = "$before" ]
}
stranger=2001:22:1111:2222:3333:4444:5555:6666
group() { echo "peers = ( { name = \"$1\"; hit = \"$2\"; addresses = [ \"$3\" ]; $4 } );"; }
check "the same name again" refused "$(group east $stranger 192.0.2.77)" "was added before"
check "the same HIT again" refused "$(group west "$(hit_of server)" 192.0.2.77)" "another peer has this HIT"
check "the same destination again" refused "$(group west $stranger $SERVER4)" "belongs to peers[0] too"
check "our own HIT" refused "$(group west "$(hit_of proxy)" 192.0.2.77)" "is this machine's own identity"
check "our own address" refused "$(group west $stranger $PROXY_WAN4)" "is an address of this machine"
check "no HIT" refused "$(group west 2001:db8::1 192.0.2.77)" "expected a HIT"
check "a multicast address" refused "$(group west $stranger 224.0.0.1)" "expected a host's address"
check "a name that is a path" refused "$(group ../west $stranger 192.0.2.77)" "expected letters, digits"
check "no name" refused "peers = ( { hit = \"$stranger\"; addresses = [ \"192.0.2.77\" ]; } );" "has no name"
check "other settings" refused "$(group west $stranger 192.0.2.77) client = { unknown = \"pass\"; };" "client: unknown key"
check "an unknown key in the group" refused "$(group west $stranger 192.0.2.77 'key = "/etc/shadow";')" "unknown key"
check "another file" refused '@include "/etc/passwd"' "@include is for files"
check "half a text" refused "$(group west $stranger 192.0.2.77 | cut -c1-60)" "syntax error"
check "nothing" refused "" "peers: must be given"
check "too much" refused "$(head -c 70000 /dev/zero | tr '\0' '#')" "expected at most 64 KB"
check "control characters" refused "$(printf '#\033[2J\n'; group west $stranger 192.0.2.77)" "not control characters"
check "an escape sequence" refused "$(group west '\x1b[2J' 192.0.2.77)" 'not "?[2J"'
check "the daemon is as it was" wait_for 20 wan_hip

# --- peer remove

echo '# mine' >"$HPN_DIR/proxy/conf.d/mine.conf"
check "files of people are not removed" not peer remove mine
check "nor what is not there" not peer remove west
check "nor anything outside" not peer remove ../hipproxy
check "peer remove" peer remove east
check "the file is gone" test "$(dropped_in)" = mine.conf
ctl proxy flush all >/dev/null
check "and its traffic is plain again" wait_for 20 not wan_hip

# --- without a daemon

daemon_stop proxy
check "peer add without a daemon" peer add "$HPN_DIR/invitation"
check "says so" grep -qF "hipproxyd does not run" "$HPN_DIR/out"
check "the next start knows it" daemon_start proxy
check "traffic is protected" wait_for 20 wan_hip
finish
