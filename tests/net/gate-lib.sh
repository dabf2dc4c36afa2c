# SPDX-License-Identifier: MIT
#
# Helpers of the scenarios gate-*.sh; sourced by bash after lib.sh.

not() { ! "$@"; }
P=$(ns proxy)
CLIENT4=10.1.0.11 CLIENT6=fd01::11

# Rules and routes of the gate, without what the kernel adds (a device that is gone, say).
ours() {
	local f t
	for f in -4 -6; do
		ip $f -n "$P" rule list 2>/dev/null | grep -E 'proto (hip|139)'
		for t in 10500 10501; do ip $f -n "$P" route show table $t 2>/dev/null; done
	done
}
is_as() { [ "$(ours | sort)" = "$1" ]; }
repairs() { json proxy status .gate.repairs; }
repaired_since() { [ "$(repairs)" -gt "$1" ]; }
guard_count() { json proxy drops ".drops[] | select(.group == \"guard\" and .name == \"$1\") | .count"; }

# soon COMMAND...: what the gate does at once takes a while on a busy machine.
soon() { wait_for 5 "$@"; }

works() { hello client1 $SERVER4 server && hello client1 $SERVER6 server; }
closed() { not udp_echo client1 $SERVER4 100 && not udp_echo client1 $SERVER6 100; }

forge() { local node=$1; shift; on "$node" python3 "${srcdir:-.}/tests/net/forge.py" "$@" >/dev/null; }
odd() { local node=$1; shift; on "$node" python3 "${srcdir:-.}/tests/net/odd.py" "$@" >/dev/null; }

# traffic_start [ADDRESS4 ADDRESS6]: datagrams with the marker, to both, every two milliseconds.
traffic_start() {
	start client1 traffic python3 -c "
import socket, time
to = [(socket.AF_INET, '${1:-$SERVER4}'), (socket.AF_INET6, '${2:-$SERVER6}')]
to = [(socket.socket(f, socket.SOCK_DGRAM), a) for f, a in to]
while True:
	for s, a in to:
		try: s.sendto(b'$MARKER', (a, 7979))
		except OSError: pass
	time.sleep(0.002)"
}
traffic_stop() { stop client1 traffic; }

# markers_watch ... markers SENTENCE: no packet with the marker on the WAN meanwhile, in either family.
markers_watch() { capture_start proxy wan0; }
markers_seen() { tcpdump -nAr "$HPN_DIR/proxy/wan0.pcap" ${1:-} 2>/dev/null | grep -ac "$MARKER"; }
markers() {
	local n4 n6
	capture_stop proxy wan0
	n4=$(markers_seen ip) n6=$(markers_seen ip6)
	check "$1: no plain packet" test "$n4" = 0 -a "$n6" = 0
	[ "$n4$n6" = 00 ] || say "      $n4 of IPv4, $n6 of IPv6"
}
# The marker is seen where it ought to be: without that a watch proves nothing.
markers_some() { # SENTENCE
	capture_stop proxy wan0
	check "$1" test "$(markers_seen ip)" -gt 0 -a "$(markers_seen ip6)" -gt 0
}
# What was sent before has passed: a packet without the marker comes after all else.
settled() {
	MARKER=settled forge legacy echo $LEGACY4 $CLIENT4
	wait_for 5 grep -qa settled "$HPN_DIR/proxy/wan0.pcap"
	wait_for 5 asleep "$(pid_of proxy tcpdump-wan0)"
}
# keepers_kill: the daemon, and whoever else keeps rules and routes, are killed: what holds is the kernel's.
keepers() {
	local pid
	for pid in $(ip netns pids "$P"); do
		case $(cat "/proc/$pid/comm" 2>/dev/null) in hipproxyd | hipproxy-gate) echo "$pid" ;; esac
	done
}
keepers_kill() {
	local pid
	for pid in $(keepers); do kill -KILL "$pid" 2>/dev/null; done
	daemon_stop proxy KILL
	wait_for 10 eval '[ -z "$(keepers)" ]'
}
