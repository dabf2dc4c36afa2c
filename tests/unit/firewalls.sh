#!/bin/sh
# SPDX-License-Identifier: MIT
# hipproxyd(8) shows the same lines as the example files, which the network scenarios load.
cd "${srcdir:-.}" || exit 99
failed=0 files=0
tab=$(printf '\t')
all=$(echo conf/firewall* conf/networkd.conf)

# What the example says: all but comments; of the ruleset only the lines that are marked.
example() {
	case $1 in
	*.nft) sed -n "s/^[ $tab]*\(.* accept\)[ $tab]*# hipproxy.*/\1/p" "$1" ;;
	*) grep -vE '^(#|$|\*filter|COMMIT)' "$1" ;;
	esac
}

shown() { sed -n "\|^\.\\\\\" $1\$|,/^\.\\\\\" end/p" man/hipproxyd.8 | grep -v '^\.\\"' | sed 's/\\-/-/g'; }

for f in $all; do
	files=$((files + 1))
	want=$(example "$f") got=$(shown "$f")
	[ -n "$want" ] && [ "$want" = "$got" ] && continue
	failed=$((failed + 1))
	printf '%s has\n%s\nman/hipproxyd.8 shows\n%s\n' "$f" "$want" "$got"
done
[ $files -ge 5 ] || { echo "$files example files, not 5"; failed=$((failed + 1)); }
# README names all of them.
for f in $all; do
	grep -qF "\`${f#conf/}\`" README.md && continue
	failed=$((failed + 1))
	echo "README.md does not name $f"
done
[ $failed = 0 ]
