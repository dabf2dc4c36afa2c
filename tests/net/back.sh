#!/bin/bash
# SPDX-License-Identifier: MIT
# Connections back, as docs/gateways.md has them: both gateways have both roles.  A DICOM archive behind
# one sends its images to a viewer behind the other (C-MOVE), and SNMP traps go the same way.
#
#    client1 (viewer, trap receiver) -- [ proxy ] -- wan -- [ server ] -- plain (archive, agent)
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons python3 tcpdump dcmqrscp movescu storescu dump2dcm snmptrap
SNMPTRAPD=${SNMPTRAPD:-$(command -v snmptrapd)}
[ -n "$SNMPTRAPD" ] || skip "snmptrapd is not installed"
plugins=$HPN_BUILD/plugins/.libs
for p in server icmp; do [ -f "$plugins/$p.so" ] || skip "the $p plugin is not built as a shared object"; done
HPN_NODES="$HPN_NODES plain"
VIEWER4=10.8.0.11 VIEWER6=fd08::11
hit_in() { "$CTL" hit "$HPN_DIR/$1.pem"; }
key_in() { "$CTL" keygen "$HPN_DIR/$1.pem" >/dev/null; }

# gateway_conf NODE OWN-IDENTITY HOSTED SERVER4 SERVER6 POOL4 POOL6 NETWORKS PEERS: one with both roles.
gateway_conf() {
	cat >"$HPN_DIR/$1/hipproxy.conf" <<-EOF
		identities = ( { name = "gateway"; key = "$HPN_DIR/$2.pem"; },
			{ name = "hosted4"; key = "$HPN_DIR/${3}4.pem"; }, { name = "hosted6"; key = "$HPN_DIR/${3}6.pem"; } );
		control = { socket = "$HPN_DIR/$1/control"; };
		state = "$HPN_DIR/$1/state"; log = { level = "${HPN_LOG:-info}"; };
		client = { enabled = true; networks = [ $8 ]; };
		peers = ( $9 );
		plugin_dir = "$plugins";
		plugins = { icmp = { };
			server = { hosted = ( { identity = "hosted4"; server = "$4"; }, { identity = "hosted6"; server = "$5"; } );
				pool4 = "$6"; pool6 = "$7"; mapping = "$HPN_DIR/$1/clients"; }; };
	EOF
}
peer() { echo "{ hit = \"$(hit_in "$1")\"; addresses = [ \"$2\" ]; serves = [ \"$3\" ]; }"; } # KEY ADDRESS SERVES
archive_peers() { echo "$(peer archive4 $SERVER4 $KNOWN4/32), $(peer archive6 $SERVER6 $KNOWN6/128)"; }
viewer_peers() { echo "$(peer viewer4 $PROXY_WAN4 $VIEWER4/32), $(peer viewer6 $PROXY_WAN6 $VIEWER6/128)"; }
both_roles() {
	gateway_conf proxy gateway1 viewer 10.1.0.11 fd01::11 10.98.0.0/24 fd98::/112 '"10.1.0.0/24", "fd01::/64"' "$(archive_peers)"
	gateway_conf server gateway2 archive $PLAIN4 $PLAIN6 10.99.0.0/24 fd99::/112 '"10.2.0.0/24", "fd02::/64"' "$(viewer_peers)"
}
# Each with the role that it needs for connections of the viewer alone.
one_role() {
	PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { icmp = { }; };"
	server_peer() { echo "peers = ( $(archive_peers) );"; }
	cp "$HPN_DIR/gateway1.pem" "$HPN_DIR/proxy/key.pem"
	proxy_conf
	gateway_conf server gateway2 archive $PLAIN4 $PLAIN6 10.99.0.0/24 fd99::/112 '"10.250.0.0/24"' ""
}

# ---- DICOM: an archive with one image, and a viewer that asks it to send that to AE title VIEWER

image() {
	mkdir -p "$HPN_DIR/archive" "$HPN_DIR/viewer"
	cat >"$HPN_DIR/image.dump" <<-'END'
		(0008,0016) UI =SecondaryCaptureImageStorage
		(0008,0018) UI [1.2.826.0.1.3680043.2.1.1]
		(0008,0020) DA [20260101]
		(0008,0060) CS [OT]
		(0010,0010) PN [PLAINTEXT-MARKER-4711]
		(0010,0020) LO [4711]
		(0020,000d) UI [1.2.826.0.1.3680043.2.1]
		(0020,000e) UI [1.2.826.0.1.3680043.2.1.0]
		(0028,0002) US 1
		(0028,0004) CS [MONOCHROME2]
		(0028,0010) US 2
		(0028,0011) US 2
		(0028,0100) US 8
		(0028,0101) US 8
		(0028,0102) US 7
		(0028,0103) US 0
		(7fe0,0010) OB 01\02\03\04
	END
	dump2dcm "$HPN_DIR/image.dump" "$HPN_DIR/image.dcm" >/dev/null
}
# The archive knows the viewer by an address that its gateway serves.
serve_archive() { # VIEWER'S ADDRESS
	cat >"$HPN_DIR/dcmqrscp.cfg" <<-END
		NetworkTCPPort = 11112
		MaxPDUSize = 16384
		MaxAssociations = 16
		HostTable BEGIN
		viewer = (VIEWER, $1, 11113)
		HostTable END
		VendorTable BEGIN
		VendorTable END
		AETable BEGIN
		ARCHIVE $HPN_DIR/archive RW (10, 10mb) ANY
		AETable END
	END
	start plain archive dcmqrscp -dhl -c "$HPN_DIR/dcmqrscp.cfg"
	wait_port plain 11112
}
c_move() { # ADDRESS OF THE ARCHIVE [SECONDS]
	rm -f "$HPN_DIR"/viewer/*
	on client1 timeout "${2:-40}" movescu -dhl -S -aet VIEWER -aec ARCHIVE -aem VIEWER +P 11113 -od "$HPN_DIR/viewer" \
		-k QueryRetrieveLevel=STUDY -k StudyInstanceUID=1.2.826.0.1.3680043.2.1 "$1" 11112 >"$HPN_DIR/movescu.log" 2>&1
	[ "$(find "$HPN_DIR/viewer" -type f | wc -l)" = 1 ]
}

# ---- SNMP: an agent sends its traps

trapped() { # WORD
	grep -q "$1" "$HPN_DIR/client1/snmptrapd.log"
}
trap_to() { # ADDRESS OF THE RECEIVER, WORD
	local try
	for try in 1 2 3; do
		on plain snmptrap -v 2c -c public "$1" '' 1.3.6.1.4.1.8072.2.3.0.1 1.3.6.1.4.1.8072.2.3.2.1 s "$2" 2>/dev/null
		wait_for "${TRAP_S:-5}" trapped "$2" && return 0
	done
	return 1
}
no_trap() { ! TRAP_S=2 trap_to "$@"; }
no_move() { ! c_move "$@"; }

net_up && plain_up || { fail "the network comes up"; finish; }
ip -n "$(ns server)" route add $VIEWER4/32 via $PROXY_WAN4
ip -n "$(ns server)" -6 route add $VIEWER6/128 via $PROXY_WAN6
for k in gateway1 gateway2 viewer4 viewer6 archive4 archive6; do key_in $k; done
image || { fail "an image"; finish; }
start client1 snmptrapd "$SNMPTRAPD" -f -Lo -C --disableAuthorization=yes -p "$HPN_DIR/client1/trapd.lock" udp:162 udp6:162
wait_port client1 162
start client1 web python3 -m http.server --bind :: --directory "$HPN_DIR" 8104; wait_port client1 8104
serve_archive $VIEWER4
one_role
daemon_start server && daemon_start proxy || { fail "the daemons come up"; finish; }
stored() { on client1 timeout 40 storescu -aet VIEWER -aec ARCHIVE "$KNOWN4" 11112 "$HPN_DIR/image.dcm" >/dev/null 2>&1; }
check "the viewer stores an image" stored
check "with one role each, C-MOVE has no way back" no_move $KNOWN4 15
check "nor have traps" no_trap $VIEWER4 too-early

daemon_stop proxy; daemon_stop server
both_roles
check "both roles at both gateways" daemon_start server
daemon_start proxy
capture_start proxy wan0
check "C-MOVE: the archive sends the image to the viewer" c_move $KNOWN4
check "the image is the one that was stored" sh -c "dcmdump '$HPN_DIR'/viewer/* | grep -q $MARKER"
check "a trap arrives" trap_to $VIEWER4 trap-by-ipv4
check "and with IPv6" trap_to "udp6:[$VIEWER6]" trap-by-ipv6
check "a page of the viewer, with IPv6" sh -c "ip netns exec $(ns plain) curl -gsS --max-time 20 'http://[$VIEWER6]:8104/image.dcm' | cmp -s - '$HPN_DIR/image.dcm'"
capture_stop proxy wan0
check "nothing but ESP and HIP went over the wire" test "$(packets "$HPN_DIR/proxy/wan0.pcap" "not arp and not icmp6 and not ip proto 139 and not ip proto 50 and not ip6 proto 139 and not ip6 proto 50")" = 0
check "no text in what was captured" sh -c "! grep -qaE '$MARKER|trap-by|ARCHIVE' $HPN_DIR/proxy/wan0.pcap"
# A restart of either side loses neither direction.
daemon_stop proxy; check "the viewer's gateway starts again" daemon_start proxy
check "C-MOVE" c_move $KNOWN4
check "a trap" trap_to $VIEWER4 trap-again
finish
