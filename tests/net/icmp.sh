#!/bin/bash
# SPDX-License-Identifier: MIT
# ping, traceroute, mtr, tracepath and nmap from legacy clients through the proxy to a HIP host.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons traceroute mtr tracepath nmap dig dnsmasq ssh sshd iperf3 socat tcpdump
plugins=$HPN_BUILD/plugins/.libs
[ -f "$plugins/icmp.so" ] || skip "the icmp plugin is not built as a shared object"
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { icmp = { }; };"
protected_net
not() { ! "$@"; }
pings() { # NODE ADDRESS [options]
	local node=$1 to=$2; shift 2
	on "$node" timeout 10 ping -n -c2 -i0.2 -W2 "$@" "$to" 2>&1 | grep -q '2 received'
}
for size in 56 1400 3000; do
	check "IPv4: ping of $size octets" pings client1 $SERVER4 -s $size
	check "IPv6: ping of $size octets" pings client1 $SERVER6 -s $size
done
check "two clients with the same identifier" sh -c "
	ip netns exec $(ns client1) ping -n -e 4711 -c3 -i0.2 -W2 $SERVER4 >$HPN_DIR/p1 & one=\$!
	ip netns exec $(ns client2) ping -n -e 4711 -c3 -i0.2 -W2 $SERVER4 >$HPN_DIR/p2
	wait \$one && grep -q '3 received' $HPN_DIR/p1 && grep -q '3 received' $HPN_DIR/p2"
ttl=$(on client1 ping -n -c1 -W2 $SERVER4 | sed -n 's/.*ttl=\([0-9]*\).*/\1/p')
check "the reply has crossed one router" test "$ttl" = 63

# What fits: the path's MTU less outer header and ESP.
on client1 ping -n -M do -s 1472 -c1 -W2 $SERVER4 >"$HPN_DIR/pmtu" 2>&1
mtu=$(sed -n 's/.*mtu *= *\([0-9]*\).*/\1/p' "$HPN_DIR/pmtu" | head -1)
say "      the proxy tells MTU ${mtu:-nothing}"
check "ping -M do finds the MTU" test -n "$mtu"
check "what fits passes" sh -c "ip netns exec $(ns client1) ping -n -M do -s $((${mtu:-28} - 28)) -c2 -i0.2 -W2 $SERVER4 | grep -q '2 received'"
check "one octet more does not" not pings client1 $SERVER4 -M do -s $((${mtu:-28} - 27))

hops() { grep -cE '^ *[0-9]+ ' "$1"; }
trace() { # WHAT OPTIONS...
	local what=$1; shift
	on client1 timeout 30 traceroute -n -w 2 -q 1 -m 5 "$@" $SERVER4 >"$HPN_DIR/tr" 2>&1
	check "traceroute with $what: the proxy, then the server" sh -c "
		grep -qE '^ *1 +$PROXY_LAN4 ' $HPN_DIR/tr && grep -qE '^ *2 +$SERVER4 ' $HPN_DIR/tr && [ $(hops "$HPN_DIR/tr") = 2 ]" ||
		cat "$HPN_DIR/tr"
}
trace UDP -U -p 33434
trace ICMP -I
trace TCP -T -p 80
on client1 timeout 30 traceroute -6 -n -w 2 -q 1 -m 5 $SERVER6 >"$HPN_DIR/tr" 2>&1
check "traceroute over IPv6" sh -c "grep -q '^ *1 *$PROXY_LAN6 ' $HPN_DIR/tr && grep -q '^ *2 *$SERVER6 ' $HPN_DIR/tr"
on client1 timeout 30 mtr -n -r -c 2 -i 0.3 $SERVER4 >"$HPN_DIR/mtr" 2>&1
check "mtr: two hops, no loss at the server" sh -c "grep -E ' 2\.\|-- $SERVER4 +0\.0%' $HPN_DIR/mtr"
on client1 timeout 40 tracepath -n $SERVER4 >"$HPN_DIR/tp" 2>&1
pmtu=$(sed -n 's/.*Resume: pmtu \([0-9]*\).*/\1/p' "$HPN_DIR/tp")
say "      tracepath reports pmtu ${pmtu:-nothing}"
check "tracepath reports the MTU that ping found" test -n "$pmtu" -a "$pmtu" = "${mtu:-0}"
on client1 timeout 40 nmap -n -Pn -sU -p 9999 $SERVER4 >"$HPN_DIR/nmap" 2>&1
check "nmap -sU: a closed port is closed" grep -q '9999/udp closed' "$HPN_DIR/nmap"
on client1 timeout 40 nmap -6 -n -Pn -sU -p 9999 $SERVER6 >"$HPN_DIR/nmap" 2>&1
check "nmap -6 -sU: closed" grep -q '9999/udp closed' "$HPN_DIR/nmap"
check "the counters tell" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' drops | grep -E 'icmp +(echo|errors_in)'"

daemon_stop proxy
PROXY_MORE=
proxy_conf
daemon_start proxy
check "without the plugin ping is dropped" not pings client1 $SERVER4
check "with a reason" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' drops | grep -q no-mapping"
finish
