#!/bin/bash
# SPDX-License-Identifier: MIT
# tshark understands every control packet and finds its checksum right.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons tshark dig dnsmasq ssh sshd iperf3 socat tcpdump
PROXY_MORE='hip = { puzzle_k = 4; };'
protected_net
capture_start proxy wan0 "ip proto 139 or ip6 proto 139"
check "over IPv4" hello client1 $SERVER4 server
check "close" ctl proxy close "$(hit_of server)"
sleep 0.5
check "again" hello client1 $SERVER4 server
ctl proxy flush all
sleep 0.3
capture_stop proxy wan0
pcap=$HPN_DIR/proxy/wan0.pcap
dissect() { tshark -o ip.check_checksum:TRUE -r "$pcap" "$@" 2>/dev/null; }
total=$(dissect | wc -l)
types=$(dissect -T fields -e hip.packet_type | sort -un | tr '\n' ' ')
say "      $total control packets, types $types"
check "a whole exchange and a close are there" test "$types" = "1 2 3 4 18 19 "
check "none is malformed" test "$(dissect -Y _ws.malformed | wc -l)" = 0
check "all are version 2" test "$(dissect -Y 'hip.version == 2' | wc -l)" = "$total"
check "no checksum is wrong" test "$(dissect -V | grep -ciE 'checksum.*(incorrect|bad)')" = 0
check "all checksums are right" test "$(dissect -V | grep -ciE '^ *Checksum: 0x[0-9a-f]+ ?[[(](correct|good)')" -ge "$total"
finish
