#!/bin/sh
# SPDX-License-Identifier: MIT
# What the documents name is there: files, commands, options, configuration keys, stages; every
# block says what it is, and every configuration in them is one that hipproxyd accepts.
src=$(cd "${srcdir:-.}" && pwd) || exit 99
builddir=$PWD
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failed=0
tab=$(printf '\t')

bad() { echo "$*"; failed=$((failed + 1)); }
ctl() { "$builddir/hipproxyctl" "$@"; }
daemon() { "$builddir/hipproxyd" "$@"; }

# ---- links

links() { # PAGE: relative links, without their fragments
	grep -oE '\]\([^)]+\)' "$1" | sed -e 's/^](//' -e 's/)$//' -e 's/#.*//' | grep -vE '^$|^[a-z]+:'
}
check_links() {
	for page in README.md HACKING.md docs/*.md bench/*.md plugins/*/README.md; do
		for to in $(links "$page"); do
			[ -e "$(dirname "$page")/$to" ] || bad "$page: there is no $to"
		done
	done
}

# ---- commands

# Commands that a page names after "hipproxyctl", also as "hipproxyctl status | drops".
named_commands() {
	grep -ohE '(^|`|^# *)hipproxyctl [a-z][^`#)]*' "$@" | sed 's/.*hipproxyctl //' | tr '\t' ' ' |
		sed 's/ | /\n/g' | sed -n 's/^ *\([a-z][a-z.]*\).*/\1/p' | sort -u
}
check_commands() {
	ctl --help >"$work/help" 2>&1
	for name in $(named_commands README.md docs/*.md plugins/*/README.md conf/*.conf); do
		case $name in
		# A command of a plugin is in the plugin's table.
		*.*) grep -q "\"$name\"" plugins/${name%%.*}/*.c || bad "no plugin has the command $name" ;;
		*) grep -qE "^  $name( |\$)" "$work/help" || bad "hipproxyctl has no command $name" ;;
		esac
	done
	daemon --help >"$work/help" 2>&1
	for option in $(grep -ohE 'hipproxyd -[-a-zA-Z]+' README.md docs/*.md conf/*.conf | sort -u |
			sed 's/^hipproxyd //'); do
		grep -qE -- "(^|[ ,])$option( |,|\$)" "$work/help" || bad "hipproxyd has no option $option"
	done
}

# ---- names of the plugin interface

# What a text for authors of plugins names is in the headers that they have.
check_interface() {
	sed -n '/^## Writing a plugin/,/^## A command of hipproxyctl/p' HACKING.md >"$work/chapters"
	[ -s "$work/chapters" ] || bad "HACKING.md has no chapters on plugins"
	cat "$@" plugins/*/README.md >>"$work/chapters"
	for name in $(grep -owE 'hp_[a-z0-9_]+|HP_[A-Z0-9_]+' "$work/chapters" | sort -u); do
		grep -qw -- "$name" include/hipproxy/*.h configure.ac ||
			bad "the plugin interface has no $name"
	done
	for header in $(grep -ohE 'hipproxy/[a-z0-9]+\.h' HACKING.md NEWS "$@" plugins/*/README.md include/hipproxy/*.h | sort -u); do
		[ -e "include/$header" ] || bad "there is no header $header"
	done
}

# ---- configurations

# A key instead of each file that the configuration names; not written twice.
with_keys() { # FILE
	grep -oE '"/etc/hipproxy/keys/[a-z0-9]+\.pem"' "$1" | tr -d '"' | sort -u | while read -r key; do
		[ -f "$work/${key##*/}" ] || ctl keygen "$work/${key##*/}" >"$work/said" 2>&1
	done
	sed "s,/etc/hipproxy/keys,$work," "$1"
}
try() { # PAGE:LINE TEXT
	{
		# A file of conf.d is a part of a configuration.
		grep -q '^identities' "$2" ||
			echo "identities = ( { name = \"docs\"; key = \"/etc/hipproxy/keys/docs.pem\"; } );"
		cat "$2"
		echo "plugin_dir = \"$builddir/plugins/.libs\";"
	} >"$work/text"
	with_keys "$work/text" >"$work/hipproxy.conf"
	daemon -t -c "$work/hipproxy.conf" >"$work/said" 2>&1 && return 0
	bad "$1: hipproxyd does not accept this configuration:"
	cat "$work/said"
}
check_blocks() { # PAGE
	mkdir -p "$work/blocks"
	awk -v dir="$work/blocks" -f tests/readme/blocks.awk "$1" >"$work/index" || failed=$((failed + 1))
	while IFS=$tab read -r n line kind machines more; do
		case $kind$more in
		configuration* | file/etc/hipproxy/*) try "$1:$line" "$work/blocks/$n"; seen=yes ;;
		esac
	done <"$work/index"
}

# A key with a value of a type that none has is either unknown or of the wrong type.
check_keys() {
	ctl keygen "$work/any.pem" >"$work/said" 2>&1
	for name in $(grep -ohE '`(control|log|hip|esp|client|host|tun|limits|performance|timeouts)\.[a-z0-9_]+' \
			README.md docs/*.md plugins/*/README.md bench/*.md | tr -d '`' | sort -u); do
		echo "identities = ( { name = \"any\"; key = \"$work/any.pem\"; } );
			${name%%.*} = { ${name#*.} = ( { } ); };" >"$work/hipproxy.conf"
		daemon -t -c "$work/hipproxy.conf" >"$work/said" 2>&1
		if grep -q unknown "$work/said"; then bad "there is no configuration key $name"; fi
	done
	# The test itself: such a key must be missed.
	echo "identities = ( { name = \"any\"; key = \"$work/any.pem\"; } ); hip = { no_key = ( ); };" \
		>"$work/hipproxy.conf"
	daemon -t -c "$work/hipproxy.conf" 2>&1 | grep -q unknown || bad "unknown keys are not told"
}

# ---- tests

# The last cell of each row names tests, or says "none".
check_tests() { # PAGE
	awk -F ' *[|] *' '/^\| [0-9]/ { print NR "\t" $5 }' "$1" >"$work/rows"
	[ -s "$work/rows" ] || bad "$1: there is no table"
	while IFS=$tab read -r line cell; do
		names=$(printf '%s\n' "$cell" | grep -oE 'tests/[-a-z0-9_./]*[a-z]')
		[ -n "$names" ] || [ "$cell" = none ] || bad "$1:$line: no test, and not \"none\""
		for name in $names; do
			[ -f "$name" ] || bad "$1:$line: there is no test $name"
		done
	done <"$work/rows"
}

# ---- pictures

check_stages() {
	daemon --show-pipeline -c "$work/hipproxy.conf" >"$work/stages" 2>&1
	for stage in $(grep -oE '<i>[a-z0-9.]+' docs/pictures/packet.dot | sed 's/<i>//'); do
		grep -qxF "$stage" "$work/stages" || bad "docs/pictures/packet.dot: there is no stage $stage"
	done
}

cd "$src" || exit 99
check_links
check_commands
check_interface man/hipproxy-plugins.7.in
seen=
check_blocks README.md
for page in docs/*.md; do check_blocks "$page"; done
[ -n "$seen" ] || bad "README.md has no configuration"
check_keys
check_tests docs/hip.md
# The test itself: a test that is not there, and a row without one, must be missed.
printf '| 1 | a | b | tests/none.c |\n| 2 | a | b | |\n' >"$work/table"
[ "$(failed=0; check_tests "$work/table" >"$work/said"; echo $failed)" = 2 ] || bad "missing tests are not told"
echo "identities = ( { name = \"any\"; key = \"$work/any.pem\"; } );" >"$work/hipproxy.conf"
check_stages
docs/pictures/draw --check || failed=$((failed + 1))
[ $failed = 0 ] && echo "the documents name what is there"
[ $failed = 0 ]
