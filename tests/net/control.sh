#!/bin/bash
# SPDX-License-Identifier: MIT
# Control at run time: proxy on and off, reload, close, flush, trace, --json.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
protected_net
not() { ! "$@"; }
wan_plain() { # COMMAND...: true if it works and its marker was seen on the wan side
	local ok=1
	capture_start proxy wan0
	"$@" && ok=0
	capture_stop proxy wan0
	[ $ok = 0 ] && grep -qa "$MARKER" "$HPN_DIR/proxy/wan0.pcap"
}
wan_hip() {
	local ok=1
	capture_start proxy wan0
	"$@" && ok=0
	capture_stop proxy wan0
	[ $ok = 0 ] && only_hip "$HPN_DIR/proxy/wan0.pcap"
}
spi() { json proxy associations '.associations[0].spi_out'; }

check "protected at first" wan_hip hello client1 $SERVER4 server
check "proxy off" ctl proxy proxy off
check "status says so" test "$(json proxy status .proxy)" = off
check "then new connections are plain" wan_plain hello client1 $SERVER4 server
ln -sf "$CTL" "$HPN_DIR/hipconf"
check "hipconf hipproxy on" "$HPN_DIR/hipconf" -s "$HPN_DIR/proxy/control" hipproxy on
check "then they are protected" wan_hip hello client1 $SERVER4 server

full() { ctl proxy "$@" >/dev/full 2>"$HPN_DIR/full"; [ $? = 1 ] && grep -q 'No space left' "$HPN_DIR/full"; }
for cmd in status flows drops "--json status" help; do
	check "$cmd to a full disk fails and says so" full $cmd
done

daemon_full() { "$DAEMON" "$@" >/dev/full 2>"$HPN_DIR/full"; [ $? = 1 ] && grep -q 'No space left' "$HPN_DIR/full"; }
for option in --help --version -t --show-pipeline; do
	check "hipproxyd $option to a full disk fails and says so" daemon_full $option -c "$HPN_DIR/proxy/hipproxy.conf"
done

before=$(spi)
check "reload" ctl proxy reload
check "SIGHUP" kill -HUP "$(pid_of proxy hipproxyd)"
reloads() { [ "$(grep -c ': reloaded$' "$HPN_DIR/proxy/hipproxyd.log")" = "$1" ]; }
check "both are done" wait_for 20 reloads 2
check "associations are kept" test -n "$before" -a "$(spi)" = "$before"
check "and work" hello client1 $SERVER4 server
cp "$HPN_DIR/proxy/hipproxy.conf" "$HPN_DIR/proxy/good.conf"
echo 'nonsense = 1;' >>"$HPN_DIR/proxy/hipproxy.conf"
check "a wrong configuration is refused" not ctl proxy reload 2>/dev/null
check "-t finds it too" not on proxy "$DAEMON" -t -c "$HPN_DIR/proxy/hipproxy.conf" 2>/dev/null
cp "$HPN_DIR/proxy/good.conf" "$HPN_DIR/proxy/hipproxy.conf"
check "-t finds the old one good" on proxy "$DAEMON" -t -c "$HPN_DIR/proxy/hipproxy.conf"
check "and nothing was lost" hello client1 $SERVER4 server

check "close" ctl proxy close "$(hit_of server)"
check "the association is gone" wait_for 15 sh -c "'$CTL' -s '$HPN_DIR/proxy/control' --json associations | jq -e '[.associations[] | select(.state == \"ESTABLISHED\")] | length == 0'"
check "and comes again" hello client1 $SERVER4 server
for what in peers flows associations all; do
	check "flush $what" ctl proxy flush $what
	check "traffic goes on" hello client1 $SERVER4 server
done

for cmd in status associations flows peers drops pipeline policy; do
	check "$cmd for people" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' $cmd | grep -q ."
	check "$cmd --json" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' --json $cmd | jq -e .ok >/dev/null"
done
hit=$(hit_of server)
check "a column of choice" test "$(ctl proxy associations --output peer --noheadings)" = "$hit"
check "a column that does not exist" not ctl proxy flows --sort nothing 2>/dev/null
. "${srcdir:-.}/tests/completion.sh"
completes() { # WORDS LAST: LAST is among what may come next
	complete_line "$CTL" "hipproxyctl -s $HPN_DIR/proxy/control $1"
	[[ " ${COMPREPLY[*]} " == *" $2 "* ]]
}
check "HITs are completed" completes "close 2001:" "${hit#2001:}"
check "addresses are completed" completes "trace 192" "$SERVER4"
timeout 10 "$CTL" -s "$HPN_DIR/proxy/control" trace 10.1.0.11 5 >"$HPN_DIR/trace" & trace=$!
traced() { hello client1 $SERVER4 server && grep -q 10.1.0.11 "$HPN_DIR/trace"; }
check "the trace shows the packets of a request" wait_for 5 traced
wait $trace
check "the server's daemon tells of the association too" test "$(associations_of server)" -ge 1
check "closing a stranger is refused" not ctl proxy close 2001:22::1 2>/dev/null
finish
