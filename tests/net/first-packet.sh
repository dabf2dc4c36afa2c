#!/bin/bash
# SPDX-License-Identifier: MIT
# alone: measures how long the first packet waits
# The client's first SYN through a new association: none is lost; how long until the SYN-ACK.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
PROXY_MORE='hip = { puzzle_k = 0; };'
protected_net
n=20
capture_start client1 eth0 "tcp port 80"
answered=0
for i in $(seq $n); do
	forget proxy server || fail "flush all"
	hello client1 $SERVER4 server && [ "$(associations_of proxy)" = 1 ] && answered=$((answered + 1))
done
capture_stop client1 eth0
pcap=$HPN_DIR/client1/eth0.pcap

# Milliseconds from each SYN to its SYN-ACK, sorted.
times() {
	tcpdump -tt -n -r "$pcap" 'tcp[tcpflags] & tcp-syn != 0' 2>/dev/null | awk '
		/Flags \[S\]/ { port = $3; if (!(port in t)) t[port] = $1 }
		/Flags \[S\.\]/ { sub(":", "", $5); if ($5 in t) { printf "%.2f\n", ($1 - t[$5]) * 1000; delete t[$5] } }' |
		sort -n
}

check "$n of $n requests were answered, each through a new association" test $answered = $n
check "no SYN was sent twice" test "$(packets "$pcap" 'tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn')" = $n
times >"$HPN_DIR/times"
median=$(awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }' "$HPN_DIR/times")
say "      first SYN to SYN-ACK, ms, n=$(wc -l <"$HPN_DIR/times"): median $median, least $(head -1 "$HPN_DIR/times"), most $(tail -1 "$HPN_DIR/times")"
check "the median is below ${HPN_FIRST_MS:-50} ms" awk -v m="$median" -v lim="${HPN_FIRST_MS:-50}" 'BEGIN { exit !(m > 0 && m < lim) }'
finish
