#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever ends the daemon, the gate or both, and however often: nothing plain leaves, and connections
# go on afterwards, one that is sending as well.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump python3 prlimit
protected_net
not() { ! "$@"; }
P=$(ns proxy)

works() { hello client1 $SERVER4 server && hello client2 $SERVER6 server; }
closed() { not udp_echo client1 $SERVER4 100 && not udp_echo client1 $SERVER6 100; }

# Datagrams of both families to the server, every two milliseconds.
traffic_start() {
	start client1 traffic python3 -c "
import socket, time
to = [(socket.AF_INET, '$SERVER4'), (socket.AF_INET6, '$SERVER6')]
to = [(socket.socket(f, socket.SOCK_DGRAM), a) for f, a in to]
while True:
	for s, a in to:
		try: s.sendto(b'$MARKER', (a, 7979))
		except OSError: pass
	time.sleep(0.002)"
}
plain() { # SENTENCE: none since plain_watch, which goes on
	local n
	capture_stop proxy wan0
	n=$(packets "$HPN_DIR/proxy/wan0.pcap")
	check "$1: no plain packet" test "$n" = 0
	[ "$n" = 0 ] || say "      $n packets"
	plain_watch
}

# Two connections that send all the time, one of each family, which are the server's HIT's; what has arrived is in a file.
senders_start() {
	local f
	start server sink4 socat -u TCP6-LISTEN:7804,ipv6only=0 "CREATE:$HPN_DIR/server/got4"
	start server sink6 socat -u TCP6-LISTEN:7806,ipv6only=0 "CREATE:$HPN_DIR/server/got6"
	wait_port server 7804 && wait_port server 7806 || return 1
	start client2 send4 bash -c "while printf '%01000d' 0; do sleep 0.02; done | socat -u - TCP4:$SERVER4:7804"
	start client2 send6 bash -c "while printf '%01000d' 0; do sleep 0.02; done | socat -u - TCP6:[$SERVER6]:7806"
	for f in 4 6; do wait_for 10 more_than "$f" 0 || return 1; done
}
got() { stat -c %s "$HPN_DIR/server/got$1" 2>/dev/null || echo 0; }
more_than() { [ "$(got "$1")" -gt "$2" ]; }
# What was sent while nobody listened waits for TCP's timer, which has doubled again and again.
senders_go_on() { # SENTENCE
	local f before
	for f in 4 6; do
		before=$(got $f)
		check "$1: TCP over IPv$f that is sending goes on" wait_for 60 more_than $f $((before + 20000))
	done
}

gates() { ps -o pid=,comm= -p "$(ip netns pids "$P" | paste -sd,)" | awk '$2 == "hipproxy-gate" { print $1 }'; }
kill_gates() {
	local pid
	for pid in $(gates); do kill -KILL "$pid"; done
	wait_for 5 eval '[ -z "$(gates)" ]'
}
gate_pid() { json proxy status .gate.pid; }
gate_is() { [ "$(json proxy status .gate.state)" = "$1" ]; }
other_gate() { gate_is kept && [ "$(gate_pid)" != "$1" ]; }
led() { ip -n "$P" route show table 10500 | grep -q "^$SERVER4 dev hip0"; }

check "the gate is a process of its own" test "$(gates | wc -l)" -ge 1
check "connections that send" senders_start
traffic_start
plain_watch

# --- the daemon

before=$(gate_pid)
daemon_stop proxy
check "SIGTERM: closed" closed
check "it comes back" daemon_start proxy
check "works" wait_for 20 works
senders_go_on "SIGTERM"
plain "SIGTERM"
check "the gate is the one before" test "$(gate_pid)" = "$before"

daemon_stop proxy KILL
check "kill -9: closed" closed
check "it comes back" daemon_start proxy
check "works" wait_for 20 works
senders_go_on "kill -9"
plain "kill -9"

# As the watchdog ends one that hangs.
kill -STOP "$(pid_of proxy hipproxyd)"
check "one that hangs: closed" closed
kill -ABRT "$(pid_of proxy hipproxyd)"
daemon_stop proxy CONT
check "it comes back" daemon_start proxy
check "works" wait_for 20 works
plain "watchdog"

for i in 1 2 3 4 5; do
	daemon_stop proxy KILL
	daemon_start proxy || fail "it comes back for the ${i}th time"
done
check "a crash in a loop: works" wait_for 20 works
senders_go_on "a crash in a loop"
plain "a crash in a loop"

# No memory: at the start, and while it runs.
daemon_stop proxy
check "without memory it does not start" not on proxy timeout 20 sh -c \
	"ulimit -v 20000; exec '$DAEMON' -c '$HPN_DIR/proxy/hipproxy.conf' >/dev/null 2>&1"
check "closed" closed
daemon_start proxy
wait_for 20 works
prlimit --pid "$(json proxy status .pid)" --as=1000000
for i in 1 2 3 4 5 6 7 8; do udp_echo client1 $SERVER4 60000; done
daemon_stop proxy KILL
daemon_start proxy
check "works with memory" wait_for 20 works
plain "out of memory"

# --- what waits too long does not arrive any more

check "a short restart lost nothing that waited" test "$(json proxy drops '[.drops[] | select(.group == "tun" and .name == "late") | .count] | add')" = 0
daemon_stop proxy
paused_s() { [ $SECONDS -ge "$1" ]; }
wait_for 10 paused_s $((SECONDS + 4))
daemon_start proxy
late=$(json proxy drops '[.drops[] | select(.group == "tun" and .name == "late") | .count] | add')
check "after a pause of seconds what has waited is thrown away, and counted" test "$late" -gt 100
check "works" wait_for 20 works

# --- the gate

before=$(gate_pid)
kill -KILL "$before"
check "gate killed: the traffic goes on" works
check "another one is started" wait_for 20 other_gate "$before"
check "said" grep -q 'hipproxy-gate is gone' "$HPN_DIR/proxy/hipproxyd.log"
ip -n "$P" route flush table 10500
check "which repairs" wait_for 2 led
check "works" works
plain "gate killed"

kill_gates
check "killed for good: the traffic goes on" works
check "status says so" wait_for 5 gate_is gone
check "doctor too" eval 'json proxy status ".findings[].id" | grep -qx gate-gone'
check "hipproxyctl as well" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' status | grep -q '^gate.*gone'"
check "closed were it not for the daemon" sh -c "ip -n $P route show table 10500 | grep -q blackhole"
plain "no gate"
GATE=$(program hipproxy-gate)
on proxy "$GATE" -d -e -c "$HPN_DIR/proxy/hipproxy.conf" -s "$HPN_DIR/proxy/closed" 2>>"$HPN_DIR/proxy/hipproxyd.log"
check "one started by hand takes over" wait_for 10 gate_is kept
ip -n "$P" link del dev hip0
check "hip0 deleted: works again" wait_for 10 works
plain "the gate taken over"

# --- both

kill_gates
daemon_stop proxy KILL
check "both killed: closed" closed
plain "both killed"
check "the daemon starts again, and with it a gate" daemon_start proxy
check "works" wait_for 20 works
senders_go_on "both killed"
plain "both started again"
for i in 1 2 3; do
	kill_gates
	daemon_stop proxy KILL
	daemon_start proxy || fail "both come back for the ${i}th time"
done
check "again and again: works" wait_for 20 works
plain "both, again and again"

# --- and away: one command

daemon_stop proxy
check "closed" closed
stop client1 traffic
capture_stop proxy wan0
check "no plain packet" test "$(packets "$HPN_DIR/proxy/wan0.pcap")" = 0
check "one command opens" on proxy "$DAEMON" --cleanup
check "then it is plain" hello client1 $SERVER4 server
check "over IPv6, too" hello client1 $SERVER6 server
check "no gate is left that was started by hand" wait_for 5 eval '[ -z "$(gates)" ]'
check "and no device" not ip -n "$P" link show dev hip0 2>/dev/null
finish
