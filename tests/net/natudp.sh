#!/bin/bash
# SPDX-License-Identifier: MIT
# The proxy behind a NAT, HIP and ESP in UDP: kinds of NAT, mappings that change in the middle of
# a transfer, forged sources, keepalives, what does not belong on the port.
#
#    client1 --- lan ---[ proxy ]--- inner ---[ nat ]--- wan --- server, legacy
#                        10.2.0.2     10.2.0.1   192.0.2.7
#                         fd02::2      fd02::1   2001:db8:2::7
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons tshark conntrack tcpdump ssh sshd socat dig dnsmasq iperf3
HPN_NODES="$HPN_NODES nat inner"
NAT4=192.0.2.7 NAT6=2001:db8:2::7
NAT_MODE=auto KEEPALIVE=2
BIG_BYTES=30000000

nat_conf() { echo "plugin_dir = \"$HPN_PLUGINS\"; plugins = { natudp = { mode = \"$1\"; keepalive_s = $KEEPALIVE; }; };"; }
HPN_PLUGINS=$HPN_BUILD/plugins/.libs
[ -d "$HPN_PLUGINS" ] || HPN_PLUGINS=$HPN_BUILD/plugins
SERVER_MORE=$(nat_conf auto)
PROXY_MORE=$(nat_conf $NAT_MODE)

behind_a_nat() {
	ip -n "$(ns inner)" link add name switch type bridge mcast_snooping 0 &&
		ip -n "$(ns inner)" link set dev switch up &&
		ip -n "$(ns proxy)" link del wan0 || return 1
	link proxy wan0 inner 10.2.0.2/24 fd02::2/64 &&
		link nat in0 inner 10.2.0.1/24 fd02::1/64 &&
		link nat out0 wan $NAT4/24 $NAT6/64 &&
		ip -n "$(ns nat)" route add 10.1.0.0/24 via 10.2.0.2 && gateway proxy 10.2.0.1 fd02::1 || return 1
	on nat sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
		# What nobody inside has asked for leaves no trace, or it would occupy the port.
		for t in iptables ip6tables; do $t -A INPUT -i out0 -p udp -j DROP; done'
	nat_kind restricted
	wait_for 10 on proxy ping -c1 -W1 $SERVER4 && wait_for 10 on proxy ping -c1 -W1 $SERVER6
}

# What the NAT does with UDP from now on; its memory is lost.  In one step: it never lets out what it
# has not translated.
nat_rules() { # 4|6 KIND [argument]
	local inside=10.2.0.2:10500
	[ "$1" = 4 ] || inside=[fd02::2]:10500
	echo "*nat"
	case $2 in
	restricted) echo "-A POSTROUTING -o out0 -j MASQUERADE" ;;
	symmetric) echo "-A POSTROUTING -o out0 -j MASQUERADE --random-fully" ;;
	ports) echo "-A POSTROUTING -o out0 -p udp -j MASQUERADE --to-ports $3" ;;
	full-cone)
		echo "-A POSTROUTING -o out0 -j MASQUERADE"
		echo "-A PREROUTING -i out0 -p udp --dport 10500 -j DNAT --to-destination $inside" ;;
	as) [ "$1" = 6 ] || echo "-A POSTROUTING -o out0 -p udp -j SNAT --to-source $3" ;;
	esac
	echo COMMIT
}

nat_kind() {
	nat_rules 4 "$@" | on nat iptables-restore && nat_rules 6 "$@" | on nat ip6tables-restore ||
		fail "the NAT takes its rules ($*)"
	on nat conntrack -F >/dev/null 2>&1
}

path_of() { json "$1" associations ".associations[0].path.$2"; } # NODE FIELD
in_udp() { [ "$(path_of proxy dport)" = 10500 ] && [ "$(path_of server dport)" != 0 ]; }
counter() { json "$1" drops "[.counters[] | select(.name == \"$2\") | .value] | add"; }
dropped() { json "$1" drops ".drops[] | select(.group == \"udp\" and .name == \"$2\") | .count"; }

net_up && behind_a_nat || { fail "the network comes up"; finish; }
for s in server legacy; do
	serve_http $s && serve_ssh $s && serve_iperf $s || { fail "the services come up"; finish; }
done
make_file big "$BIG_BYTES"
key_of proxy; key_of server; server_conf; proxy_conf
daemon_start server && daemon_start proxy || { fail "the daemons come up"; finish; }

# --- kinds of NAT ------------------------------------------------------------------------

for kind in full-cone restricted symmetric; do
	nat_kind $kind
	forget proxy server
	capture_start nat out0
	check "$kind NAT: http" hello client1 $SERVER4 server
	check "$kind NAT: the file arrives" fetch client1 $SERVER4 big
	check "$kind NAT: ssh uploads" upload client1 $SERVER4 2000000
	check "$kind NAT: in UDP" in_udp
	capture_stop nat out0
	say "      the server sees port $(path_of server dport)"
	pcap=$HPN_DIR/nat/out0.pcap
	check "$kind NAT: nothing but UDP port 10500, nothing plain" sh -c "
		[ $(packets "$pcap" "udp port 10500") -gt 300 ] &&
		[ $(packets "$pcap" "ip and host $SERVER4 and not udp port 10500 and not proto 139 and not icmp") = 0 ] &&
		! grep -qa $MARKER $pcap"
done
check "symmetric NAT: another port than ours" test "$(path_of server dport)" != 10500

# --- what tshark says ------------------------------------------------------------------------

nat_kind restricted
forget proxy server
capture_start nat out0 "udp port 10500"
check "one more exchange" hello client1 $SERVER4 server
# NOTIFY is type 17, behind four zero octets of the UDP payload.
keepalives() { # FROM|TO
	[ "$(packets "$HPN_DIR/nat/out0.pcap" "$1 host $SERVER4 and udp[8:4] = 0 and udp[14] & 0x7f = 17")" -gt 0 ]
}
check "keepalives come" wait_for $((KEEPALIVE + 20)) eval 'keepalives src && keepalives dst'
capture_stop nat out0
dissect() { tshark -r "$HPN_DIR/nat/out0.pcap" "$@" 2>/dev/null; }
types=$(dissect -Y hip -T fields -e hip.packet_type | sort -un | tr '\n' ' ')
check "tshark knows I1 to R2 and NOTIFY in UDP (types $types)" test "$types" = "1 2 3 4 17 "
check "none is malformed" test "$(dissect -Y 'hip && _ws.malformed' | wc -l)" = 0
check "NAT_TRAVERSAL_MODE is in R1 and I2" test "$(dissect -Y 'hip.tlv.nat_traversal_mode_id == 1' | wc -l)" = 2
check "checksums are zero" test "$(dissect -Y 'hip && hip.checksum != 0' | wc -l)" = 0
check "keepalives go both ways" test "$(dissect -Y 'hip.packet_type == 17' -T fields -e ip.src | sort -u | wc -l)" = 2

# --- a mapping that changes ------------------------------------------------------------------

first_at() { tcpdump -tt -n -c 1 -r "$HPN_DIR/nat/out0.pcap" "$@" 2>/dev/null | cut -d' ' -f1; }

# Milliseconds from the first packet of the new port to the first ESP towards it.
recovery() { # PORT
	awk -v a="$(first_at "src port $1")" -v b="$(first_at "dst port $1 and udp[8:4] != 0")" \
		'BEGIN { if (!a || !b) exit 1; printf "%d\n", (b - a) * 1000 + 0.5 }'
}

changed_during() { # SENTENCE PORTS COMMAND...
	local what=$1 port=$2 pid ms; shift 2
	"$@" & pid=$!
	capture_start nat out0 "udp port $port"
	under_way client1 $pid || fail "$what: the transfer is under way"
	nat_kind ports "$port"
	check "$what: it ends with the right sha256" wait $pid
	capture_stop nat out0
	check "$what: the server follows to port $port" test "$(path_of server dport)" = "$port"
	ms=$(recovery "$port")
	say "      data goes to the new port ${ms:-?} ms after the first packet from it"
	check "$what: within a second" test "${ms:-9999}" -le 1000
}
nat_kind ports 21000
check "http" hello client1 $SERVER4 server
slow_upload() { # through ssh, for three seconds
	local f=$HPN_DIR/client1/upload sum i
	head -c 6000000 /dev/urandom >"$f"
	sum=$(for i in $(seq 0 29); do dd if="$f" bs=200000 skip=$i count=1 status=none; sleep 0.1; done |
		ssh_to client1 $SERVER4 sha256sum)
	[ "${sum%% *}" = "$(sha256sum <"$f" | cut -d' ' -f1)" ]
}
changed_during "download, another port" 21001 fetch client1 $SERVER4 big --limit-rate 8M
changed_during "upload, yet another port" 21002 slow_upload
changes=$(counter server hip_path_changes)
check "each was one change of path" test "${changes:-0}" -ge 3

another_address() {
	local pid
	fetch client1 $SERVER4 big --limit-rate 8M & pid=$!
	under_way client1 $pid || return 1
	ip -n "$(ns nat)" addr add 192.0.2.8/24 dev out0
	nat_kind as 192.0.2.8:22000-22099
	wait $pid && [ "$(path_of server dst)" = 192.0.2.8 ]
}
check "download, another address" another_address

# --- a forged source -------------------------------------------------------------------------

# For a second all packets seem to come from legacy's address, as if it had sent them on.
stolen() {
	local pid
	slow_upload & pid=$!
	under_way client1 $pid || return 1
	nat_kind as $LEGACY4:23000
	sleep 1
	nat_kind as 192.0.2.8:22000-22099
	wait $pid
}
capture_start legacy eth0 "udp port 23000"
check "packets seem to come from elsewhere for a second: the file arrives" stolen
capture_stop legacy eth0
pcap=$HPN_DIR/legacy/eth0.pcap
check "legacy was asked" test "$(packets "$pcap" "dst host $LEGACY4 and udp[8:4] = 0")" -ge 1
check "legacy got no ESP" test "$(packets "$pcap" "dst host $LEGACY4 and udp[8:4] != 0")" = 0
check "the server stays with 192.0.2.8" test "$(path_of server dst)" = 192.0.2.8

# --- a narrow path ---------------------------------------------------------------------------

nat_kind restricted
on nat ip route add $SERVER4/32 dev out0 mtu lock 1300
on nat ip route add 10.2.0.2/32 dev in0 mtu lock 1300
check "1300 octets on the way: the file arrives" fetch client1 $SERVER4 big
check "1300 octets on the way: ssh uploads" upload client1 $SERVER4 2000000
check "1300 octets on the way: both know" test "$(json proxy associations '.associations[0].mtu')$(json server associations '.associations[0].mtu')" = 13001300
on nat ip route del $SERVER4/32 dev out0 mtu lock 1300
on nat ip route del 10.2.0.2/32 dev in0 mtu lock 1300

# --- a daemon that is killed -------------------------------------------------------------------

nat_kind symmetric
hello client1 $SERVER4 server
killed() { # NODE: prints nothing, ends with the transfer
	local get
	fetch client1 $SERVER4 big --limit-rate 6M & get=$!
	under_way client1 $get || return 1
	daemon_stop "$1" KILL 2>/dev/null
	sleep 0.5
	daemon_start "$1" || return 1
	wait $get
}
check "the server is killed in a transfer: right sha256" killed server
check "the proxy is killed in a transfer: right sha256" killed proxy
# The server comes back and does not know the new mapping.
killed_and_moved() {
	local get
	fetch client1 $SERVER4 big --limit-rate 6M & get=$!
	under_way client1 $get || return 1
	daemon_stop server KILL 2>/dev/null
	nat_kind ports 24000-24099
	daemon_start server || return 1
	wait $get
}
SECONDS=0
check "the server is killed and the mapping changes: right sha256" killed_and_moved
say "      after $SECONDS s"

# --- IPv6 outside ------------------------------------------------------------------------------

nat_kind symmetric
daemon_stop proxy
ctl server flush all >/dev/null
rm -f "$HPN_DIR/proxy/state"
SERVER_LOCATORS="\"$SERVER6\", \"$SERVER4\""
proxy_conf
daemon_start proxy
check "IPv6 outside: the file arrives" fetch client1 $SERVER4 big
check "IPv6 outside: in UDP" in_udp
check "IPv6 outside: the server sees the NAT" test "$(path_of server dst)" = $NAT6

# --- many behind one address, and rubbish ---------------------------------------------------------

key_of hiphost
SERVER_LOCATORS="\"$SERVER4\""
hiphost_conf
nat_conf plain-udp >>"$HPN_DIR/hiphost/hipproxy.conf"
daemon_start hiphost
check "a second host behind the NAT: http by HIT" fetch hiphost "$(hit_of server)" big
check "the first one meanwhile" fetch client1 $SERVER4 big
check "both on one port" test "$(json server associations '[.associations[] | select(.path.sport == 10500)] | length')" -ge 2

datagram() { printf "$1" | on legacy socat -u - UDP4-SENDTO:$SERVER4:10500; }
zeros() { head -c "$1" /dev/zero | on legacy socat -u -b 10000 - UDP4-SENDTO:$SERVER4:10500; }
before=$(dropped server runt)
datagram '\377'; datagram '\0\0\0'; zeros 4; zeros 43
datagram '\0\0\0\5abcdefghijklmnopqrstuvwxyz'
zeros 3000
wait_for 15 eval '[ "$(dropped server oversized)" = 1 ]'
check "runts are counted" test $(($(dropped server runt) - before)) = 4
check "reserved SPIs are counted" test "$(dropped server reserved-spi)" = 1
check "oversized control packets are counted" test "$(dropped server oversized)" = 1
check "all goes on" hello client1 $SERVER4 server
finish
