#!/bin/bash
# SPDX-License-Identifier: MIT
# New SAs during traffic at full speed in both directions, both ends with the same limit: no packet
# is lost by it.  Then the same with a link that loses every tenth packet, messages as well as data.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons iperf3 dig dnsmasq ssh sshd socat
PROXY_MORE="esp = { rekey_packets = 5000; };"
SERVER_MORE="esp = { rekey_packets = 5000; };"
SERVER_HIP="puzzle_k = 0; rekey_dh = true;"
protected_net

rekeys() { json "$1" associations '.associations[0].rekeys'; }
exchanges() { json "$1" drops '[.counters[] | select(.name | startswith("hip_bex_")) | .value] | add'; }
refused() { json "$1" drops '.drops[] | select((.name | startswith("esp-")) and .count > 0) | "\(.name) \(.count)"'; }
none_refused() {
	local n words status=0
	for n in proxy server; do
		words=$(refused $n | tr '\n' ' ')
		[ -z "$words" ] || { say "      $n: $words"; status=1; }
	done
	return $status
}
# Both have as many new SAs as that since the count in $before.
renewed() { [ $(($(rekeys proxy) - before)) -ge "$1" ] && [ $(($(rekeys server) - before)) -ge "$1" ]; }

# iperf3's server may still be busy with the one before.
under_load() { # iperf3 options
	local try
	for try in 1 2 3 4 5; do
		rm -f "$log"
		start client1 iperf iperf3 -J -c $SERVER4 -t 100 --bidir "$@"
		under_way client1 "$(pid_of client1 iperf)" && return 0
		stop client1 iperf
	done
	return 1
}

# Every tenth packet, data and messages in either direction.
lose_some() {
	local chain proto
	for chain in INPUT OUTPUT; do
		for proto in esp 139; do
			on server iptables -A $chain -p $proto -m statistic --mode random \
				--probability 0.1 -j DROP || return 1
		done
	done
}

# Traffic in both directions until both ends have new SAs so often.
traffic_through() { # TIMES MEANWHILE [iperf3 options]
	local n=$1 meanwhile=$2 log=$HPN_DIR/client1/iperf.log; shift 2
	under_load "$@" && $meanwhile || return 1
	before=$(rekeys proxy)
	wait_for 90 renewed "$n"; n=$?
	stop client1 iperf
	say "      $(($(rekeys proxy) - before)) times new SAs, $(jq -r '[.intervals[] | .sum, .sum_bidir_reverse |
		.bits_per_second] | add / length * 2 / 1e6 | floor' "$log") Mbit/s both ways together"
	return $n
}

check "a first connection" hello client1 $SERVER4 server
check "full speed: seven times new SAs" traffic_through 7 true
check "full speed: no packet refused" none_refused
check "a tenth lost: seven times new SAs" traffic_through 7 lose_some -u -b 30M -l 1200
check "a tenth lost: no packet refused" none_refused
check "it was one base exchange" test "$(exchanges proxy)" = 1
for chain in INPUT OUTPUT; do on server iptables -F $chain; done
check "without losses again" hello client1 $SERVER4 server
finish
