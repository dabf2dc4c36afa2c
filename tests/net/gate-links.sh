#!/bin/bash
# SPDX-License-Identifier: MIT
# Links, addresses, routes, hip0 and bridges go, come, and are renamed or given another MTU: nothing plain
# leaves, and protected traffic works again without a reload.
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/gate-lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump nft python3
protected_net
conf=$HPN_DIR/proxy/hipproxy.conf
log=$HPN_DIR/proxy/hipproxyd.log
rule4() { ip -n "$P" rule list | grep -q "$1"; }
rule6() { ip -6 -n "$P" rule list | grep -q "$1"; }
# What a link that was down has lost.
lan_again() { ip -n "$P" addr replace $PROXY_LAN6/64 dev "${1:-lan0}" nodad; }
wan_again() { ip -n "$P" addr replace $PROXY_WAN6/64 dev wan0 nodad; }
again() { # SENTENCE: at once what is wanted stands, and then it works
	check "$1: rules and routes are back at once" soon is_as "$all"
	check "$1: works" wait_for 15 works
}

check "protected traffic works" works
all=$(ours | sort)
traffic_start
markers_watch

for i in 1 2; do
	ip -n "$P" link set dev lan0 down
	ip -n "$P" link set dev lan0 up
	lan_again
	again "the clients' link down and up ($i)"
	ip -n "$P" link set dev wan0 down
	ip -n "$P" link set dev wan0 up
	wan_again
	again "the link to peers down and up ($i)"
	ip -n "$P" link set dev hip0 down
	again "hip0 down ($i)"
done
for mtu in 1400 1500; do
	for dev in lan0 wan0; do
		ip -n "$P" link set dev $dev mtu $mtu
		again "$dev has MTU $mtu"
	done
done
mtu=$(ip -n "$P" -o link show dev hip0 | sed -n 's/.* mtu \([0-9]*\) .*/\1/p')
ip -n "$P" link set dev hip0 mtu 1300
check "hip0 has its MTU back" soon sh -c "ip -n $P link show dev hip0 | grep -q 'mtu $mtu '"
again "hip0 with another MTU"
ip -n "$P" link set dev hip0 down
ip -n "$P" link set dev hip0 name other0
check "hip0 renamed: works" wait_for 15 works
ip -n "$P" link set dev other0 down
ip -n "$P" link set dev other0 name hip0
again "hip0 has its name back"
ip -n "$P" link del dev hip0
check "hip0 deleted: works" wait_for 15 works
markers "links"

# --- the gateway's own addresses, and its routes

markers_watch
ip -n "$P" addr add 10.1.0.2/24 dev lan0
ip -n "$P" addr add fd01::2/64 dev lan0 nodad
check "an address more is known at once" soon rule4 'from 10.1.0.2 goto'
check "over IPv6 too" soon rule6 'from fd01::2 goto'
ip -n "$P" addr del 10.1.0.2/24 dev lan0
ip -n "$P" addr del fd01::2/64 dev lan0
check "an address less, too" soon not rule4 'from 10.1.0.2 goto'
check "over IPv6" soon not rule6 'from fd01::2 goto'
check "works" works
ip -n "$P" route flush table main
ip -n "$P" -6 route flush table main
for a in $PROXY_LAN4/24 $PROXY_WAN4/24; do
	dev=lan0; [ $a = $PROXY_WAN4/24 ] && dev=wan0
	ip -n "$P" addr del $a dev $dev && ip -n "$P" addr add $a dev $dev
done
for a in $PROXY_LAN6/64 $PROXY_WAN6/64; do
	dev=lan0; [ $a = $PROXY_WAN6/64 ] && dev=wan0
	ip -n "$P" addr del $a dev $dev && ip -n "$P" addr add $a dev $dev nodad
done
check "all routes flushed, addresses given again: works" wait_for 15 works
markers "addresses and routes"

# --- an interface that is not there yet

markers_watch
sed -i 's/networks = [^;]*;//; s/"lan0"/"late0"/' "$conf"
check "an interface that does not exist" ctl proxy reload >/dev/null
check "is warned of" grep -q 'there is no late0' "$log"
check "and what is protected stays so" works
check "clients are those of everywhere" rule4 'from 128.0.0.0/1 lookup 10500'
ip -n "$P" link set dev lan0 down
ip -n "$P" link set dev lan0 name late0
ip -n "$P" link set dev late0 up
lan_again late0
check "it appears: its network is that of clients, at once" soon rule4 'from 10.1.0.0/24 lookup 10500'
check "works" wait_for 15 works
check "that of everywhere is no more" not rule4 'from 128.0.0.0/1 lookup 10500'
ip -n "$P" link set dev late0 down
ip -n "$P" link set dev late0 name lan0
ip -n "$P" link set dev lan0 up
lan_again
check "it has gone: closed" soon rule4 'from 128.0.0.0/1 lookup 10500'
check "and protected" wait_for 15 works
markers "a late interface"

# --- a bridge

markers_watch
sed -i 's/"late0"/"br0"/' "$conf"
ctl proxy reload >/dev/null
bridge_up() {
	# Before there is a bridge the clients' interface is not known: nothing comes in meanwhile.
	ip -n "$P" link set dev lan0 down
	ip -n "$P" addr flush dev lan0
	ip -n "$P" link add name br0 type bridge mcast_snooping 0
	ip -n "$P" link set dev br0 up
	ip -n "$P" link set dev lan0 master br0 up
	ip -n "$P" addr add $PROXY_LAN4/24 dev br0
	ip -n "$P" addr add $PROXY_LAN6/64 dev br0 nodad
}
bridge_up
check "a bridge is made: its network is that of clients at once" soon rule4 'from 10.1.0.0/24 lookup 10500'
check "for IPv6 too" soon rule6 'from fd01::/64 lookup 10500'
check "works" wait_for 15 works
for i in 1 2 3; do
	ip -n "$P" link set dev lan0 nomaster
	ip -n "$P" link set dev lan0 master br0
	check "its port leaves and comes ($i): works" wait_for 15 works
	ip -n "$P" link set dev br0 down
	ip -n "$P" link set dev br0 up
	lan_again br0
	check "the bridge down and up ($i): clients' networks at once" soon rule6 'from fd01::/64 lookup 10500'
	check "works" wait_for 15 works
done
ip -n "$P" link del dev br0
check "the bridge is deleted: closed" soon rule4 'from 128.0.0.0/1 lookup 10500'
bridge_up
check "made again: works" wait_for 15 works
markers "a bridge"
traffic_stop

# --- one daemon, one cleanup

sed "s,$HPN_DIR/proxy,$HPN_DIR/proxy/second,g" "$conf" >"$HPN_DIR/proxy/second.conf"
echo 'tun = { name = "hip1"; };' >>"$HPN_DIR/proxy/second.conf"
mkdir -p "$HPN_DIR/proxy/second"
cp -p "$HPN_DIR/proxy/key.pem" "$HPN_DIR/proxy/second/"
markers_watch
check "a second daemon with its own device, socket and state is refused" not on proxy timeout 10 \
	"$DAEMON" -c "$HPN_DIR/proxy/second.conf" 2>"$HPN_DIR/proxy/second.log"
check "with the reason" grep -qE "another (hipproxyd|hipproxy-gate)|hipproxyd runs" "$HPN_DIR/proxy/second.log"
check "--cleanup beside a running one is refused" not on proxy "$DAEMON" --cleanup 2>"$HPN_DIR/cleanup.log"
check "with the reason" grep -q 'hipproxyd runs' "$HPN_DIR/cleanup.log"
traffic_start
check "which goes on" works
settled
markers "a second daemon and --cleanup"
finish
