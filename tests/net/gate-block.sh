#!/bin/bash
# SPDX-License-Identifier: MIT
# Nothing of a client leaves plain because of its protocol or port: neither to a protected destination
# nor, where unknown destinations are blocked, to any.  Hosts that speak HIP are exempt by address.
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/gate-lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump nft python3
CLIENT_MORE='hip_hosts = [ "10.1.0.13", "fd01::13" ];'
protected_net
HIPHOST4=10.1.0.13 HIPHOST6=fd01::13
KINDS="udp tcp port10500 proto50 proto139 proto47 proto132 proto51 proto136 echo"

all_kinds() { # NODE SOURCE4 SOURCE6 TO4 TO6
	local kind
	for kind in $KINDS; do
		forge "$1" $kind "$2" "$4"
		forge "$1" $kind "$3" "$5"
	done
	for kind in last-first only-later overlapping; do
		odd "$1" $kind "$2" "$4"
		odd "$1" $kind "$3" "$5"
	done
	for kind in hop-by-hop destination routing atomic headers; do odd "$1" $kind "$3" "$5"; done
}
blocked() { # SENTENCE TO4 TO6
	markers_watch
	all_kinds client1 $CLIENT4 $CLIENT6 "$2" "$3"
	settled
	markers "$1"
}

check "protected traffic works" works
blocked "unknown passes, to the peer" $SERVER4 $SERVER6
markers_watch
all_kinds client1 $CLIENT4 $CLIENT6 $LEGACY4 $LEGACY6
settled
markers_some "to others all of it passes"
markers_watch
all_kinds hiphost $HIPHOST4 $HIPHOST6 $SERVER4 $SERVER6
settled
markers_some "a host that speaks HIP itself passes, whatever it sends"

CLIENT_UNKNOWN=block
proxy_conf
check "unknown = \"block\" by a reload" ctl proxy reload >/dev/null
check "protected traffic works" works
check "unknown destinations are not reached" not hello client1 $LEGACY4 legacy
check "over IPv6 neither" not hello client1 $LEGACY6 legacy
blocked "unknown blocked, to the peer" $SERVER4 $SERVER6
blocked "unknown blocked, to others" $LEGACY4 $LEGACY6
markers_watch
all_kinds hiphost $HIPHOST4 $HIPHOST6 $LEGACY4 $LEGACY6
settled
markers_some "a host that speaks HIP itself still passes"

# Each lock alone.
keepers_kill
blocked "killed, to the peer" $SERVER4 $SERVER6
blocked "killed, to others" $LEGACY4 $LEGACY6
for f in -4 -6; do
	for pref in 7 100; do while ip $f -n "$P" rule del pref $pref; do :; done; done
done 2>/dev/null
blocked "killed, rules removed, to the peer" $SERVER4 $SERVER6
blocked "killed, rules removed, to others" $LEGACY4 $LEGACY6
finish
