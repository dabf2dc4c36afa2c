#!/bin/bash
# SPDX-License-Identifier: MIT
# FTP from legacy clients to a HIP server: real clients x real servers x modes, with the plugin and
# without.  HPN_FULL=1: 200 MB in every cell; else 2 MB, and 200 MB once.
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/ftp-lib.sh"
need_daemons lftp curl tnftp wget python3
[ -n "$VSFTPD$PUREFTPD" ] || skip "neither vsftpd nor pure-ftpd is installed"
[ -f "$HPN_BUILD/plugins/.libs/ftp.so" ] || skip "the ftp plugin is not built as a shared object"
PLUGIN="plugin_dir = \"$HPN_BUILD/plugins/.libs\"; plugins = { ftp = { }; };"

# The two failures that this plugin is for.
refuses() { # MODE TEXT
	at client1 $SERVER4
	tnftp_ get "$1" big "$HPN_DIR/client1/none"
	grep -q "$2" "$HPN_DIR/out.client1"
}

net_up || { fail "the network comes up"; finish; }
trap "net_down; user_del" EXIT
user_add || { fail "a user for the servers"; finish; }
head -c $SIZE /dev/urandom >"$HOME_DIR/big"
key_of proxy; key_of server
server_conf; daemon_start server
PROXY_MORE=; proxy_conf; daemon_start proxy || finish

if [ -n "$PUREFTPD" ]; then
	DAEMON_NAME=pure-ftpd
	serve_pureftpd
	check "without the plugin: pure-ftpd won't open a connection" refuses active "^500 I won't open a connection to .* (only to 2001:"
	check "without the plugin: pure-ftpd wants EPSV" refuses passive "^425 You cannot use PASV on IPv6 connections"
	stop server ftpd
fi
PROXY_MORE=$PLUGIN; restart_proxy
# pure-ftpd leaves connections in TIME-WAIT from which vsftpd can't take port 20.
for DAEMON_NAME in vsftpd pure-ftpd; do
	case $DAEMON_NAME in
	pure-ftpd) [ -n "$PUREFTPD" ] && serve_pureftpd || continue ;;
	vsftpd) [ -n "$VSFTPD" ] && serve_vsftpd || continue ;;
	esac
	at client1 $SERVER4; matrix
	at client1 $SERVER6; cell curl_ eactive; cell curl_ epassive; cell lftp_ active; cell py active
	check "$DAEMON_NAME: two clients at once" two_at_once
	check "$DAEMON_NAME: a download is resumed" resume
	check "$DAEMON_NAME: octet by octet" drip nodelay
	check "$DAEMON_NAME: octet by octet, each waiting for the last" drip nagle
	stop server ftpd
done
if [ -z "${HPN_FULL:-}" ] && [ -z "${HPN_SHORT:-}" ] && [ -n "$PUREFTPD" ]; then
	DAEMON_NAME=pure-ftpd
	head -c 200000000 /dev/urandom >"$HOME_DIR/big"
	serve_pureftpd
	at client1 $SERVER4; cell tnftp_ active; cell curl_ passive
fi
finish
