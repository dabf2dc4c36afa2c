#!/bin/bash
# SPDX-License-Identifier: MIT
# bash completion of hipproxyctl and hipproxyd, called as bash calls it, with the programs of this
# build.  What only a daemon knows is tested by tests/unit/tools and tests/net/control.sh.
src=${srcdir:-.}
. "$src/tests/completion.sh" || exit 99
cd "$(mktemp -d)" || exit 99
trap 'rm -rf "$PWD"' EXIT
touch one.pem two.pem; mkdir three
ctl=$OLDPWD/hipproxyctl daemon=$OLDPWD/hipproxyd
failed=0

# words PROGRAM LINE WORD...: exactly these, in any order.
words() {
	local program=$1 line=$2 got want
	shift 2
	complete_line "$program" "$line"
	got=$(printf '%s\n' "${COMPREPLY[@]}" | sort)
	want=$(printf '%s\n' "$@" | sort)
	[ "$got" = "$want" ] && return
	failed=$((failed + 1))
	echo "[$line]: expected: $*; got: ${COMPREPLY[*]}"
}
# has PROGRAM LINE WORD...: these are among them.
has() {
	local program=$1 line=$2 w
	shift 2
	complete_line "$program" "$line"
	for w in "$@"; do
		[[ " ${COMPREPLY[*]} " == *" $w "* ]] && continue
		failed=$((failed + 1))
		echo "[$line]: expected among them: $w; got: ${COMPREPLY[*]}"
	done
}

has "$ctl" "hipproxyctl " status flows keygen help
# Every command of the usage text is offered, and nothing else.
mapfile -t commands < <("$ctl" --help | sed -n '/^options/q; s/^  \([a-z]*\).*/\1/p' | grep . | sort -u)
[ ${#commands[@]} -gt 10 ] || { echo "only these commands: ${commands[*]}"; exit 1; }
words "$ctl" "hipproxyctl " "${commands[@]}"
words "$ctl" "hipproxyctl help " "${commands[@]}"
words "$ctl" "hipproxyctl st" status
words "$ctl" "hipproxyctl --json st" status
words "$ctl" "hipproxyctl -s /nowhere st" status
words "$ctl" "hipproxyctl nonsense " ""
words "$ctl" "hipproxyctl -" -s --json --help --version
words "$ctl" "hipproxyctl proxy " on off
words "$ctl" "hipproxyctl proxy on " ""
words "$ctl" "hipproxyctl flush a" associations all
words "$ctl" "hipproxyctl peer " add remove list
words "$ctl" "hipproxyctl peer add t" two.pem three
words "$ctl" "hipproxyctl invite --" --name --address --serves --json --help
words "$ctl" "hipproxyctl nat p" plain-udp
words "$ctl" "hipproxyctl policy " test
words "$ctl" "hipproxyctl policy test a b " tcp udp icmp gre sctp udp-lite
words "$ctl" "hipproxyctl keygen -" -f -t -b --json --help
words "$ctl" "hipproxyctl keygen -f -t ecdsa-p3" ecdsa-p384
words "$ctl" "hipproxyctl keygen -t rsa o" one.pem
words "$ctl" "hipproxyctl keygen -t rsa -b 2048 t" two.pem three
words "$ctl" "hipproxyctl hit one.pem two.pem " one.pem two.pem three
words "$ctl" "hipproxyctl -s o" one.pem
has "$ctl" "hipproxyctl flows --" --output --sort --noheadings --color --watch
words "$ctl" "hipproxyctl peers --sort h" hit held hits
words "$ctl" "hipproxyctl peers --output address,sta" address,state
words "$ctl" "hipproxyctl peers --output +hi" +hit +hits
# Bash replaces what stands behind the "=" only.
words "$ctl" "hipproxyctl peers --sort=exp" expires
words "$ctl" "hipproxyctl peers --color=n" never
words "$ctl" "hipproxyctl -s /nowhere close 2001:" ""

words "$daemon" "hipproxyd -l " error warning notice info debug
words "$daemon" "hipproxyd --level w" warning
words "$daemon" "hipproxyd --level=n" notice
words "$daemon" "hipproxyd --level=" error warning notice info debug
words "$daemon" "hipproxyd -c o" one.pem
words "$daemon" "hipproxyd --config t" two.pem three
words "$daemon" "hipproxyd --con" --config
words "$daemon" "hipproxyd -d -" $("$daemon" --help | grep -oE -- '^ +.*' | grep -oE -- '(^| )(-[A-Za-z]|--[a-z-]+)\b' | sort -u)
has "$daemon" "hipproxyd -" -c --config -d --daemon -t --test --show-pipeline -h

[ $failed = 0 ] && echo "completion is right"
[ $failed = 0 ]
