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
check "the HIT is in the file of pins" wait_for 10 grep -q "^$SERVER4 $(hit_of server)\$" "$HPN_DIR/pins"

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
printf '%s\n%s' nonsense "$SERVER6 $(hit_of proxy)" >>"$HPN_DIR/pins" # and no newline at the end
check "a mistake in the file of pins is skipped" ctl proxy reload
check "and said with its line" grep -qE "pins:[0-9]+: expected ADDRESS HIT; the line is skipped" "$HPN_DIR/proxy/hipproxyd.log"
check "doctor finds it" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' --json status | jq -e '[.findings[].id] | index(\"file-damaged\")'"
check "-t warns of it, and is content" sh -c "ip netns exec $(ns proxy) '$DAEMON' -t -c '$HPN_DIR/proxy/hipproxy.conf' 2>&1 | grep -q 'the line is skipped'"
daemon_stop proxy
check "the daemon starts with it" daemon_start proxy
check "the other pins hold" not hello client1 $SERVER4 server
check "an event says which HIT came" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' events --no-follow --kind pin-changed | jq -e -s '.[0] | .peer == \"$(hit_of server)\" and .address == \"$SERVER4\"'"
check "a new pin is on a line of its own" sh -c "
	sed -i '/^$SERVER6 /d' '$HPN_DIR/pins' && printf %s '192.0.2.7 $(hit_of proxy)' >>'$HPN_DIR/pins'
	'$CTL' -s '$HPN_DIR/proxy/control' reload"
check "of the server's other address" hello client2 $SERVER6 server
check "the lines are whole" wait_for 10 sh -c "grep -qx '192.0.2.7 $(hit_of proxy)' '$HPN_DIR/pins' && grep -qx '$SERVER6 $(hit_of server)' '$HPN_DIR/pins'"
ln -sf "$HPN_DIR/pins" "$HPN_DIR/link"
sed -i "s|pins = \"$HPN_DIR/pins\"|pins = \"$HPN_DIR/link\"|" "$HPN_DIR/proxy/hipproxy.conf"
check "a link is refused" not ctl proxy reload 2>/dev/null
sed -i "s|pins = \"$HPN_DIR/link\"|pins = \"$HPN_DIR/pins\"|" "$HPN_DIR/proxy/hipproxy.conf"
ctl proxy flush peers
check "and the old configuration goes on" hello client1 $LEGACY4 legacy
sed -i "/^$SERVER4 /d; /^nonsense/d" "$HPN_DIR/pins"
check "with the mistake mended it is reloaded" ctl proxy reload
ctl proxy flush all
check "with the pin removed the new key is taken" hello client1 $SERVER4 server
finish
