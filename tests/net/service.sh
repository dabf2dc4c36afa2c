#!/bin/bash
# SPDX-License-Identifier: MIT
# The daemon under its unit file: tests/unitrun does what systemd would do, and receives what the
# daemon tells its service manager.  The user hipproxy is in a mount namespace of the test's own.
if [ -z "${HPN_ACCOUNTS:-}" ] && [ "$(id -u)" = 0 ] && command -v unshare >/dev/null; then
	HPN_ACCOUNTS=1 exec unshare -m --propagation private bash "$0" "$@"
fi
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons python3 setpriv unshare systemd-analyze
top=${srcdir:-.}
filters=()
! is_sanitized || filters=(--set SystemCallFilter=)

unit=$HPN_DIR/hipproxyd.service gate_unit=$HPN_DIR/hipproxy-gate.service
manager=$HPN_DIR/manager gate_manager=$HPN_DIR/gate-manager
GATE=$(program hipproxy-gate) || skip "hipproxy-gate is not built"
# The build's programs and this network's files, which are in /tmp and at home, can be seen there.
unit_run() { # [--set KEY=VALUE]...
	mkdir -p "$manager"
	start proxy unitrun "$top/tests/unitrun" --base "$manager" --folders "$HPN_DIR/tree" \
		--set "BindPaths=$HPN_DIR $HPN_BUILD" "${filters[@]}" \
		--set "ExecStartPre=$DAEMON -t -c $HPN_DIR/proxy/hipproxy.conf" \
		--set "ExecStart=$DAEMON -c $HPN_DIR/proxy/hipproxy.conf" \
		--set "ExecReload=$CTL -s $HPN_DIR/proxy/control reload" "$@" run "$unit"
	wait_for 10 test -S "$manager/control"
}
# Its sockets are where it is compiled to have them; the rest is this network's.
gate_run() {
	mkdir -p "$gate_manager" "$HPN_DIR/gate" /run/hipproxy-gate
	start proxy gate-unitrun "$top/tests/unitrun" --base "$gate_manager" --folders "$HPN_DIR/tree" \
		--set "BindPaths=$HPN_DIR $HPN_BUILD /run/hipproxy-gate" "${filters[@]}" \
		--set "ExecStart=$GATE -c $HPN_DIR/proxy/hipproxy.conf -s $HPN_DIR/gate/closed" \
		run "$gate_unit"
	wait_for 10 test -S "$gate_manager/control" && ask_gate start
}
ask_gate() { on proxy "$top/tests/unitrun" --base "$gate_manager" "$@"; }
ask() { on proxy "$top/tests/unitrun" --base "$manager" "$@"; }
state() { ask status | jq -r ".$1"; }
is() { [ "$(state "$1")" = "$2" ]; }      # KEY VALUE
more() { [ "$(state "$1")" -gt "$2" ]; }  # KEY NUMBER
end_unitrun() {
	ask quit
	stop proxy unitrun
	rm -f "$manager/control"
}
other_pid() { is state active && ! is pid "$1"; }

net_up || { fail "the network comes up"; finish; }
serve_http server
key_of proxy; key_of server
server_conf; proxy_conf
daemon_start server || { fail "the server comes up"; finish; }
for u in "$unit" "$gate_unit"; do
	sed "s,@sbindir@,/usr/sbin,; s,@bindir@,/usr/bin," "$top/conf/${u##*/}.in" >"$u"
done

# Folder and key as the package leaves them: both belong to the service's user, and nobody else may
# enter the folder.
for f in passwd group; do
	sed '/^hipproxy:/d' /etc/$f >"$HPN_DIR/$f"
done
echo 'hipproxy:x:64999:64998::/nonexistent:/usr/sbin/nologin' >>"$HPN_DIR/passwd"
echo 'hipproxy:x:64998:' >>"$HPN_DIR/group"
for f in passwd group; do mount --bind "$HPN_DIR/$f" /etc/$f || { fail "accounts"; finish; }; done
mkdir -m 700 -p "$HPN_DIR/keys" && mv "$HPN_DIR/proxy/key.pem" "$HPN_DIR/keys/proxy.pem"
sed -i "s,$HPN_DIR/proxy/key.pem,$HPN_DIR/keys/proxy.pem," "$HPN_DIR/proxy/hipproxy.conf"
chown -R 64999:64998 "$HPN_DIR/keys" "$HPN_DIR/proxy"

check "the gate starts" gate_run
unit_run
check "start returns when the daemon is ready" ask start
check "it is the main process" is pid "$(json proxy status .pid)"
check "the status tells what runs" is text "client proxy; 0 associations, 0 flows"
check "it runs as the service's user" test "$(stat -c %u "/proc/$(state pid)")" = 64999
rights() { sed -n 's/^Cap\(Prm\|Eff\|Amb\|Inh\):[^0-9]*0*//p' "/proc/$(state pid)/status" | tr -d '\n'; }
check "and has kept no right" test -z "$(rights)"
check "traffic is protected" hello client1 $SERVER4 server
check "there is an association" test "$(associations_of proxy)" = 1
check "the status is brought up to date" wait_for 15 is text "client proxy; 1 association, 1 flow"
check "the service manager's variables came to the daemon" \
	sh -c "tr '\\0' '\\n' </proc/$(state pid)/environ | grep -q '^NOTIFY_SOCKET='"
check "no message came from another process" is ignored 0
is_sanitized || check "the unit's filters and the daemon's own are there" \
	sh -c "[ \$(sed -n 's/^Seccomp_filters:[[:space:]]*//p' /proc/$(state pid)/status) -ge 3 ]"

check "reload returns when it is done" ask reload
check "the daemon has told of it" is reloads 1
check "with the time of the monotonic clock" more monotonic_usec 0
cp "$HPN_DIR/proxy/hipproxy.conf" "$HPN_DIR/good.conf"
echo "nonsense" >>"$HPN_DIR/proxy/hipproxy.conf"
reload_fails() { ! ask reload; }
check "a reload that is refused fails" reload_fails
check "the service is active all the same" is state active
check "and its status says so" is text \
	"client proxy; 1 association, 1 flow; the last reload was refused, see the log"
cp "$HPN_DIR/good.conf" "$HPN_DIR/proxy/hipproxy.conf"
check "a good one takes that back" ask reload
check "in the status, too" is text "client proxy; 1 association, 1 flow"

pid=$(state pid)
check "kill -9" ask kill KILL
check "the service comes back by itself" wait_for 20 other_pid "$pid"
check "with traffic protected" wait_for 10 hello client1 $SERVER4 server
check "it was restarted once" is restarts 1
check "stop" ask stop
check "it ended well" is result success
check "its rules are gone" sh -c "! ip netns exec $(ns proxy) iptables-save | grep -q HIPPROXY"
check "what it has closed is not" sh -c "ip -n $(ns proxy) route show table 10500 | grep -q blackhole"
check "its runtime folder is gone" test ! -e "$HPN_DIR/tree/run/hipproxy"
check "its state folder is there with its mode" test "$(stat -c %a "$HPN_DIR/tree/var/lib/hipproxy")" = 750
end_unitrun


# Nobody starts the gate here but its unit.
gate_pid() { ask_gate status | jq -r .pid; }
check "the gate has been ready" test "$(ask_gate status | jq -r .text)" = closed
pid=$(gate_pid)
check "kill -9 of the gate" ask_gate kill KILL
check "it comes back by itself" wait_for 20 sh -c "[ \"\$('$top/tests/unitrun' --base '$gate_manager' status | jq -r .pid)\" != $pid ]"

# A watchdog that is impatient: messages come, and without them the daemon is ended and comes back.
unit_run --set WatchdogSec=1s --set TimeoutStopSec=2s
check "start with a watchdog of one second" ask start
check "signs of life arrive" wait_for 20 more pings 3
pid=$(state pid)
check "SIGSTOP" ask kill STOP
check "a daemon that hangs is ended and comes back" wait_for 30 other_pid "$pid"
check "by the watchdog" grep -q "watchdog: no sign of life" "$HPN_DIR/proxy/unitrun.log"
check "stop" ask stop
end_unitrun

# A start that fails tells why: here the control socket's folder does not exist.
sed -i "s,socket = \".*\",socket = \"$HPN_DIR/no/such/control\"," "$HPN_DIR/proxy/hipproxy.conf"
unit_run --set Restart=no
start_fails() { ! ask start; }
check "a start that can't succeed fails" start_fails
check "the first error is the status" is text \
	"failed: control socket $HPN_DIR/no/such/control: No such file or directory"
check "with its number" is errno 2
end_unitrun
finish
