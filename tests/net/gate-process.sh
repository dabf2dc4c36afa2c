#!/bin/bash
# SPDX-License-Identifier: MIT
# hipproxy-gate without a daemon, with one that never starts, and with one that has been taken over.
# The user hipproxy is in a mount namespace of the test's own.
if [ -z "${HPN_ACCOUNTS:-}" ] && [ "$(id -u)" = 0 ] && command -v unshare >/dev/null; then
	HPN_ACCOUNTS=1 exec unshare -m --propagation private bash "$0" "$@"
fi
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump python3 setpriv unshare ldd
top=${srcdir:-.}
GATE=$(program hipproxy-gate) || { fail "there is a hipproxy-gate"; finish; }
not() { ! "$@"; }
P=$(ns proxy)

# All of /etc: a mount over a file ends when another program replaces that file.
mkdir -p "$HPN_DIR" && cp -a /etc "$HPN_DIR/etc" || { fail "a copy of /etc"; finish; }
sed -i '/^hipproxy:/d' "$HPN_DIR/etc/passwd" "$HPN_DIR/etc/group"
echo 'hipproxy:x:64999:64998::/nonexistent:/usr/sbin/nologin' >>"$HPN_DIR/etc/passwd"
echo 'hipproxy:x:64998:' >>"$HPN_DIR/etc/group"
mount --bind "$HPN_DIR/etc" /etc || { fail "accounts"; finish; }

net_up || { fail "the network comes up"; finish; }
for s in server legacy; do
	serve_http $s && serve_echo $s || { fail "the services of $s come up"; finish; }
done
key_of proxy; key_of server
server_conf; proxy_conf
daemon_start server || { fail "the server's daemon comes up"; finish; }
conf=$HPN_DIR/proxy/hipproxy.conf good=$HPN_DIR/good.conf
store=$HPN_DIR/gate/closed
mkdir -m 700 "$HPN_DIR/gate"
cp "$conf" "$good"

works() { hello client1 $SERVER4 server && hello client2 $SERVER6 server; }
is_closed() { not udp_echo client1 $SERVER4 100 && not udp_echo client1 $SERVER6 100; }
closed() { ASK_S=1 is_closed; }
# As systemd starts it: before the daemon, in the foreground.
gate_start() { start proxy gate "$GATE" -c "$conf" -s "$store"; wait_for 10 test -S "$(socket)"; }
gate_stop() { stop proxy gate "${1:-TERM}"; }
socket() {
	on proxy python3 -c "
import socket, struct
s = socket.socket(socket.AF_UNIX)
print('/run/hipproxy-gate/%d.sock' % struct.unpack('=Q', s.getsockopt(1, 71, 8)))"
}
# What a boot begins with: nothing in the kernel.
boot() {
	local f
	gate_stop KILL
	ip -n "$P" link del dev hip0 2>/dev/null
	for f in -4 -6; do
		ip $f -n "$P" rule list | sed -n 's/^\([0-9]*\):.*proto .*/\1/p' | while read -r pref; do
			ip $f -n "$P" rule del pref "$pref" 2>/dev/null
		done
		ip $f -n "$P" route flush table 10500
	done
	on proxy "$GATE" --cleanup -s "$HPN_DIR/no-store" 2>/dev/null
	rm -f "$(socket)"
}
# As the unit does, with the rights that it has when there is no discovery.
user_start() {
	chown -R 64999:64998 "$HPN_DIR/proxy"
	start proxy hipproxyd setpriv --reuid 64999 --regid 64998 --clear-groups \
		--inh-caps=-all,+net_raw --ambient-caps=-all,+net_raw --bounding-set=-all,+net_raw \
		"$DAEMON" -c "$conf"
	wait_for 20 ctl proxy status
}

# --- what it is

check "no cryptography is linked" not sh -c "ldd '$GATE' | grep -qiE 'libcrypto|libssl|ipsec'"
check "nor any queue" not sh -c "ldd '$GATE' | grep -q netfilter_queue"
before=$(hello client1 $SERVER4 server && echo plain)
check "without it everything is plain" test "$before" = plain

# --- boot: only the gate

capture_start proxy wan0 "($NOT_HIP) and (udp port 7777)"
gate_start
check "the gate alone: closed" closed
check "the store is root's alone" test "$(stat -c '%a %u' "$store")" = "600 0"
check "it is plain text" grep -qx "protected $SERVER4/32" "$store"
check "unprotected destinations are not concerned" hello client1 $LEGACY4 legacy
check "a second one is refused" not on proxy timeout 10 "$GATE" -c "$conf" -s "$store" 2>"$HPN_DIR/second"
check "with the reason" grep -q 'another hipproxy-gate runs' "$HPN_DIR/second"

boot
echo "nonsense" >>"$conf"
gate_start
check "boot with a typo in the configuration: closed from the last good one" closed
check "said" grep -q 'kept closed' "$HPN_DIR/proxy/gate.log"
check "a daemon does not start" not on proxy timeout 10 "$DAEMON" -c "$conf" 2>/dev/null
check "closed" closed
gate_stop KILL
check "the gate killed: closed" closed
gate_start
check "and back" closed

boot
cp "$good" "$conf"
mv "$HPN_DIR/proxy/key.pem" "$HPN_DIR/key.pem"
gate_start
check "boot with the key missing: closed" closed
check "a daemon does not start" not on proxy timeout 10 "$DAEMON" -c "$conf" 2>/dev/null
check "closed" closed
mv "$HPN_DIR/key.pem" "$HPN_DIR/proxy/key.pem"

boot
echo "hip = { opportunistic_initiator = \"pinned\"; pins = \"$HPN_DIR/proxy/pins\"; };" >>"$conf"
printf '192.0.2.99 2001:2' >"$HPN_DIR/proxy/pins"
gate_start
check "boot with a cut file of pins: closed" closed
check "a daemon does not start" not on proxy timeout 10 "$DAEMON" -c "$conf" 2>/dev/null
check "closed" closed
cp "$good" "$conf"
boot
cut=$(($(stat -c %s "$store") / 2))
truncate -s $cut "$store"
gate_start
check "boot with a cut store: closed by the configuration" closed
check "and the store is whole again" wait_for 5 grep -qx end "$store"

check "one command opens" on proxy "$GATE" --cleanup -s "$store"
check "then it is plain" hello client1 $SERVER4 server
check "over IPv6, too" hello client1 $SERVER6 server
check "the gate waits" kill -0 "$(pid_of proxy gate)"
capture_stop proxy wan0
check "nothing plain before" test "$(packets "$HPN_DIR/proxy/wan0.pcap" 'udp port 7777')" = 0

# --- a daemon with few rights

check "a daemon as user hipproxy" user_start
pid=$(json proxy status .pid)
check "has no right left" test -z "$(sed -n 's/^Cap\(Prm\|Eff\|Amb\|Inh\):[^0-9]*0*//p' "/proc/$pid/status" | tr -d '\n')"
check "protects" works
check "proxy off is root's" ctl proxy proxy off >/dev/null
check "then it is plain" hello client1 $SERVER4 server
check "and said" grep -q 'opened by root' "$HPN_DIR/proxy/gate.log"
check "proxy on" ctl proxy proxy on >/dev/null
check "protected" wait_for 20 works
reload_fails() { ! ctl proxy reload >/dev/null 2>&1; }
echo "nonsense" >>"$conf"
check "a reload that is refused" reload_fails
check "changes nothing" works
cp "$good" "$conf"
check "a good one" ctl proxy reload >/dev/null
check "works" works
before=$(json proxy status .gate.pid)
gate_stop KILL
gate_start
check "a gate that was killed is back" wait_for 10 eval '[ "$(json proxy status .gate.pid)" != "$before" ]'
check "and keeps it" wait_for 10 eval '[ "$(json proxy status .gate.state)" = kept ]'
check "works" works

# --- a daemon that has been taken over

# It says what it likes on the daemon's connection: here a program of the same user.
daemon_stop proxy
cat >"$HPN_DIR/attack.py" <<'END'
import os, socket, struct, sys
TYPES = ("HELLO LOAD POOLS HOSTED MASQUERADE ADDRESSES LEARNED READY LEARN FORGET ANSWER BUFFERS BYE "
         "STATUS OPEN CLEANUP DONE REFUSED REPORT DEVICE CHANGED").split()
uid, gid = int(sys.argv[3]), int(sys.argv[4])
os.setgroups([])
os.setgid(gid)
os.setuid(uid)
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(10)
s.connect(sys.argv[1])
def prefix(text, bits):
    a = socket.inet_pton(socket.AF_INET6, text if ":" in text else "::ffff:" + text)
    return a + bytes([bits])
def ask(kind, prefixes=(), text="", numbers=(), flags=0):
    octets = struct.pack("=BBHIHH", TYPES.index(kind) + 1, flags, len(prefixes), 4711, len(text),
                         len(numbers)) + b"".join(prefixes) + text.encode()
    try:
        s.send(octets + b"".join(struct.pack("=Q", n) for n in numbers))
    except (BrokenPipeError, ConnectionResetError):
        return "CLOSED"
    while True:
        try:
            data, fds, _, _ = socket.recv_fds(s, 70000, 1)
        except ConnectionResetError:
            return "CLOSED"
        for fd in fds:
            os.close(fd)
        if not data:
            return "CLOSED"
        name = TYPES[data[0] - 1]
        if name != "DEVICE":
            return name
bad = 0
def expect(want, what, *args, **more):
    global bad
    got = ask(*args, **more)
    print(("ok    " if got == want else "FAIL  ") + f"taken over: {what}: {want.lower()}" +
          ("" if got == want else f", but was {got}"))
    bad += got != want
R = "REFUSED"
if sys.argv[5:] == ["resolver"]:
    expect("DONE", "hello", "HELLO", text=sys.argv[2], numbers=[1])
    expect("DONE", "ready", "READY", flags=3)
    expect("DONE", "to learn a host elsewhere", "LEARN",
           [prefix("203.0.113.7", 128), prefix("2001:db8::7", 128)])
    expect(R, "to learn a network", "LEARN", [prefix("203.0.113.0", 120)])
    expect(R, "to learn this machine", "LEARN", [prefix("192.0.2.1", 128)])
    expect(R, "to learn a client", "LEARN", [prefix("10.1.0.11", 128)])
    expect(R, "to learn a client by IPv6", "LEARN", [prefix("fd01::11", 128)])
    expect(R, "to learn a group", "LEARN", [prefix("ff02::1", 128)])
    s.send(b"x")
    sys.exit(bad != 0)
expect(R, "a list before HELLO", "POOLS", [prefix("0.0.0.0", 96)], flags=1)
expect(R, "another configuration", "HELLO", text="/etc/passwd", numbers=[1])
expect(R, "another version", "HELLO", text=sys.argv[2], numbers=[99])
expect("DONE", "hello", "HELLO", text=sys.argv[2], numbers=[1])
expect(R, "a pool of everything", "POOLS", [prefix("0.0.0.0", 96)], flags=1)
expect(R, "a hosted server", "HOSTED", [prefix("10.1.0.11", 128)], flags=1)
expect(R, "an address of somebody", "ADDRESSES", [prefix("192.0.2.80", 128)], flags=1)
expect(R, "a HIT without the role", "ADDRESSES", [prefix("2001:21::1", 128)], flags=1)
expect(R, "ARP for somebody", "ANSWER", [prefix("192.0.2.1", 128)], text="wan0")
expect("DONE", "ready", "READY", flags=3)
expect(R, "to learn without a resolver", "LEARN", [prefix("203.0.113.7", 128)])
expect(R, "to learn everything", "LEARN", [prefix("::", 0)])
expect(R, "to open", "READY", flags=0)
expect(R, "to open as hipproxyctl does", "OPEN")
expect(R, "to open for good", "CLEANUP")
expect(R, "large buffers for nothing", "BUFFERS")
expect(R, "an answer", "DONE")
expect("REPORT", "the status", "STATUS")
s.send(b"\x09nonsense")
expect("CLOSED", "octets that are no message", "STATUS")
sys.exit(bad != 0)
END
on proxy python3 "$HPN_DIR/attack.py" "$(socket)" "$conf" 64999 64998 ||
	fail "what a daemon that was taken over may do"
echo 'hip = { opportunistic_initiator = "on"; };' >>"$conf"
on proxy python3 "$HPN_DIR/attack.py" "$(socket)" "$conf" 64999 64998 resolver ||
	fail "what a daemon with opportunistic mode may do that was taken over"
led() { ip -n "$P" route show table 10500 | grep -q "^203.0.113.7 dev hip0" && ip -6 -n "$P" route show table 10500 | grep -q "^2001:db8::7 dev hip0"; }
check "what it has learned is led to the daemon" led
check "and stored" wait_for 5 grep -qx 'learned 203.0.113.7/32' "$store"
cp "$good" "$conf"
check "the log says no" grep -q 'refused to process [0-9]* (user 64999)' "$HPN_DIR/proxy/gate.log"
check "closed" closed
check "another user can't even connect" not on proxy \
	python3 "$HPN_DIR/attack.py" "$(socket)" "$conf" 65534 65534 2>/dev/null
check "the daemon starts afterwards" user_start
check "and works" wait_for 20 works

# --- many peers

for i in $(seq 0 9999); do
	echo "{ hit = \"2001:21::$(printf '%x' $i)\"; addresses = [ \"10.200.$((i / 250)).$((i % 250 + 1))\" ]; }"
done | paste -sd, >"$HPN_DIR/many"
sed '/^peers = /d' "$good" >"$conf"
{ server_peer | sed 's/ );$/,/'; cat "$HPN_DIR/many"; echo ');'; } >>"$conf"
check "a reload with 10,000 peers" ctl proxy reload >/dev/null
check "works" works
check "all are led" test "$(json proxy status .gate.routes)" -ge 20000
compared_within() { [ "$(json proxy status .gate.reconcile_us)" -lt "$1" ]; }
check "one comparison with 10,000 peers" wait_for 20 compared_within 500000
say "      $(json proxy status '.gate.reconcile_us / 1000 | floor') ms"
daemon_stop proxy
gate_stop
check "closed after the end of both" closed
check "one command opens, without a gate that runs" on proxy "$GATE" --cleanup -s "$store"
check "then it is plain" hello client1 $SERVER4 server
finish
