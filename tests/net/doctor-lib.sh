# SPDX-License-Identifier: MIT
#
# Asking hipproxyctl doctor; sourced by the scenarios doctor-*.sh after lib.sh.

# doctor NODE [options]: its answer in $HPN_DIR/NODE/doctor.json; true if it could look.
doctor() {
	local node=$1; shift
	on "$node" timeout --foreground 30 "$CTL" -s "$HPN_DIR/$node/control" --json doctor "$@" \
		>"$HPN_DIR/$node/doctor.json"
	DOCTOR_STATUS=$?
	[ $DOCTOR_STATUS -le 1 ]
}

# The causes of the last answer, once each: with notes, or without.
causes() { jq -r '[.findings[].id] | unique | join(" ")' "$HPN_DIR/$1/doctor.json"; }
real_causes() {
	jq -r '[.findings[] | select(.severity != "note").id] | unique | join(" ")' \
		"$HPN_DIR/$1/doctor.json"
}

tell() { jq -r '.findings[] | "      \(.severity) \(.id): \(.text)\n      cure: \(.cure)"' "$HPN_DIR/$1/doctor.json"; }

# names NODE CAUSE [options]: that and nothing else is found, with a cure, and the exit status says so.
names() {
	local node=$1 cause=$2; shift 2
	doctor "$node" "$@" && [ $DOCTOR_STATUS = 1 ] && [ "$(real_causes "$node")" = "$cause" ] &&
		jq -e '.healthy == false and all(.findings[]; .cure != "")' \
			"$HPN_DIR/$node/doctor.json" >/dev/null && return 0
	say "      status $DOCTOR_STATUS, found: $(causes "$node")"
	tell "$node"
	return 1
}

# notes NODE CAUSE: told as a note, and the machine counts as healthy.
notes() {
	doctor "$1" && [ $DOCTOR_STATUS = 0 ] && [ "$(causes "$1")" = "$2" ] && return 0
	say "      status $DOCTOR_STATUS, found: $(causes "$1")"
	tell "$1"
	return 1
}

# Nothing at all is found.
healthy() {
	doctor "$@" && [ $DOCTOR_STATUS = 0 ] && [ -z "$(causes "$1")" ] &&
		jq -e .healthy "$HPN_DIR/$1/doctor.json" >/dev/null && return 0
	say "      status $DOCTOR_STATUS, found: $(causes "$1")"
	tell "$1"
	return 1
}

# cured NODE: the line that the last answer gives as a cure is run, then nothing is found.
cured() {
	local node=$1 line
	line=$(jq -r '.findings[0].cure' "$HPN_DIR/$node/doctor.json")
	line=${line//hipproxyctl /$CTL -s $HPN_DIR/$node/control }
	on "$node" sh -c "$line" >/dev/null && healthy "$node"
}

# status_says NODE CAUSE: status has a line for it.
status_says() { ctl "$1" status | grep -qE "(error|warning): $2: "; }
logged() { grep -q "$2" "$HPN_DIR/$1/hipproxyd.log"; } # NODE TEXT
not() { ! "$@"; }
