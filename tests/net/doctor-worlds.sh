#!/bin/bash
# SPDX-License-Identifier: MIT
# hipproxyctl doctor tells the truth under the conditions of ordinary machines: it finds something
# wrong if, and only if, protected traffic does not work, with packets captured by a queue or led
# here by routes.
if [ -z "${DOCTOR_WORLD:-}" ]; then
	. "${srcdir:-.}/tests/net/lib.sh"
	need_daemons
	for world in default hardened ubuntu docker-like firewalld-like router networkd vpn; do
		for capture in queue route; do
			HPN_WORLD=$world DOCTOR_WORLD=$capture HPN_ID=${HPN_ID}w HPN_DIR=${HPN_DIR}w \
				bash "$0" || HPN_FAILED=$((HPN_FAILED + 1))
		done
	done
	finish
fi

. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/doctor-lib.sh"
need_daemons
CLIENT_MORE="capture = \"$DOCTOR_WORLD\";"
name="$HPN_WORLD, $DOCTOR_WORLD"
net_up || { fail "$name: the network comes up"; finish; }
serve_http server
key_of proxy; key_of server
server_conf; proxy_conf
daemon_start server && daemon_start proxy || { fail "$name: the daemons come up"; finish; }
reached() { on client1 curl -gsS --max-time 4 "$(url "$1" hello)" 2>&1 | grep -q "hello from server"; }
truth() {
	doctor proxy || return 1
	if [ $works = yes ]; then [ $DOCTOR_STATUS = 0 ]; else [ $DOCTOR_STATUS = 1 ]; fi && return 0
	say "      works: $works, doctor: status $DOCTOR_STATUS, $(causes proxy)"
	tell proxy
	return 1
}
works=yes
for a in $SERVER4 $SERVER6; do reached $a || works=no; done
check "$name: works: $works, and doctor says the same" truth
check "$name: the server is healthy" healthy server
finish
