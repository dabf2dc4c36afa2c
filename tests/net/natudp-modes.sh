#!/bin/bash
# SPDX-License-Identifier: MIT
# UDP encapsulation without a NAT: what each mode chooses, with peers that have it and peers that
# have not, where one of the ways is shut, and the change of mode in the middle of a transfer.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons tcpdump
BIG_BYTES=30000000
HPN_PLUGINS=$HPN_BUILD/plugins/.libs
[ -d "$HPN_PLUGINS" ] || HPN_PLUGINS=$HPN_BUILD/plugins
PORT_MORE=
with() { echo "plugin_dir = \"$HPN_PLUGINS\"; plugins = { natudp = { mode = \"$1\"; $PORT_MORE }; };"; }

# again PROXY-MODE SERVER-MODE: both daemons anew; "none" is without the plugin.
again() {
	daemon_stop proxy; daemon_stop server
	PROXY_MORE= SERVER_MORE=
	[ "$1" = none ] || PROXY_MORE=$(with "$1")
	[ "$2" = none ] || SERVER_MORE=$(with "$2")
	rm -f "$HPN_DIR"/*/state
	server_conf; proxy_conf
	daemon_start server && daemon_start proxy
}

port_of() { json "$1" associations ".associations[0].path.dport"; }
goes() { hello client1 $SERVER4 server && [ "$(port_of proxy)" = "$1" ] && [ "$(port_of server)" = "$1" ]; } # PORT
shut() { on server iptables -I INPUT "$@" -j DROP; }
open_all() { on server iptables -F INPUT; }
same() { [ "$(port_of proxy)" = "$1" ] && [ "$(port_of server)" = "$1" ]; }

net_up && serve_http server && serve_http legacy || { fail "the network comes up"; finish; }
make_file big "$BIG_BYTES"
key_of proxy; key_of server

again auto auto
check "auto and auto: UDP" goes 10500
again plain-udp auto
check "plain-udp and auto: UDP" goes 10500
again none auto
check "without and auto: native" goes 0
check "without the plugin the port is closed" test -z "$(on proxy ss -lnHu "sport = :10500")"
check "nat is refused without the plugin" sh -c "! '$CTL' -s '$HPN_DIR/proxy/control' nat auto 2>/dev/null"
again auto none
check "auto and without: native" goes 0
again auto off
check "auto and off: native" goes 0
again off auto
check "off and auto: native" goes 0
again auto auto
shut -p udp --dport 10500
check "auto, UDP shut on the way: native" goes 0
open_all
again auto auto
shut -p 139; shut -p 50
check "auto, native shut on the way: UDP" goes 10500
open_all

# No rule on the way knows the port: neither the gate of clients' traffic nor the capture takes it.
PORT_MORE="port = 10600;"
again plain-udp auto
check "another port at both ends" goes 10600
again auto auto
check "another port, auto" goes 10600
PORT_MORE=

# --- at run time ------------------------------------------------------------------------------

during() { # COMMAND PORT: a transfer goes on through the change
	local pid
	fetch client1 $SERVER4 big --limit-rate 10M & pid=$!
	under_way client1 $pid && $1 || return 1
	wait $pid && wait_for 10 same "$2"
}
ln -sf "$(readlink -f "$CTL")" "$HPN_DIR/hipconf"
nat_off() { ctl proxy nat off; }
nat_auto() { ctl proxy nat auto; }
hipconf_udp() { "$HPN_DIR/hipconf" -s "$HPN_DIR/proxy/control" nat plain-udp; }
again off auto
check "native at first" goes 0
capture_start proxy wan0 "host $SERVER4"
check "hipconf nat plain-udp in the middle of a transfer" during hipconf_udp 10500
check "hipproxyctl nat off in the middle of a transfer" during nat_off 0
check "hipproxyctl nat auto in the middle of a transfer" during nat_auto 10500
capture_stop proxy wan0
pcap=$HPN_DIR/proxy/wan0.pcap
check "there was native ESP and ESP in UDP" test "$(packets "$pcap" "ip proto 50")" -gt 100 -a \
	"$(packets "$pcap" "udp port 10500")" -gt 100
check "and nothing plain" sh -c "! grep -qa $MARKER $pcap"
check "status says so" test "$(json proxy status .nat.mode)/$(json proxy status .nat.port)" = auto/10500
check "nonsense is refused" sh -c "! '$CTL' -s '$HPN_DIR/proxy/control' nat sideways 2>/dev/null"
nat_off >/dev/null
closed() { [ -z "$(on proxy ss -lnHu 'sport = :10500')" ]; }
check "off: the port is closed" wait_for 20 closed
check "a reload puts back what the configuration says" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' nat auto >/dev/null &&
	'$CTL' -s '$HPN_DIR/proxy/control' reload >/dev/null &&
	[ \$('$CTL' -s '$HPN_DIR/proxy/control' --json status | jq -r .nat.mode) = off ]"

# --- a port that is taken ------------------------------------------------------------------------

wait_for 20 closed
start proxy taken socat -u UDP4-RECVFROM:10500,fork /dev/null
wait_port proxy 10500
check "a taken port: nat auto is refused and all stays" sh -c "! '$CTL' -s '$HPN_DIR/proxy/control' nat auto 2>/dev/null"
# The reload has just put the mode back: the peer may still be told so.
goes_on() { hello client1 $SERVER4 server && wait_for 15 same 0; }
check "a taken port: traffic goes on" goes_on
stop proxy taken

# --- the proxy is killed, and the server ------------------------------------------------------------

again auto auto
killed() { # NODE
	local get
	fetch client1 $SERVER4 big --limit-rate 6M & get=$!
	under_way client1 $get || return 1
	daemon_stop "$1" KILL
	sleep 0.5
	daemon_start "$1" || return 1
	wait $get
}
check "the proxy is killed in a transfer by UDP: right sha256" killed proxy
check "the server is killed in a transfer by UDP: right sha256" killed server
check "it is UDP again" same 10500
finish
