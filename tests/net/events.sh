#!/bin/bash
# SPDX-License-Identifier: MIT
# What a reload or revoke forbids ends at once, and security events tell of it, with who and why.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat python3
here=${srcdir:-.}/tests/net
PROXY_MORE="hip = { revoked = \"$HPN_DIR/proxy/revoked\"; };"
SERVER_HIP="puzzle_k = 0; revoked = \"$HPN_DIR/server/revoked\";"
protected_net
not() { ! "$@"; }
start server cat socat TCP6-LISTEN:7001,fork,reuseaddr EXEC:cat
wait_port server 7001
# events NODE FILTER: true if an event that is kept matches.
events() { ctl "$1" events --no-follow | jq -e -s "[.[] | select($2)] | length > 0" >/dev/null; }
connect() { start client1 "$1" python3 "$here/conn.py" $SERVER4 7001; wait_for 15 grep -q up "$HPN_DIR/client1/$1.log"; }
ended() { wait_for 15 grep -q "^$2\$" "$HPN_DIR/client1/$1.log"; }
up() { [ "$(json "$1" associations '[.associations[] | select(.state == "ESTABLISHED")] | length')" = 1 ]; }
not_up() { ! up "$1"; }
proxy=$(hit_of proxy) server=$(hit_of server)

check "no events at first but those of the control socket" not events proxy '.event != "control"'
start proxy follow "$CTL" -s "$HPN_DIR/proxy/control" events
check "protected" hello client1 $SERVER4 server
check "a command is an event, with the user" ctl proxy reload
check "kept" events proxy '.event == "control" and .uid == 0 and .pid > 0 and .why == "reload"'
check "so is the reload" events proxy '.event == "reload" and (.why | test("reloaded$"))'
check "who follows sees it at once" wait_for 10 grep -q '"event":"reload"' "$HPN_DIR/proxy/follow.log"
echo 'nonsense = 1;' >>"$HPN_DIR/proxy/hipproxy.conf"
check "a refused reload is one" not ctl proxy reload 2>/dev/null
check "with the reason" events proxy '.event == "reload" and (.why | test("refused"))'
proxy_conf
check "-n: the last one" test "$(ctl proxy events --no-follow -n 1 | wc -l)" = 1
check "--kind" test "$(ctl proxy events --no-follow --kind reload | jq -r .event | sort -u)" = reload
check "--since" test -n "$(ctl proxy events --no-follow --since 1h)"
check "an unknown kind is refused" not ctl proxy events --no-follow --kind nothing 2>/dev/null
sleep 1.1 # the age that is asked for
check "--since: nothing that young" test -z "$(ctl proxy events --no-follow --kind reload --since 1)"

# --- a rule that denies cuts what runs
check "a connection is up" connect idle
check "an idle one and one that writes" eval 'start client2 busy python3 "$here/conn.py" $SERVER4 7001 -v; wait_for 15 grep -q up "$HPN_DIR/client2/busy.log"'
CLIENT_MORE='rules = ( { destination = "192.0.2.80/32"; protocol = "tcp"; ports = 7001; action = "block"; } );'
proxy_conf
check "a rule that blocks it is loaded" ctl proxy reload
check "the idle client is told" ended idle reset
check "so is the other" wait_for 15 grep -q '^reset$' "$HPN_DIR/client2/busy.log"
check "others go on" hello client1 $SERVER4 server
check "an event says how many" events proxy '.event == "connections-cut" and (.why | test("were cut: 2$"))'
check "a new one is denied, with the client" not connect denied
check "which is an event" events proxy '.event == "connection-denied" and .client == "10.1.0.11" and .port == 7001'
check "and in the log" grep -q 'connection-denied: at 192.0.2.80 client 10.1.0.11' "$HPN_DIR/proxy/hipproxyd.log"
CLIENT_MORE=
proxy_conf
check "without the rule" ctl proxy reload
check "it works again" connect again

# --- revoke
check "revoke" ctl proxy revoke "$server" "stolen on Monday"
check "the connection is reset" ended again reset
check "the association is gone" wait_for 10 not_up proxy
check "nothing reaches the server" not env HELLO_S=2 bash -c "HPN_ID=$HPN_ID; . '$here/lib.sh'; hello client1 $SERVER4 server"
check "it is listed" test "$(ctl proxy revoke)" = "$server"
check "and in the file, with the reason" wait_for 10 grep -q "^$server # .* stolen on Monday$" "$HPN_DIR/proxy/revoked"
check "twice is refused" not ctl proxy revoke "$server" 2>/dev/null
check "our own is refused" not ctl proxy revoke "$proxy" 2>/dev/null
daemon_stop proxy; daemon_start proxy
check "after a restart too" not env HELLO_S=2 bash -c "HPN_ID=$HPN_ID; . '$here/lib.sh'; hello client1 $SERVER4 server"
check "a reload changes nothing" ctl proxy reload
check "still listed" test "$(ctl proxy revoke)" = "$server"
check "the undoing" ctl proxy revoke --undo "$server"
check "is in the file" wait_for 10 not grep -q "$server" "$HPN_DIR/proxy/revoked"
works() { hello client1 $SERVER4 server; }
check "and it works again" wait_for 20 works

# --- who begins is refused
check "the server revokes the proxy" ctl server revoke "$proxy"
refused() { hello client1 $SERVER4 server; events server ".event == \"exchange-refused\" and .peer == \"$proxy\" and .address == \"$PROXY_WAN4\" and (.why | test(\"revoked\"))"; }
check "its exchanges are refused, with HIT, address and reason" wait_for 20 refused
check "the proxy has an event of the failure" wait_for 20 events proxy ".event == \"exchange-failed\" and .peer == \"$server\""
check "undone" ctl server revoke --undo "$proxy"
check "works" wait_for 30 works

# --- rules of the host role
sed -i 's/accept_default = "allow"/accept_default = "deny"/' "$HPN_DIR/server/hipproxy.conf"
check "up" up server
check "the server's reload denies it" ctl server reload
check "the association is closed" wait_for 10 not_up server
check "an event" events server ".event == \"association-closed\" and .peer == \"$proxy\""
sed -i 's/accept_default = "deny"/accept_default = "allow"/' "$HPN_DIR/server/hipproxy.conf"
ctl server reload >/dev/null
check "allowed again" wait_for 30 works

# --- forged packets
spi=$(json proxy associations '[.associations[] | select(.state == "ESTABLISHED")][0].spi_in')
on legacy python3 -c "
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 50)
for i in range(200):
    s.sendto(struct.pack('>II', $spi, 1000000 + i) + bytes(64), ('$PROXY_WAN4', 0))"
check "a forged ESP packet is one, with its address" wait_for 10 events proxy ".event == \"bad-icv\" and .address == \"$LEGACY4\""
check "not each of 200" test "$(ctl proxy events --no-follow --kind bad-icv | wc -l)" -lt 150

# --- top
fetch client1 $SERVER4 big & big=$!
check "top, as lines of JSON" test "$(ctl proxy --json top -d 1 -n 2 | jq -s 'length == 2 and ([.[].rows[0].legacy] | index("10.1.0.11") != null)')" = true
wait $big
check "by client, as text" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' top --by clients -d 1 -n 1 | grep -q 'associations,'"
check "by association" test "$(ctl proxy --json top --by associations -d 1 -n 1 | jq -r .by)" = associations
check "a wrong order is refused" not ctl proxy top --by nothing 2>/dev/null
finish
