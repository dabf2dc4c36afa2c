#!/bin/bash
# SPDX-License-Identifier: MIT
# A reload forbids what was begun by this machine: the peer was met by an opportunistic exchange, which
# is off now.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat python3
here=${srcdir:-.}/tests/net
with_peer=
eval "named_$(declare -f server_peer)"
server_peer() { [ -z "$with_peer" ] || named_server_peer; }
SERVER_HIP='opportunistic_responder = "on"; puzzle_k = 0;'
on_='hip = { opportunistic_initiator = "on"; };' off_='hip = { opportunistic_initiator = "off"; };'
PROXY_MORE=$on_
protected_net
not() { ! "$@"; }
start server cat socat TCP6-LISTEN:7001,fork,reuseaddr EXEC:cat
wait_port server 7001
events() { ctl proxy events --no-follow | jq -e -s "[.[] | select($1)] | length > 0" >/dev/null; }
connect() { start client1 "$1" python3 "$here/conn.py" $SERVER4 7001; wait_for 15 grep -q up "$HPN_DIR/client1/$1.log"; }
# Its client is not told: its packets are not led here any more.
cut_ones() { ctl proxy events --no-follow --kind connections-cut | jq -s '[.[].why | match("[0-9]+$").string | tonumber] | add // 0'; }
up() { [ "$(json proxy associations '[.associations[] | select(.state == "ESTABLISHED")] | length')" = 1 ]; }
spi() { json proxy associations '[.associations[] | select(.state == "ESTABLISHED")][0].spi_out'; }
reload() { proxy_conf; ctl proxy reload; }

check "met by an opportunistic exchange" hello client1 $SERVER4 server
check "a connection is up" connect first
check "protected" up

before=$(spi) with_peer=yes PROXY_MORE=$off_
check "opportunistic exchanges are off, but the peer is configured" reload
check "the association stays" test "$(spi)" = "$before" -a -n "$before"
check "and works" hello client2 $SERVER4 server
check "its connection too" not grep -q reset "$HPN_DIR/client1/first.log"

with_peer='' PROXY_MORE=$on_
check "opportunistic exchanges are on, the peer is not configured" reload
check "a connection of the same association, or of another one" connect second
PROXY_MORE=$off_ CLIENT_UNKNOWN=block
check "they are off, the unknown is blocked" reload
check "the association is closed" wait_for 15 not up
check "an event says why" events '.event == "association-closed" and (.why | test("removed|opportunistic"))'
check "the connections are cut" wait_for 15 eval '[ "$(cut_ones)" -ge 1 ]'
check "there is no other" not env HELLO_S=2 bash -c "HPN_ID=$HPN_ID; . '$here/lib.sh'; hello client1 $SERVER4 server"

PROXY_MORE=$on_ CLIENT_UNKNOWN=pass
check "on again" reload
works() { hello client1 $SERVER4 server && up; }
check "met again" wait_for 30 works
check "a connection is up" connect third
before=$(cut_ones) PROXY_MORE=$off_
check "off, the unknown may pass" reload
check "the association is closed" wait_for 15 not up
check "the event says why" events '.event == "association-closed" and (.why | test("opportunistic"))'
check "the connection is cut" wait_for 15 eval '[ "$(cut_ones)" -ge "$((before + 1))" ]'
check "another one passes" hello client1 $SERVER4 server
check "without an association" not up
finish
