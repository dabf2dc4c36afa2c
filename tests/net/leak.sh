#!/bin/bash
# SPDX-License-Identifier: MIT
# A legacy client goes away: the kernel's ICMP errors quote what came out of ESP.  They must not
# leave towards the server in the clear, and with the icmp plugin the server is told inside ESP.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
plugins=$HPN_BUILD/plugins/.libs
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { icmp = { }; };"
[ -f "$plugins/icmp.so" ] || skip "the icmp plugin is not built as a shared object"
protected_net
start server late socat -t 5 UDP6-RECVFROM:7788,fork,ipv6only=0 "SYSTEM:sleep 1; echo $MARKER; sleep 1; echo $MARKER"
wait_port server 7788

# Until the server has been told once more: then the kernel has sent what it had to say.
told=0
told_again() { wait_for 30 more_told && told=$(packets "$HPN_DIR/server/hip0.pcap"); }
more_told() { [ "$(packets "$HPN_DIR/server/hip0.pcap")" -gt "$told" ]; }

gone() { # ADDRESS: client1 asks and goes before the answer
	local to=$1
	case $to in *:*) to=UDP6:[$to]:7788 ;; *) to=UDP4:$to:7788 ;; esac
	on client1 sh -c "echo hi | socat -t 0.1 - $to"
	ip -n "$(ns client1)" link set dev eth0 down
	ip -n "$(ns proxy)" neigh flush dev lan0
	told_again || say "      no error came within 30 s"
	ip -n "$(ns client1)" link set dev eth0 up
	ip -n "$(ns client1)" addr add fd01::11/64 dev eth0 nodad 2>/dev/null
	gateway client1 $PROXY_LAN4 $PROXY_LAN6 2>/dev/null
}

capture_start proxy wan0
capture_start server hip0 "icmp6 and ip6[40] == 1"
gone $SERVER4
gone $SERVER6
capture_stop server hip0
capture_stop proxy wan0
check "no text and no ICMP error in the clear" sh -c "! grep -qa $MARKER $HPN_DIR/proxy/wan0.pcap"
check "only HIP and ESP" only_hip "$HPN_DIR/proxy/wan0.pcap"
check "the server is told by an error inside ESP" test "$(packets "$HPN_DIR/server/hip0.pcap")" -gt 0
check "the client works again" hello client1 $SERVER4 server
finish
