#!/bin/bash
# SPDX-License-Identifier: MIT
# A full disk: traffic goes on, the files of the daemon stay as they were, it is said, and when there is room
# again all is written.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat mount python3
disk=$HPN_DIR/disk
mkdir -p "$disk" && mount -t tmpfs -o size=256k,mode=755 none "$disk" || skip "no tmpfs can be mounted here"
over() { net_down; umount "$disk" 2>/dev/null; rm -rf "$HPN_DIR"; }
server_peer() { :; }
SERVER_HIP='opportunistic_responder = "on";'
PROXY_MORE="hip = { opportunistic_initiator = \"pinned\"; pins = \"$disk/pins\"; revoked = \"$disk/revoked\"; };
	pidfile = \"$disk/pid\"; esp = { keylog = \"$disk/keys\"; };"
protected_net
trap over EXIT
sed -i "s|state = \".*\"|state = \"$disk/state\"|" "$HPN_DIR/proxy/hipproxy.conf"
not() { ! "$@"; }
fill() { dd if=/dev/zero of="$disk/filler" bs=1k 2>/dev/null; }
finding() { ctl proxy --json status | jq -e "[.findings[] | select(.id == \"file-write\" and (.text | test(\"$1\")))] | length > 0" >/dev/null; }
event() { ctl proxy events --no-follow --kind file | jq -e -s "[.[] | select(.why | test(\"$1\"))] | length > 0" >/dev/null; }

# A first pin, so that there is something to lose.
daemon_stop proxy
check "with room" daemon_start proxy
check "a first pin" hello client1 $SERVER4 server
check "is written" wait_for 10 grep -q "^$SERVER4 " "$disk/pins"
ctl proxy revoke 2001:20::1 >/dev/null
check "so is a revocation" wait_for 10 grep -q "^2001:20::1 " "$disk/revoked"
sums() { sha256sum "$disk/pins" "$disk/revoked"; }
before=$(sums)

fill
check "the disk is full: another pin counts" hello client2 $SERVER6 server
check "another revocation" ctl proxy revoke 2001:20::2
check "is said in the log" wait_for 10 grep -q "file: $disk/revoked can't be written: No space left" "$HPN_DIR/proxy/hipproxyd.log"
check "and the pin's" wait_for 10 event "disk/pins can't be written: No space left"
check "doctor finds both" eval 'finding disk/pins && finding disk/revoked'
check "the old files are as they were" test "$(sums)" = "$before"
check "it is in force" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' revoke | grep -qx 2001:20::2"
ctl proxy close "$(hit_of server)" >/dev/null
check "traffic goes on" wait_for 20 hello client1 $SERVER4 server
keys_lost() { ctl proxy close "$(hit_of server)"; hello client1 $SERVER4 server; event "disk/keys can't be written"; }
check "keys that are not written are an event" wait_for 60 keys_lost

"$CTL" keygen "$disk/key.pem" >/dev/null 2>"$HPN_DIR/keygen"
check "keygen says that the disk is full" test $? != 0 -a -s "$HPN_DIR/keygen"
check "and leaves no half key" not test -e "$disk/key.pem"

rm "$disk/filler"
check "with room again all is written" wait_for 30 grep -q "^$SERVER6 " "$disk/pins"
check "the revocation too" wait_for 30 grep -q "^2001:20::2 " "$disk/revoked"
check "that is said" wait_for 10 event "disk/pins can be written again"
check "and found no more" not finding disk/

fill
daemon_stop proxy
check "a start with a full disk" daemon_start proxy
check "protects" wait_for 20 hello client1 $SERVER4 server
check "with what was revoked" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' revoke | grep -qx 2001:20::2"

# The state file: 1024 records fit without growing.
conversations() { # FIRST LAST: one of each source port
	on client1 python3 -c "
import socket
for port in range($1, $2):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('', port))
    s.sendto(b'x', ('$SERVER4', 9))"
}
flows() { json proxy status .counts.flows; }
have() { [ "$(flows)" -ge "$1" ]; }
conversations 10000 10600
check "connections that were there before" wait_for 20 have 600
conversations 10600 11800
check "more than the file has room for" wait_for 20 have 1800
check "is said in the log" wait_for 10 grep -q "file: $disk/state can't be written: No space left" "$HPN_DIR/proxy/hipproxyd.log"
check "it is an event" event "disk/state can't be written: No space left"
check "doctor finds it" finding "disk/state can't grow: No space left"
daemon_stop proxy
check "a restart with the disk still full" daemon_start proxy
check "what was stored before is there" have 600
check "as many as fit" have 1000
client_port() { timeout 20 "$CTL" -s "$HPN_DIR/proxy/control" --json flows | jq -e "[.flows[] | select(.legacy_port == $1)] | length == 1" >/dev/null; }
check "the first and the last of them" eval 'client_port 10000 && client_port 10599'
daemon_stop proxy
rm "$disk/state"
fill
check "a start without room for the file" daemon_start proxy
check "works" wait_for 20 hello client1 $SERVER4 server
check "that is an event" event "disk/state can't be used: No space left"
check "and a finding" finding "disk/state can't be used since the start: No space left"
check "hipproxyd is told what to do" sh -c "'$CTL' -s '$HPN_DIR/proxy/control' --json status | jq -r '.findings[].cure' | grep -q 'df -h $disk/state'"

daemon_stop proxy KILL
rm "$disk/filler"
printf '%s' "$(head -c 30 "$disk/pins")" >"$disk/pins" # as after a crash of something else
check "a file that was cut does not stop the start" daemon_start proxy
check "traffic is protected" wait_for 20 hello client2 $SERVER6 server
finish
