#!/bin/sh
# SPDX-License-Identifier: MIT
# The table of settings (man/settings) says what hipproxyd says, and the manual pages explain each setting
# of it: a setting without a place in a page, or a place without a setting, is an error.
set -u
src=$(cd "${srcdir:-.}" && pwd) || exit 99
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failed=0
tab=$(printf '\t')
check() { if [ "$2" = 0 ]; then echo "ok    $1"; else echo "FAIL  $1"; failed=1; fi; }

# ---- the table

# Lines of plugins that this build does not have say nothing.
of_this_build() { # TABLE
	while read -r line; do
		case $line in
		plugins.*) plugin=${line#plugins.}
			grep -q "^plugins\.${plugin%%.*}\." "$work/printed" || continue ;;
		esac
		printf '%s\n' "$line"
	done <"$1"
}
MAKEFLAGS= make -s print-settings >"$work/printed" 2>"$work/errors"
check "hipproxyd --describe" $?
[ ! -s "$work/errors" ]
check "without complaints" $?
of_this_build "$src/man/settings" >"$work/expected"
diff "$work/expected" "$work/printed" >"$work/diff"
check "man/settings is what it prints (otherwise: make settings)" $?
cat "$work/diff" "$work/errors"
[ "$(awk -F "$tab" '!/^#/ && (NF != 7 || $7 == "-")' "$work/printed" | wc -l)" = 0 ]
check "each setting has a help" $?

# ---- the pages

page() { # SCOPE TEMPLATE: standard error is in $work/said
	LC_ALL=C ${AWK:-awk} -v scope="$1" -v statedir=/var/lib/x -v rundir=/run/x -v plugindir=/lib/x \
		-f "$src/man/settings.awk" "$src/man/settings" "$2" >"$work/page" 2>"$work/said"
}
refused() { # SENTENCE SAID
	page core "$work/template"
	[ $? = 1 ] && grep -q "$2" "$work/said"
	check "$1" $?
}
conf=$src/man/hipproxy.conf.5.in
page core "$conf" && [ ! -s "$work/said" ] && ! grep -q '^@' "$work/page"
check "hipproxy.conf(5) explains every setting of the core" $?
grep -qF '\fBmtu\fR (integer, 1280 to 65535 octets, restart; default 1400)' "$work/page"
check "with type, range, unit, and default" $?
grep -qF '"/var/lib/x/state"' "$work/page"
check "and with the folders of the build" $?
page plugins "$src/man/hipproxy-plugins.7.in" && [ ! -s "$work/said" ]
check "hipproxy-plugins(7) explains every setting of a plugin" $?

grep -v '^@setting tun.mtu$' "$conf" >"$work/template"
refused "a setting that no page explains is an error" "the setting tun.mtu is not explained"
sed 's/^@setting tun.mtu$/&\n@setting tun.colour/' "$conf" >"$work/template"
refused "a text about no setting is an error" "there is no setting tun.colour"
sed 's/^@setting tun.mtu$/&\n@setting tun.name/' "$conf" >"$work/template"
refused "a setting that is explained twice is an error" "tun.name is explained twice"
[ $failed = 0 ]
