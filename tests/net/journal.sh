#!/bin/bash
# SPDX-License-Identifier: MIT
# The daemon as a service whose standard error is the journal: entries with fields, and lines on
# standard error while the journal does not run.  The journal is the test's own.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat
net_up && serve_http server || { fail "the network comes up"; finish; }
key_of proxy; key_of server
server_conf; proxy_conf
d=$HPN_DIR/proxy
mkdir -p "$d/conf.d"
echo 'log = { target = "auto"; };' >"$d/conf.d/log.conf"

# ip netns exec gives each process mounts of its own, so /run is nobody else's.
cat >"$d/service" <<'END'
mount -t tmpfs none /run && mkdir -p /run/systemd/journal || exit 1
socat -u UNIX-RECV:/run/systemd/journal/socket "CREATE:$1/entries" &
echo $! >"$1/journal.pid"
while [ ! -S /run/systemd/journal/socket ]; do kill -0 $! || exit 1; sleep 0.05; done
JOURNAL_STREAM=$(stat -c %d:%i "$1/hipproxyd.log") exec "$2" -c "$1/hipproxy.conf"
END
daemon_start server || { fail "the server's daemon comes up"; finish; }
start proxy hipproxyd sh "$d/service" "$d" "$DAEMON"
check "the daemon comes up" wait_for 15 ctl proxy status

entry() { grep -aqx "$1" "$d/entries"; } # FIELD=VALUE
check "entries come to the journal" wait_for 5 entry "SYSLOG_IDENTIFIER=hipproxyd"
check "with their text" wait_for 5 entry "MESSAGE=core: ready: client proxy"
check "and priority" entry "PRIORITY=5"
check "traffic" hello client1 $SERVER4 server
check "the peer's HIT is a field" wait_for 5 entry "HIP_PEER=$(hit_of server)"
check "so is its address" entry "HIP_PEER=$SERVER4"
check "and what happened" entry "HIP_REASON=up"
check "nothing went to standard error" test ! -s "$d/hipproxyd.log"
stop proxy journal
check "reload without a journal" ctl proxy reload
check "then lines go to standard error, with priorities" \
	grep -q '^<5>conf: .*: reloaded$' "$d/hipproxyd.log"
finish
