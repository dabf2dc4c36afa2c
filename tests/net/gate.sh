#!/bin/bash
# SPDX-License-Identifier: MIT
# Nothing plain leaves, whatever others do to rules, routes, devices and the daemon.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump nft python3
protected_net
not() { ! "$@"; }
P=$(ns proxy)

# Our rules and routes, without what the kernel adds (a device that is gone, say).
ours() {
	local f
	for f in -4 -6; do
		ip $f -n "$P" rule list | grep -E 'proto (hip|139)'
		ip $f -n "$P" route show table 10500 2>/dev/null
		ip $f -n "$P" route show table 10501 2>/dev/null
	done
}
is_as() { [ "$(ours | sort)" = "$1" ]; }
repairs() { json proxy status .gate.repairs; }
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
	capture_stop proxy wan0
	n=$(packets "$HPN_DIR/proxy/wan0.pcap")
	check "$1: no plain packet" test "$n" = 0
	[ "$n" = 0 ] || say "      $n packets"
	plain_watch
}

# --- reverse path filters and firewalls

for rp in 1 2 0; do
	on proxy sh -c "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo $rp >\$f; done"
	check "rp_filter $rp: both families" works
done
on proxy nft -f - <<-END
	table inet fw {
		chain forward {
			type filter hook forward priority 0; policy drop;
			ct state invalid drop
			ct state established,related accept
			iifname "lan0" accept
		}
	}
END
check "a stateful firewall that drops by policy" works
on proxy nft insert rule inet fw forward ip daddr $SERVER4 tcp dport 80 drop
check "its rule that forbids holds" not hello client1 $SERVER4 server
check "for what it forbids" udp_echo client1 $SERVER4 100
on proxy nft delete table inet fw

# --- others take things away

all=$(ours | sort)
traffic_start
plain_watch
for i in 1 2 3; do
	on proxy nft flush ruleset
	on proxy sh -c 'for t in filter nat mangle raw; do iptables -t $t -F; ip6tables -t $t -F; done'
done
check "packet filters flushed: works" works
plain "packet filters flushed"

before=$(repairs)
for f in -4 -6; do
	ip $f -n "$P" rule list | sed -n 's/^\([0-9]*\):.*proto .*/\1/p' | while read -r pref; do
		ip $f -n "$P" rule del pref "$pref" 2>/dev/null
	done
done
check "our rules removed: back within a second" wait_for 1 is_as "$all"
for f in -4 -6; do ip $f -n "$P" route flush table 10500; ip $f -n "$P" route flush table 10501; done
check "our routes flushed: back within a second" wait_for 1 is_as "$all"
check "counted" test "$(repairs)" -gt "$before"
check "and said" grep -q 'gate: .* had been removed by others' "$HPN_DIR/proxy/hipproxyd.log"
ip -n "$P" route add 198.51.100.0/24 dev wan0 table 10500
check "a route that is not ours does not stay in our table" wait_for 1 is_as "$all"

rules=$(ip -n "$P" rule list | grep -c proto)
ip -n "$P" link set dev hip0 down
check "the device taken down: works again" wait_for 5 works
ip -n "$P" link del dev hip0
check "the device deleted: works again" wait_for 5 works
check "with all rules" test "$(ip -n "$P" rule list | grep -c proto)" = "$rules"

# --- the daemon goes and comes

plain_watch
daemon_stop proxy KILL
check "killed: closed" closed
check "it comes back" daemon_start proxy
check "and works" wait_for 20 works
daemon_stop proxy
check "stopped in order: closed" closed
sed -i 's/enabled = true/enabled = nonsense/' "$HPN_DIR/proxy/hipproxy.conf"
check "a start that a mistake refuses" not on proxy timeout 10 "$DAEMON" -c "$HPN_DIR/proxy/hipproxy.conf" 2>/dev/null
check "leaves it closed" closed
proxy_conf
check "with the mistake mended it starts" daemon_start proxy
check "and works again" wait_for 20 works
plain "killed, stopped, started"

# --- one daemon only

sed "s,$HPN_DIR/proxy,$HPN_DIR/proxy/second,; s/hip0/hip1/" "$HPN_DIR/proxy/hipproxy.conf" >"$HPN_DIR/proxy/second.conf"
echo "pidfile = \"$HPN_DIR/proxy/pid\";" >>"$HPN_DIR/proxy/second.conf"
echo "of the first" >"$HPN_DIR/proxy/pid"
mkdir -p "$HPN_DIR/proxy/second"
cp -p "$HPN_DIR/proxy/key.pem" "$HPN_DIR/proxy/second/"
check "a second daemon is refused" not on proxy timeout 10 "$DAEMON" -c "$HPN_DIR/proxy/second.conf" 2>"$HPN_DIR/proxy/second.log"
check "with the reason" grep -q 'another hipproxyd runs' "$HPN_DIR/proxy/second.log"
check "the pid file of the first stays" grep -qx 'of the first' "$HPN_DIR/proxy/pid"
check "--cleanup beside a running one is refused" not on proxy "$DAEMON" --cleanup 2>/dev/null
check "which goes on" works

# --- clients and peers come and go by reload

peer_of_the_proxy=$(server_peer)
sed -i '/^peers = /d' "$HPN_DIR/proxy/hipproxy.conf"
check "a reload without peers" ctl proxy reload >/dev/null
check "leads nobody here" test "$(ours | grep -c "^$SERVER4")" = 0
stop proxy tcpdump-wan0
check "then it is plain" hello client1 $SERVER4 server
# A connection that begins in the clear and goes on.
start server sink socat -u TCP6-LISTEN:7801,ipv6only=0 OPEN:/dev/null
wait_port server 7801
start client1 begun bash -c "while echo x; do sleep 0.1; done | socat -u - TCP4:$SERVER4:7801"
begun() { on client1 ss -tnH state established dst $SERVER4 | grep -q ":7801"; }
check "a plain connection stands" wait_for 5 begun
echo "$peer_of_the_proxy" >>"$HPN_DIR/proxy/hipproxy.conf"
ctl proxy reload >/dev/null
plain_watch
check "with the peer again it is protected" works
check "the connection that began plain is reset" wait_for 20 not begun
stop client1 begun
plain "after the reload"
sed -i 's,"10.1.0.0/24",\0\, "10.77.0.0/16",' "$HPN_DIR/proxy/hipproxy.conf"
ctl proxy reload >/dev/null
check "a new client network is led here" sh -c "ip -n $P rule | grep -q 'from 10.77.0.0/16 lookup 10500'"
sed -i '/networks = /d' "$HPN_DIR/proxy/hipproxy.conf"
ctl proxy reload >/dev/null
check "without networks those of the interface are" sh -c "ip -n $P rule | grep -q 'from 10.1.0.0/24 lookup 10500'"
ip -n "$P" route add 10.78.0.0/16 via 10.1.0.12
check "and follow its routes" wait_for 2 sh -c "ip -n $P rule | grep -q 'from 10.78.0.0/16 lookup 10500'"
check "works" works
sed -i 's/interfaces = \[ "lan0" \]/interfaces = [ "lan9" ]/' "$HPN_DIR/proxy/hipproxy.conf"
ctl proxy reload >/dev/null
check "an interface that is not there is warned of" grep -q 'there is no lan9' "$HPN_DIR/proxy/hipproxyd.log"
check "and nothing is open" works
sed -i 's|interfaces = \[.*\];||' "$HPN_DIR/proxy/hipproxy.conf"
ctl proxy reload >/dev/null
check "without interfaces it works as well" works
check "rules name both halves of IPv6" test "$(ip -6 -n "$P" rule | grep -c 'lookup 10500 proto')" -ge 2
plain "reloads"

# --- and away

stop client1 traffic
capture_stop proxy wan0
check "proxy off opens" ctl proxy proxy off >/dev/null
check "off: plain" hello client1 $SERVER4 server
check "off: no rule and no route is left" test -z "$(ours)"
plain_watch
ctl proxy proxy on >/dev/null
check "on again: protected" works
daemon_stop proxy
check "closed after the end" closed
capture_stop proxy wan0
check "no plain packet" test "$(packets "$HPN_DIR/proxy/wan0.pcap")" = 0
check "--cleanup opens" on proxy "$DAEMON" --cleanup
check "then it is plain" hello client1 $SERVER4 server
check "and nothing of ours is left" test -z "$(ours)"

proxy_conf
sed -i 's/enabled = true/& ; on_stop = "open"/' "$HPN_DIR/proxy/hipproxy.conf"
daemon_start proxy
check "on_stop = \"open\": protected" wait_for 20 sh -c "'$CTL' -s '$HPN_DIR/proxy/control' status >/dev/null"
daemon_stop proxy
check "on_stop = \"open\": an orderly end opens" hello client1 $SERVER4 server
check "and leaves nothing" test -z "$(ours)"
fails_open
finish
