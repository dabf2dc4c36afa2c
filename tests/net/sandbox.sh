#!/bin/bash
# SPDX-License-Identifier: MIT
# What the running daemon can't do any more, tried in it by a library loaded before its own
# (sandbox-probe.c), and what works all the same: reload, new keys, pins, state, a report of a crash.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons cc socat dig dnsmasq
! is_sanitized || skip "there is no sandbox with sanitizers"
plugins=$HPN_BUILD/plugins/.libs
[ -f "$plugins/server.so" ] && [ -f "$plugins/hosts.so" ] || skip "the plugins are not built as shared objects"
not() { ! "$@"; }

# The proxy without discovery, the server with pins, a pool and a plugin of which files change.
P=$HPN_DIR/proxy S=$HPN_DIR/server
probe=$HPN_DIR/probe
mkdir -p "$probe" "$HPN_DIR/plugins" "$S/lists" "$HPN_DIR/elsewhere"
cc -shared -fPIC -D_GNU_SOURCE -o "$HPN_DIR/probe.so" "${srcdir:-.}/tests/net/sandbox-probe.c" ||
	{ fail "the probe is compiled"; finish; }
cp "$plugins"/*.so "$HPN_DIR/plugins"
SERVER_MORE="plugin_dir = \"$HPN_DIR/plugins\"; plugins = { hosts = { file = \"$S/lists/hosts\"; }; };"
SERVER_HIP="opportunistic_responder = \"pinned\"; pins = \"$S/pins.d/pins\";"
: >"$S/lists/hosts"
mkdir -p "$S/pins.d"
net_up || { fail "the network comes up"; finish; }
serve_http server && serve_http legacy || { fail "the services come up"; finish; }
key_of proxy; key_of server
server_conf; proxy_conf

# LD_PRELOAD for the daemon alone.
probed_start() { # NODE [VARIABLE=VALUE]...
	local node=$1; shift
	rm -f "$probe"/*
	: >"$HPN_DIR/$node/hipproxyd.log"
	start "$node" hipproxyd env LD_PRELOAD="$HPN_DIR/probe.so" HPN_PROBE="$probe" "$@" \
		"$DAEMON" -c "$HPN_DIR/$node/hipproxy.conf"
	wait_for 30 ctl "$node" status
}
said() { grep -qF "probe: $2: $3" "$HPN_DIR/$1/hipproxyd.log"; } # NODE WHO TEXT
tried() { said "$1" "$2" "end: done"; }
works() { # an exchange: workers have something to do
	forget proxy server && hello client1 $SERVER4 server
}
probe_both() { # NODE
	: >"$probe/worker"
	works || return 1
	wait_for 10 tried "$1" worker || return 1
	: >"$probe/main"
	wait_for 10 tried "$1" main
}
all_threads() { # NODE FIELD VALUE
	local f
	for f in /proc/"$(pid_of "$1" hipproxyd)"/task/*/status; do
		grep -q "^$2:[[:space:]]*$3$" "$f" || return 1
	done
}

# --- without it ------------------------------------------------------------------------------------

cp "$P/hipproxy.conf" "$P/good.conf"
echo 'sandbox = "off";' >>"$P/hipproxy.conf"
daemon_start server && probed_start proxy || { fail "the daemons come up"; finish; }
check "without the sandbox the probe runs in both threads" probe_both proxy
for who in main worker; do
	check "$who: then /etc/passwd can be read" said proxy $who "open /etc/passwd: done"
	check "$who: then TCP is possible" said proxy $who "socket(AF_INET, SOCK_STREAM): done"
	check "$who: then there are child processes" said proxy $who "fork: done"
done
check "status says that it is off" test "$(json proxy status .sandbox.state)" = off
check "and so does the log" grep -q 'sandbox: off: the configuration says so' "$P/hipproxyd.log"
check "and doctor" sh -c "ip netns exec $(ns proxy) '$CTL' -s '$P/control' doctor | grep -q 'note.*sandbox'"
daemon_stop proxy

# --- with it ---------------------------------------------------------------------------------------

cp "$P/good.conf" "$P/hipproxy.conf"
check "with the sandbox the proxy comes up" probed_start proxy HPN_PROBE_EXECVE=1
check "traffic is protected" hello client1 $SERVER4 server
[ "$(json proxy status .sandbox.state)" != off ] || skip "there is no sandbox: $(json proxy status .sandbox.text)"
check "the probe runs in both threads" probe_both proxy
for who in main worker; do
	check "$who: execve fails" said proxy $who "execve: EPERM"
	check "$who: fork fails" said proxy $who "fork: EPERM"
	check "$who: TCP fails" said proxy $who "socket(AF_INET, SOCK_STREAM): EPERM"
	check "$who: UDP works" said proxy $who "socket(AF_INET, SOCK_DGRAM): done"
done
check "all threads have the filter" all_threads proxy Seccomp 2
if [ "$(json proxy status .sandbox.state)" = on ]; then
	for who in main worker; do
		check "$who: /etc/passwd can't be read" said proxy $who "open /etc/passwd: EACCES"
		check "$who: /etc/shadow can't be read" said proxy $who "open /etc/shadow: EACCES"
		check "$who: no file is written elsewhere" said proxy $who "write elsewhere: EACCES"
	done
else
	say "      no landlock in this kernel: files are not limited"
fi
check "the log says that it is on" grep -q 'notice: sandbox: system calls limited' "$P/hipproxyd.log"
check "doctor has nothing to say about it" not sh -c "ip netns exec $(ns proxy) '$CTL' -s '$P/control' doctor | grep -q sandbox"

# --- what works all the same -----------------------------------------------------------------------

check "reload" ctl proxy reload
"$CTL" keygen -f "$P/key.pem" >/dev/null 2>&1
check "a new key is read at the next reload" sh -c "'$CTL' -s '$P/control' reload && grep -q 'holds another key now' '$P/hipproxyd.log'"
daemon_stop proxy
server_conf; proxy_conf
check "and used from the next start on" daemon_start proxy
check "the HIT is the new one" test "$(json proxy status '.identities[0].hit')" = "$(hit_of proxy)"

cp "$plugins/hosts.so" "$HPN_DIR/plugins/new" && mv "$HPN_DIR/plugins/new" "$HPN_DIR/plugins/hosts.so"
check "a plugin that was replaced is loaded at reload" ctl server reload
echo "$(hit_of proxy) $PROXY_WAN4" >"$S/lists/new" && mv "$S/lists/new" "$S/lists/hosts"
check "its file that was replaced is read" ctl server reload
sed -i "s,$S/lists/hosts,$HPN_DIR/elsewhere/hosts," "$S/hipproxy.conf"
: >"$HPN_DIR/elsewhere/hosts"
refused() { # KEY: by the reload, which says what helps
	local out
	out=$(ctl server reload 2>&1) && return 1
	grep -qE "$1: .*outside .*a restart is needed" <<<"$out"
}
if [ "$(json server status .sandbox.state)" = on ]; then
	check "a plugin's file elsewhere is refused at reload" refused plugins.hosts.file
	server_conf
	sed -i "s,$S/pins.d/pins,$HPN_DIR/elsewhere/pins," "$S/hipproxy.conf"
	check "and so are pins elsewhere" refused hip.pins
fi
server_conf
check "with the old names it is reloaded" ctl server reload
# An opportunistic Initiator makes the server write a pin.
daemon_stop proxy
server_peer() { :; }
PROXY_MORE='hip = { opportunistic_initiator = "on"; };'
proxy_conf
check "the proxy asks without a HIT" daemon_start proxy
check "traffic is protected" hello client1 $SERVER4 server
check "the server has pinned the proxy's HIT" grep -q "^$PROXY_WAN4 $(hit_of proxy)\$" "$S/pins.d/pins"

# --- a crash ---------------------------------------------------------------------------------------

# The flow goes on from the state file, which is written to in the sandbox.
daemon_stop proxy
server_peer() { echo "peers = ( { hit = \"$(hit_of server)\"; addresses = [ $SERVER_LOCATORS ]; } );"; }
PROXY_MORE=
proxy_conf
make_file big 6000000
check "the proxy comes up again" daemon_start proxy
crashed_during_transfer() {
	local get
	fetch client1 $SERVER4 big --limit-rate 2M & get=$!
	under_way client1 $get || return 1
	daemon_stop proxy SEGV
	daemon_start proxy || return 1
	wait $get
}
check "a crash in the middle of a transfer, which ends with the right sha256" crashed_during_transfer
check "its flow was in the state file" grep -q 'flows go on from before' "$P/hipproxyd.log"
check "the crash has left a report beside it" grep -q '^hipproxyd .* crashed: SIGSEGV' "$P/crash"
check "with the functions that ran" grep -q 'hp_loop_' "$P/crash"
check "for nobody else to read" test "$(stat -c %a "$P/crash")" = 600
check "and in the log" grep -q '^hipproxyd .* crashed: SIGSEGV' "$P/hipproxyd.log"
finish
