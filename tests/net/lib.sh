# SPDX-License-Identifier: MIT
#
# Networks of namespaces for the tests and for quickstart; sourced by bash.
#
#    client1 10.1.0.11 fd01::11 --\
#    client2 10.1.0.12 fd01::12 ---+-- lan --[ proxy ]-- wan --+-- server 192.0.2.80 2001:db8:2::80
#    hiphost 10.1.0.13 fd01::13 --/    10.1.0.1  192.0.2.1      \-- legacy 192.0.2.90 2001:db8:2::90
#                                       fd01::1  2001:db8:2::1
#
# client1 and client2 know nothing of HIP; hiphost may run hipproxyd in the host role.
# server runs hipproxyd in the host role beside its services; legacy has the services alone.
# lan and wan are switches, namespaces of their own.
#
# Every namespace is called hp<id>-<name>, where id is this process, so that many networks
# can stand beside each other.  All state is in $HPN_DIR; everything started is written down
# there and ended by net_down, which runs on every way out of the script.
#
# HPN_BUILD  the build tree with hipproxyd and hipproxyctl (default: the current folder)
# HPN_WORLD  under which conditions the boxes work: world-lib.sh
# HPN_UNIT=1 daemons are limited as their unit says

HPN_BUILD=${HPN_BUILD:-$PWD}
HPN_ID=${HPN_ID:-$$}
HPN_DIR=${HPN_DIR:-${TMPDIR:-/tmp}/hipproxy-net.$HPN_ID}
HPN_NODES="lan wan client1 client2 hiphost proxy server legacy"
HPN_FAILED=0
HPN_KEEP=${HPN_KEEP:-}

PROXY_LAN4=10.1.0.1 PROXY_LAN6=fd01::1 PROXY_WAN4=192.0.2.1 PROXY_WAN6=2001:db8:2::1
SERVER4=192.0.2.80 SERVER6=2001:db8:2::80
LEGACY4=192.0.2.90 LEGACY6=2001:db8:2::90
MARKER=PLAINTEXT-MARKER-4711
. "${BASH_SOURCE[0]%/*}/world-lib.sh"

# --- results ---------------------------------------------------------------------------

say() { printf '%s\n' "$*"; }
pass() { printf 'ok    %s\n' "$*"; }
fail() { printf 'FAIL  %s\n' "$*"; HPN_FAILED=$((HPN_FAILED + 1)); }
skip() { printf 'skip  %s\n' "$*"; exit 77; }

# check SENTENCE COMMAND...: one line, by the command's status.
check() {
	local what=$1; shift
	if "$@"; then pass "$what"; else fail "$what"; fi
}

# known REASON SENTENCE COMMAND...: a check that is known to fail, and why.  It must fail each time: if it
# passes, the mark has to go.
known() {
	local reason=$1 what=$2; shift 2
	if "$@"; then fail "$what: passes now, remove the mark"; else printf 'known %s: %s\n' "$what" "$reason"; fi
}

# Ends a test script.
finish() {
	local n
	for n in hiphost proxy server gate; do [ -f "$HPN_DIR/$n/hipproxyd.pid" ] && stop $n hipproxyd; done
	sanitizers_silent || fail "the sanitizers found nothing"
	if [ "$HPN_FAILED" = 0 ]; then say "all passed"; exit 0; fi
	say "$HPN_FAILED failed"
	show_logs
	exit 1
}

show_logs() {
	local f
	for f in "$HPN_DIR"/*/hipproxyd.log; do
		[ -f "$f" ] || continue
		say "--- ${f#"$HPN_DIR"/} (last 25 lines)"
		tail -n 25 "$f"
	done
	if [ -n "${HPN_SAVE:-}" ]; then
		mkdir -p "$HPN_SAVE" && cp -r "$HPN_DIR/." "$HPN_SAVE/"
	fi
}

# why_not: prints why no network can be made here, and succeeds; fails when one can.
why_not() {
	local t
	[ "$(id -u)" = 0 ] || { say "must be root to make network namespaces"; return 0; }
	for t in ip iptables ip6tables timeout "$@"; do
		command -v "$t" >/dev/null || { say "$t is not installed"; return 0; }
	done
	fails "no network namespace" ip netns add "hp$HPN_ID-probe" && return 0
	fails "no TUN device (it needs CONFIG_TUN and /dev/net/tun)" \
		ip netns exec "hp$HPN_ID-probe" ip tuntap add dev hpprobe mode tun ||
		fails "no NFQUEUE rule (it needs CONFIG_NETFILTER_XT_TARGET_NFQUEUE)" \
			ip netns exec "hp$HPN_ID-probe" iptables -w 10 -t mangle \
			-A FORWARD -p 253 -j NFQUEUE --queue-num 9
	t=$?
	ip netns del "hp$HPN_ID-probe"
	return $t
}

# fails WHAT COMMAND...: succeeds if the command does not, and prints its own words.
fails() {
	local what=$1 words; shift
	words=$("$@" 2>&1) && return 1
	say "$what: $(tr -s '\n' ' ' <<<"$words")"
}

# need TOOL...: skips the test unless root, with namespaces, TUN, NFQUEUE and the tools.  With
# HPN_TOOLS=all a missing tool is a failure: then the list in tests/packages.sh is not complete.
need() {
	local why t
	for t in "$@"; do
		[ "${HPN_TOOLS:-}" != all ] || command -v "$t" >/dev/null ||
			{ fail "$t is installed"; exit 1; }
	done
	if why=$(why_not "$@"); then skip "$why"; fi
}

# --- processes -------------------------------------------------------------------------

ns() { echo "hp$HPN_ID-$1"; }

# on NODE COMMAND...: in the node's namespace, in the foreground.
on() { local node=$1; shift; ip netns exec "$(ns "$node")" "$@"; }

# start NODE NAME COMMAND...: in the background; output in $HPN_DIR/NODE/NAME.log, process
# id in $HPN_DIR/NODE/NAME.pid.  In a session of its own: a terminal's Ctrl-C is for the script,
# which ends what it has started; what waits for a dead server would delay that.
start() {
	local node=$1 name=$2; shift 2
	mkdir -p "$HPN_DIR/$node"
	setsid ip netns exec "$(ns "$node")" "$@" </dev/null >>"$HPN_DIR/$node/$name.log" 2>&1 &
	echo $! >"$HPN_DIR/$node/$name.pid"
}

pid_of() { cat "$HPN_DIR/$1/$2.pid"; }
alive() { kill -0 "$(pid_of "$1" "$2")" 2>/dev/null; }

# stop NODE NAME [SIGNAL]: signals it and waits for its end.
stop() {
	local pid
	pid=$(pid_of "$1" "$2" 2>/dev/null) || return 0
	kill "-${3:-TERM}" "$pid" 2>/dev/null
	wait_for 20 eval '! kill -0 "$pid"' || kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	rm -f "$HPN_DIR/$1/$2.pid"
	return 0
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	local end=$((SECONDS + $1)); shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# wait_port NODE PORT: until something listens there.
wait_port() { wait_for 30 sh -c "ip netns exec $(ns "$1") ss -lnH 'sport = :$2' | grep -q ."; }

# --- the network -----------------------------------------------------------------------

# link NODE IFACE SWITCH [IPv4/len] [IPv6/len]
link() {
	local node=$1 dev=$2 switch=$3 addr; shift 3
	ip -n "$(ns "$node")" link add name "$dev" type veth peer name "$node" \
		netns "$(ns "$switch")" || return 1
	ip -n "$(ns "$switch")" link set dev "$node" master switch up
	for addr in "$@"; do
		case $addr in
		*:*) ip -n "$(ns "$node")" addr add "$addr" dev "$dev" nodad ;;
		*) ip -n "$(ns "$node")" addr add "$addr" dev "$dev" ;;
		esac || return 1
	done
	ip -n "$(ns "$node")" link set dev "$dev" up
}

gateway() {
	ip -n "$(ns "$1")" route add default via "$2" &&
		ip -n "$(ns "$1")" -6 route add default via "$3"
}

node_add() {
	ip netns add "$(ns "$1")" || return 1
	mkdir -p "$HPN_DIR/$1"
	world_node "$1" && ip -n "$(ns "$1")" link set dev lo up
}

net_up() {
	local n
	trap net_down EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	mkdir -p "$HPN_DIR" || return 1
	for n in $HPN_NODES; do node_add "$n" || return 1; done
	for n in lan wan; do
		ip -n "$(ns $n)" link add name switch type bridge mcast_snooping 0 &&
			ip -n "$(ns $n)" link set dev switch up || return 1
	done
	link client1 eth0 lan 10.1.0.11/24 fd01::11/64 &&
		link client2 eth0 lan 10.1.0.12/24 fd01::12/64 &&
		link hiphost eth0 lan 10.1.0.13/24 fd01::13/64 &&
		link proxy lan0 lan $PROXY_LAN4/24 $PROXY_LAN6/64 &&
		link proxy wan0 wan $PROXY_WAN4/24 $PROXY_WAN6/64 &&
		link server eth0 wan $SERVER4/24 $SERVER6/64 &&
		link legacy eth0 wan $LEGACY4/24 $LEGACY6/64 || return 1
	on proxy sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding' || return 1
	for n in client1 client2 hiphost; do gateway $n $PROXY_LAN4 $PROXY_LAN6 || return 1; done
	for n in server legacy; do gateway $n $PROXY_WAN4 $PROXY_WAN6 || return 1; done
	world_up || return 1
	wait_for 10 on client1 ping -c1 -W1 $SERVER4 &&
		wait_for 10 on client1 ping -c1 -W1 $SERVER6
}

# A legacy server behind `server`, which forwards: node plain, 10.2.0.10 and fd02::10.  Needs the
# node: HPN_NODES="$HPN_NODES plain" before net_up.
INNER=inner0 PLAIN4=10.2.0.10 PLAIN6=fd02::10 KNOWN4=10.9.0.10 KNOWN6=fd09::10
plain_up() {
	ip -n "$(ns server)" link add name $INNER type veth peer name eth0 netns "$(ns plain)" &&
		ip -n "$(ns server)" addr add 10.2.0.1/24 dev $INNER &&
		ip -n "$(ns server)" addr add fd02::1/64 dev $INNER nodad &&
		ip -n "$(ns plain)" addr add $PLAIN4/24 dev eth0 &&
		ip -n "$(ns plain)" addr add $PLAIN6/64 dev eth0 nodad &&
		ip -n "$(ns server)" link set dev $INNER up &&
		ip -n "$(ns plain)" link set dev eth0 up && gateway plain 10.2.0.1 fd02::1 &&
		ip -n "$(ns proxy)" route add $KNOWN4/32 via $SERVER4 &&
		ip -n "$(ns proxy)" -6 route add $KNOWN6/128 via $SERVER6 &&
		on server sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
			echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

# A NAT between proxy and server: node nat, 192.0.2.7.  Needs the node as above.
NAT4=192.0.2.7
nat_up() {
	link nat out0 wan $NAT4/24 &&
		ip -n "$(ns nat)" link add name in0 type veth peer name nat0 netns "$(ns proxy)" &&
		ip -n "$(ns nat)" addr add 172.16.0.1/24 dev in0 &&
		ip -n "$(ns proxy)" addr add 172.16.0.2/24 dev nat0 &&
		ip -n "$(ns nat)" link set dev in0 up && ip -n "$(ns proxy)" link set dev nat0 up &&
		on nat sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward' &&
		on nat iptables -t nat -A POSTROUTING -o out0 -j MASQUERADE &&
		ip -n "$(ns proxy)" route add $SERVER4/32 via 172.16.0.1 dev nat0 &&
		ip -n "$(ns proxy)" route replace $KNOWN4/32 via 172.16.0.1 dev nat0
}

# The namespaces of this network, and all that runs in them.
net_list() { ip netns list | sed -n "s/^\(hp$HPN_ID-[a-z0-9]*\).*/\1/p"; }
net_pids() {
	local n
	for n in $(net_list); do ip netns pids "$n" 2>/dev/null; done
}
net_idle() { [ -z "$(net_pids)" ]; }

# Ends everything that runs in our namespaces and removes them; safe at any moment.
net_down() {
	local n pid try
	trap '' INT TERM HUP
	if [ -n "$HPN_KEEP" ]; then return 0; fi
	for try in TERM KILL; do
		for pid in $(net_pids); do kill "-$try" "$pid" 2>/dev/null; done
		[ $try = KILL ] || wait_for 3 net_idle
	done
	for n in $(net_list); do ip netns del "$n" 2>/dev/null; done
	rm -rf "$HPN_DIR"
}

# offloads off|on: of every link.
offloads() {
	local n dev
	for n in $HPN_NODES; do
		for dev in $(ip -n "$(ns "$n")" -o link | sed -n 's/^[0-9]*: \([a-z0-9]*\)@.*/\1/p'); do
			on "$n" ethtool -K "$dev" tso "$1" gso "$1" gro "$1" tx "$1" >/dev/null 2>&1
		done
	done
}

# --- programs of the test --------------------------------------------------------------

program() {
	local p
	for p in "$HPN_BUILD/$1" "$HPN_BUILD/core/daemon/$1" "$HPN_BUILD/tools/$1" "$(command -v "$1")"; do
		if [ -n "$p" ] && [ -x "$p" ]; then echo "$p"; return 0; fi
	done
	return 1
}

# A file of MEGABYTES random octets that begins with the marker.
make_file() {
	mkdir -p "$HPN_DIR/www"
	{ echo "$MARKER"; head -c "$2" /dev/urandom; } >"$HPN_DIR/www/$1"
	sha256sum <"$HPN_DIR/www/$1" | cut -d' ' -f1 >"$HPN_DIR/www/$1.sha256"
}

serve_http() { # NODE
	local d=$HPN_DIR/$1/nginx
	mkdir -p "$d"
	chmod 755 "$HPN_DIR" "$HPN_DIR/$1" "$d"
	echo "hello from $1 $MARKER" >"$d/hello"
	cat >"$d/nginx.conf" <<-EOF
		daemon off; worker_processes 1; pid $d/pid; error_log $d/error.log; user root;
		events { worker_connections 256; }
		http {
			access_log $d/access.log; sendfile on; client_max_body_size 0;
			client_body_temp_path $d/t1; proxy_temp_path $d/t2; fastcgi_temp_path $d/t3;
			uwsgi_temp_path $d/t4; scgi_temp_path $d/t5;
			server {
				listen [::]:80 ipv6only=off;
				location = /hello { root $d; }
				location = /whoami { return 200 "\$remote_addr \$remote_port\n"; }
				location / { root $HPN_DIR/www; }
			}
		}
	EOF
	start "$1" nginx nginx -c "$d/nginx.conf" -e "$d/error.log"
	wait_port "$1" 80
}

serve_dns() { # NODE
	start "$1" dnsmasq dnsmasq -k -C /dev/null -u root --no-resolv --no-hosts --port=53 \
		--pid-file="$HPN_DIR/$1/dnsmasq.lock" \
		--address=/www.example.test/203.0.113.7 --txt-record=marker.test,"$MARKER"
	wait_port "$1" 53
}

serve_ssh() { # NODE
	local d=$HPN_DIR/$1/ssh
	mkdir -p "$d" /run/sshd
	[ -f "$HPN_DIR/ssh_key" ] || ssh-keygen -q -t ed25519 -N '' -f "$HPN_DIR/ssh_key"
	ssh-keygen -q -t ed25519 -N '' -f "$d/host_key"
	cp "$HPN_DIR/ssh_key.pub" "$d/authorized_keys"
	cat >"$d/sshd_config" <<-EOF
		HostKey $d/host_key
		PidFile $d/pid
		AuthorizedKeysFile $d/authorized_keys
		PermitRootLogin prohibit-password
		StrictModes no
		UsePAM no
	EOF
	start "$1" sshd "$(command -v sshd)" -D -e -f "$d/sshd_config"
	wait_port "$1" 22
}

serve_iperf() { start "$1" iperf3 iperf3 -s --forceflush; wait_port "$1" 5201; }

# Sends every datagram on port 7777 back.
serve_echo() {
	start "$1" echo socat -b 20000 UDP6-RECVFROM:7777,fork,ipv6only=0 EXEC:cat
	wait_port "$1" 7777
}

ssh_to() { # NODE ADDRESS COMMAND...
	local node=$1 to=$2; shift 2
	on "$node" timeout --foreground 20 ssh -F none -i "$HPN_DIR/ssh_key" -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes "root@$to" "$@"
}

# url ADDRESS PATH
url() { case $1 in *:*) echo "http://[$1]/$2" ;; *) echo "http://$1/$2" ;; esac; }

# fetch NODE ADDRESS FILE [curl options]: true if what arrives has the right sha256.
fetch() {
	local node=$1 to=$2 file=$3 sum; shift 3
	sum=$(on "$node" timeout --foreground 120 curl -gsS --connect-timeout 15 "$@" "$(url "$to" "$file")" |
		sha256sum | cut -d' ' -f1)
	[ "$sum" = "$(cat "$HPN_DIR/www/$file.sha256")" ]
}

hello() { # NODE ADDRESS WHOSE
	on "$1" timeout --foreground 10 curl -gsS --max-time "${HELLO_S:-8}" "$(url "$2" hello)" 2>&1 | grep -q "hello from $3"
}

# ask NODE ADDRESS FILE BACK [socat options]: sends the file as a datagram to port 7777, until so many
# octets have come back, or for $ASK_S seconds.
ask() {
	local node=$1 to=$2 file=$3 back=$4
	case $to in *:*) to=UDP6:[$to]:7777 ;; *) to=UDP4:$to:7777 ;; esac
	: >"$back"
	{ cat "$file"; wait_for "${ASK_S:-8}" as_long "$back" "$file"; } |
		on "$node" timeout --foreground 20 socat -b 20000 -t 0.1 - "$to${5:-}" >"$back" 2>/dev/null
}
as_long() { [ "$(stat -c %s "$1")" -ge "$(stat -c %s "$2")" ]; }

# udp_echo NODE ADDRESS OCTETS: a datagram of so many octets goes there and back unharmed.
udp_echo() {
	local f=$HPN_DIR/$1/datagram
	head -c "$3" /dev/urandom >"$f"
	ask "$1" "$2" "$f" "$f.back"
	cmp -s "$f" "$f.back"
}

# octets_of NODE: what has gone through its interfaces so far.
octets_of() {
	on "$1" sh -c 'cat /sys/class/net/*/statistics/[rt]x_bytes' | awk '{ s += $1 } END { printf "%.0f\n", s }'
}
moved() { [ "$(octets_of "$1")" -ge "$2" ]; }

# under_way NODE PID: waits until another megabyte has gone through the node; then the transfer,
# process PID, must not be over.
under_way() {
	wait_for 30 moved "$1" $(($(octets_of "$1") + 1000000)) && kill -0 "$2" 2>/dev/null && return 0
	say "      the transfer did not begin, or was over too early"
	return 1
}

# --- captures --------------------------------------------------------------------------

capture_start() { # NODE IFACE [filter]
	local node=$1 dev=$2; shift 2
	rm -f "$HPN_DIR/$node/$dev.pcap"
	start "$node" "tcpdump-$dev" tcpdump -i "$dev" -s 0 -U -n -Z root -B 65536 --immediate-mode \
		-w "$HPN_DIR/$node/$dev.pcap" "$@"
	wait_for 30 grep -q listening "$HPN_DIR/$node/tcpdump-$dev.log"
}

# A tcpdump that sleeps has written all that has arrived.
capture_stop() { # NODE IFACE
	wait_for 20 asleep "$(pid_of "$1" "tcpdump-$2")"
	stop "$1" "tcpdump-$2"
	rm -f "$HPN_DIR/$1/tcpdump-$2.log"
}

asleep() { [ "$(awk '{ print $3 }' "/proc/$1/stat")" = S ]; }

# packets PCAP [filter]: how many match.
packets() { local f=$1; shift; tcpdump -n -r "$f" "$@" 2>/dev/null | wc -l; }

# --- daemons ---------------------------------------------------------------------------

# Both run in the foreground with all files in $HPN_DIR/NODE.  What a test wants otherwise
# than by default it says in these variables before it calls *_conf:
CLIENT_UNKNOWN=pass     # unknown
CLIENT_FAILURE=closed   # on_failure
CLIENT_MORE=            # further settings of the client group
PROXY_MORE=             # further settings at the top level
SERVER_MORE=
SERVER_LOCATORS="\"$SERVER4\", \"$SERVER6\""

key_of() { # NODE [keygen options]
	local f=$HPN_DIR/$1/key.pem; shift
	[ -f "$f" ] || "$CTL" keygen "$@" "$f" >/dev/null
}

hit_of() { "$CTL" hit "$HPN_DIR/$1/key.pem"; }

conf_head() { # NODE
	cat <<-EOF
		identities = ( { name = "$1"; key = "$HPN_DIR/$1/key.pem"; } );
		control = { socket = "$HPN_DIR/$1/control"; };
		state = "$HPN_DIR/$1/state";
		log = { target = "stderr"; level = "${HPN_LOG:-info}"; };
	EOF
}

server_peer() {
	echo "peers = ( { hit = \"$(hit_of server)\"; addresses = [ $SERVER_LOCATORS ]; name = \"server\"; } );"
}

proxy_conf() {
	{
		conf_head proxy
		server_peer
		cat <<-EOF
			client = {
				enabled = true; identity = "proxy"; interfaces = [ "lan0" ];
				networks = [ "10.1.0.0/24", "fd01::/64" ];
				unknown = "$CLIENT_UNKNOWN"; on_failure = "$CLIENT_FAILURE";
				$CLIENT_MORE
			};
			$PROXY_MORE
		EOF
	} >"$HPN_DIR/proxy/hipproxy.conf"
}

server_conf() {
	{
		conf_head server
		echo "host = { enabled = true; identity = \"server\"; accept_default = \"allow\"; };"
		echo "hip = { ${SERVER_HIP:-puzzle_k = 0;} };"
		echo "$SERVER_MORE"
	} >"$HPN_DIR/server/hipproxy.conf"
}

hiphost_conf() {
	{
		conf_head hiphost
		server_peer
		echo "host = { enabled = true; identity = \"hiphost\"; };"
	} >"$HPN_DIR/hiphost/hipproxy.conf"
}

# HPN_UNIT=1: daemons have the user, rights, filters and view of the file system of their unit, and see
# the files of the test besides.
unit_start() { # NODE NAME UNIT COMMAND
	local top=${srcdir:-.} unit=$HPN_DIR/$3
	[ -f "$unit" ] || sed "s,@sbindir@,/usr/sbin,; s,@bindir@,/usr/bin," "$top/conf/$3.in" >"$unit"
	start "$1" "$2" "$top/tests/unitrun" --folders "$HPN_DIR/$1/root" \
		--set "BindPaths=$HPN_DIR $HPN_BUILD /run/hipproxy-gate" --set "ExecStart=$4" exec "$unit"
}
gate_listens() { on "$1" ss -xlH | grep -q /run/hipproxy-gate/; } # NODE
# The user hipproxy owns what the daemon writes; its gate runs before it, and stays.
under_unit() { # NODE
	local dir=$HPN_DIR/$1 gate
	gate=$(program hipproxy-gate) || return 1
	chown -R hipproxy:hipproxy "$dir"
	mkdir -p /run/hipproxy-gate
	if ! gate_listens "$1"; then
		mkdir -p "$HPN_DIR/gates/$1"
		unit_start "$1" gate hipproxy-gate.service "$gate -c $dir/hipproxy.conf -s $HPN_DIR/gates/$1/closed"
		wait_for 30 gate_listens "$1" || return 1
	fi
	unit_start "$1" hipproxyd hipproxyd.service "$DAEMON -c $dir/hipproxy.conf"
}

daemon_start() { # NODE
	if [ -n "${HPN_UNIT:-}" ]; then
		under_unit "$1" || say "hipproxy-gate of $1 does not come up"
	else
		start "$1" hipproxyd "$DAEMON" -c "$HPN_DIR/$1/hipproxy.conf"
	fi
	wait_for 30 ctl "$1" status && return 0
	say "hipproxyd of $1 does not come up"
	return 1
}

daemon_stop() { stop "$1" hipproxyd "${2:-TERM}"; } # NODE [SIGNAL]

ctl() { local node=$1; shift; timeout --foreground 20 "$CTL" -s "$HPN_DIR/$node/control" "$@"; }

# json NODE COMMAND FILTER: a value out of the daemon's answer.
json() { ctl "$1" --json "$2" | jq -r "$3"; }

associations_of() { json "$1" status .counts.associations; }
# A responder remembers for a while that it has closed.
forgotten() { [ "$(json "$1" associations '[.associations[] | select(.state != "CLOSED")] | length')" = 0 ]; }

# forget NODE...: their daemons have no association any more.
forget() {
	local n
	for n in "$@"; do ctl "$n" flush all >/dev/null || return 1; done
	for n in "$@"; do wait_for 15 forgotten "$n" || return 1; done
}

# on_failure = "open": what happens when the proxy is killed; it runs again at the end.
fails_open() {
	CLIENT_FAILURE=open
	proxy_conf
	check "open: comes up" daemon_start proxy
	check "open: protected" hello client1 $SERVER4 server
	check "open: one association" test "$(associations_of proxy)" = 1
	daemon_stop proxy KILL
	check "open: killed, traffic passes" hello client1 $SERVER4 server
	check "open: it comes back" daemon_start proxy
	check "open: protected again" hello client2 $SERVER4 server
}

# Sanitizers need system calls that the unit and the sandbox refuse, to stop other threads for instance.
is_sanitized() { grep -qs 'HP_SANITIZED 1' "$HPN_BUILD/config.h"; }

need_daemons() {
	need jq curl nginx "$@"
	CTL=$(program hipproxyctl) || skip "hipproxyctl is not built"
	DAEMON=$(program hipproxyd) || skip "hipproxyd is not built"
}

# The whole network, services on both servers, hipproxyd on server and proxy.
protected_net() {
	local s
	net_up || { fail "the network comes up"; finish; }
	for s in server legacy; do
		serve_http $s && serve_dns $s && serve_ssh $s && serve_echo $s && serve_iperf $s ||
			{ fail "the services of $s come up"; finish; }
	done
	make_file big "${BIG_BYTES:-20000000}"
	key_of proxy; key_of server
	server_conf; proxy_conf
	daemon_start server && daemon_start proxy || { fail "the daemons come up"; finish; }
}

# A capture contains nothing but HIP and ESP between the proxy and the server.
NOT_HIP="host $SERVER4 or host $SERVER6"
NOT_HIP="($NOT_HIP) and not (ip proto 139 or ip proto 50 or ip6 proto 139 or ip6 proto 50)"
# Errors about ESP that finds no daemon quote ESP.
NOT_HIP="$NOT_HIP and not arp and not icmp6 and not (icmp[0] == 3 and icmp[1] == 2)"

only_hip() { # PCAP
	[ "$(packets "$1")" -gt 0 ] && [ "$(packets "$1" "$NOT_HIP")" = 0 ] &&
		! grep -qa "$MARKER" "$1"
}

# plain_watch ... plain_none: what the client talks of with the server is protected meanwhile.
plain_watch() { capture_start proxy wan0 "$NOT_HIP"; }
plain_none() {
	capture_stop proxy wan0
	[ "$(packets "$HPN_DIR/proxy/wan0.pcap")" = 0 ] && [ "$(associations_of proxy)" -ge 1 ]
}

# upload NODE ADDRESS BYTES: through ssh, sums compared.
upload() {
	local f=$HPN_DIR/$1/upload sum
	head -c "$3" /dev/urandom >"$f"
	sum=$(ssh_to "$1" "$2" sha256sum <"$f")
	[ "${sum%% *}" = "$(sha256sum <"$f" | cut -d' ' -f1)" ]
}

resolve() { # NODE ADDRESS
	[ "$(on "$1" timeout --foreground 10 dig +short +time=4 +tries=2 "@$2" www.example.test)" = 203.0.113.7 ]
}

iperf_to() { # NODE ADDRESS [options]: prints Mbit/s
	local node=$1 to=$2; shift 2
	on "$node" timeout --foreground 30 iperf3 -J -c "$to" -t 2 "$@" |
		jq -er '(.end.sum_received.bits_per_second / 1e6 | floor) | select(. > 0)'
}

# How many packets of the proxy went to user space.
queued() { on proxy cat /proc/net/netfilter/nfnetlink_queue | awk '{ s += $8 } END { print s + 0 }'; }

sanitizers_silent() {
	! grep -lE 'AddressSanitizer|LeakSanitizer|runtime error:' "$HPN_DIR"/*/hipproxyd.log 2>/dev/null
}
