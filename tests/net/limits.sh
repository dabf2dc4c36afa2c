#!/bin/bash
# SPDX-License-Identifier: MIT
# One client, or a few strangers, fill every table they can: nobody else notices, and the administrator
# does.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump python3
SERVER_HIP='opportunistic_responder = "on";'
PROXY_MORE='hip = { opportunistic_initiator = "on"; }; limits = { associations = 200; peers = 20000; };'
protected_net
not() { ! "$@"; }

# A route for everything, so that the kernel has somewhere to send what the proxy lets pass.
ip -n "$(ns proxy)" route add 198.18.0.0/15 via $LEGACY4
# 65,536 destinations in about eight seconds.
cat >"$HPN_DIR/attack.py" <<'EOF'
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
begin = time.monotonic()
for n in range(65536):
    try:
        s.sendto(b"x", ("198.18.%d.%d" % (n >> 8, n & 255), 9))
    except OSError:
        pass
    ahead = n / 8192 - (time.monotonic() - begin)
    if ahead > 0.01:
        time.sleep(ahead)
EOF

limit() { json proxy status ".limits[] | select(.name == \"$1\") | .$2"; } # NAME KEY
slowest() { # COMMAND...: milliseconds, the worst of ten
	local i t worst=0
	for i in 1 2 3 4 5 6 7 8 9 10; do
		t=$(date +%s%N)
		"$@" || { echo 99999; return; }
		t=$((($(date +%s%N) - t) / 1000000))
		[ $t -le $worst ] || worst=$t
	done
	echo $worst
}

check "before: the configured peer" hello client2 $SERVER4 server
ctl proxy flush all
start client1 attack python3 "$HPN_DIR/attack.py"
wait_for 10 eval '[ "$(limit client-peers refused)" -gt 0 ] || [ "$(limit associations refused)" -gt 0 ]'
check "during the attack: the configured peer is reached" hello client2 $SERVER4 server
check "over IPv6 too" hello client2 $SERVER6 server
check "a server without HIP is reached" hello client2 $LEGACY4 legacy
check "the attack still runs" alive client1 attack
ms=$(slowest hello client2 $SERVER4 server)
say "      the slowest of ten requests to the configured peer took $ms ms"
check "and none of them waits" test "$ms" -lt 900
wait_for 30 not alive client1 attack
check "after it: a new destination of another client" hello client2 $LEGACY6 legacy
check "and of the client itself" hello client1 $LEGACY4 legacy
check "and the configured peer" hello client1 $SERVER4 server
check "it has its share of destinations, no more" test "$(limit peers used)" -le 10000
check "the table of associations was never exceeded" test "$(limit associations used)" -le 200
check "the log says once that a limit is reached" test "$(grep -c 'limit reached: HIP associations' "$HPN_DIR/proxy/hipproxyd.log")" = 1
check "and that one client has its share" grep -q 'limit reached: destinations of one client.*10\.1\.0\.11' "$HPN_DIR/proxy/hipproxyd.log"
check "status names it" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' status | grep -q 'destinations of one client.*reached'"
check "doctor names it" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' status | grep -q 'warning: limit: '"
check "when it is over the log says so" wait_for 60 grep -q 'limit no longer reached: HIP associations' "$HPN_DIR/proxy/hipproxyd.log"
check "and status no longer does" wait_for 30 not sh -c "'$CTL' -s '$HPN_DIR/proxy/control' status | grep -q 'limit: .*is reached'"

# A stranger wants an association with the clients' identity.
key_of hiphost
{
	conf_head hiphost
	echo "peers = ( { hit = \"$(hit_of proxy)\"; addresses = [ \"$PROXY_LAN4\" ]; } );"
	echo 'host = { enabled = true; identity = "hiphost"; };'
} >"$HPN_DIR/hiphost/hipproxy.conf"
check "a stranger's daemon comes up" daemon_start hiphost
on hiphost ping -c2 -W1 "$(hit_of proxy)" >/dev/null 2>&1
check "it gets no association with the clients' identity" not sh -c "'$CTL' -s '$HPN_DIR/proxy/control' --json associations | grep -q '$(hit_of hiphost)'"
check "and is counted" test "$(json proxy drops '.drops[] | select(.name == "hip_policy") | .count')" -gt 0
check "a peer that clients have talked to comes back after it has lost everything" eval '
	hello client1 $SERVER4 server && daemon_stop server KILL && daemon_start server && hello client1 $SERVER4 server'
finish
