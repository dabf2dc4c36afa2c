# SPDX-License-Identifier: MIT
#
# Makes a manual page out of its template and the table of settings (hipproxyd --describe).
#
#	awk -v scope=core|plugins -v SUBSTITUTIONS -f settings.awk settings TEMPLATE
#
# In the template, "@setting NAME..." becomes the head of a paragraph: the last part of the name, the
# type, the range, the default, and the help of the table.  The text that follows says more about the
# setting, if that is needed.  "@group NAME" becomes a section.  A setting without a place in the template,
# and a place without a setting, are errors.  @statedir@ and other names of folders become what -v says.

BEGIN { FS = "\t" }

function complain(text) {
	print FILENAME ":" FNR ": " text >"/dev/stderr"
	failed = 1
}

# For troff, and with the folders of this build.
function plain(text) {
	gsub(/@plugindir@/, plugindir, text)
	gsub(/@statedir@/, statedir, text)
	gsub(/@rundir@/, rundir, text)
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return text
}

function sentence(text) { return toupper(substr(text, 1, 1)) substr(text, 2) "." }

function in_scope(name) { return (name ~ /^plugins\./) == (scope == "plugins") }

# "integer, 0 to 28 bits, restart; default 0"
function attributes(name,    text) {
	text = type[name]
	if (type[name] == "integer" || type[name] == "list of integers")
		text = text (range[name] == "-" ? "" : ", " range[name])
	else if (type[name] ~ /^list of/ && range[name] != "-")
		text = text ", " range[name] " of them"
	else if (type[name] == "string" && range[name] != "-")
		text = text ", " range[name] " octets"
	if (unit[name] != "-")
		text = text " " unit[name]
	if (change[name] != "-")
		text = text ", " change[name]
	return text (def[name] == "-" || def[name] == "\"\"" ? "" : "; default " def[name])
}

function last_part(name) { sub(/.*\./, "", name); return name }

function use(name) {
	if (!(name in type))
		complain("there is no setting " name)
	else if (used[name]++)
		complain(name " is explained twice")
}

# The table.
FNR == NR {
	if (/^#/ || NF != 7)
		next
	if (!($1 in type))
		order[++n] = $1
	type[$1] = $2; range[$1] = $3; unit[$1] = $4; def[$1] = $5; change[$1] = $6; help[$1] = $7
	next
}

# The template.
/^@setting / {
	count = split($0, names, " ")
	heads = ""
	for (i = 2; i <= count; i++) {
		use(names[i])
		heads = heads (i > 2 ? ", " : "") "\\fB" last_part(names[i]) "\\fR"
	}
	print ".TP"
	print heads " (" plain(attributes(names[2])) ")"
	print plain(sentence(help[names[2]]))
	next
}
/^@group / {
	name = substr($0, 8)
	use(name)
	print ".SH " toupper(last_part(name))
	print (type[name] == "group" ? "Group" : "List of groups") " \\fB" last_part(name) "\\fR: " plain(help[name]) "."
	next
}
/^@/ { complain("expected @setting or @group: " $0) }
{ print }

END {
	if (!n) {
		print "the table of settings is empty" >"/dev/stderr"
		failed = 1
	}
	for (i = 1; i <= n; i++)
		if (in_scope(order[i]) && !used[order[i]]) {
			print FILENAME ": the setting " order[i] " is not explained" >"/dev/stderr"
			failed = 1
		}
	exit failed
}
