#!/bin/bash
# SPDX-License-Identifier: MIT
# tshark understands every control packet and finds its checksum right.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons tshark dig dnsmasq ssh sshd iperf3 socat tcpdump
PROXY_MORE="esp = { keylog = \"$HPN_DIR/keys\"; };"
SERVER_HIP="puzzle_k = 4;"
protected_net
capture_start proxy wan0 "ip proto 139 or ip6 proto 139"
check "over IPv4" hello client1 $SERVER4 server
check "close" ctl proxy close "$(hit_of server)"
check "it is closed at both ends" wait_for 15 eval 'forgotten proxy && forgotten server'
check "again" hello client1 $SERVER4 server
ctl proxy flush all
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
# ESP, with the keys.  ICVs are left alone: this tshark knows no extended sequence numbers.
decrypted() {
	local line keys=()
	while read -r line; do keys+=(-o "uat:esp_sa:$line"); done <"$HPN_DIR/keys"
	tshark "${keys[@]}" -o esp.enable_encryption_decode:TRUE \
		-r "$pcap" "$@" 2>/dev/null
}
capture_start proxy wan0 "ip proto 50 or ip6 proto 50"
check "a request" hello client1 $SERVER4 server
capture_stop proxy wan0
check "tshark decrypts the request" test "$(decrypted -Y 'http.request.uri == "/hello"' | wc -l)" = 1
check "with its text" test "$(decrypted -V -Y http.response | grep -c "$MARKER")" -ge 1
check "without the keys it does not" test "$(tshark -r "$pcap" -Y http 2>/dev/null | wc -l)" = 0
finish
