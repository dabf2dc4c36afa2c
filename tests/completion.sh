# SPDX-License-Identifier: MIT
# For tests of bash completion: calls it as bash does.

completions=$(cd "${srcdir:-.}/tools/completion" && pwd) || return 1
. "$completions/hipproxyctl" && . "$completions/hipproxyd" || return 1

# complete_line PROGRAM LINE: the program's completion at the end of the line, into COMPREPLY.
# Words are broken as bash does it, at the characters of COMP_WORDBREAKS too.
complete_line() {
	local program=$1 part
	COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=() COMPREPLY=()
	COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
	for part in $COMP_LINE; do
		while [[ $part =~ ^([^=:]*)([=:])(.*)$ ]]; do
			[ -z "${BASH_REMATCH[1]}" ] || COMP_WORDS+=("${BASH_REMATCH[1]}")
			COMP_WORDS+=("${BASH_REMATCH[2]}")
			part=${BASH_REMATCH[3]}
		done
		[ -z "$part" ] || COMP_WORDS+=("$part")
	done
	[[ $COMP_LINE != *' ' ]] || COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	part=${COMP_WORDS[COMP_CWORD]}
	case $part in [=:]) part= ;; esac
	"_${program##*/}" "$program" "$part" "${COMP_WORDS[COMP_CWORD-1]}"
}
