#!/bin/bash
# SPDX-License-Identifier: MIT
# FTP to an IPv4 server behind a server-side proxy: from a HIP host, and gateway to gateway.
. "${srcdir:-.}/tests/net/lib.sh"
FTP_NODE=plain KNOWN=$KNOWN4
. "${srcdir:-.}/tests/net/ftp-lib.sh"
need_daemons lftp curl tnftp wget python3
[ -n "$VSFTPD$PUREFTPD" ] || skip "neither vsftpd nor pure-ftpd is installed"
plugins=$HPN_BUILD/plugins/.libs
for p in server ftp; do [ -f "$plugins/$p.so" ] || skip "the $p plugin is not built as a shared object"; done
HPN_NODES="$HPN_NODES plain"
web_hit() { "$CTL" hit "$HPN_DIR/server/web.pem"; }
server_peer() {
	echo "peers = ( { hit = \"$(web_hit)\"; addresses = [ \"$SERVER4\" ]; serves = [ \"$KNOWN4/32\" ]; } );"
}
PROXY_MORE="plugin_dir = \"$plugins\"; plugins = { ftp = { }; };"
# Only port 21 is hosted: data connections come in because they were announced.
gateway_conf() {
	cat >"$HPN_DIR/server/hipproxy.conf" <<-END
		identities = ( { name = "gateway"; key = "$HPN_DIR/server/key.pem"; },
			{ name = "web"; key = "$HPN_DIR/server/web.pem"; } );
		control = { socket = "$HPN_DIR/server/control"; };
		log = { level = "${HPN_LOG:-info}"; };
		plugin_dir = "$plugins";
		plugins = { ftp = { };
			server = { hosted = ( { identity = "web"; server = "$PLAIN4";
					ports = ( { protocol = "tcp"; port = 21; } ); } );
				pool4 = "10.99.0.0/24"; mapping = "$HPN_DIR/server/clients"; }; };
	END
}
net_up && plain_up || { fail "the network comes up"; finish; }
trap 'net_down; user_del' EXIT
user_add || { fail "a user for the servers"; finish; }
head -c "$SIZE" /dev/urandom >"$HOME_DIR/big"
key_of proxy; key_of server; key_of hiphost; "$CTL" keygen "$HPN_DIR/server/web.pem" >/dev/null
gateway_conf; proxy_conf; hiphost_conf
daemon_start server && daemon_start proxy && daemon_start hiphost ||
	{ fail "the daemons come up"; finish; }
for DAEMON_NAME in vsftpd pure-ftpd; do
	case $DAEMON_NAME in
	pure-ftpd) [ -n "$PUREFTPD" ] && serve_pureftpd || continue ;;
	vsftpd) [ -n "$VSFTPD" ] && serve_vsftpd || continue ;;
	esac
	at client1 $KNOWN4; matrix
	at hiphost "$(web_hit)"
	for c in curl_ tnftp_ py; do cell $c eactive; cell $c epassive; done
	cell lftp_ active; cell lftp_ epassive; cell wget_ active; cell wget_ passive
	check "$DAEMON_NAME: two clients at once" two_at_once
	stop plain ftpd
done
finish
