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
# They find the way back by our routing rules, and so none is in the way.
for rp in 1 2; do
	sysctl_in ipv4/conf/all/rp_filter $rp
	check "rp_filter $rp does no harm" healthy proxy
done
check "and traffic passes" hello client1 $SERVER4 server
sysctl_in ipv4/conf/all/rp_filter 0
on proxy ip6tables -t raw -A PREROUTING -m rpfilter --invert -j DROP
check "nor a reverse path filter of ip6tables" hello client1 $SERVER6 server
on proxy ip6tables -t raw -F PREROUTING
on proxy nft -f - <<-END
	table inet strict {
		chain pre {
			type filter hook prerouting priority -290; policy accept;
			meta nfproto ipv6 fib saddr . mark . iif oif missing drop
		}
	}
END
check "nor one of nftables, as firewalld has it" hello client1 $SERVER6 server
on proxy nft delete table inet strict
check "without them: healthy" healthy proxy

# --- the packet filter in the way of forwarded packets
on proxy iptables -P FORWARD DROP
on proxy iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
on proxy iptables -A FORWARD -i lan0 -j ACCEPT
on proxy iptables -A FORWARD -p icmp --icmp-type 3 -j ACCEPT
check "FORWARD with policy drop and accepts for clients and what is established: healthy" healthy proxy
check "and traffic passes" hello client1 $SERVER4 server
on proxy iptables -D FORWARD -i lan0 -j ACCEPT
check "FORWARD without an accept for clients" names proxy forward-drop
check "the cure cures it" cured proxy
check "and traffic passes again" hello client1 $SERVER4 server
on proxy iptables -A FORWARD -i lan0 -j ACCEPT
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
			ct status dnat accept
			meta l4proto { icmp, ipv6-icmp } accept
			log prefix "dropped "
		}
	}
END
check "a stateful nftables ruleset" names proxy forward-drop
on proxy nft insert rule inet fw forward oifname "hip*" accept
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

# --- rules of ours: what others remove is put back, what comes before them is named
on proxy nft flush ruleset
on proxy ip rule del priority 100
on proxy ip route flush table 10500
put_back() { [ "$(on proxy ip route show table 10500 | grep -c hip0)" = 1 ] && on proxy ip rule | grep -q '^100:'; }
check "rules and routes of ours come back" wait_for 5 put_back
check "healthy" healthy proxy
on proxy ip rule add from 10.1.0.0/24 priority 5 lookup main
check "a rule of others before ours" names proxy rules-gone
check "status says so" status_says proxy rules-gone
check "nothing leaves in the clear because of it" not hello client1 $SERVER4 server
on proxy ip rule del priority 5
check "without it: healthy" healthy proxy
check "protected again" hello client1 $SERVER4 server

# --- MTU and clock
on proxy ip link set dev hip0 mtu 900
mtu_back() { on proxy ip link show dev hip0 | grep -q 'mtu 1400'; }
check "another MTU on hip0 is put right" wait_for 5 mtu_back
check "healthy" healthy proxy
check "IPv6, which the kernel had taken away, works again" hello client1 $SERVER6 server
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
check "a served address needs no route here: healthy" healthy proxy
check "and clients reach it" hello client1 10.9.0.10 server
daemon_stop proxy
eval "$PROXY_KEEP"

# --- the packet filter on the way to hip0
proxy_conf
daemon_start proxy
on proxy iptables -P FORWARD DROP; on proxy iptables -A FORWARD -i hip0 -j ACCEPT
check "FORWARD in the way to hip0" names proxy forward-drop
on proxy iptables -A FORWARD -o hip0 -j ACCEPT
check "with both accepts: healthy" healthy proxy
check "and traffic passes" hello client1 $SERVER4 server
finish
