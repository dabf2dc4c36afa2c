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
