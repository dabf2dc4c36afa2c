#!/bin/bash
# SPDX-License-Identifier: MIT
# alone: memory and descriptors over time
# Everything at once, for a while: short and long TCP, datagrams, exchanges, new keys, reloads, a
# client that attacks.  At the end the daemon has what it had at the beginning.
#
# HPN_SOAK      seconds (default 40)
# HPN_SOAK_OUT  a folder for soak.csv and, if gnuplot is there, soak.svg
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump python3
SOAK=${HPN_SOAK:-40}
SERVER_HIP='opportunistic_responder = "on"; puzzle_k = 0;'
PROXY_MORE='hip = { opportunistic_initiator = "on"; }; esp = { rekey_bytes = 100000000; };
	limits = { associations = 200; peers = 20000; flows = 50000; };'
protected_net
ip -n "$(ns proxy)" route add 198.18.0.0/15 via $LEGACY4
csv=$HPN_DIR/soak.csv works=()
mkdir -p "$HPN_DIR/count"

count() { echo >>"$HPN_DIR/count/$1"; }
counted() { cat "$HPN_DIR/count/$1" 2>/dev/null | wc -l; }

# work NAME COMMAND...: again and again until the end; counts what went well, and what did not.
work() {
	local name=$1; shift
	while [ ! -e "$HPN_DIR/over" ]; do
		if "$@" >/dev/null 2>&1; then count "$name"; else [ -e "$HPN_DIR/over" ] || count "$name.failed"; fi
	done
}

cat >"$HPN_DIR/attack.py" <<'EOF'
import os, random, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while not os.path.exists(sys.argv[1]):
    for n in range(200):
        to = "198.18.%d.%d" % (random.randrange(256), random.randrange(256))
        try:
            s.sendto(b"x" * random.randrange(1, 1400), (to, random.randrange(1, 65536)))
            s.sendto(b"x", (sys.argv[2], random.randrange(20000, 60000)))
        except OSError:
            pass
    time.sleep(0.2)
EOF

reload() { sleep 3; ctl proxy reload && ctl server reload; }
exchange() { sleep 7; ctl proxy flush all; }
datagrams() { on client2 timeout --foreground 20 iperf3 -c $SERVER4 -p 5201 -u -b 50M -l 1200 -t 3; }
lists() { sleep 1; ctl proxy --json flows && ctl proxy status && ctl proxy drops && ctl proxy peers; }

sample() {
	local pid
	pid=$(pid_of proxy hipproxyd)
	echo "$SECONDS,$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"),$(ls "/proc/$pid/fd" | wc -l),$(
		ls "/proc/$pid/task" | wc -l),$(json proxy status \
		'.loop.recent_worst_us as $stall | .counts | [.flows, .associations, .peers, .held, .timers,
		$stall] | map(tostring) | join(",")')"
}
field() { cut -d, -f"$2" <<<"$1"; }

# A closed association is remembered for a while.
settled() { [ "$(json proxy status '.counts | .flows + .held + .associations')" = 0 ]; }
rest() {
	ctl proxy flush all >/dev/null
	wait_for 60 forgotten proxy
	ctl proxy flush all >/dev/null
	wait_for 300 settled
	sample
}

echo "seconds,rss_kb,descriptors,threads,flows,associations,peers,held,timers,longest_round_us" >"$csv"
hello client1 $SERVER4 server
before=$(rest)
work page hello client1 $SERVER4 server & works+=($!)
work page6 hello client2 $SERVER6 server & works+=($!)
work file fetch client1 $SERVER6 big --limit-rate 20M & works+=($!)
work datagram datagrams & works+=($!)
work name resolve client2 $SERVER4 & works+=($!)
work reload reload & works+=($!)
work exchange exchange & works+=($!)
work list lists & works+=($!)
start client1 attack python3 "$HPN_DIR/attack.py" "$HPN_DIR/over" $SERVER4
end=$((SECONDS + SOAK))
warm=
while [ $SECONDS -lt $end ]; do
	sleep 1
	sample >>"$csv"
	[ -n "$warm" ] || [ $SECONDS -lt $((end - SOAK / 2)) ] || warm=$(tail -1 "$csv")
done
touch "$HPN_DIR/over"
wait "${works[@]}"
wait_for 60 eval '! alive client1 attack'
after=$(rest)
echo "$before" >"$csv.new" && tail -n +2 "$csv" >>"$csv.new"
{ head -1 "$csv"; cat "$csv.new"; echo "$after"; } >"$csv.all" && mv "$csv.all" "$csv" && rm "$csv.new"

for w in page page6 file datagram name reload exchange list; do
	say "      $w: $(counted $w) times, $(counted $w.failed) failed"
	check "$w: it went on" test "$(counted $w)" -gt 0
done
# A flush tears connections: what failed then is no fault, and rare.
failed=$(($(counted page.failed) + $(counted page6.failed)))
check "few pages failed" test $((20 * failed)) -le $(($(counted page) + $(counted page6) + 20))
say "      before $before"
say "      middle $warm"
say "      after  $after"
check "descriptors are back where they began" test "$(field "$after" 3)" -le "$(field "$before" 3)"
check "threads too" test "$(field "$after" 4)" = "$(field "$before" 4)"
check "no flow, association, peer or packet is left" \
	test "$(field "$after" 5)$(field "$after" 6)$(field "$after" 8)" = 000
check "the table of destinations is back where it began" \
	test "$(field "$after" 7)" -le "$(field "$before" 7)"
check "no more timers are armed" test "$(field "$after" 9)" -le "$(field "$before" 9)"
check "memory does not grow" test "$(field "$after" 2)" -le $(($(field "$warm" 2) * 11 / 10 + 4000))
if [ -n "${HPN_SOAK_OUT:-}" ]; then
	mkdir -p "$HPN_SOAK_OUT" && cp "$csv" "$HPN_SOAK_OUT/"
	if command -v gnuplot >/dev/null; then
		gnuplot <<-EOF
			set terminal svg size 900,800
			set output "$HPN_SOAK_OUT/soak.svg"
			set datafile separator ","
			set key autotitle columnhead outside
			set yrange [0:]
			set multiplot layout 4,1
			e = $(($(wc -l <"$csv") / 900 + 1))
			plot "$csv" using (\$1/60):(\$2/1024) every e with lines title "resident, MB"
			plot "$csv" using (\$1/60):3 every e with lines title "descriptors", \
				"" using (\$1/60):6 every e with lines title "associations"
			plot "$csv" using (\$1/60):5 every e with lines title "flows", \
				"" using (\$1/60):7 every e with lines title "destinations", \
				"" using (\$1/60):9 every e with lines title "timers"
			set xlabel "minutes"
			plot "$csv" using (\$1/60):(\$10/1000) every e with lines \
				title "longest round of 10 s, ms"
		EOF
	fi
	say "      written: $HPN_SOAK_OUT"
fi
finish
