#!/bin/bash
# SPDX-License-Identifier: MIT
# Connections that began in the clear when their destination, or their client, becomes protected: cut
# (default), or listed and let go on until they end.
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/gate-lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump nft python3
protected_net
conf=$HPN_DIR/proxy/hipproxy.conf
peer=$(server_peer)
reload() { ctl proxy reload >"$HPN_DIR/reload" 2>&1; }
with_peer() { grep -q '^peers = ' "$conf" || echo "$peer" >>"$conf"; reload; }
without_peer() { sed -i '/^peers = /d' "$conf"; reload; }
set_begun() { sed -i 's/begun_plain = "[a-z-]*";//; s/enabled = true;/& begun_plain = "'"$1"'";/' "$conf"; }
begun_total() { json proxy status .gate.begun_plain.total; }
no_tcp() { [ "$(json proxy status '[.gate.begun_plain.list[] | select(.proto == "tcp")] | length')" = 0 ]; }
totals() { [ "$(begun_total)" = "$1" ]; }

# Two programs of a client that go on in each family: TCP that sends and is answered, and UDP.
start server sink socat -u TCP6-LISTEN:7801,fork,ipv6only=0 OPEN:/dev/null
start server back socat TCP6-LISTEN:7802,fork,ipv6only=0 EXEC:cat
wait_port server 7801; wait_port server 7802
tcp_start() {
	start client1 tcp python3 -c "
import socket, time
to = [(socket.AF_INET, '$SERVER4'), (socket.AF_INET6, '$SERVER6')]
all = []
for f, a in to:
	for port in 7801, 7802:
		s = socket.socket(f); s.connect((a, port)); s.setblocking(False); all.append(s)
while True:
	for s in all[:]:
		try: s.send(b'$MARKER')
		except BlockingIOError: pass
		except OSError: all.remove(s); s.close()
		try: s.recv(65536)
		except OSError: pass
	time.sleep(0.1)"
	wait_for 10 connections 4
}
tcp_stop() { stop client1 tcp; wait_for 10 connections 0; }
connections() { [ "$(established)" = "$1" ]; }
established() { on client1 ss -tnH state established | grep -cE ":780[12]"; }

begin_plain() { # SENTENCE: all runs in the clear
	tcp_start
	traffic_start
	markers_watch
	wait_for 10 eval '[ "$(markers_seen ip)" -gt 9 ] && [ "$(markers_seen ip6)" -gt 9 ]'
	markers_some "$1: it runs in the clear"
	check "$1: four connections stand" connections 4
}
cut() { # SENTENCE: after the change
	markers_watch
	check "$1: new connections are protected" works
	check "$1: those that began in the clear are reset" wait_for 20 connections 0
	settled
	markers "$1"
	tcp_stop
	traffic_stop
}

# --- cut

without_peer
begin_plain "a peer to come"
with_peer
cut "a peer by reload"

without_peer
check "a peer removed: plain again" hello client1 $SERVER4 server
markers_watch
hello client1 $SERVER4 server; hello client1 $SERVER6 server
markers_some "a peer removed: in the clear"

sed -i 's,networks = [^;]*;,networks = [ "10.77.0.0/24" ];,; s/interfaces = [^;]*;//' "$conf"
with_peer
begin_plain "a client network to come"
sed -i 's,networks = [^;]*;,networks = [ "10.1.0.0/24"\, "fd01::/64" ]; interfaces = [ "lan0" ];,' "$conf"
reload
cut "a client network by reload"

check "proxy off" ctl proxy proxy off >/dev/null
begin_plain "proxy off"
check "proxy on" ctl proxy proxy on >/dev/null
cut "proxy on"

# --- until their end, but conntrack does not run

set_begun until-end
without_peer
begin_plain "until-end without conntrack"
with_peer
check "the reload says that conntrack does not run" grep -q 'conntrack does not run' "$HPN_DIR/reload"
check "so does the log" grep -q 'conntrack does not run' "$HPN_DIR/proxy/hipproxyd.log"
cut "until-end without conntrack"
check "none is listed" totals 0

# --- until their end

without_peer
on proxy nft -f - <<-END
	table inet fw {
		chain forward {
			type filter hook forward priority 0; policy drop;
			ct state established,related accept
			iifname "lan0" accept
		}
	}
END
for rp in 0 1; do
	on proxy sh -c "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo $rp >\$f; done"
	without_peer
	begin_plain "until-end, rp_filter $rp"
	traffic_stop
	with_peer
	check "the reload says nothing" not grep -q conntrack "$HPN_DIR/reload"
	check "a new connection is protected" works
	capture_start proxy wan0 "tcp port 80"
	check "indeed" works
	capture_stop proxy wan0
	check "none of it is plain" test "$(packets "$HPN_DIR/proxy/wan0.pcap")" = 0
	check "the connections go on" connections 4
	markers_watch
	wait_for 10 eval '[ "$(markers_seen ip)" -gt 9 ] && [ "$(markers_seen ip6)" -gt 9 ]'
	markers_some "in the clear"
	check "status counts them and the datagrams" test "$(begun_total)" -ge 4
	check "and lists them" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' status | grep -qE 'tcp 10.1.0.11 port [0-9]+ to $SERVER4 port 7802'"
	check "the log lists them" grep -qE "in the clear until its end: TCP $CLIENT6 port [0-9]+ to $SERVER6 port 7801" "$HPN_DIR/proxy/hipproxyd.log"
	tcp_stop
	check "after their end none is listed any more" wait_for 20 no_tcp
done
finish
