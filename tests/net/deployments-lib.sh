# SPDX-License-Identifier: MIT
#
# One path of each deployment, in the world that HPN_WORLD names (world-lib.sh):
#
#    client1 ---\                    /--- wan --------[ server ]--- plain 10.2.0.10 fd02::10
#                +-- lan --[ proxy ]<                   192.0.2.80
#    hiphost ---/                    \--- nat --------/
#
#    client side          client1 -> proxy -> server's own services
#    host to host         hiphost -> server's HIT
#    server side          hiphost -> the HITs of plain -> server -> plain
#    gateway to gateway   client1 -> proxy -> (UDP 10500) -> nat -> server -> plain
#
# proxy, server and hiphost are boxes: all three have the world's sysctls, firewall and programs.
HPN_BOXES="proxy server hiphost"
. "${srcdir:-.}/tests/net/lib.sh"
INNER=lan0 # what the firewalls of the examples call the inner interface
HPN_PLUGINS=$HPN_BUILD/plugins/.libs

declare -A MARKS # what is known to fail: name of a path or sentence of a check -> reason

# mark REASON NAME...
mark() {
	local reason=$1 name; shift
	for name in "$@"; do MARKS[$name]=$reason; done
}

# expect SENTENCE COMMAND...: a check, or, if it is marked, a known failure.
expect() {
	local reason=${MARKS[$1]:-}
	if [ -z "$reason" ]; then check "$@"; return; fi
	unset "MARKS[$1]"
	known "$reason" "$@"
}

# Ends a scenario, which must have come to all that is marked.
deployments_end() {
	check "no mark is left over${MARKS[*]:+: ${!MARKS[*]}}" test ${#MARKS[@]} = 0
	finish
}

hosted_hit() { "$CTL" hit "$HPN_DIR/server/$1.pem"; } # web or six

everything_conf() {
	cat >"$HPN_DIR/server/hipproxy.conf" <<-EOF
		identities = ( { name = "server"; key = "$HPN_DIR/server/key.pem"; },
			{ name = "web"; key = "$HPN_DIR/server/web.pem"; },
			{ name = "six"; key = "$HPN_DIR/server/six.pem"; } );
		control = { socket = "$HPN_DIR/server/control"; };
		state = "$HPN_DIR/server/state";
		log = { target = "stderr"; level = "${HPN_LOG:-info}"; };
		hip = { puzzle_k = 0; };
		host = { enabled = true; identity = "server"; accept_default = "allow"; };
		plugin_dir = "$HPN_PLUGINS";
		plugins = { icmp = { }; natudp = { mode = "auto"; };
			server = { hosted = ( { identity = "web"; server = "$PLAIN4"; },
					{ identity = "six"; server = "$PLAIN6"; } );
				pool4 = "10.99.0.0/24"; pool6 = "fd99::/112";
				mapping = "$HPN_DIR/server/clients"; }; };
	EOF
	proxy_conf
	hiphost_conf
}

# For proxy and hiphost; behind the NAT there is only IPv4.
SERVED_AT="\"$SERVER4\", \"$SERVER6\""
server_peer() {
	cat <<-EOF
		peers = ( { hit = "$(hit_of server)"; addresses = [ $SERVER_LOCATORS ]; },
			{ hit = "$(hosted_hit web)"; addresses = [ $SERVED_AT ]; serves = [ "$KNOWN4/32" ]; },
			{ hit = "$(hosted_hit six)"; addresses = [ $SERVED_AT ]; serves = [ "$KNOWN6/128" ]; } );
	EOF
}

# hiphost speaks HIP itself, behind the proxy.
CLIENT_MORE='hip_hosts = [ "10.1.0.13/32", "fd01::13/128" ];'

deployments_up() {
	local p n
	need_daemons nft dig dnsmasq socat tcpdump ping
	for p in icmp natudp server; do
		[ -f "$HPN_PLUGINS/$p.so" ] || skip "the $p plugin is not built as a shared object"
	done
	HPN_NODES="$HPN_NODES plain nat"
	PROXY_MORE="plugin_dir = \"$HPN_PLUGINS\"; plugins = { icmp = { }; };"
	net_up && plain_up && world_settled || { fail "the network comes up"; finish; }
	for n in server plain; do
		serve_http $n && serve_dns $n || { fail "the services of $n come up"; finish; }
	done
	for n in client1 hiphost; do
		serve_http $n || { fail "the service of $n comes up"; finish; }
	done
	make_file big 5000000
	for n in proxy server hiphost; do key_of $n; done
	for n in web six; do "$CTL" keygen "$HPN_DIR/server/$n.pem" >/dev/null; done
	everything_conf
	for n in server proxy hiphost; do
		daemon_start $n || { fail "the daemon of $n comes up"; finish; }
	done
}

restart() { # NODE
	daemon_stop "$1"
	check "hipproxyd of $1 is restarted" daemon_start "$1"
}

# From here on the proxy stands behind the NAT, and uses UDP 10500.
behind_nat() {
	daemon_stop proxy
	rm -f "$HPN_DIR/proxy/state"
	nat_up || { fail "the NAT comes up"; finish; }
	SERVED_AT="\"$SERVER4\""
	PROXY_MORE="plugin_dir = \"$HPN_PLUGINS\"; plugins = { icmp = { }; natudp = { mode = \"auto\"; }; };"
	everything_conf
	ctl server flush associations >/dev/null
	check "behind a NAT the proxy comes up" daemon_start proxy
}

# What the other worlds' firewalls must prevent: a legacy host opens a connection to a client.
outside_in() { # works|fails
	local is=fails
	if HELLO_S=2 hello legacy 10.1.0.11 client1; then is=works; fi
	[ $is = "$1" ]
}

# --- one path --------------------------------------------------------------------------------

# What may not be on the server's outer cable: all but HIP, ESP, both in UDP, neighbour discovery, groups.
PLAIN_WIRE="(ip or ip6) and not (ip proto 139 or ip proto 50 or ip6 proto 139 or ip6 proto 50
	or udp port 10500 or ip6 multicast or (icmp6 and ip6[40] >= 133 and ip6[40] <= 137))"

wire_watch() { capture_start wan server; }
wire_clean() {
	local pcap=$HPN_DIR/wan/server.pcap
	capture_stop wan server
	[ "$(packets "$pcap")" -gt 0 ] && [ "$(packets "$pcap" "$PLAIN_WIRE")" = 0 ] &&
		! grep -qa "$MARKER" "$pcap" && return 0
	tcpdump -n -r "$pcap" -c 3 "$PLAIN_WIRE" 2>/dev/null | sed 's/^/      /'
	return 1
}

txt() { # NODE ADDRESS: a question and an answer by UDP
	on "$1" timeout --foreground 10 dig +short +time=2 +tries=2 "@$2" TXT marker.test | grep -q "$MARKER"
}
pings() { on "$1" timeout 10 ping -n -c2 -i0.2 -W2 "$2" 2>&1 | grep -q '2 received'; }

# What a path must do, in one: for those that are known to fail.
goes_protected() { # NODE ADDRESS WHOSE
	local ok=0
	wire_watch
	HELLO_S=3 hello "$@" || ok=1
	wire_clean >/dev/null && return $ok
}

path() { # NAME NODE ADDRESS WHOSE
	local name=$1; shift
	if [ -n "${MARKS[$name]:-}" ]; then
		expect "$name" goes_protected "$@"
		return
	fi
	wire_watch
	expect "$name: http" hello "$@"
	expect "$name: UDP" txt "$1" "$2"
	expect "$name: ping" pings "$1" "$2"
	expect "$name: 5 MB with the right sha256" fetch "$1" "$2" big --max-time 20
	expect "$name: nothing plain on the wire" wire_clean
}

# plain to hiphost, by the address that hiphost has there.
opens_back() {
	local a
	a=$(on hiphost timeout 10 curl -gsS --max-time 5 "http://[$(hosted_hit web)]/whoami" | sed 's/^::ffff://; s/ .*//')
	[ "${a#10.99.0.}" != "$a" ] && HELLO_S=3 hello plain "$a" hiphost
}

client_side() { # [WHEN]
	path "client side, IPv4$*" client1 $SERVER4 server
	path "client side, IPv6$*" client1 $SERVER6 server
}

# deployments [WHEN]: all that need no NAT.
deployments() {
	client_side "$@"
	path "host to host$*" hiphost "$(hit_of server)" server
	path "server side, IPv4$*" hiphost "$(hosted_hit web)" plain
	path "server side, IPv6$*" hiphost "$(hosted_hit six)" plain
	expect "server side$*: the server opens a connection" opens_back
}

gateways() {
	path "gateway to gateway, IPv4$*" client1 $KNOWN4 plain
	path "gateway to gateway, IPv6$*" client1 $KNOWN6 plain
}
