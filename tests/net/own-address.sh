#!/bin/bash
# SPDX-License-Identifier: MIT
# Services that are bound to an IPv4 address of the HIP server alone: the host role does not reach them, the
# plugin server with the machine's own address does.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons python3 tcpdump
plugins=$HPN_BUILD/plugins/.libs
for p in server icmp; do [ -f "$plugins/$p.so" ] || skip "the $p plugin is not built as a shared object"; done
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { icmp = { }; };"
own_hit() { "$CTL" hit "$HPN_DIR/server/own.pem"; }
host_conf() {
	server_peer() { echo "peers = ( { hit = \"$(hit_of server)\"; addresses = [ \"$SERVER4\" ]; } );"; }
	server_conf; proxy_conf
}
own_conf() { # the host role stays beside it
	server_peer() { echo "peers = ( { hit = \"$(own_hit)\"; addresses = [ \"$SERVER4\" ]; } );"; }
	{
		cat <<-EOF2
			identities = ( { name = "server"; key = "$HPN_DIR/server/key.pem"; },
				{ name = "own"; key = "$HPN_DIR/server/own.pem"; } );
			control = { socket = "$HPN_DIR/server/control"; };
			state = ""; log = { level = "${HPN_LOG:-info}"; };
			host = { enabled = true; identity = "server"; };
			plugin_dir = "$plugins";
			plugins = { icmp = { }; server = { hosted = ( { identity = "own"; server = "$SERVER4"; } );
				pool4 = "10.99.0.0/24"; mapping = ""; }; };
		EOF2
	} >"$HPN_DIR/server/hipproxy.conf"
	proxy_conf
}
page() { on client1 curl -gsS --max-time "${PAGE_S:-20}" "http://$SERVER4:8080/image" 2>/dev/null | cmp -s - "$HPN_DIR/www/image"; }
no_page() { ! PAGE_S=4 page; }
again() { daemon_stop proxy; daemon_stop server; "$1"; daemon_start server && daemon_start proxy; }

net_up || { fail "the network comes up"; finish; }
make_file image 100000
key_of proxy; key_of server; "$CTL" keygen "$HPN_DIR/server/own.pem" >/dev/null
start server web python3 -m http.server --bind $SERVER4 --directory "$HPN_DIR/www" 8080; wait_port server 8080
cat >"$HPN_DIR/echo.py" <<-END
	import socket
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("$SERVER4", 7777))
	while True:
	    data, peer = s.recvfrom(65535); s.sendto(data, peer)
END
start server echo4 python3 "$HPN_DIR/echo.py"; wait_port server 7777
check "with the host role alone" again host_conf
check "a service on an IPv4 address is not reached" no_page
check "with the plugin server and the machine's own address" again own_conf
capture_start proxy wan0
check "it is reached" page
check "by UDP too" udp_echo client1 $SERVER4 1000
check "and pinged" sh -c "ip netns exec $(ns client1) ping -n -c2 -i0.2 -W2 $SERVER4 | grep -q '2 received'"
capture_stop proxy wan0
check "nothing but ESP and HIP on the wire" test "$(packets "$HPN_DIR/proxy/wan0.pcap" "$NOT_HIP and ip")" = 0
check "no text in what was captured" sh -c "! grep -qa $MARKER $HPN_DIR/proxy/wan0.pcap"
check "the service sees an address of the pool" sh -c "grep -q '^10\.99\.0\.' $HPN_DIR/server/web.log"
finish
