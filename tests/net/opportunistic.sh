#!/bin/bash
# SPDX-License-Identifier: MIT
# Nobody told the proxy of the server's HIT: it asks.  The first HIT is pinned, another refused.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
server_peer() { :; }
SERVER_HIP='opportunistic_responder = "on";'
PROXY_MORE="hip = { opportunistic_initiator = \"pinned\"; pins = \"$HPN_DIR/pins\"; };"
# A plugin with settings of its own, to be there when a reload is refused for another reason.
plugins=$HPN_BUILD/plugins/.libs
[ -f "$plugins/hosts.so" ] && PROXY_MORE="$PROXY_MORE plugin_dir = \"$plugins\";
	plugins = { hosts = { file = \"$HPN_DIR/hosts\"; }; };" CLIENT_MORE='resolvers = [ "hosts" ];'
protected_net
not() { ! "$@"; }

capture_start proxy wan0
check "http over IPv4" hello client1 $SERVER4 server
check "http over IPv6" hello client2 $SERVER6 server
capture_stop proxy wan0
check "only HIP and ESP on the way" only_hip "$HPN_DIR/proxy/wan0.pcap"
check "the HIT is in the file of pins" grep -q "^$SERVER4 $(hit_of server)\$" "$HPN_DIR/pins"

since=$(date +%s%N)
check "a server without HIP is reached" hello client1 $LEGACY4 legacy
ms=$((($(date +%s%N) - since) / 1000000))
say "      first answer of a server without HIP after $ms ms"
check "after less than two seconds" test $ms -lt 2000
check "and known as passed" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' peers | grep -F $LEGACY4 | grep -q passthrough"

daemon_stop server
rm "$HPN_DIR/server/key.pem"
key_of server
daemon_start server
ctl proxy flush all
check "another key at the same address is refused" not hello client1 $SERVER4 server
check "and said so, loudly" grep -q 'error: .*is pinned' "$HPN_DIR/proxy/hipproxyd.log"
capture_start proxy wan0 "host $SERVER4 and tcp"
hello client2 $SERVER4 server
capture_stop proxy wan0
check "nothing goes there in the clear" test "$(packets "$HPN_DIR/proxy/wan0.pcap")" = 0
echo nonsense >>"$HPN_DIR/pins"
check "a mistake in the file of pins refuses the reload" not ctl proxy reload 2>/dev/null
check "and says its line" grep -qE "pins:[0-9]+: expected" "$HPN_DIR/proxy/hipproxyd.log"
ctl proxy flush peers
check "the old configuration goes on" hello client1 $LEGACY4 legacy
sed -i "/^$SERVER4 /d; /^nonsense/d" "$HPN_DIR/pins"
check "with the mistake mended it is reloaded" ctl proxy reload
ctl proxy flush all
check "with the pin removed the new key is taken" hello client1 $SERVER4 server
finish
