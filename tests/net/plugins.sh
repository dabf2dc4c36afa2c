#!/bin/bash
# SPDX-License-Identifier: MIT
# plugins/skeleton in a running daemon: its command in help and completion, its timer, its record over a
# restart and a kill, its metrics; hipproxyctl plugins and metrics.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
plugins=$HPN_DIR/plugins
mkdir -p "$plugins"
chmod 700 "$plugins"
top=$(cd "${srcdir:-.}" && pwd)
${CC:-cc} -shared -fPIC -I"$top/include" -o "$plugins/skeleton.so" "$top/plugins/skeleton/skeleton.c" ||
	skip "no compiler"
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { skeleton = { every_s = 1; }; };"
CLIENT_MORE='locators = [ "skeleton" ];'
protected_net

ticks() { json proxy skeleton.show .ticks_with_restarts; }
ticked() { [ "$(ticks)" -ge "$1" ]; }
check "a protected connection" hello client1 $SERVER4 server
check "the timer runs" wait_for 30 ticked 2
check "plugins lists it" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' plugins | grep -q '^skeleton 1 (ABI 5, running)'"
check "with its timer and its record" test "$(json proxy plugins '.plugins[0].uses | "\(.timers) \(.records)"')" = "1 1"
check "help lists its command" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' help | grep -q 'skeleton.show \[COUNT\]'"
check "completion offers it" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' --complete 'hipproxyctl skel' | grep -qx skeleton.show"
check "a number of its answer" test "$(ctl proxy --json skeleton.show 5 | jq '.numbers | length')" = 5
refused() { ! ctl proxy skeleton.show "$1" 2>"$HPN_DIR/said" && grep -q "$2" "$HPN_DIR/said"; }
check "a bad argument is refused" refused x 'count: expected a number from 0 to 1000'
check "one too many too" sh -c "! '$CTL' -s '$HPN_DIR/proxy/control' skeleton.show 1 2"
check "an unknown command too" sh -c "! '$CTL' -s '$HPN_DIR/proxy/control' skeleton.other"
ctl proxy metrics >"$HPN_DIR/metrics"
check "its counter is a metric" grep -qE '^hipproxy_skeleton_ticks_total [1-9]' "$HPN_DIR/metrics"
check "its gauge too" grep -qE '^hipproxy_skeleton_last_tick_seconds [0-9]' "$HPN_DIR/metrics"
check "flows are a metric" grep -qE '^hipproxy_flows_total\{event="added"\} [1-9]' "$HPN_DIR/metrics"
check "every line is a comment or a value" sh -c "! grep -vE '^# (HELP|TYPE) |^[a-z_0-9]+(\{.*\})? [-0-9.e+]+$' '$HPN_DIR/metrics'"

before=$(ticks)
daemon_stop proxy
daemon_start proxy
check "the record survives a restart" ticked "$before"
before=$(ticks)
daemon_stop proxy KILL
daemon_start proxy
check "and a kill" ticked "$before"
check "a protected connection again" hello client2 $SERVER4 server
finish
