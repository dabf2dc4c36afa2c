# SPDX-License-Identifier: MIT
#
# Under which conditions the boxes of a network work: sysctls, firewall, other programs' rules.
# Sourced by lib.sh; everything stays inside the lab's namespaces.
#
# HPN_WORLD  default         a kernel's defaults, as on Debian 12
#            hardened        CIS: rp_filter 1; stateful nftables ruleset, policy drop
#            ubuntu          rp_filter 2
#            firewalld-like  its zones in nftables, strict IPv6 reverse path filter
#            docker-like     FORWARD policy drop, dockerd's chains (iptables)
#            router          home-made: stateful iptables, masquerading, a port forward
#            networkd        systemd-networkd, which removes others' rules and routes
#            vpn             routing rules of wg-quick and of Tailscale with an exit node
# HPN_BOXES  the nodes that are set up like that; all others are `default`
#
# The firewalls let through what the example files of conf/ say, loaded as they are, and nothing else
# that would help hipproxy.

HPN_WORLD=${HPN_WORLD:-default}
HPN_BOXES=${HPN_BOXES:-proxy server}
HPN_LAB=${BASH_SOURCE[0]%/*}
HPN_CONF=$HPN_LAB/../../conf

is_box() { case " $HPN_BOXES " in *" $1 "*) ;; *) return 1 ;; esac; }

world_sysctl() { sysctl_write "$1" "$HPN_LAB/worlds/$2.sysctl"; } # NODE NAME

# sysctl_write NODE FILE: says which key can't be written.
sysctl_write() {
	on "$1" bash -c '
		while read -r key eq value; do
			case $key in "" | "#"*) continue ;; esac
			f=${key#-}; f=/proc/sys/${f//.//}
			[ "$key" = "${key#-}" ] || [ -e "$f" ] || continue
			echo "$value" >"$f" || exit 1
		done' <"$2"
}

# Before the node has links: they take the values of "default".
world_node() { # NODE
	world_sysctl "$1" default || return 1
	is_box "$1" || return 0
	case $HPN_WORLD in hardened | ubuntu) world_sysctl "$1" "$HPN_WORLD" ;; esac
}

# The boxes have their links, and hipproxyd does not run yet.
world_up() {
	local n up
	case $HPN_WORLD in
	default | ubuntu) return 0 ;;
	hardened) up=nftables_load ;;
	firewalld-like) up=firewalld_start ;;
	docker-like) up=docker_up ;;
	router) up=router_up ;;
	networkd) up=networkd_settled ;;
	vpn) up=vpn_up ;;
	*) say "HPN_WORLD=$HPN_WORLD is no world"; return 1 ;;
	esac
	for n in $HPN_BOXES; do $up "$n" || return 1; done
}

# After a test has added links and routes of its own, and before hipproxyd runs.
world_settled() {
	[ "$HPN_WORLD" != networkd ] || for_boxes networkd_settled
}

for_boxes() { # COMMAND...: with each box as its last argument
	local n
	for n in $HPN_BOXES; do "$@" "$n" || return 1; done
}

# --- nftables --------------------------------------------------------------------------

# Debian's nftables.service, at its start and at its reload: flushes everything.
nftables_load() { on "$1" nft -I "$HPN_CONF/.." -f "$HPN_LAB/worlds/nftables.conf"; } # NODE
# The example alone, which replaces its own table only.
firewall_load() { on "$1" nft -f "$HPN_CONF/firewall.nft"; } # NODE

# --- firewalld -------------------------------------------------------------------------

# firewall_cmd OPTION...: what firewall-cmd adds, as nft commands.
firewall_cmd() {
	local zone= opt
	for opt in "$@"; do
		case $opt in
		--permanent) ;;
		--zone=*) zone=${opt#*=} ;;
		--add-protocol=*) echo "add rule inet firewalld filter_IN_${zone}_allow meta l4proto ${opt#*=} accept" ;;
		--add-port=*) opt=${opt#*=}
			echo "add rule inet firewalld filter_IN_${zone}_allow ${opt#*/} dport ${opt%/*} accept" ;;
		--add-interface=*) opt=${opt#*=}
			echo "insert rule inet firewalld filter_INPUT_ZONES iifname $opt goto filter_IN_$zone"
			echo "insert rule inet firewalld filter_FORWARD_ZONES iifname $opt goto filter_FWD_$zone" ;;
		*) say "firewall-cmd: $opt is not known here" >&2; return 1 ;;
		esac
	done
}

# Also its reload: one transaction that replaces its own table.
firewalld_start() { # NODE
	local tool options
	{
		cat "$HPN_LAB/worlds/firewalld.nft"
		while read -r tool options; do
			[ "$tool" = firewall-cmd ] && [ "$options" != --reload ] || continue
			firewall_cmd $options || return 1
		done <"$HPN_CONF/firewall-firewalld.sh"
	} >"$HPN_DIR/$1/firewalld.nft" && on "$1" nft -f "$HPN_DIR/$1/firewalld.nft"
}

# IPv6_rpfilter=no in firewalld.conf, and a reload.
firewalld_no_rpfilter() { # NODE
	sed '/ fib saddr /d' "$HPN_DIR/$1/firewalld.nft" | on "$1" nft -f -
}

# --- docker ----------------------------------------------------------------------------

docker_up() { # NODE
	ip -n "$(ns "$1")" link add name docker0 type bridge &&
		ip -n "$(ns "$1")" addr add 172.17.0.1/16 dev docker0 &&
		ip -n "$(ns "$1")" link set dev docker0 up &&
		on "$1" iptables-restore --noflush "$HPN_LAB/worlds/docker.iptables" &&
		on "$1" ip6tables-restore --noflush "$HPN_LAB/worlds/docker.ip6tables" &&
		on "$1" iptables-restore --noflush "$HPN_CONF/firewall-docker.iptables" &&
		on "$1" ip6tables-restore --noflush "$HPN_CONF/firewall-docker.iptables"
}

# dockerd restarts: its own chains and jumps are made anew, at the head of FORWARD; DOCKER-USER keeps
# what the administrator has put there.
docker_restart() { # NODE
	local t
	for t in iptables ip6tables; do
		on "$1" $t-save -t filter >"$HPN_DIR/$1/$t.saved" &&
			{
				echo '*filter'
				sed -n 's/^-A \(FORWARD .*docker0.*\|FORWARD .*DOCKER.*\)$/-D \1/p' "$HPN_DIR/$1/$t.saved"
				printf -- '-F %s\n' DOCKER DOCKER-ISOLATION-STAGE-1 DOCKER-ISOLATION-STAGE-2
				echo ':FORWARD DROP [0:0]'
				sed -n '/^\*filter/,$s/^-A FORWARD/-I FORWARD/p' "$HPN_LAB/worlds/docker.$t" | tac
				sed -n '/^\*filter/,$s/^-A DOCKER-IS/&/p' "$HPN_LAB/worlds/docker.$t"
				echo COMMIT
			} | on "$1" $t-restore --noflush || return 1
	done
}

# --- router ----------------------------------------------------------------------------

# The outgoing interfaces of a box, and the network behind it.
router_out() { case $1 in proxy) echo "wan0 nat0" ;; *) echo eth0 ;; esac; }
router_net() { case $1 in proxy) echo 10.1.0.0/24 ;; server) echo 10.2.0.0/24 ;; esac; }

router_up() { # NODE
	local t dev
	for t in iptables ip6tables; do
		on "$1" $t-restore --noflush "$HPN_LAB/worlds/router.iptables" &&
			on "$1" $t-restore --noflush "$HPN_CONF/firewall.iptables" || return 1
	done
	on "$1" sh -c 'iptables -A INPUT -p icmp -j ACCEPT && ip6tables -A INPUT -p ipv6-icmp -j ACCEPT' || return 1
	for dev in $(router_out "$1"); do
		on "$1" iptables -t nat -A POSTROUTING -o "$dev" -j MASQUERADE || return 1
	done
	[ "$1" != proxy ] || port_forward proxy 10.1.0.11
}

# The masquerade of many guides: by source alone, on every interface.
router_masquerade_all() { # NODE
	local net
	net=$(router_net "$1")
	[ -n "$net" ] || return 0
	on "$1" sh -c "iptables -t nat -F POSTROUTING && iptables -t nat -A POSTROUTING -s $net -j MASQUERADE"
}

# Port 8080 of the outer address is port 80 of a client.
port_forward() { # NODE ADDRESS
	on "$1" iptables -t nat -A PREROUTING -i wan0 -p tcp --dport 8080 -j DNAT --to-destination "$2:80"
}

# --- systemd-networkd ------------------------------------------------------------------

# Routes that neither the kernel nor a router advertisement has made.
networkd_routes() { # NODE FAMILY
	ip "-$2" -n "$(ns "$1")" route show table all |
		grep -vE '^(local|broadcast|anycast|multicast) |proto (kernel|ra)' | sed 's/ pref medium//'
}

# Its own configuration is what is there now.
networkd_settled() { # NODE
	local f
	for f in 4 6; do networkd_routes "$1" $f >"$HPN_DIR/$1/networkd.$f"; done
}

# At its start it removes all routing rules and routes that are neither the kernel's nor its own, unless its
# configuration forbids that.  It leaves routes of a device alone that no .network file matches; here
# one with "Name=*" matches all.
networkd_restart() { # NODE
	local f pref rest line conf=$HPN_DIR/$1/networkd.conf
	if grep -qs '^ManageForeignRoutingPolicyRules=no' "$conf" &&
		grep -qs '^ManageForeignRoutes=no' "$conf"; then return 0; fi
	for f in 4 6; do
		ip "-$f" -n "$(ns "$1")" rule show | while IFS=: read -r pref rest; do
			case $pref in 0 | 32766 | 32767) continue ;; esac
			ip "-$f" -n "$(ns "$1")" rule del pref "$pref"
		done
		networkd_routes "$1" $f | grep -vxFf "$HPN_DIR/$1/networkd.$f" | while read -r line; do
			ip "-$f" -n "$(ns "$1")" route del $line
		done
	done
}

# The drop-in that keeps it from that.
networkd_configure() { cp "$HPN_CONF/networkd.conf" "$HPN_DIR/$1/networkd.conf"; } # NODE

# --- VPNs ------------------------------------------------------------------------------

# Devices without a far end stand in for the tunnels: a packet routed there is lost.
vpn_device() { # NODE NAME [ADDRESS...]
	local node=$1 dev=$2 a; shift 2
	ip -n "$(ns "$node")" tuntap add dev "$dev" mode tun || return 1
	for a in "$@"; do ip -n "$(ns "$node")" addr add "$a" dev "$dev" || return 1; done
	ip -n "$(ns "$node")" link set dev "$dev" up
}


vpn_up() { peers_direct "$1" && wg_quick_up "$1" && tailscale_up "$1"; } # NODE

# The peers are not behind the tunnels: what was reached by the default route gets routes of its own.
peers_direct() { # NODE
	case $1 in
	server) ip -n "$(ns server)" route add 10.1.0.0/24 via $PROXY_WAN4 &&
		ip -n "$(ns server)" route add fd01::/64 via $PROXY_WAN6 ;;
	hiphost) ip -n "$(ns hiphost)" route add 192.0.2.0/24 via $PROXY_LAN4 &&
		ip -n "$(ns hiphost)" route add 2001:db8:2::/64 via $PROXY_LAN6 ;;
	esac
}

# wg-quick up, with AllowedIPs = 0.0.0.0/0, ::/0.
wg_quick_up() { # NODE
	local f
	vpn_device "$1" wg0 10.200.0.2/32 fd20::2/128 || return 1
	for f in 4 6; do
		ip "-$f" -n "$(ns "$1")" rule add not fwmark 51820 table 51820 &&
			ip "-$f" -n "$(ns "$1")" rule add table main suppress_prefixlength 0 &&
			ip "-$f" -n "$(ns "$1")" route add default dev wg0 table 51820 || return 1
	done
	on "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/src_valid_mark' &&
		on "$1" nft -f - <<-'EOF'
			table inet wg-quick-wg0 {
				chain preraw {
					type filter hook prerouting priority -300; policy accept;
					iifname != "wg0" ip daddr 10.200.0.2 fib saddr type != local drop
					iifname != "wg0" ip6 daddr fd20::2 fib saddr type != local drop
				}
				chain premangle {
					type filter hook prerouting priority -150; policy accept;
					meta l4proto udp meta mark set ct mark
				}
				chain postmangle {
					type filter hook postrouting priority -150; policy accept;
					meta l4proto udp meta mark 51820 ct mark set mark
				}
			}
		EOF
}

# tailscale up: its rules, its table with the other nodes only, its chains.
tailscale_up() { # NODE
	local f t
	vpn_device "$1" tailscale0 100.64.0.9/32 fd7a:115c:a1e0::9/128 || return 1
	for f in 4 6; do
		ip "-$f" -n "$(ns "$1")" rule add pref 5210 fwmark 0x80000/0xff0000 lookup main &&
			ip "-$f" -n "$(ns "$1")" rule add pref 5230 fwmark 0x80000/0xff0000 lookup default &&
			ip "-$f" -n "$(ns "$1")" rule add pref 5250 fwmark 0x80000/0xff0000 unreachable &&
			ip "-$f" -n "$(ns "$1")" rule add pref 5270 lookup 52 || return 1
	done
	ip -n "$(ns "$1")" route add 100.64.0.0/10 dev tailscale0 table 52 &&
		ip -n "$(ns "$1")" -6 route add fd7a:115c:a1e0::/48 dev tailscale0 table 52 || return 1
	for t in iptables ip6tables; do
		on "$1" $t-restore --noflush "$HPN_LAB/worlds/tailscale.iptables" || return 1
	done
}

# tailscale set --exit-node=NAME --exit-node-allow-lan-access: all but the own networks goes there,
# by rule 5270.
tailscale_exit_node() { # NODE
	local f lan
	for f in 4 6; do
		ip "-$f" -n "$(ns "$1")" route add default dev tailscale0 table 52 || return 1
		for lan in $(lans_of "$1" $f); do
			ip "-$f" -n "$(ns "$1")" route add throw "$lan" table 52 || return 1
		done
	done
}

# All that a box reaches by its cables but not by a default route.
lans_of() { # NODE FAMILY
	ip "-$2" -n "$(ns "$1")" route show table main |
		awk '/dev (lan0|wan0|nat0|eth0)/ && $1 !~ /^(fe80|default)/ { print $1 }'
}
