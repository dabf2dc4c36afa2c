#!/bin/bash
# SPDX-License-Identifier: MIT
# Who may read keys and who may use the control socket: the user and the group hipproxy, which are
# in files of a mount namespace of the test's own.
if [ -z "${HPN_ACCOUNTS:-}" ] && [ "$(id -u)" = 0 ] && command -v unshare >/dev/null; then
	HPN_ACCOUNTS=1 exec unshare -m --propagation private "$0" "$@"
fi
. "${srcdir:-.}/tests/net/lib.sh"
need jq setpriv unshare
CTL=$(program hipproxyctl) || skip "hipproxyctl is not built"
DAEMON=$(program hipproxyd) || skip "hipproxyd is not built"
not() { ! "$@"; }
quiet() { "$@" >/dev/null 2>&1; }

HPN_NODES=server
D=$HPN_DIR/server
mkdir -p "$D"
chmod 755 "$HPN_DIR" "$D"
trap net_down EXIT
node_add server || { fail "a namespace"; finish; }

owner() { stat -c '%U:%G %a' "$1"; }
keygen() { "$CTL" keygen "$@" >"$D/out" 2>"$D/err"; }

# --- without such a user

sed -n '/^hipproxy:/!p' /etc/passwd >"$D/passwd"
sed -n '/^hipproxy:/!p' /etc/group >"$D/group"
mount --bind "$D/passwd" /etc/passwd && mount --bind "$D/group" /etc/group ||
	{ fail "accounts of the test's own"; finish; }
keygen "$D/plain/keys/a.pem"
check "keygen makes the folder" test "$(owner "$D/plain/keys")" = "root:root 700"
check "and the key, for root" test "$(owner "$D/plain/keys/a.pem")" = "root:root 600"
check "it says so" grep -qF "$D/plain/keys/a.pem: owner root:root, mode 0600" "$D/err"
check "the HIT alone is on the standard output" test "$(cat "$D/out")" = "$("$CTL" hit "$D/plain/keys/a.pem")"

# --- with one

echo 'hipproxy:x:64999:64998::/nonexistent:/usr/sbin/nologin' >>"$D/passwd"
echo 'hipproxy:x:64998:' >>"$D/group"
echo 'others:x:64997:' >>"$D/group"
check "keygen" keygen "$D/etc/keys/key.pem"
check "the folder is the service's alone" test "$(owner "$D/etc/keys")" = "hipproxy:hipproxy 700"
check "the folder around it is open to its group" test "$(owner "$D/etc")" = "root:hipproxy 750"
check "the key is the service's alone" test "$(owner "$D/etc/keys/key.pem")" = "hipproxy:hipproxy 600"
check "keygen says so of the folder" grep -qF "$D/etc/keys: owner hipproxy:hipproxy, mode 0700" "$D/err"
check "and of the key" grep -qF "$D/etc/keys/key.pem: owner hipproxy:hipproxy, mode 0600" "$D/err"
as() { local groups=$1; shift; setpriv --reuid=64999 --regid=64998 $groups "$@"; }
check "the service can read it" as --clear-groups test -r "$D/etc/keys/key.pem"
check "nobody else can" not quiet setpriv --reuid=65534 --regid=65534 --clear-groups cat "$D/etc/keys/key.pem"
before=$("$CTL" hit "$D/etc/keys/key.pem")
check "a key is not overwritten" not keygen "$D/etc/keys/key.pem"
check "it says how" grep -qF -- "-f replaces it" "$D/err"
check "and is the same" test "$("$CTL" hit "$D/etc/keys/key.pem")" = "$before"
check "with -f it is another one" keygen -f "$D/etc/keys/key.pem"
check "of the same owner" test "$(owner "$D/etc/keys/key.pem")" = "hipproxy:hipproxy 600"
check "and nothing else is left" test "$(ls -A "$D/etc/keys")" = key.pem
check "--json names the owner" sh -c "'$CTL' --json keygen -f '$D/etc/keys/key.pem' |
	jq -e '.owner == \"hipproxy:hipproxy\" and .mode == \"0600\"' >/dev/null"
mkdir -m 700 "$D/closed"
check "keygen warns of a folder that keeps the service out" keygen "$D/closed/key.pem"
check "with what is expected" grep -qF "expected owner hipproxy:hipproxy, mode 0700" "$D/err"

# --- the daemon accepts exactly that

conf() { # GROUP
	cat >"$D/hipproxy.conf" <<-EOF
		identities = ( { name = "s"; key = "$D/etc/keys/key.pem"; } );
		control = { socket = "$D/control"; $1 };
		state = "$D/state";
		host = { enabled = true; };
	EOF
}
conf
said() { "$DAEMON" -t -c "$D/hipproxy.conf" 2>&1; }
check "-t accepts it" quiet said
chown 0:0 "$D/etc/keys/key.pem"
check "and a key of root" quiet said
chown 12345 "$D/etc/keys/key.pem"
check "but no other user's" not quiet said
chown hipproxy:hipproxy "$D/etc/keys/key.pem"
chmod 770 "$D/etc/keys"
check "nor a folder the group may write to" sh -c "'$DAEMON' -t -c '$D/hipproxy.conf' 2>&1 | grep -q 'mode 0770 lets others put another key there'"
chmod 700 "$D/etc/keys"
check "the daemon starts" daemon_start server
check "and reloads without the right to read the key" quiet ctl server reload

# --- the control socket

check "the socket is the group's" test "$(owner "$D/control")" = "root:hipproxy 660"
check "root may ask" quiet ctl server status
ask() { setpriv --reuid=65534 --regid=65534 "$@" "$CTL" -s "$D/control" status >"$D/out" 2>"$D/err"; }
check "a member of the group may ask" ask --groups=64998
check "and is answered" grep -q '^daemon' "$D/out"
check "others may not" not ask --groups=64997
check "and are told who may" grep -qxF \
	"hipproxyctl: $D/control: permission denied: you must be root or in the group hipproxy" "$D/err"
chmod 666 "$D/control"
check "not even where the socket is open to all" not ask --clear-groups
check "which the daemon says" grep -qxF \
	"hipproxyctl: permission denied: you must be root or in the group hipproxy" "$D/err"
daemon_stop server
conf 'group = "others";'
check "with another group" daemon_start server
check "its members may ask" ask --groups=64997
check "the first may not" not ask --groups=64998
check "and are told of the other" grep -qF "you must be root or in the group others" "$D/err"
daemon_stop server
conf 'group = "";'
check "without a group" daemon_start server
check "the socket is root's" test "$(owner "$D/control" | cut -d' ' -f2)" = 600
check "nobody else may ask" not ask --groups=64998
check "and is told so" grep -qxF "hipproxyctl: $D/control: permission denied: you must be root" "$D/err"
daemon_stop server
finish
