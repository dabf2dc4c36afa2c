#!/bin/bash
# SPDX-License-Identifier: MIT
# hipproxyctl doctor names what is wrong with a configuration, whether the daemon runs or not.
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/doctor-lib.sh"
need_daemons
net_up || { fail "the network comes up"; finish; }
key_of proxy; key_of server
server_conf; proxy_conf
conf=$HPN_DIR/proxy/hipproxy.conf key=$HPN_DIR/proxy/key.pem
cp "$conf" "$conf.good"
check "the server comes up" daemon_start server

# named CAUSE [LINE]: by the file alone; with LINE, the finding says where.
named() {
	names proxy "$1" -c "$conf" && { [ -z "${2:-}" ] ||
		jq -r '.findings[].text' "$HPN_DIR/proxy/doctor.json" | grep -q "hipproxy.conf:$2: "; }
}
good() { cp "$conf.good" "$conf"; }

check "no daemon: that is all" names proxy not-running -c "$conf"
check "a file that is not there" names proxy config -c "$HPN_DIR/proxy/nothing.conf"

sed -i '2s/^/opportunistic = true;\n/' "$conf"
check "an unknown key" named unknown-key 2
good
sed -i 's/unknown = "pass"/unknown = "maybe"/' "$conf"
check "a value that cannot be" named config "$(grep -n maybe "$conf" | cut -d: -f1)"
good
echo 'client = {' >>"$conf"
check "a syntax error" named config
good

mv "$key" "$key.away"
check "a key file that is missing" named key-missing
mv "$key.away" "$key"
chmod 644 "$key"
check "a key file that others may read" named key-mode
chmod 600 "$key"
mv "$key" "$key.away"; echo nonsense >"$key"; chmod 600 "$key"
check "a key file without a key" named key-bad
mv -f "$key.away" "$key"

cp "$HPN_DIR/server/key.pem" "$key.copy"
sed -i "s|$key|$key.copy|" "$conf"
doctor proxy -c "$conf"
check "both ends have the same key" test "$(real_causes proxy)" = "not-running same-key"
good

# --- the daemon runs, the file was changed since
check "the proxy comes up" daemon_start proxy
check "healthy" healthy proxy
sed -i '2s/^/opportunistic = true;\n/' "$conf"
check "it runs, but could not be started again: an unknown key" names proxy unknown-key
good
mv "$key" "$key.away"
check "it runs, but its key is gone" names proxy key-missing
mv "$key.away" "$key"
chmod 640 "$key"
check "it runs, but its key is open" names proxy key-mode
check "the cure cures it" cured proxy
good
check "healthy again" healthy proxy

# --- usage and rights
on proxy "$CTL" doctor nonsense >/dev/null 2>&1
check "an argument too many is a mistake of usage" test $? = 2
check "who is not root cannot look" test "$(setpriv --reuid=65534 --clear-groups "$CTL" doctor -c "$conf" >/dev/null 2>&1; echo $?)" = 3
finish
