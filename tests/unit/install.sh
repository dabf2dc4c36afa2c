#!/bin/sh
# SPDX-License-Identifier: MIT
# make install puts everything where it belongs, with the modes it needs; make uninstall leaves
# nothing of it.
set -u
command -v pkg-config >/dev/null || { echo "pkg-config is not installed"; exit 77; }
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
root=$dir/root
failed=0
check() { if [ "$2" = 0 ]; then echo "ok    $1"; else echo "FAIL  $1"; failed=1; fi; }
var() { printf 'print:\n\t@echo "$(%s)"\n' "$1" | make -s -f Makefile -f - print; }
mode() { check "$1 has mode $2" "$([ "$(stat -c %a "$root$1")" = "$2" ]; echo $?)"; }
there() { check "$1 is installed" "$([ -s "$root$1" ]; echo $?)"; }

run() { # TARGET
	make -s "$1" DESTDIR="$root" >"$dir/log" 2>&1 && return 0
	cat "$dir/log"
	check "make $1" 1
	exit 1
}

conf=$(var hpconfdir) state=$(var hpstatedir) lib=$(var pkglibdir) plugins=$(var hpplugindir)
doc=$(var docdir)
run install
mode "$conf" 750
mode "$conf/conf.d" 755
mode "$conf/keys" 700
mode "$state" 750
mode "$conf/hipproxy.conf" 644
for f in README.md HACKING.md NEWS LICENSE examples/client.conf; do there "$doc/$f"; done
there "$lib/libhipproxy.so"
for f in $(var hpplugin_LTLIBRARIES); do there "$plugins/$(basename "$f" .la).so"; done
check "no .la files" "$([ -z "$(find "$root" -name '*.la')" ]; echo $?)"
pc() { PKG_CONFIG_PATH="$root$(var pkgconfigdir)" pkg-config "$1" hipproxy; }
check "hipproxy.pc: the plugins' folder" "$([ "$(pc --variable=plugindir)" = "$plugins" ]; echo $?)"
check "hipproxy.pc: the ABI of plugins" "$([ "$(pc --variable=plugin_abi)" = \
	"$(awk '$2 == "HP_PLUGIN_ABI" { print $3 }' "${srcdir:-.}/include/hipproxy/plugin.h")" ]; echo $?)"

# Modes and files of the administrator outlive a second installation.
chmod 700 "$root$conf"
echo "# mine" >"$root$conf/hipproxy.conf"
run install
mode "$conf" 700
check "the administrator's hipproxy.conf is kept" "$(grep -q '# mine' "$root$conf/hipproxy.conf"; echo $?)"

run uninstall
check "and survives make uninstall" "$(grep -q '# mine' "$root$conf/hipproxy.conf"; echo $?)"
rm -r "$root${conf:?}"
run install
run uninstall
left=$(find "$root" ! -type d; find "$root" -type d -name '*hipproxy*' ! -name 'hipproxy-[0-9]*')
check "make uninstall leaves nothing" "$([ -z "$left" ]; echo $?)"
[ -z "$left" ] || echo "$left"

# What configure was told reaches the programs.
built_in() { check "$1 knows $2" "$(grep -qaF "$2" "$1"; echo $?)"; }
built_in hipproxyctl "$(var hprundir)/control"
built_in .libs/hipproxyd "$conf/hipproxy.conf"
for f in "$(var hprundir)/control" "$state/state" "$state/pins" "$plugins"; do
	built_in core/.libs/libhipproxy.so "$f"
done
[ $failed = 0 ]
