#!/bin/bash
# SPDX-License-Identifier: MIT
# A path of each deployment, with the daemons under exactly what their unit gives them: user,
# capabilities, no_new_privs, filters of system calls, view of the file system (tests/unitrun).
# The user hipproxy is in a mount namespace of the test's own.
if [ -z "${HPN_ACCOUNTS:-}" ] && [ "$(id -u)" = 0 ] && command -v unshare >/dev/null; then
	HPN_ACCOUNTS=1 exec unshare -m --propagation private bash "$0" "$@"
fi
HPN_UNIT=1 HPN_WORLD=default
. "${srcdir:-.}/tests/net/deployments-lib.sh"
need_daemons python3 setpriv unshare systemd-analyze
mkdir -p "$HPN_DIR/score"
for f in passwd group; do
	sed '/^hipproxy:/d' /etc/$f >"$HPN_DIR/$f"
done
echo 'hipproxy:x:64999:64998::/nonexistent:/usr/sbin/nologin' >>"$HPN_DIR/passwd"
echo 'hipproxy:x:64998:' >>"$HPN_DIR/group"
for f in passwd group; do mount --bind "$HPN_DIR/$f" /etc/$f || { fail "accounts"; finish; }; done
! is_sanitized || skip "the unit leaves no room for sanitizers"
deployments_up

of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$(pid_of "$1" hipproxyd)/status"; } # NODE FIELD
in_view() { nsenter -t "$(pid_of "$1" hipproxyd)" -m "${@:2}"; }
not() { ! "$@"; }
for u in hipproxyd hipproxy-gate; do
	sed 's,@[a-z]*@/,/usr/sbin/,; s,@[a-z]*@,/var,g' "${srcdir:-.}/conf/$u.service.in" | sed 's,^\(Exec[A-Za-z]*=\).*,\1/bin/true,' >"$HPN_DIR/score/$u.service"
	exposure=$(systemd-analyze security --offline=true "$HPN_DIR/score/$u.service" | sed -n 's/.*: \([0-9.]*\) .*/\1/p' | tail -1)
	say "      exposure of $u.service: $exposure"
	[ $u != hipproxyd ] || check "hipproxyd.service is exposed by 2.0 at most" test "${exposure/./}" -le 20
done
for n in proxy server hiphost; do
	check "$n: is the service's user" test "$(stat -c %u "/proc/$(pid_of $n hipproxyd)")" = 64999
	check "$n: no new privileges" test "$(of $n NoNewPrivs)" = 1
	check "$n: two filters of the unit and the daemon's own" test "$(of $n Seccomp_filters)" -ge 3
	check "$n: the file system is read-only" not in_view $n touch /etc/hp-under-unit /usr/hp-under-unit
	check "$n: homes are not to be seen" test "$(in_view $n stat -f -c %T /home)" = tmpfs
	check "$n: there are no disks in /dev" test "$(in_view $n ls /dev | grep -cE '^(sd|vd|nvme|kmsg|mem)')" = 0
	check "$n: the sandbox is on" test "$(json $n status .sandbox.state)" = on
done
deployments
behind_nat
gateways
for n in proxy server hiphost; do
	check "$n: reload" ctl $n reload
	check "$n: nothing was refused to it" not grep -qiE 'permission denied|not permitted' "$HPN_DIR/$n/hipproxyd.log"
done
deployments_end
