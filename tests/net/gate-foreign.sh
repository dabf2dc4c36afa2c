#!/bin/bash
# SPDX-License-Identifier: MIT
# Others restore, flush and replace packet filters, routing rules and routes under traffic.
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/gate-lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump nft python3
CLIENT_MORE='probe = "hold";'
PROXY_MORE='hip = { opportunistic_initiator = "on"; };'
protected_net

log_says() { grep -q "$1" "$HPN_DIR/proxy/hipproxyd.log"; }
discovers() { on proxy sh -c 'iptables-save; ip6tables-save; nft list ruleset' 2>/dev/null | grep -qE 'HIPPROXY|table inet hipproxy '; }
restore() { # FILE
	on proxy iptables-restore <"$1.4" && on proxy ip6tables-restore <"$1.6"
}
save() { on proxy iptables-save >"$1.4" && on proxy ip6tables-save >"$1.6"; }
# The kernel's own rules, which "ip rule flush" removes as well.
kernels_rules() {
	local f
	for f in -4 -6; do
		ip $f -n "$P" rule add pref 0 lookup local 2>/dev/null
		ip $f -n "$P" rule add pref 32766 lookup main 2>/dev/null
		ip $f -n "$P" rule add pref 32767 lookup default 2>/dev/null
	done
}

check "protected traffic works" works
daemon_stop proxy
on proxy "$DAEMON" --cleanup
for f in iptables ip6tables; do on proxy $f -A FORWARD -m comment --comment saved -j ACCEPT; done
save "$HPN_DIR/before"
daemon_start proxy || finish
check "it works again" wait_for 20 works
save "$HPN_DIR/after"
all=$(ours | sort)
traffic_start
markers_watch

before=$(repairs)
# Right after ours are back, that is in the middle of what we do.
for i in $(seq 12); do
	check "a set saved before the start is restored ($i)" restore "$HPN_DIR/before"
	check "rules of discovery are back at once ($i)" soon discovers
done
check "counted in status" repaired_since "$before"
check "and logged" log_says 'packet filter rules had been removed by others'
check "works" works
for i in 1 2 3; do restore "$HPN_DIR/after"; done
check "a set saved after the start, restored again and again: works" works
markers "iptables-restore"

cat >"$HPN_DIR/rules.nft" <<END
flush ruleset
table inet admin {
	chain forward {
		type filter hook forward priority 0; policy accept;
	}
}
END
markers_watch
before=$(repairs)
for i in 1 2 3 4 5; do on proxy nft -f "$HPN_DIR/rules.nft"; done
check "nft -f of a file that flushes: rules of discovery are back" soon discovers
check "so is the guard" soon on proxy nft list table inet hipproxy_guard >/dev/null
check "counted" soon repaired_since "$before"
check "works" works
markers "nft -f"

markers_watch
before=$(repairs)
for i in 1 2 3 4 5; do
	ip -n "$P" rule flush
	ip -n "$P" -6 rule flush
	kernels_rules
	check "all rules flushed: ours are back at once ($i)" soon is_as "$all"
done
check "counted in status" repaired_since "$before"
check "and logged" log_says 'rules and routes had been removed by others'
check "works" works
markers "ip rule flush"

# One lock after the other, while the first is still being put back.
markers_watch
for i in $(seq 15); do
	for f in -4 -6; do
		ip $f -n "$P" rule list | sed -n 's/^\([0-9]*\):.*proto .*/\1/p' | while read -r pref; do
			ip $f -n "$P" rule del pref "$pref" 2>/dev/null
		done
		ip $f -n "$P" route flush table 10500 2>/dev/null
	done
	on proxy nft flush ruleset
	on proxy nft delete table inet hipproxy_guard 2>/dev/null
done
check "both locks again and again: all is back at once" soon is_as "$all"
check "works" works
markers "both locks"
check "status tells how often" test "$(repairs)" -gt 20
traffic_stop

# The watch does see what is plain.
daemon_stop proxy
on proxy "$DAEMON" --cleanup
traffic_start
markers_watch
wait_for 10 eval '[ "$(markers_seen ip)" -gt 0 ] && [ "$(markers_seen ip6)" -gt 0 ]'
markers_some "opened on purpose, the marker is seen in both families"
finish
