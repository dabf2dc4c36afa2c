#!/bin/bash
# SPDX-License-Identifier: MIT
# Offloads of all links off.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons ethtool dig dnsmasq ssh sshd iperf3 socat tcpdump
protected_net
offloads off
plain_watch
check "IPv4 download" fetch client1 $SERVER4 big
check "IPv4 upload" upload client1 $SERVER4 10000000
check "IPv6 download" fetch client1 $SERVER6 big
check "IPv6 upload" upload client1 $SERVER6 10000000
check "DNS" resolve client1 $SERVER4
check "datagrams of 3000 octets" udp_echo client1 $SERVER4 3000
check "none of it went out plain" plain_none
check "legacy server" fetch client1 $LEGACY4 big
finish
