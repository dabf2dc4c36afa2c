#!/bin/bash
# SPDX-License-Identifier: MIT
# The hosts plugin names the HIT; the file changes while the daemon runs.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
server_peer() { :; }
plugins=$HPN_BUILD/plugins/.libs
[ -f "$plugins/hosts.so" ] || skip "the hosts plugin is not built as a shared object"
CLIENT_MORE='resolvers = [ "hosts" ];'
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { hosts = { file = \"$HPN_DIR/hosts\"; }; };"
mkdir -p "$HPN_DIR"
echo "# nobody yet" >"$HPN_DIR/hosts"
protected_net
plain_or_hip() { # plain|hip
	capture_start proxy wan0
	hello client1 $SERVER4 server || return 1
	capture_stop proxy wan0
	if [ "$1" = hip ]; then only_hip "$HPN_DIR/proxy/wan0.pcap"; else
		grep -qa "$MARKER" "$HPN_DIR/proxy/wan0.pcap"; fi
}
check "not in the file: passed" plain_or_hip plain
echo "$(hit_of server) $SERVER4 $SERVER6 www.example.test" >"$HPN_DIR/hosts"
# The daemon looks at the file's date once a second.
read_again() { ctl proxy flush peers; plain_or_hip hip; }
check "in the file: protected" wait_for 20 read_again
check "named by the plugin" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' peers | grep -F $SERVER4 | grep -q hosts"
echo "this is no HIT" >>"$HPN_DIR/hosts"
said() { read_again && grep -q "hosts:2:" "$HPN_DIR/proxy/hipproxyd.log"; }
check "a mistake in the file is said with its line" wait_for 20 said
check "and leaves what was known" plain_or_hip hip
check "the plugin's counters are shown" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' drops | grep -q 'hosts *found'"
finish
