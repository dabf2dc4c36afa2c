# SPDX-License-Identifier: MIT
#
# The machines README speaks of, inside this one; sourced by tests/readme/run.
#
#    client 10.1.0.11 --- eth1 gateway eth0 --+--- eth0 server  192.0.2.80
#                      10.1.0.1   192.0.2.1   |
#                                           wire
#                                             |
#                                             +--- eth0 gateway2 eth1 --- machine 10.2.0.10
#                                                192.0.2.81  10.2.0.1
#
# Each has a network namespace, a name and a file system of its own: an overlay over this system,
# so that what one installs or configures no other has.  `wire` is the switch between the gateways
# and the server, where the test listens.  scp on one reaches the home of root on each other.
#
# R_DIR  a folder; a tmpfs is mounted there

R_ID=rm$$
R_MACHINES="client gateway server gateway2 machine build"

machine_ns() { echo "$R_ID-$1"; }
machine_root() { echo "$R_DIR/$1/tree"; }
machine_home() { echo "$(machine_root "$1")/root"; } # of the user that types the commands
in_net() { local m=$1; shift; nsenter --net="/run/netns/$(machine_ns "$m")" "$@"; }

# The build machine has the network of this one, all others only that of the picture.
machine_add() {
	local d=$R_DIR/$1 enter=
	mkdir -p "$d/tree" "$d/upper" "$d/work" || return 1
	if [ "$1" != build ]; then
		ip netns add "$(machine_ns "$1")" && in_net "$1" ip link set lo up || return 1
		enter="in_net $1"
	fi
	mount -t overlay overlay -o "lowerdir=/,upperdir=$d/upper,workdir=$d/work" "$d/tree" &&
		mount -t proc proc "$d/tree/proc" && $enter mount -t sysfs sysfs "$d/tree/sys" &&
		mount --rbind /dev "$d/tree/dev" && mount --make-rslave "$d/tree/dev" &&
		mount -t tmpfs tmpfs "$d/tree/run" && mount -t tmpfs tmpfs "$d/tree/tmp" || return 1
	chmod 1777 "$d/tree/tmp"
	echo "$1" >"$d/tree/etc/hostname"
	printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$1" >"$d/tree/etc/hosts"
	[ "$1" = build ] || rm -f "$d/tree/etc/resolv.conf"
	touch "$d/uts" && unshare --uts="$d/uts" hostname "$1"
}

# The homes of all others, for the stand-in of scp.
machine_neighbours() {
	local m to
	for m in $R_MACHINES; do
		to=$(machine_root "$1")/run/machines/$m
		mkdir -p "$to" && mount --bind "$(machine_home "$m")" "$to" || return 1
	done
}

# on_machine MACHINE COMMAND...: as root after a login.
on_machine() {
	local m=$1 net=
	[ "$m" = build ] || net=--net=/run/netns/$(machine_ns "$m")
	shift
	nsenter --uts="$R_DIR/$m/uts" $net chroot "$(machine_root "$m")" /usr/bin/env -i -C /root \
		HOME=/root TERM=dumb LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		MAKEFLAGS="-j$(nproc)" \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# A cable between two interfaces, each given as MACHINE DEVICE.
cable() {
	ip -n "$(machine_ns "$1")" link add name "$2" type veth \
		peer name "$4" netns "$(machine_ns "$3")" &&
		ip -n "$(machine_ns "$1")" link set dev "$2" up &&
		ip -n "$(machine_ns "$3")" link set dev "$4" up
}
address() { ip -n "$(machine_ns "$1")" addr add "$3" dev "$2"; }
default_route() { ip -n "$(machine_ns "$1")" route add default via "$2"; }

machines_up() {
	local m
	mkdir -p "$R_DIR" && mount -t tmpfs -o mode=755 tmpfs "$R_DIR" || return 1
	for m in $R_MACHINES; do machine_add "$m" || return 1; done
	for m in $R_MACHINES; do machine_neighbours "$m" || return 1; done
	ip netns add "$(machine_ns wire)" &&
		ip -n "$(machine_ns wire)" link add name switch type bridge mcast_snooping 0 &&
		ip -n "$(machine_ns wire)" link set dev switch up || return 1
	for m in gateway server gateway2; do
		cable $m eth0 wire $m && ip -n "$(machine_ns wire)" link set dev $m master switch ||
			return 1
	done
	cable gateway eth1 client eth0 && cable gateway2 eth1 machine eth0 &&
		address client eth0 10.1.0.11/24 && address gateway eth1 10.1.0.1/24 &&
		address gateway eth0 192.0.2.1/24 && address server eth0 192.0.2.80/24 &&
		address gateway2 eth0 192.0.2.81/24 && address gateway2 eth1 10.2.0.1/24 &&
		address machine eth0 10.2.0.10/24 &&
		default_route client 10.1.0.1 && default_route machine 10.2.0.1 &&
		default_route server 192.0.2.1
}

# Ends what runs in the machines: in their namespaces, or in their file systems.
machines_pids() {
	local m p
	for m in $R_MACHINES wire; do ip netns pids "$(machine_ns "$m")" 2>/dev/null; done
	for p in /proc/[0-9]*; do
		case $(readlink "$p/root" 2>/dev/null) in "$R_DIR"/*) echo "${p#/proc/}" ;; esac
	done
}

machines_down() {
	local m pid try
	for try in TERM KILL; do
		for pid in $(machines_pids); do kill "-$try" "$pid" 2>/dev/null; done
		for m in $(seq 60); do
			[ -n "$(machines_pids)" ] || break 2
			sleep 0.05
		done
	done
	for m in $R_MACHINES wire; do ip netns del "$(machine_ns "$m")" 2>/dev/null; done
	umount -R "$R_DIR" 2>/dev/null || umount -R -l "$R_DIR" 2>/dev/null
	rmdir "$R_DIR" 2>/dev/null
}
