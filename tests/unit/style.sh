#!/bin/sh
# SPDX-License-Identifier: MIT
# What can be checked of the style: tabs, no blanks at the end of a line, length of lines, functions and
# files.  HACKING.md says the rest.
cd "${srcdir:-.}" || exit 99
failed=0

# Prints FILE:LINE: COMPLAINT for each violation.
check() { # FILE...
	LC_ALL=C awk '
	function bad(text) { print FILENAME ":" FNR ": " text; failed = 1 }
	function columns(line,    i, n) {
		for (i = 1; i <= length(line); i++)
			n = substr(line, i, 1) == "\t" ? n + 8 - n % 8 : n + 1
		return n
	}
	function end_file() {
		if (lines > 600 && name !~ /^tests|^bench/)
			print name ": " lines " lines, about 600 are wanted; split it by subject"
		failed = failed || (lines > 600 && name !~ /^tests|^bench/)
	}
	FNR == 1 { end_file(); name = FILENAME; begin = 0 }
	{ lines = FNR }
	/[ \t]$/ { bad("blanks at the end of the line") }
	/^        / { bad("indented by spaces instead of tabs") }
	length($0) > 60 && columns($0) > 120 { bad("longer than 120 columns; 90 are wanted") }
	/^{/ { begin = FNR }
	/^}/ {
		if (begin && FNR - begin - 1 > 60)
			bad("the function has " FNR - begin - 1 " lines, at most 60 are wanted")
		begin = 0
	}
	END { end_file(); exit failed }' "$@"
}

check core/*/*.[ch] plugins/*/*.[ch] tools/*.[ch] include/hipproxy/*.h bench/*.[ch] tests/*/*.[ch] || failed=1

# The test itself: each rule is applied.
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
{
	printf 'int a; \n        int b;\n'
	printf 'int %0130d;\nvoid f(void)\n{\n' 1
	yes '	f();' | head -61
	printf '}\n'
	yes '' | head -600
} >"$work/bad.c"
for rule in "blanks at the end" "spaces instead of tabs" "longer than 120" "the function has 61 lines" "about 600"; do
	check "$work/bad.c" | grep -q "$rule" || { echo "not found: $rule"; failed=1; }
done
[ $failed = 0 ] && echo "the style is kept"
[ $failed = 0 ]
