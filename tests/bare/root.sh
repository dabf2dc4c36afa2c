# SPDX-License-Identifier: MIT
#
# The fresh root of tests/bare/run: made by debootstrap from this machine's own package
# sources, and kept; sourced by bash.
cache=${HIPPROXY_BARE_CACHE:-/var/cache/hipproxy-bare}
base=$cache/base packages=$cache/packages

# tool PROGRAM PACKAGE: installs it if it is not there.
tool() {
	command -v "$1" >/dev/null && return 0
	command -v apt-get >/dev/null || return 1
	note "installing $2"
	# A source whose index can't be fetched does not matter if the package is in another one.
	apt-get update -qq >&2
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
	command -v "$1" >/dev/null
}

# Debian's own sources on this machine, as apt understands them, whatever files they stand in:
# "URI RELEASE COMPONENT" a line.
sources() {
	apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' | sed -n 's/^Debian //p' | sort -u
}

# The release that this machine runs, or the first that is no updates or security suite.
main_release() {
	local own
	own=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	awk -v own="$own" '$2 == own { print $2; found = 1; exit }
		!first && $2 !~ /[-\/]/ { first = $2 }
		END { if (!found) print first }' <<<"$1"
}

# An address behind which no server stands but a list of them.
plain_uri() {
	case $1 in
	mirror+file:*) sed -n '/^[a-z]/ { s/[[:space:]].*//; p; q; }' "/${1#mirror+file:/}" ;;
	*) echo "$1" ;;
	esac
}

# How this machine's apt reaches its sources: proxies, and clocks that it does not trust.  An
# address of the machine itself has another name in the network namespace.
apt_settings() {
	apt-config dump | grep -E '^Acquire::((https?|ftp)::Proxy|Check-(Valid-Until|Date)|Retries)' |
		sed -E 's/\/\/(localhost|127\.[0-9.]+)([:\/"])/\/\/10.0.2.2\2/'
}

# What debootstrap leaves open: all of Debian's sources, no services (there is no init to
# run them), no waiting for the disk (the root is thrown away).
base_settle() { # FOLDER SOURCES
	local uri release component
	while read -r uri release component; do
		echo "deb $(plain_uri "$uri") $release $component"
	done <<<"$2" >"$1/etc/apt/sources.list"
	apt_settings >"$1/etc/apt/apt.conf.d/90machine"
	echo 'Acquire::Languages "none";' >"$1/etc/apt/apt.conf.d/91languages"
	echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/unsafe-io"
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
	printf '127.0.0.1 localhost bare\n::1 localhost\n' >"$1/etc/hosts"
	echo bare >"$1/etc/hostname"
	if grep -q '^deb https' "$1/etc/apt/sources.list"; then
		mkdir -p "$1/etc/ssl/certs"
		cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
	fi
}

# A base is thrown away when the sources have changed or after a month.
base_fresh() { # SOURCES
	[ "$(cat "$base.sources" 2>/dev/null)" = "$1" ] &&
		[ -z "$(find "$base.sources" -mtime +30)" ] && [ -x "$base/usr/bin/apt-get" ]
}

base_make() {
	local list release uri
	mkdir -p "$cache" "$packages" || return 1
	exec 8>"$cache/lock" && flock 8 || return 1
	# What runs have left that were killed.
	find "$cache" -maxdepth 1 -name 'root.*' -mtime +1 -exec rm -rf --one-file-system {} +
	list=$(sources)
	[ -n "$list" ] || { apt-get update -qq >&2; list=$(sources); }
	[ -n "$list" ] || { note "apt knows no source of Debian's own"; return 1; }
	if ! base_fresh "$list"; then
		release=$(main_release "$list")
		uri=$(plain_uri "$(awk -v r="$release" '$2 == r { print $1; exit }' <<<"$list")")
		note "making the base: $release from $uri"
		rm -rf --one-file-system "$base" "$base.sources"
		debootstrap --variant=minbase "$release" "$base" "$uri" >"$base.log" 2>&1 ||
			{ tail -5 "$base.log" >&2; note "debootstrap failed; see $base.log"; return 1; }
		rm -f "$base"/var/cache/apt/archives/*.deb
		base_settle "$base" "$list" && echo "$list" >"$base.sources" || return 1
	fi
	exec 8>&-
}

# The base as a new root, with the packages that earlier runs have downloaded.
base_copy() { # ROOT
	chmod 755 "$1" && cp -a "$base/." "$1/" && touch "$1" || return 1
	if [ -n "$network" ]; then echo "nameserver 10.0.2.3" >"$1/etc/resolv.conf"
	else cat /etc/resolv.conf >"$1/etc/resolv.conf"; fi
	find "$packages" -name '*.deb' -exec cp -lt "$1/var/cache/apt/archives" {} +
}

# Keeps what a run has downloaded (a file with one link is not kept yet), for a month.
packages_keep() { # ROOT
	find "$1/var/cache/apt/archives" -maxdepth 1 -name '*.deb' -links 1 \
		-exec touch {} + -exec ln -ft "$packages" {} + 2>/dev/null
	find "$packages" -name '*.deb' -mtime +30 -delete
}
