#!/bin/bash
# SPDX-License-Identifier: MIT
# hipproxyctl doctor names what is wrong with a gateway itself, and its cure cures it.
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/doctor-lib.sh"
need_daemons
net_up || { fail "the network comes up"; finish; }
serve_http server
key_of proxy; key_of server
server_conf; proxy_conf
check "the server comes up" daemon_start server
check "the proxy comes up" daemon_start proxy
sysctl_in() { on proxy sh -c "echo $2 >/proc/sys/net/$1"; }

# --- nothing is wrong
check "a gateway is healthy before any traffic" healthy proxy
check "so is a host" healthy server
check "IPv4 works" hello client1 $SERVER4 server
check "IPv6 works" hello client1 $SERVER6 server
check "the gateway is healthy with traffic" healthy proxy
check "so is the host" healthy server
check "status has no line of anything wrong" not sh -c "'$CTL' -s $HPN_DIR/proxy/control status | grep -q 'wrong now'"
check "nothing was logged" not logged proxy "doctor: "
check "an answer for people" sh -c "ip netns exec $(ns proxy) '$CTL' -s $HPN_DIR/proxy/control doctor | grep -q ^healthy"
check "another network namespace is refused" test "$("$CTL" -s "$HPN_DIR/proxy/control" doctor 2>&1; echo $?)" = \
	"hipproxyctl doctor: hipproxyd runs in another network namespace: run this there (ip netns exec)
3"

# --- forwarding
sysctl_in ipv4/ip_forward 0
check "no forwarding of IPv4" names proxy no-forwarding
check "status says so" status_says proxy no-forwarding
check "the cure cures it" cured proxy
sysctl_in ipv6/conf/all/forwarding 0
check "no forwarding of IPv6" names proxy no-forwarding
check "the cure cures it" cured proxy
sysctl_in ipv4/conf/lan0/forwarding 0
check "no forwarding on one interface" names proxy no-forwarding
check "the cure cures it" cured proxy

# --- reverse path filters
for rp in 1 2; do
	sysctl_in ipv4/conf/all/rp_filter $rp
	check "rp_filter $rp" names proxy rp-filter
	check "status says so" status_says proxy rp-filter
	check "the cure cures it" cured proxy
done
sysctl_in ipv4/conf/wan0/rp_filter 1
sysctl_in ipv4/conf/lan0/rp_filter 1
check "where it does no harm it is not named" healthy proxy
on proxy ip6tables -t raw -A PREROUTING -m rpfilter --invert -j DROP
check "a reverse path filter of ip6tables" names proxy rp-filter
on proxy ip6tables -t raw -F PREROUTING
on proxy nft -f - <<-END
	table inet strict {
		chain pre {
			type filter hook prerouting priority -290; policy accept;
			meta nfproto ipv6 fib saddr . mark . iif oif missing drop
		}
	}
END
check "one of nftables, as firewalld has it" names proxy rp-filter
on proxy nft delete table inet strict
check "without them: healthy" healthy proxy

# --- the packet filter in the way of forwarded packets
on proxy iptables -P FORWARD DROP
on proxy iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
on proxy iptables -A FORWARD -i lan0 -j ACCEPT
on proxy iptables -A FORWARD -p icmp --icmp-type 3 -j ACCEPT
check "FORWARD with policy drop, as docker and ufw have it" names proxy forward-drop
check "the cure cures it" cured proxy
check "and traffic passes" hello client1 $SERVER4 server
on proxy iptables -P FORWARD ACCEPT; on proxy iptables -D FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
on proxy iptables -D FORWARD -i lan0 -j ACCEPT; on proxy iptables -D FORWARD -p icmp --icmp-type 3 -j ACCEPT
on proxy iptables -D FORWARD -i hip0 -j ACCEPT; on proxy iptables -D FORWARD -o hip0 -j ACCEPT
on proxy ip6tables -A FORWARD -s 2001:db8:2::/64 -d fd01::/64 -j REJECT
check "a rule that rejects IPv6 of peers" names proxy forward-drop
check "and no other family" sh -c "jq -r '.findings[].text' $HPN_DIR/proxy/doctor.json | grep -q IPv6 && ! grep -q IPv4 $HPN_DIR/proxy/doctor.json"
on proxy ip6tables -F FORWARD
ctl proxy proxy on >/dev/null
on proxy nft -f - <<-END
	table inet fw {
		set lans { type ifname; elements = { "lan0", "lan1" }; }
		chain allowed { meta l4proto tcp accept
			ip protocol udp udp dport { 53, 123 } accept
			return
		}
		chain forward { type filter hook forward priority 0; policy drop;
			ct state vmap { established : accept, related : accept, invalid : drop }
			iifname @lans oifname "wan0" jump allowed
			iifname "lan0" accept
			ct status dnat accept
			meta l4proto { icmp, ipv6-icmp } accept
			log prefix "dropped "
		}
	}
END
check "a stateful nftables ruleset" names proxy forward-drop
on proxy nft insert rule inet fw forward iifname "hip*" accept
check "with an accept for hip0: healthy" healthy proxy
check "and traffic passes" hello client1 $SERVER4 server
on proxy nft delete table inet fw

# --- HIP and ESP of this machine
on proxy iptables -P INPUT DROP
on proxy iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
check "a stateful INPUT does no harm to who begins" healthy proxy
on proxy iptables -P INPUT ACCEPT; on proxy iptables -F INPUT
on proxy iptables -A INPUT -p esp -j DROP
check "ESP dropped here" names proxy esp-blocked
on proxy iptables -F INPUT
on proxy iptables -A OUTPUT -p hip -d $SERVER4 -j DROP
check "HIP dropped on its way out" names proxy hip-drop
on proxy iptables -D OUTPUT -p hip -d $SERVER4 -j DROP
on server iptables -P INPUT DROP
on server iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
check "a stateful INPUT of a host that peers reach" names server "esp-blocked hip-drop"
on server iptables -A INPUT -p 139 -j ACCEPT; on server iptables -A INPUT -p 50 -j ACCEPT
check "with accepts for HIP and ESP: healthy" healthy server
on server iptables -P INPUT ACCEPT; on server iptables -F INPUT

# --- rules of ours
on proxy sh -c 'for t in mangle raw; do iptables -t $t -F; iptables -t $t -X; done'
check "a firewall reloaded: our rules are gone" names proxy rules-gone
check "the cure cures it" cured proxy
on proxy nft flush ruleset
check "nft flush ruleset" names proxy rules-gone
check "the cure cures it" cured proxy
check "protected again" hello client1 $SERVER4 server

# --- MTU and clock
on proxy ip link set dev hip0 mtu 900
check "another MTU on hip0" names proxy mtu
check "the cure cures it" cured proxy
on proxy ip link set dev wan0 mtu 1000
# Below 1280 the kernel takes IPv6 away.
check "a WAN too narrow" names proxy "mtu no-route"
on proxy ip link set dev wan0 mtu 1500
on proxy ip -6 addr add $PROXY_WAN6/64 dev wan0 nodad
touch -d '+1 day' "$HPN_DIR/proxy/state"
check "a clock that has gone back" names proxy clock
touch "$HPN_DIR/proxy/state"
check "a clock that goes on: healthy" healthy proxy

# --- the configuration's names, and routes
daemon_stop proxy
sed -i 's/"lan0"/"lna0"/' "$HPN_DIR/proxy/hipproxy.conf"
check "it starts with a name that is not there" daemon_start proxy
check "an interface with a typo" names proxy no-interface
check "logged at the start" logged proxy "doctor: no-interface: .*cure: "
daemon_stop proxy
PROXY_KEEP=$(declare -f server_peer)
server_peer() {
	echo "peers = ( { hit = \"$(hit_of server)\"; addresses = [ \"$SERVER4\" ];
		serves = [ \"10.9.0.0/24\" ]; name = \"server\"; } );"
}
proxy_conf
daemon_start proxy
check "no route to a served address" names proxy no-route
check "the kernel says so to clients" sh -c "ip netns exec $(ns client1) ping -c1 -W2 10.9.0.10 | grep -qi unreachable"
on proxy ip route add 10.9.0.0/24 via $SERVER4
check "with a route: healthy" healthy proxy
on proxy ip route replace blackhole 10.9.0.0/24
check "a blackhole is none" names proxy no-route
daemon_stop proxy
eval "$PROXY_KEEP"

# --- packets led to hip0 by routes
CLIENT_MORE='capture = "route";'
proxy_conf
check "capture by routes comes up" daemon_start proxy
check "it is healthy" healthy proxy
check "and works" hello client1 $SERVER4 server
on proxy ip rule del priority 10500
check "our routing rule is gone" names proxy rules-gone
check "status says so" status_says proxy rules-gone
check "the cure cures it" cured proxy
on proxy ip route flush table 10500
check "our routes are gone" names proxy rules-gone
check "the cure cures it" cured proxy
on proxy iptables -P FORWARD DROP; on proxy iptables -A FORWARD -i hip0 -j ACCEPT
check "FORWARD in the way to hip0" names proxy forward-drop
on proxy iptables -A FORWARD -o hip0 -j ACCEPT
check "with both accepts: healthy" healthy proxy
check "and traffic passes" hello client1 $SERVER4 server
finish
