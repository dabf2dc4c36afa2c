#!/bin/sh
# SPDX-License-Identifier: MIT
# Who may include whom.  Arrows point one way: a lower layer reaches up only through function
# pointers given to it.
cd "${srcdir:-.}" || exit 99
failed=0

bad() { echo "$*"; failed=$((failed + 1)); }

# layer FOLDER ALLOWED...: core/FOLDER includes "x/..." only of itself and of those allowed.
layer() {
	of=$1; shift
	[ -d "core/$of" ] || { bad "core/$of: there is no such folder"; return; }
	for found in $(grep -hoE '^#[ 	]*include "[^"]*' "core/$of"/*.[ch] 2>/dev/null |
			sed 's/.*"//' | sort -u); do
		case $found in
		config.h) continue ;;
		*/*) ;;
		*) bad "core/$of: includes \"$found\" without its folder"; continue ;;
		esac
		case " $of $* " in
		*" ${found%%/*} "*) ;;
		*) bad "core/$of may not include $found: $(grep -l "\"$found\"" "core/$of"/*.[ch] | tr '\n' ' ')" ;;
		esac
	done
}

# only HEADER FOLDER...: <HEADER...> is included in these folders alone.
only() {
	header=$1; shift
	for f in $(grep -lE "^#[ 	]*include <$header" core/*/*.[ch] plugins/*/*.[ch] tools/*.[ch] 2>/dev/null); do
		case " $* " in
		*" ${f%/*} "*) ;;
		*) bad "$f includes <$header...>, which belongs to $*" ;;
		esac
	done
}

# floors FOLDER WHOLE < LIST: core/FOLDER has floors.  A line of LIST is a floor's number and its files
# (names without .c and .h).  A file includes headers of its own floor and of lower ones, and no two
# files know each other: X.c and X.h count as one.  WHOLE.h puts parts together; what the .c file of
# a part knows of the whole does not count.
floors() {
	of=$1 whole=$2 list=$(cat)
	edges=$(for f in "core/$of"/*.[ch]; do
		stem=${f##*/}
		grep -oE "^#[ 	]*include \"$of/[^\"]*" "$f" | sed "s,.*$of/,${stem%.?} ${stem##*.} ,; s,\.h$,,"
	done)
	for f in "core/$of"/*.[ch]; do
		stem=${f##*/}
		printf '%s\n' "$list" | grep -qw -- "${stem%.?}" || bad "$f is on no floor"
	done
	up=$(printf '%s\n' "$list" "--" "$edges" | awk '
		/^--$/ { edges = 1; next }
		!edges { for (i = 2; i <= NF; i++) floor[$i] = $1; next }
		floor[$3] > floor[$1] { print $1 "." $2 "->" $3 ".h" }')
	for e in $up; do bad "core/$of: $e is an upward include"; done
	loop=$(printf '%s\n' "$edges" | awk -v w="$whole" '
		$1 != $3 && !($2 == "c" && $3 == w) { print $1, $3 }' | tsort 2>&1 >/dev/null)
	[ -z "$loop" ] || bad "core/$of: a circle: $(printf '%s' "$loop" | tr '\n' ' ')"
}

layer util
layer wire util
layer crypto util wire
layer esp util wire crypto
layer flow util wire crypto
layer xlat util wire crypto
layer hip util wire crypto esp
layer gate util
layer plugin util
layer conf util
layer pipe util wire crypto esp hip flow xlat plugin conf
layer io util wire crypto esp hip flow xlat pipe gate
layer doctor util wire crypto hip conf gate io
layer gated util conf gate io
layer daemon util wire crypto esp hip flow xlat plugin conf pipe gate io doctor

floors hip assoc <<'EOF'
0 hip why names config numbers lists secrets echo offered r1params sizes
1 engine offer identity puzzle known spot send rx extra
2 assoc table exchange sas sent seq rekeying locator paths traffic failure job
3 auth sign tell inquiry ask r1pool room efailed
4 i1 r1 i2 r2 update updatesend rekey rekeyjob espinfo move notify close instead life
5 start input state connect recover transport
EOF

# Other folders know the engine by these headers.
for f in $(grep -lE '^#[ 	]*include "hip/' core/*/*.[ch] tools/*.[ch] bench/*.[ch] | grep -v '^core/hip/'); do
	for found in $(grep -oE '^#[ 	]*include "hip/[^"]*' "$f" | sed 's,.*hip/,,'); do
		case $found in
		hip.h|why.h|inquiry.h) ;;
		*) bad "$f includes hip/$found, which is core/hip's own" ;;
		esac
	done
done

floors pipe state <<'EOF'
0 drop limits pipe state packet
1 trace area control flows limited configured wanted related
2 emit outer pathmtu
3 seal verdict
4 burst datagram icmp l7 rewrite
5 acks ahead backend cut hooks refuse resolve size whole
6 expected filter hosting
7 inbound
8 open outbound
9 events start
EOF

# There is one exit for drops, and one for verdicts.
for f in $(grep -lE 'drops\[[^]]*\] *(\+\+|\+=)' core/pipe/*.c | grep -v 'pipe/trace\.c'); do
	bad "$f counts a drop: trace.h does"
done
for f in $(grep -lE 'ops->(accept|steal)\(' core/pipe/*.c | grep -v 'pipe/verdict\.c'); do
	bad "$f gives a verdict: verdict.h does"
done

only 'openssl/' core/crypto
only 'intel-ipsec-mb' core/crypto
only 'libnetfilter_queue/' core/io
only 'libmnl/' core/io
only 'libconfig' core/conf
only 'libsmartcols' tools

# A plugin knows include/hipproxy, libc and its own folder.
for dir in plugins/*/; do
	for found in $(grep -hoE '^#[ 	]*include "[^"]*' "$dir"*.[ch] | sed 's/.*"//' | sort -u); do
		[ -f "$dir$found" ] || bad "$dir: includes \"$found\", which is not its own"
		case $found in */*) bad "$dir: includes \"$found\"" ;; esac
	done
	for found in $(grep -hoE '^#[ 	]*include <[^>]*' "$dir"*.[ch] | sed 's/.*<//' | sort -u); do
		case $found in
		hipproxy/*) [ -f "include/$found" ] || bad "$dir: there is no <$found>" ;;
		sys/*|net/*|netinet/*|arpa/*) ;;
		*/*) bad "$dir: includes <$found>" ;;
		esac
	done
done

# Public headers stand on their own.
for found in $(grep -hoE '^#[ 	]*include "[^"]*' include/hipproxy/*.h); do
	bad "include/hipproxy: includes $found"
done
for f in include/hipproxy/*.h; do
	grep -q "$f" include/hipproxy/Makefile.inc || bad "$f is not installed"
done

[ $failed = 0 ] && echo "the layers are kept"
[ $failed = 0 ]
