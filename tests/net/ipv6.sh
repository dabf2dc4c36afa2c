#!/bin/bash
# SPDX-License-Identifier: MIT
# IPv6 clients, and IPv6 between proxy and server.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
SERVER_LOCATORS="\"$SERVER6\", \"$SERVER4\""
protected_net
capture_start proxy wan0
check "http" hello client1 $SERVER6 server
check "DNS" resolve client1 $SERVER6
check "ssh" test "$(ssh_to client1 $SERVER6 echo hi)" = hi
check "20 MB with the right sha256" fetch client1 $SERVER6 big
check "an upload with the right sha256" upload client2 $SERVER6 5000000
check "datagrams of 3000 octets" udp_echo client1 $SERVER6 3000
check "an IPv4 client beside it" fetch client2 $SERVER4 big
capture_stop proxy wan0
check "only HIP and ESP on the way" only_hip "$HPN_DIR/proxy/wan0.pcap"
check "ESP over IPv6" test "$(packets "$HPN_DIR/proxy/wan0.pcap" "ip6 proto 50")" -gt 1000
finish
