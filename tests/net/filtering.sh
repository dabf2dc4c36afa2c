#!/bin/bash
# SPDX-License-Identifier: MIT
# TFTP, whose server answers from another port than it was asked at (RFC 1350, section 4), and the
# setting `filtering`.  First to a HIP host, then between two gateways:
#
#    client1, client2 -- [ proxy ] -- wan -- [ server ] -- plain
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dnsmasq python3
plugins=$HPN_BUILD/plugins/.libs
for p in server icmp; do [ -f "$plugins/$p.so" ] || skip "the $p plugin is not built as a shared object"; done
HPN_NODES="$HPN_NODES plain"
OTHER4=10.9.0.11 OTHER6=fd09::11
web_hit() { "$CTL" hit "$HPN_DIR/server/web.pem"; }
other_hit() { "$CTL" hit "$HPN_DIR/server/other.pem"; }

serve_tftp() { # NODE
	chmod 755 "$HPN_DIR" "$HPN_DIR/www"
	start "$1" tftpd dnsmasq -k -C /dev/null -u root --port=0 --enable-tftp --tftp-root="$HPN_DIR/www" \
		--pid-file="$HPN_DIR/$1/tftpd.lock"
	wait_port "$1" 69
}
tftp_get() { # NODE ADDRESS [curl options]
	local node=$1 to=$2 sum; shift 2
	case $to in *:*) to="[$to]" ;; esac
	sum=$(on "$node" timeout --foreground 60 curl -gsS --max-time "${TFTP_S:-40}" "$@" "tftp://$to/file" | sha256sum | cut -d' ' -f1)
	[ "$sum" = "$(cat "$HPN_DIR/www/file.sha256")" ]
}
not_got() { ! TFTP_S=4 tftp_get "$@" 2>/dev/null; }
filtered() { # NODE: how many datagrams were filtered
	json "$1" drops '[.drops[] | select(.name == "filtered") | .count] | add'
}
filtered_some() { [ "$(filtered proxy)" -gt 0 ]; }
both_at_once() { # ADDRESS: the clients ask from the same port
	tftp_get client1 "$1" --local-port 40069 & local one=$!
	tftp_get client2 "$1" --local-port 40069 & local two=$!
	wait $one && wait $two
}

net_up && plain_up || { fail "the network comes up"; finish; }
make_file file 300000
key_of proxy; key_of server; "$CTL" keygen "$HPN_DIR/server/web.pem" >/dev/null; "$CTL" keygen "$HPN_DIR/server/other.pem" >/dev/null
server_conf; proxy_conf
daemon_start server && daemon_start proxy || { fail "the daemons come up"; finish; }
serve_tftp server
for to in $SERVER4 $SERVER6; do
	check "HIP host, $to: TFTP by default" tftp_get client1 $to
done
check "two clients from the same port" both_at_once $SERVER4
check "flows show the setting, and that another port has answered" sh -c "'$CTL' -s $HPN_DIR/proxy/control --json flows |
	jq -e '[.flows[] | select(.far_port == 69 and .filtering == \"address\" and .other_port)] | length > 0' >/dev/null"
PROXY_MORE='filtering = "address-and-port";'; proxy_conf
check "address-and-port, by a reload" ctl proxy reload
check "nothing comes from another port" not_got client1 $SERVER4
check "nor with IPv6" not_got client1 $SERVER6
check "that is counted by name" filtered_some
stop server tftpd
daemon_stop proxy; daemon_stop server

# Gateway to gateway.  The same server has two identities, and it answers as the one that was asked.
server_peer() {
	cat <<-EOF
		peers = ( { hit = "$(web_hit)"; addresses = [ "$SERVER4" ]; serves = [ "$KNOWN4/32", "$KNOWN6/128" ]; },
			{ hit = "$(other_hit)"; addresses = [ "$SERVER4" ]; serves = [ "$OTHER4/32", "$OTHER6/128" ]; } );
	EOF
}
gateway_conf() { # SERVER
	cat >"$HPN_DIR/server/hipproxy.conf" <<-EOF
		identities = ( { name = "gateway"; key = "$HPN_DIR/server/key.pem"; },
			{ name = "web"; key = "$HPN_DIR/server/web.pem"; }, { name = "other"; key = "$HPN_DIR/server/other.pem"; } );
		control = { socket = "$HPN_DIR/server/control"; };
		state = ""; log = { level = "${HPN_LOG:-info}"; };
		plugin_dir = "$plugins";
		plugins = { icmp = { };
			server = { hosted = ( { identity = "web"; server = "$1"; }, { identity = "other"; server = "$1"; } );
				pool4 = "10.99.0.0/24"; pool6 = "fd99::/112"; mapping = ""; }; };
	EOF
}
gateways() { # SERVER
	daemon_stop server
	gateway_conf "$1"
	daemon_start server && ctl proxy flush all >/dev/null
}
serve_tftp plain
ip -n "$(ns proxy)" route add $OTHER4/32 via $SERVER4
ip -n "$(ns proxy)" -6 route add $OTHER6/128 via $SERVER6
PROXY_MORE=; proxy_conf
daemon_start proxy
for server in $PLAIN4 $PLAIN6; do
	check "gateways, server $server" gateways $server
	for to in $KNOWN4 $KNOWN6 $OTHER4 $OTHER6; do
		check "TFTP by $to" tftp_get client1 $to
	done
	check "two clients from the same port" both_at_once $OTHER4
done
PROXY_MORE='filtering = "address-and-port";'; proxy_conf
check "address-and-port, by a reload" ctl proxy reload
check "nothing comes from another port" not_got client1 $KNOWN4

# RFC 4787, REQ-1: one port towards both identities, although another client has the same port.
cat >"$HPN_DIR/from.py" <<-'END'
	import socket, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("", 41000)); s.settimeout(20)
	for port, to in enumerate(sys.argv[1:], 7778):
	    s.sendto(b"x", (to, port)); print(s.recv(100).decode())
END
cat >"$HPN_DIR/port.py" <<-'END'
	import select, socket
	def at(port):
	    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", port)); return s
	all = [at(7778), at(7779)]
	while True:
	    for s in select.select(all, [], [])[0]:
	        _, a = s.recvfrom(100); s.sendto(b"%d" % a[1], a)
END
start plain port python3 "$HPN_DIR/port.py"; wait_port plain 7778
check "the gateways again" gateways $PLAIN4
ports_of() { on "$1" timeout 60 python3 "$HPN_DIR/from.py" $KNOWN4 $OTHER4 | tr '\n' ' '; }
one=$(ports_of client1) two=$(ports_of client2)
say "      ports: $one and $two"
check "a client's port is the same towards both" test "$one" = "41000 41000 "
check "and the other client's too" sh -c "set -- $two; [ \$# = 2 ] && [ \$1 = \$2 ] && [ \$1 != 41000 ]"
finish
