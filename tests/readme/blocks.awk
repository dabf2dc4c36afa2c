# SPDX-License-Identifier: MIT
#
# Takes the fenced blocks out of a Markdown file, for tests/readme/run and tests/unit/docs.sh.
#
#    awk -v dir=FOLDER -f blocks.awk README.md
#
# A comment in the line before the fence says what the block is:
#
#    <!-- on: gateway, server -->             commands, typed on these machines
#    <!-- prints -->                          what the commands before it print
#    <!-- file: /etc/NAME on: gateway -->     contents of a file on this machine
#    <!-- configuration -->                   an example of a configuration
#    <!-- drawing -->                         a picture made of characters
#    <!-- not run: REASON -->                 commands that no test can run
#
# Prints for each block, separated by tabs: its number, its first line, its kind, its machines,
# its file or reason; the text goes to FOLDER/NUMBER.  A block without such a comment is an error:
# nobody can add commands that no test runs without saying why.

function wrong(line, what)
{
	printf "%s:%d: %s\n", FILENAME, line, what >"/dev/stderr"
	failed = 1
}

function trimmed(s)
{
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	return s
}

# The comment's words -> kind, machines, more.
function read_comment(s)
{
	kind = machines = more = ""
	s = trimmed(substr(s, 5, length(s) - 7))
	if (s ~ /^on: ./) {
		kind = "on"
		machines = substr(s, 5)
		gsub(/ *, */, " ", machines)
	} else if (s ~ /^file: \/[^ ]+ on: [^ ]+$/) {
		kind = "file"
		split(s, part, " ")
		more = part[2]
		machines = part[4]
	} else if (s ~ /^not run: ./) {
		kind = "not-run"
		more = substr(s, 10)
	} else if (s == "prints" || s == "configuration" || s == "drawing") {
		kind = s
	}
}

inside && /^```/ {
	inside = 0
	close(dir "/" n)
	next
}

inside {
	print >(dir "/" n)
	next
}

/^```/ {
	n++
	inside = 1
	printf "" >(dir "/" n)
	opened = NR
	if (kind == "")
		wrong(NR, "the block has no machine: a comment before it must say where it is typed")
	if (kind == "prints" && last != "on")
		wrong(NR, "\"prints\" follows no commands")
	# Never an empty field: the shell takes tabs that follow each other for one.
	printf "%d\t%d\t%s\t%s\t%s\n", n, NR, kind == "" ? "-" : kind,
		machines == "" ? "-" : machines, more == "" ? "-" : more
	last = kind
	kind = ""
	next
}

kind != "" && $0 != "" {
	wrong(NR, "the comment before is followed by no block")
	kind = ""
}

/^<!-- .* -->$/ {
	read_comment($0)
	if (kind == "")
		wrong(NR, "unknown comment " $0)
	next
}

/^(    |\t)/ && before == "" {
	wrong(NR, "an indented block: only fenced ones are tested")
}

{ before = $0 }

END {
	if (inside)
		wrong(opened, "the block is not closed")
	exit failed
}
