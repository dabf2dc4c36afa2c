#!/bin/bash
# SPDX-License-Identifier: MIT
# ICMP errors about decrypted packets, by the gateway itself and by a router between it and the client:
# none leaves plain, and the peer is told inside ESP.  Only client.networks is set, or both keys are.
#
#    client1 --- router 172.31.0.9 --- [ proxy ] --- server
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/gate-lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump nft python3
plugins=$HPN_BUILD/plugins/.libs
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { icmp = { }; };"
[ -f "$plugins/icmp.so" ] || skip "the icmp plugin is not built as a shared object"
HPN_NODES="$HPN_NODES router far"
FAR4=10.7.0.10 FAR6=fd07::10 ROUTER4=172.31.0.9 ROUTER6=fd31::9
protected_conf() { # both|networks
	proxy_conf
	sed -i 's,"10.1.0.0/24",\0\, "10.7.0.0/24"\, "fd07::/64",' "$HPN_DIR/proxy/hipproxy.conf"
	[ "$1" = both ] || sed -i 's/interfaces = [^;]*;//' "$HPN_DIR/proxy/hipproxy.conf"
}
protected_net
ip -n "$(ns router)" link add name up0 type veth peer name lan1 netns "$P"
ip -n "$(ns router)" link add name down0 type veth peer name eth0 netns "$(ns far)"
for a in 172.31.0.1/24 fd31::1/64; do ip -n "$P" addr add $a dev lan1 nodad 2>/dev/null || ip -n "$P" addr add $a dev lan1; done
for a in $ROUTER4/24 $ROUTER6/64; do ip -n "$(ns router)" addr add $a dev up0 nodad; done
for a in 10.7.0.1/24 fd07::1/64; do ip -n "$(ns router)" addr add $a dev down0 nodad; done
for a in $FAR4/24 $FAR6/64; do ip -n "$(ns far)" addr add $a dev eth0 nodad; done
ip -n "$P" link set dev lan1 up
for d in up0 down0; do ip -n "$(ns router)" link set dev $d up; done
ip -n "$(ns far)" link set dev eth0 up
gateway far 10.7.0.1 fd07::1
gateway router 172.31.0.1 fd31::1
on router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
	echo 1000 >/proc/sys/net/ipv4/icmp_msgs_per_sec'
ip -n "$P" route add 10.7.0.0/24 via $ROUTER4
ip -n "$P" -6 route add fd07::/64 via $ROUTER6
start server late socat -t 9 UDP6-RECVFROM:7788,fork,ipv6only=0 "SYSTEM:sleep 1; for i in 1 2 3 4 5 6; do printf %0900d 0; echo $MARKER; sleep 0.3; done"
wait_port server 7788

told_of() { [ "$(packets "$HPN_DIR/server/hip0.pcap")" -gt 0 ]; }
asks() { # ADDRESS
	local to=$1
	case $to in *:*) to=UDP6:[$to]:7788 ;; *) to=UDP4:$to:7788 ;; esac
	on far sh -c "echo hi | socat -t 0.1 - $to"
}
# an error of the router TYPE-FILTER: whoever asks is told while the answers go on
errors() { # SENTENCE FILTER BREAK MEND
	local a
	for a in $SERVER4 $SERVER6; do
		check "the client behind the router is served, $a" hello far $a server
		capture_start server hip0 "$2"
		markers_watch
		asks $a
		eval "$3"
		check "$1, $a: the peer is told inside ESP" wait_for 20 told_of
		capture_stop server hip0
		markers "$1, $a"
		eval "$4"
	done
}
way_up() {
	ip -n "$(ns router)" route replace 10.7.0.0/24 dev down0
	ip -n "$(ns router)" -6 route replace fd07::/64 dev down0
	wait_for 20 hello far $SERVER4 server && wait_for 20 hello far $SERVER6 server
}
way_down() {
	ip -n "$(ns router)" route replace unreachable 10.7.0.0/24
	ip -n "$(ns router)" -6 route del fd07::/64 dev down0 2>/dev/null
	ip -n "$(ns router)" -6 route replace unreachable fd07::/64
}

for conf in both networks; do
	protected_conf $conf
	[ $conf = networks ] || sed -i 's/"lan0"/"lan0", "lan1"/' "$HPN_DIR/proxy/hipproxy.conf"
	check "$conf: reloaded" ctl proxy reload >/dev/null
	errors "$conf: no way to the client, says a router" "icmp6 and ip6[40] == 1" way_down \
		"ip -n $(ns router) -6 route del unreachable fd07::/64; way_up"
done
check "the errors are not said to be somebody else's" test "$(guard_count left-plain)" = 0

# The gateway's own errors: the client is gone, the way is narrow, the hop limit ends.
capture_start server hip0 "icmp6 and ip6[40] == 1"
markers_watch
for a in $SERVER4 $SERVER6; do
	asks $a
	ip -n "$P" route replace unreachable 10.7.0.0/24
	ip -n "$P" -6 route replace unreachable fd07::/64 metric 1
	check "own error, no way to the client, $a: the peer is told" wait_for 20 told_of
	ip -n "$P" route replace 10.7.0.0/24 via $ROUTER4
	ip -n "$P" -6 route del unreachable fd07::/64 metric 1
done
capture_stop server hip0
markers "own errors, no way"
capture_start server hip0 "icmp6 and ip6[40] == 2"
markers_watch
ip -n "$P" link set dev lan1 mtu 1280
for a in $SERVER4 $SERVER6; do fetch far $a big --max-time 30; done
check "a transfer over a narrow way ends well, IPv4" fetch far $SERVER4 big
check "and IPv6" fetch far $SERVER6 big
capture_stop server hip0
markers "own errors, narrow"
ip -n "$P" link set dev lan1 mtu 1500
finish
