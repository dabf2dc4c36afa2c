#!/bin/bash
# SPDX-License-Identifier: MIT
# FTP over a link that loses and reorders segments, while the plugin changes lengths and so sequence
# numbers; and connections whose lengths have not changed, over a restart of the daemon:
#
#    client1 -- cable (loses, reorders) -- lan -- [ proxy ] -- wan -- server
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/ftp-lib.sh"
need_daemons python3 ethtool tcpdump
[ -n "$VSFTPD$PUREFTPD" ] || skip "neither vsftpd nor pure-ftpd is installed"
plugins=$HPN_BUILD/plugins/.libs
[ -f "$plugins/ftp.so" ] || skip "the ftp plugin is not built as a shared object"
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { ftp = { }; };"
HPN_NODES="$HPN_NODES cable"
LINES=300

# client1's cable goes through the node `cable`.
cable_in() {
	ip -n "$(ns client1)" link del eth0
	ip -n "$(ns client1)" link add name eth0 type veth peer name a0 netns "$(ns cable)" &&
		ip -n "$(ns client1)" addr add 10.1.0.11/24 dev eth0 &&
		ip -n "$(ns client1)" addr add fd01::11/64 dev eth0 nodad &&
		ip -n "$(ns client1)" link set dev eth0 up && ip -n "$(ns cable)" link set dev a0 up &&
		link cable b0 lan && gateway client1 $PROXY_LAN4 $PROXY_LAN6 && offloads off
}
cable_is() { # LOSS-FROM-CLIENT LOSS-TO-CLIENT REORDER
	stop cable mangle; : >"$HPN_DIR/cable/mangle.log"
	start cable mangle python3 "${srcdir:-.}/tests/net/mangle.py" a0 b0 "$1" "$2" "$3" 4711
	wait_for 20 grep -q ready "$HPN_DIR/cable/mangle.log"
}

# session.py HOST USER PASSWORD MODE ROUNDS [MARKS]: in each round a listing of $LINES lines comes over the
# control connection (STAT), and a file over a data connection whose port a PASV, EPSV or PORT has named.
# MARKS: a folder; the session says there how far it is, and waits for the file "go".
session_py() {
	cat >"$HPN_DIR/session.py" <<-'END'
		import hashlib, os, re, socket, sys, time
		host, user, pw, mode, rounds = sys.argv[1:5] + [int(sys.argv[5])]
		marks = sys.argv[6] if len(sys.argv) > 6 else None
		lines, want = int(os.environ["LINES_WANTED"]), os.environ["SHA"]
		s = socket.create_connection((host, 21), 60); s.settimeout(300)
		f = s.makefile('rb')
		def reply():
		    text = f.readline().decode()
		    if not text: raise EOFError('the control connection has ended')
		    if text[3:4] != '-': return text
		    code = text[:3]
		    while True:
		        more = f.readline().decode()
		        if not more: raise EOFError('the control connection has ended')
		        text += more
		        if more[:4] == code + ' ': return text
		def say(line, code):
		    s.sendall(line.encode() + b'\r\n'); r = reply()
		    assert r.startswith(code), (line, r)
		    return r
		def data():
		    if mode == 'port':
		        l = socket.socket(); l.bind((s.getsockname()[0], 0)); l.listen(); l.settimeout(100)
		        a = s.getsockname()[0].replace('.', ','); p = l.getsockname()[1]
		        say('PORT %s,%d,%d' % (a, p >> 8, p & 255), '200')
		        return lambda: l.accept()[0]
		    if mode == 'pasv':
		        n = [int(x) for x in re.search(r'\((.*)\)', say('PASV', '227')).group(1).split(',')]
		        port = n[4] * 256 + n[5]
		    else:
		        port = int(re.search(r'\|(\d+)\|', say('EPSV', '229')).group(1))
		    return lambda: socket.create_connection((host, port), 60)
		def transfer():
		    connect = data()
		    if mode == 'port':
		        s.sendall(b'RETR file\r\n'); d = connect(); assert reply().startswith('150')
		    else:
		        d = connect(); say('RETR file', '150')
		    d.settimeout(300); h = hashlib.sha256()
		    while True:
		        b = d.recv(65536)
		        if not b: break
		        h.update(b)
		    assert h.hexdigest() == want, 'the file is another one'
		    assert reply().startswith('226')
		def listing():
		    r = say('STAT many', '21')
		    got = sorted(set(re.findall(r'entry-\d{4}-of-the-listing', r)))
		    assert len(got) == lines, (len(got), lines)
		assert reply().startswith('220')
		r = say('USER ' + user, '331'); say('PASS ' + pw, '230'); say('TYPE I', '200')
		if os.environ.get("BEGUN"):
		    open(marks + '/begun', 'w').close()
		    while not os.path.exists(marks + '/go'): time.sleep(0.05)
		for i in range(rounds):
		    if marks:
		        open(marks + '/at-%d' % i, 'w').close()
		        while i and not os.path.exists(marks + '/go-%d' % i): time.sleep(0.05)
		    transfer(); listing()
		say('QUIT', '221')
	END
}
session() { # ADDRESS MODE ROUNDS [MARKS]
	on client1 env LINES_WANTED=$LINES SHA="$SHA" timeout 400 python3 "$HPN_DIR/session.py" "$1" "$USER_NAME" $PASSWORD "${@:2}" 2>&1 |
		tail -3
	return "${PIPESTATUS[0]}"
}

# A restart after the first round, in the middle of the dialogue.
over_a_restart() { # ADDRESS MODE
	local marks=$HPN_DIR/marks
	rm -rf "$marks"; mkdir -p "$marks"
	session "$1" "$2" 3 "$marks" & local it=$!
	wait_for 60 test -e "$marks/at-1" || return 1
	daemon_stop proxy "$3"; daemon_start proxy || return 1
	touch "$marks/go-1" "$marks/go-2"
	wait $it
}
# A transfer that is under way at the restart, on a connection that goes on with another one.
in_a_transfer() { # ADDRESS
	local marks=$HPN_DIR/marks
	rm -rf "$marks"; mkdir -p "$marks"
	SHA=$BIG_SHA session "$1" epsv 2 "$marks" & local it=$!
	touch "$marks/go-1"
	under_way client1 $it || return 1
	daemon_stop proxy KILL; daemon_start proxy || return 1
	wait $it
}
sack_seen() { [ "$(tcpdump -nr "$1" 'tcp port 21' 2>/dev/null | grep -c 'sack [0-9]* {')" -gt 0 ]; }

net_up && cable_in || { fail "the network comes up"; finish; }
trap 'net_down; user_del' EXIT
user_add || { fail "a user for the servers"; finish; }
mkdir "$HOME_DIR/many"
for i in $(seq $LINES); do : >"$HOME_DIR/many/$(printf 'entry-%04d-of-the-listing' "$i")"; done
chown -R "$USER_NAME" "$HOME_DIR"
file() { head -c "$1" /dev/urandom >"$HOME_DIR/file"; SHA=$(sha256sum <"$HOME_DIR/file" | cut -d' ' -f1); }
file 30000
session_py
key_of proxy; key_of server
server_conf; proxy_conf
daemon_start server && daemon_start proxy && cable_is 0 0 0 || { fail "the daemons and the cable come up"; finish; }
if [ -n "$VSFTPD" ]; then serve_vsftpd; else serve_pureftpd; fi

check "PASV without loss" session $SERVER4 pasv 2
capture_start client1 eth0 "tcp port 21"
for kind in "0 0 0.3" "0.1 0.1 0.1" "0.3 0 0" "0 0.3 0"; do
	check "the cable: loss from the client, loss to it, and reordering of $kind" cable_is $kind
	for mode in pasv port; do check "IPv4, $mode" session $SERVER4 $mode 1; done
	check "IPv6, EPSV" session $SERVER6 epsv 1
	stop cable mangle
	say "      $(tail -1 "$HPN_DIR/cable/mangle.log")"
done
capture_stop client1 eth0
check "the control connection has used SACK" sack_seen "$HPN_DIR/client1/eth0.pcap"
cable_is 0 0 0

# Lengths that were never changed: IPv6 with EPSV.  And a control connection that has only begun.
for signal in TERM KILL; do
	check "a control connection goes on after a restart ($signal)" over_a_restart $SERVER6 epsv $signal
done
file 40000000; BIG_SHA=$SHA
check "and with a transfer under way" in_a_transfer $SERVER6
file 30000
begun_only() {
	local marks=$HPN_DIR/marks
	rm -rf "$marks"; mkdir -p "$marks"
	BEGUN=1 session $SERVER4 pasv 2 "$marks" & local it=$!
	wait_for 60 test -e "$marks/begun" || return 1
	daemon_stop proxy KILL; daemon_start proxy || return 1
	touch "$marks/go" "$marks/go-1"
	wait $it
}
check "one without a changed line yet can begin PASV after a restart" begun_only
finish
