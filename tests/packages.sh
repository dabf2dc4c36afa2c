# SPDX-License-Identifier: MIT
#
# Debian packages of the build, the demonstration and the tests, and how to get them; sourced
# by quickstart and run-tests.
BUILD_PACKAGES="build-essential autoconf automake libtool pkg-config libconfig-dev libmnl-dev
	libnetfilter-queue-dev libssl-dev libcap-dev libjansson-dev libsmartcols-dev libseccomp-dev
	libipsec-mb-dev"
# libsodium23 and the like: what programs need that are unpacked, not installed.
DEMO_PACKAGES="iproute2 iptables curl nginx-light dnsmasq-base bind9-dnsutils openssh-server
	openssh-client iperf3 socat tcpdump jq procps iputils-ping traceroute libsodium23"
TEST_PACKAGES="libcunit1-dev clang nftables tshark ethtool conntrack mtr-tiny
	iputils-tracepath graphviz nmap lftp tnftp wget python3-minimal python3 openssl libwrap0 libpam0g
	dcmtk snmp libnetsnmptrapd40 systemd tftp-hpa atftp"

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# packages_missing PACKAGE...: those of them that are not installed.
packages_missing() {
	local p
	for p in "$@"; do is_installed "$p" || printf '%s ' "$p"; done
}

apt_install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null
}

# install_packages LOG PACKAGE...: true if all are there in the end.  A source whose index can't be
# fetched does not matter as long as the packages come from another one; where apt refuses
# them all because of one, the others are installed.
install_packages() {
	local log=$1 missing p; shift
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	{
		apt-get update -qq
		apt_install $missing || for p in $missing; do apt_install "$p"; done
	} >"$log" 2>&1
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	grep -E '^(E|W|Err|dpkg)' "$log" | sort -u | tail -15
	echo "these packages are missing and can't be installed: $missing"
	echo "(see $PWD/$log; what helps: repair /etc/apt/sources.list, then apt-get update)"
	return 1
}

# unpack_package FOLDER PROGRAM PACKAGE...: for packages that would start services or exclude each
# other.  FOLDER/tree/PROGRAM is there in the end, with all its libraries; else the reason is printed.
unpack_package() {
	local d=$1 program=$1/tree/$2 log=$1/$3.log lacks; shift 2
	if [ ! -x "$program" ]; then
		mkdir -p "$d/tree" || return 1
		(cd "$d" && apt-get download -qq -o APT::Sandbox::User=root "$@" &&
			for p in "$@"; do dpkg -x "$p"_*.deb tree || exit 1; done) >"$log" 2>&1 ||
			{ echo "$* can't be unpacked: $(tail -1 "$log")"; return 1; }
	fi
	lacks=$(ldd "$program" 2>&1 | sed -n 's/^[[:space:]]*\(.*\) => not found/\1/p')
	[ -z "$lacks" ] || { echo "${program##*/} lacks the libraries" $lacks; return 1; }
}
