#!/bin/bash
# SPDX-License-Identifier: MIT
# Packets to configured peers come by the TUN device; without discovery there is no queue and no
# packet filter rule.  A file of an earlier version, with client.capture, is accepted.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
CLIENT_MORE='capture = "route";'
plugins=$HPN_BUILD/plugins/.libs
[ -f "$plugins/icmp.so" ] && PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { icmp = { }; };"
protected_net

not() { ! "$@"; }
pings() { # NODE ADDRESS [options]
	local node=$1 to=$2; shift 2
	on "$node" timeout 10 ping -n -c2 -i0.2 -W2 "$@" "$to" 2>&1 | grep -q '2 received'
}
# The routes of protected destinations, of both families.
routing() {
	local f
	for f in -4 -6; do ip $f -n "$(ns proxy)" route show table 10500 2>/dev/null; done
}
test_no_routing() { [ -z "$(routing)" ]; }
test_routing() { [ -n "$(routing)" ]; }
filters() { { on proxy iptables-save; on proxy ip6tables-save; on proxy nft list tables; } 2>/dev/null; }
none_queued() { # BEFORE
	local now
	now=$(queued)
	[ "$now" = "$1" ] || { say "      $((now - $1)) packets went through a queue"; return 1; }
}

everything() {
	local a before
	before=$(queued)
	plain_watch
	for a in $SERVER4 $SERVER6; do
		check "$1, $a: curl" hello client1 $a server
		check "$1, $a: 20 MB with the right sha256" fetch client1 $a big
		check "$1, $a: an upload of 5 MB" upload client2 $a 5000000
		check "$1, $a: DNS" resolve client1 $a
		check "$1, $a: a datagram of 1400 octets" udp_echo client1 $a 1400
		check "$1, $a: a datagram of 3000 octets" udp_echo client1 $a 3000
		[ -z "$PROXY_MORE" ] || check "$1, $a: ping" pings client1 $a
	done
	check "$1: nothing of it went out plain" plain_none
	check "$1: nothing of it came by a queue" none_queued "$before"
}

everything "by route"
check "routes to the device, and blackholes, for both families" test "$(routing | grep -c 'dev hip0')" = 2 -a \
	"$(routing | grep -c 'blackhole')" = 2
check "and no packet filter rule" not sh -c "ip netns exec $(ns proxy) iptables-save | grep -q HIPPROXY"
check "client.capture is accepted with a notice" grep -q 'client.capture has no effect' "$HPN_DIR/proxy/hipproxyd.log"
check "a legacy server is reached" hello client1 $LEGACY4 legacy
check "over IPv6 too" hello client2 $LEGACY6 legacy
check "20 MB from there" fetch client1 $LEGACY4 big
for a in $SERVER4 $SERVER6; do
	check "$a: the proxy tells of a hop limit that ends here" sh -c \
		"ip netns exec $(ns client1) ping -n -t1 -c1 -W2 $a | grep -qE 'From ($PROXY_LAN4|$PROXY_LAN6) .*exceeded'"
done

check "proxy off" ctl proxy proxy off >/dev/null
check "off: traffic passes plain" hello client1 $SERVER4 server
check "off: no route is left" test -z "$(routing)"
check "proxy on" ctl proxy proxy on >/dev/null
plain_watch
check "on: IPv4" hello client2 $SERVER4 server
check "on: IPv6" hello client2 $SERVER6 server
check "on: nothing plain" plain_none

plain_watch
daemon_stop proxy KILL
check "killed: no answer over IPv4" not hello client1 $SERVER4 server
check "killed: none over IPv6" not hello client1 $SERVER6 server
ASK_S=2 check "killed: no datagram comes back" not udp_echo client1 $SERVER4 100
check "it comes back" daemon_start proxy
check "and goes on" wait_for 20 hello client1 $SERVER4 server
check "over IPv6 too" hello client1 $SERVER6 server
check "nothing went out plain meanwhile" plain_none

daemon_stop proxy KILL
on proxy "$DAEMON" -c "$HPN_DIR/proxy/hipproxy.conf" --cleanup
check "--cleanup leaves no route" test -z "$(routing)"
check "then traffic passes plain" hello client1 $SERVER4 server
daemon_start proxy
check "protected again" hello client1 $SERVER4 server
check "one association" test "$(associations_of proxy)" = 1
plain_watch
peer_of_the_proxy=$(server_peer)
sed -i '/^peers = /d' "$HPN_DIR/proxy/hipproxy.conf"
kill -HUP "$(pid_of proxy hipproxyd)"
check "without peers no route is left" wait_for 5 test_no_routing
echo "$peer_of_the_proxy" >>"$HPN_DIR/proxy/hipproxy.conf"
kill -HUP "$(pid_of proxy hipproxyd)"
check "with a peer again they are back" wait_for 5 test_routing
check "and lead to it" hello client2 $SERVER4 server
check "none of it went out plain" plain_none
daemon_stop proxy
on proxy "$DAEMON" --cleanup

fails_open
check "open: protected again by IPv6" hello client2 $SERVER6 server
finish
