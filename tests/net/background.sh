#!/bin/bash
# SPDX-License-Identifier: MIT
# Probing in the background: first packets go out plain at once, and their connection stays so.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
server_peer() { :; }
SERVER_HIP='opportunistic_responder = "on";'
CLIENT_MORE='probe = "background";'
PROXY_MORE='hip = { opportunistic_initiator = "on"; };'
protected_net
capture_start proxy wan0 "tcp"
check "the first request is answered" hello client1 $SERVER4 server
capture_stop proxy wan0
check "in plain TCP" test "$(packets "$HPN_DIR/proxy/wan0.pcap")" -gt 3
wait_for 15 sh -c "'$CTL' -s '$HPN_DIR/proxy/control' peers | grep -F $SERVER4 | grep -q protected"
check "meanwhile its HIT was found" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' peers | grep -F $SERVER4 | grep -q protected"
capture_start proxy wan0
check "the next request" hello client1 $SERVER4 server
capture_stop proxy wan0
check "is protected" only_hip "$HPN_DIR/proxy/wan0.pcap"

ctl proxy flush all
fetch client1 $SERVER4 big --limit-rate 8M & get=$!
check "a long plain transfer" under_way client1 $get
check "beside it a protected request" hello client2 $SERVER4 server
check "ends with the right sha256" wait $get
finish
