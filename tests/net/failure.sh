#!/bin/bash
# SPDX-License-Identifier: MIT
# With discovery, where packet filter rules bring first packets here: the daemon dies, and traffic
# stops (closed) or passes (open).  An orderly end leaves it closed, or opens it (on_stop).
# --cleanup takes the rules away.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
PROXY_MORE='hip = { opportunistic_initiator = "on"; };'
CLIENT_MORE='on_stop = "open";'
protected_net

not() { ! "$@"; }

# Rules and chains of one's own, without counters and comments.
rules() {
	{ on proxy iptables-save; on proxy ip6tables-save; } 2>/dev/null | grep -E '^-A|^:.* - ' |
		sed 's/\[.*//'
	on proxy nft list tables 2>/dev/null | grep -i hipproxy
}

daemon_stop proxy
on proxy iptables -A FORWARD -p tcp --dport 9 -j DROP
on proxy iptables -t mangle -N foreign
on proxy iptables -t mangle -A FORWARD -j foreign
before=$(rules)

check "closed: comes up" daemon_start proxy
check "closed: protected" hello client1 $SERVER4 server
check "its rules are there" test "$(rules)" != "$before"
check "the foreign rules too" sh -c "ip netns exec $(ns proxy) iptables-save | grep -q 'dport 9 -j DROP'"
daemon_stop proxy KILL
check "closed: killed, nothing passes" not hello client1 $SERVER4 server
check "nothing to a server of which nothing is known either" not hello client1 $LEGACY4 legacy
on proxy "$DAEMON" -c "$HPN_DIR/proxy/hipproxy.conf" --cleanup
check "--cleanup leaves the rules as they were" test "$(rules)" = "$before"
check "then traffic passes plain" hello client1 $SERVER4 server
check "the device is gone" not on proxy ip link show dev hip0 2>/dev/null

daemon_start proxy
check "protected again" hello client1 $SERVER4 server
daemon_stop proxy
check "on_stop = \"open\": a daemon that ends takes its rules along" test "$(rules)" = "$before"
check "and traffic passes plain" hello client1 $SERVER4 server

CLIENT_MORE=
proxy_conf
daemon_start proxy
daemon_stop proxy
check "else it leaves them" test "$(rules)" != "$before"
check "and nothing passes" not hello client1 $SERVER4 server
daemon_start proxy
for t in iptables ip6tables; do on proxy $t -t security -F HIPPROXY-QUEUE; done
check "rules that others remove are back within seconds" wait_for 5 on proxy sh -c \
	"iptables-save | grep -q 'QUEUE .*-j NFQUEUE' && ip6tables-save | grep -q 'QUEUE .*-j NFQUEUE'"
check "and said" wait_for 5 grep -q 'packet filter rules had been removed by others' "$HPN_DIR/proxy/hipproxyd.log"
CLIENT_MORE='on_stop = "open";'

daemon_stop proxy
fails_open
daemon_stop proxy
check "the rules are as they were" test "$(rules)" = "$before"
finish
