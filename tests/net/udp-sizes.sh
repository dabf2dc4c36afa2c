#!/bin/bash
# SPDX-License-Identifier: MIT
# Datagrams of every size in bursts, in native ESP and in UDP: all of them arrive, in both
# directions and both families, with and without the devices' offloads.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons python3 socat ssh sshd dig dnsmasq iperf3
plugins=$HPN_BUILD/plugins/.libs
[ -d "$plugins" ] || plugins=$HPN_BUILD/plugins
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { natudp = { mode = \"auto\"; }; };"
SERVER_MORE=$PROXY_MORE
protected_net

# Sends back what comes.  One process and a large buffer: a burst is answered by a burst.
cat >"$HPN_DIR/echo.py" <<'PY'
import socket  # options 32 and 33: SO_SNDBUFFORCE, SO_RCVBUFFORCE
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
s.setsockopt(socket.SOL_SOCKET, 32, 64 << 20)
s.bind(('::', 7778))
while True:
    data, where = s.recvfrom(65536)
    s.sendto(data, where)
PY

# Ten datagrams at a time for each size; a burst ends when all are back or for two seconds nothing
# came.  Prints each size of which some are missing, and how many came back.
cat >"$HPN_DIR/bursts.py" <<'PY'
import os, socket, struct, sys
host, sizes = sys.argv[1], [int(a) for a in sys.argv[2:]]
family = socket.AF_INET6 if ':' in host else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
s.setsockopt(socket.SOL_SOCKET, 32, 64 << 20)
s.connect((host, 7778))

# Both ends learn the path's MTU first: that costs the datagrams that are too large (RFC 1191).  1472 octets
# leave in fragments over IPv6, 1440 do not.  Each error that was told ends one call.
s.settimeout(0.2)
for size in (1472, 1440):
    for n in range(50):
        try:
            s.send(bytes(size))
            s.recv(65536)
            break
        except OSError:
            pass
s.settimeout(2)

def burst(size):
    want, got = {}, 0
    try:
        for n in range(10):
            data = (struct.pack('!HB', size, n) + os.urandom(size))[:size] if size > 3 else bytes([n] * size)
            want[data] = True
            s.send(data)
        while got < 10:
            got += want.pop(s.recv(65536), False)  # nothing counts twice
    except OSError:
        pass
    return got

for size in sizes:
    got = burst(size)
    if got < 10:
        print(size, got)
PY
start server burst-echo python3 "$HPN_DIR/echo.py"
wait_port server 7778

SIZES="1 2 3 64 500 1000 1200 1231 1232 1233 1250 1280 1300 $(seq 1330 8 1480) 1500 1600 2000 2952 3000 4000
	8000 8192 9000 16000 20000 32768 50000 64000 65000"

all_arrive() { # ADDRESS
	on client1 timeout --foreground 150 python3 "$HPN_DIR/bursts.py" "$1" $SIZES >"$HPN_DIR/missing" 2>&1
	[ ! -s "$HPN_DIR/missing" ] && return 0
	say "      missing (size, how many of 10 came back): $(tr '\n' ';' <"$HPN_DIR/missing")"
	return 1
}

# At a rate that every machine carries; what is lost then is lost by us.
iperf_udp() {
	on client1 timeout --foreground 30 iperf3 -u -b 20M -t 2 -J -c $SERVER4 "$@" >"$HPN_DIR/iperf.json" &&
		jq -e '.end.sum.packets > 400 and .end.sum.lost_percent < 1' "$HPN_DIR/iperf.json" >/dev/null && return 0
	say "      $(jq -c '.end.sum | {packets, lost_packets, lost_percent}' "$HPN_DIR/iperf.json")"
	return 1
}

round() { # HOW
	check "$1: IPv4, every size in bursts" all_arrive $SERVER4
	check "$1: IPv6, every size in bursts" all_arrive $SERVER6
	check "$1: iperf3 -u with its default size" iperf_udp
	check "$1: iperf3 -u with 1440 octets" iperf_udp -l 1440
	check "$1: iperf3 -u with 8000 octets" iperf_udp -l 8000
}

in_udp() { [ "$(json proxy associations '.associations[0].path.dport')" = 10500 ]; }
hello client1 $SERVER4 server
check "ESP goes in UDP" wait_for 5 in_udp
round "in UDP"
offloads off
round "in UDP, no offloads"
offloads on
check "native ESP" ctl proxy nat off
check "on both sides" ctl server nat off
ctl proxy flush all
hello client1 $SERVER4 server
check "ESP goes natively" test "$(json proxy associations ".associations[0].path.dport")" = 0
round "native"
finish
