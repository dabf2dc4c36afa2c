# SPDX-License-Identifier: MIT
#
# TFTP servers, clients and gateways for the scenarios of the plugin tftp; sourced after lib.sh.
need_daemons tftp atftp python3
TFTPD=${TFTPD:-$(command -v in.tftpd)} ATFTPD=${ATFTPD:-$(command -v atftpd)}
[ -n "$TFTPD" ] && [ -n "$ATFTPD" ] || skip "in.tftpd (tftpd-hpa) or atftpd is not installed"
plugins=$HPN_BUILD/plugins/.libs
for p in server tftp; do [ -f "$plugins/$p.so" ] || skip "the $p plugin is not built as a shared object"; done
HPN_NODES="$HPN_NODES plain"
ROOT=$HPN_DIR/tftp
BLOCKS=14000 # octets: 28 blocks of 512

# ---- servers

# atftpd alone has no IPv6; it gets its socket as from inetd.
inetd_py() {
	cat >"$HPN_DIR/inetd.py" <<-'END'
		import os, socket, sys
		s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
		s.bind(("::", 69))
		os.dup2(s.fileno(), 0)
		os.execv(sys.argv[1], sys.argv[1:])
	END
}
serve() { # NODE hpa|atftp
	rm -rf "$ROOT"; mkdir -p "$ROOT"; chmod 777 "$ROOT"; chmod 755 "$HPN_DIR"
	head -c $BLOCKS /dev/urandom >"$ROOT/file"; chmod 644 "$ROOT/file"
	case $2 in
	hpa) start "$1" tftpd "$TFTPD" -L -c -p -U 022 -T 500000 -u root -s "$ROOT" ;;
	atftp) start "$1" tftpd python3 "$HPN_DIR/inetd.py" "$ATFTPD" --no-fork --user root.root --tftpd-timeout 3000 "$ROOT" ;;
	esac
	wait_port "$1" 69
}

# end NODE PROGRAM...: those that run there.
end() {
	local node=$1 pid; shift
	for pid in $(ip netns pids "$(ns "$node")"); do
		case " $* " in *" $(cat /proc/$pid/comm 2>/dev/null) "*) kill -KILL "$pid" 2>/dev/null ;; esac
	done
}
# A server's child that sends to a client which is gone keeps the port.
is_free() { [ -z "$(on "$1" ss -lnuH 'sport = :69')" ]; }
unserve() { # NODE
	stop "$1" tftpd
	end "$1" in.tftpd atftpd
	wait_for 20 is_free "$1" || say "      port 69 of $1 stays in use"
}

# ---- clients: get and put NODE ADDRESS [atftp options]; a file of the server's folder there, or back

# Repeats after a second, and for a minute: by default after five seconds, and five times.
hpa_says() { printf '%s\n' "mode octet" "rexmt 1" "timeout 60" "$1" quit; }
client() { # hpa|atftp get|put NODE ADDRESS [atftp options]
	local program=$1 what=$2 node=$3 to=$4 family=-4; shift 4
	case $to in *:*) family=-6 ;; esac
	case $program-$what in
	hpa-get) hpa_says "get file $HPN_DIR/$node/got" | on "$node" timeout "${TFTP_S:-40}" tftp $family "$to" ;;
	hpa-put) hpa_says "put $HPN_DIR/$node/mine up" | on "$node" timeout "${TFTP_S:-40}" tftp $family "$to" ;;
	atftp-get) on "$node" timeout "${TFTP_S:-40}" atftp "$@" --get --remote-file file --local-file "$HPN_DIR/$node/got" "$to" 69 ;;
	atftp-put) on "$node" timeout "${TFTP_S:-40}" atftp "$@" --put --remote-file up --local-file "$HPN_DIR/$node/mine" "$to" 69 ;;
	esac
} >"$HPN_DIR/client.out" 2>&1
moves() { # hpa|atftp get|put NODE ADDRESS [atftp options]
	local got=$HPN_DIR/$3/got mine=$HPN_DIR/$3/mine
	rm -f "$got" "$ROOT/up"
	head -c $BLOCKS /dev/urandom >"$mine"
	client "$@"
	case $2 in
	get) cmp -s "$got" "$ROOT/file" ;;
	put) wait_for 10 cmp -s "$mine" "$ROOT/up" ;; # the server writes the last block after its answer
	esac && return 0
	tail -n 3 "$HPN_DIR/client.out"
	return 1
}

# ---- one program after the other

all_of() { # SENTENCE NODE ADDRESS...
	local what=$1 node=$2 to program; shift 2
	for to in "$@"; do
		for program in hpa atftp; do
			check "$what, $to: $program gets" moves $program get "$node" "$to"
			check "$what, $to: $program puts" moves $program put "$node" "$to"
		done
	done
}
options_of() { # SENTENCE NODE ADDRESS
	local n
	for n in 8 1428 8192; do
		check "$1, $3: blocks of $n octets" moves atftp get "$2" "$3" --option "blksize $n"
		check "$1, $3: and put" moves atftp put "$2" "$3" --option "blksize $n"
	done
	check "$1, $3: tsize" moves atftp get "$2" "$3" --option "tsize 0"
	check "$1, $3: the client asks for another timeout" moves atftp get "$2" "$3" --option "timeout 2"
}
# Both servers; the case's nodes and addresses.
both_servers() { # SENTENCE SERVER-NODE CLIENT-NODE ADDRESS...
	local what=$1 at=$2 node=$3 server; shift 3
	for server in hpa atftp; do
		serve "$at" $server
		all_of "$what, server $server" "$node" "$@"
		[ $server = hpa ] && options_of "$what, server $server" "$node" "$1"
		unserve "$at"
	done
}

# What the daemon of NODE has dropped because no flow takes it.
dropped() { json "$1" drops '[.drops[] | select(.name == "filtered" or .name == "no-flow" or .name == "access") | .count] | add'; }
drops_more() { [ "$(dropped "$1")" -gt "$2" ]; }
# control NODE-WITH-DAEMON PROGRAM get|put CLIENT-NODE ADDRESS: the server's answer is dropped there, and the
# client gets nothing.
fails_at() {
	local at=$1 before it; shift
	before=$(dropped "$at")
	rm -f "$HPN_DIR/$3/got" "$ROOT/up"
	head -c $BLOCKS /dev/urandom >"$HPN_DIR/$3/mine"
	client "$@" & it=$!
	wait_for 20 drops_more "$at" "$before"; local seen=$?
	end "$3" tftp atftp
	wait $it
	[ $seen = 0 ] && ! cmp -s "$HPN_DIR/$3/got" "$ROOT/file" && ! cmp -s "$HPN_DIR/$3/mine" "$ROOT/up"
}
all_fail() { # SENTENCE DAEMON-NODE SERVER-NODE CLIENT-NODE ADDRESS...
	local what=$1 at=$2 of=$3 node=$4 to program server; shift 4
	for server in hpa atftp; do
		serve "$of" $server
		for to in "$@"; do
			for program in hpa atftp; do
				check "$what, server $server, $to: $program can't get" fails_at "$at" $program get "$node" "$to"
				check "$what, server $server, $to: nor put" fails_at "$at" $program put "$node" "$to"
			done
		done
		unserve "$of"
	done
}

# 30 % of the datagrams are lost in each direction: where they arrive, because a program whose own packet is
# dropped gets an error.
lossy() { # -A|-D NODE NODE
	local how=$1 t n; shift
	for n in "$@"; do
		for t in iptables ip6tables; do
			on "$n" $t -w 10 "$how" INPUT -p udp -m statistic --mode random --probability 0.3 -j DROP || return 1
		done
	done
}
# atftp gives up after five repetitions, which happens once in twenty blocks, and does not take a repeated
# OACK: no options, and the user tries again.
at_last() {
	local n
	for n in 1 2 3 4 5 6; do moves "$@" && return 0; done
	return 1
}
through_loss() { # SENTENCE SERVER-NODE CLIENT-NODE ADDRESS
	local many=$BLOCKS
	BLOCKS=2500
	serve "$2" hpa
	check "$1: 30 % loss each way" lossy -A "$2" "$3"
	TFTP_S=90
	check "$1, with loss: atftp gets" at_last atftp get "$3" "$4" --tftp-timeout 1
	check "$1, with loss: atftp puts" at_last atftp put "$3" "$4" --tftp-timeout 1
	check "$1, with loss: tftp-hpa gets" at_last hpa get "$3" "$4"
	TFTP_S=
	lossy -D "$2" "$3"
	unserve "$2"
	BLOCKS=$many
}

counter() { json "$1" drops '[.counters[] | select(.plugin == "'"$2"'" and .name == "'"$3"'") | .value] | add // 0'; }

# ---- configurations.  WITH: the plugin, or nothing.

web_hit() { "$CTL" hit "$HPN_DIR/server/web.pem"; }
KIND=${KIND:-host}
server_peer() {
	if [ $KIND = host ]; then
		echo "peers = ( { hit = \"$(hit_of server)\"; addresses = [ \"$SERVER4\", \"$SERVER6\" ]; } );"
	else
		echo "peers = ( { hit = \"$(web_hit)\"; addresses = [ \"$SERVER4\" ]; serves = [ \"$KNOWN4/32\", \"$KNOWN6/128\" ]; } );"
	fi
}
proxy_with() { # PLUGIN
	PROXY_MORE="filtering = \"address-and-port\"; plugin_dir = \"$plugins\"; plugins = { $1 };"
	daemon_stop proxy; proxy_conf; daemon_start proxy
}
# Only port 69 is hosted, of the legacy server SERVER.
gateway_with() { # SERVER PLUGIN
	daemon_stop server
	cat >"$HPN_DIR/server/hipproxy.conf" <<-EOF
		identities = ( { name = "gateway"; key = "$HPN_DIR/server/key.pem"; },
			{ name = "web"; key = "$HPN_DIR/server/web.pem"; } );
		control = { socket = "$HPN_DIR/server/control"; };
		state = ""; log = { level = "${HPN_LOG:-info}"; };
		filtering = "address-and-port";
		plugin_dir = "$plugins";
		plugins = { $2
			server = { hosted = ( { identity = "web"; server = "$1";
					ports = ( { protocol = "udp"; port = 69; } ); } );
				pool4 = "10.99.0.0/24"; pool6 = "fd99::/112"; mapping = "$HPN_DIR/server/clients"; }; };
	EOF
	daemon_start server
}
# The address by which servers behind the gateway know hiphost.
pool_of() { awk -v hit="$(hit_of hiphost)" -v four="$1" '$1 == hit && (index($2, ":") ? 6 : 4) == four { print $2 }' "$HPN_DIR/server/clients"; }

tftp_up() {
	net_up && plain_up || { fail "the network comes up"; finish; }
	inetd_py
	{ key_of proxy; key_of server; key_of hiphost; "$CTL" keygen "$HPN_DIR/server/web.pem"; } >/dev/null 2>&1
}
