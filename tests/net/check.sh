#!/bin/bash
# SPDX-License-Identifier: MIT
# hipproxyd -t, a start and a reload find the same mistakes and say the same, with file and line.
# One bad configuration a row; a good daemon runs all the while and is asked to reload.
. "${srcdir:-.}/tests/net/lib.sh"
need jq openssl
CTL=$(program hipproxyctl) || skip "hipproxyctl is not built"
DAEMON=$(program hipproxyd) || skip "hipproxyd is not built"
built=$HPN_BUILD/plugins/.libs
[ -f "$built/server.so" ] || skip "the plugins are not built as shared objects"
not() { ! "$@"; }

HPN_NODES=proxy
D=$HPN_DIR/proxy
mkdir -p "$D/conf.d" "$D/plugins"
trap net_down EXIT
node_add proxy || { fail "a namespace"; finish; }
chmod 755 "$HPN_DIR" "$D"

# --- files

for k in client hosted spare second; do "$CTL" keygen "$D/$k.pem" >/dev/null 2>&1; done
"$CTL" keygen -t rsa "$D/rsa.pem" >/dev/null 2>&1
openssl genrsa -out "$D/large.pem" 6144 2>/dev/null
openssl ecparam -name secp256k1 -genkey -noout -out "$D/curve.pem" 2>/dev/null
echo "no key" >"$D/text.pem"
for k in loose foreign; do cp "$D/spare.pem" "$D/$k.pem"; done
mkdir "$D/open" && cp "$D/spare.pem" "$D/open/key.pem"
chmod 600 "$D"/*.pem "$D/open/key.pem"
chmod 640 "$D/loose.pem"
chmod 777 "$D/open"
ln -s "$D/open/key.pem" "$D/link.pem"
chown 12345 "$D/foreign.pem"
hit() { "$CTL" hit "$D/$1.pem"; }

for p in server hosts natudp icmp mark; do cp "$built/$p.so" "$D/plugins/"; done
cp "$built/mark.so" "$D/plugins/renamed.so"
cp "$built/mark.so" "$D/plugins/writable.so"
chmod 666 "$D/plugins/writable.so"
echo "no library" >"$D/plugins/text.so"
cp "$(ldd "$(command -v jq)" | awk '/libc\.so/ { print $3 }')" "$D/plugins/other.so"
cat >"$D/old.c" <<-'EOF'
	#include <hipproxy/plugin.h>
	HP_PLUGIN(old) = { .abi = HP_PLUGIN_ABI - 1, .size_bytes = sizeof(struct hp_plugin), .name = "old" };
EOF
cc -shared -fPIC -I"${srcdir:-.}/include" -o "$D/plugins/old.so" "$D/old.c" 2>/dev/null

ln -s /etc/hosts "$D/pins.link"
printf '10.0.0.1 2001:22::1\nnonsense\n' >"$D/hosts.bad"
printf 'nonsense\n' >"$D/clients.bad"
mkdir "$D/folder"
: >"$D/file"

cat >"$D/hipproxy.conf" <<-EOF
	identities = ( { name = "client"; key = "$D/client.pem"; },
		{ name = "hosted"; key = "$D/hosted.pem"; } );
	control = { socket = "$D/control"; };
	state = "$D/state";
	client = { enabled = true; interfaces = [ "lan0" ]; };
	peers = ( { hit = "$(hit rsa)"; addresses = [ "192.0.2.80" ]; name = "first"; } );
	plugin_dir = "$D/plugins";
	plugins = { server = { hosted = ( { identity = "hosted"; server = "10.2.0.10"; } );
		pool4 = "10.99.0.0/24"; mapping = "$D/clients"; }; };
EOF
daemon_start proxy || { fail "the good daemon comes up"; finish; }
check "a start warns of an interface that is missing" \
	grep -q 'warning: .*hipproxy.conf:5: client.interfaces\[0\]: there is no interface "lan0" now' "$D/hipproxyd.log"

# --- rows

R=$D/conf.d/row.conf
try_check() { "$DAEMON" -t -c "$D/hipproxy.conf" >"$D/said" 2>&1; }
try_start() { on proxy timeout 30 "$DAEMON" -c "$D/hipproxy.conf" >"$D/said" 2>&1; }
try_reload() { ctl proxy reload >"$D/said" 2>&1; }
check "the good configuration is valid" try_check
# Complaints of the daemon that have no file and line.
no_line() {
	sed -n 's/.*hipproxyd: [a-z]*: error: //p' "$D/said" | grep -vE '^[^ ]+:[0-9]+: '
}
# refuses WAY: refused, the sentence is said, and every complaint has a file and a line.
refuses() { ! "try_$1" && grep -qF -- "$want" "$D/said" && ! no_line; }
# row WHAT TEXT SENTENCE: TEXT is a file of conf.d, "@" stands for the folder.  The sentence begins
# with the line in that file.  A running daemon has given up files, and may have another to say.
row() { # WHAT TEXT SENTENCE [SENTENCE AT RELOAD]
	local way
	printf '%s\n' "$2" | sed "s,@,$D,g" >"$R"
	want=$R:$(printf '%s' "$3" | sed "s,@,$D,g")
	for way in check start reload; do
		[ "$way$#" != reload4 ] || want=$R:$4
		if refuses $way; then
			pass "$way: $1"
		else
			fail "$way: $1"
			sed 's/^/    /' "$D/said"
		fi
	done
	rm -f "$R"
}

row "an unknown key" 'tun = { mtv = 1400; };' '1: tun.mtv: unknown key'
row "a syntax error" 'tun = {
mtu = ;' '2: syntax error'
row "a key file that is missing" 'identities = ( { name = "n"; key = "@/none.pem"; } );' \
	'1: identities[2].key: @/none.pem: No such file'
row "a key file that is a folder" 'identities = ( { name = "n"; key = "@/folder"; } );' \
	'1: identities[2].key: @/folder: not a regular file'
row "a key that is no PEM" '
identities = ( { name = "n"; key = "@/text.pem"; } );' \
	'2: identities[2].key: @/text.pem: the file holds no unencrypted PEM private key'
row "a key on another curve" 'identities = ( { name = "n"; key = "@/curve.pem"; } );' \
	'1: identities[2].key: @/curve.pem: the key is neither RSA nor ECDSA on P-256 or P-384'
row "a key that others may read" 'identities = ( { name = "n"; key = "@/loose.pem"; } );' \
	'1: identities[2].key: @/loose.pem: mode 0640 lets others at it, expected 0600 or 0400'
row "a key of another user" 'identities = ( { name = "n"; key = "@/foreign.pem"; } );' \
	'1: identities[2].key: @/foreign.pem: belongs to user 12345, expected root, hipproxy or user 0'
row "a key in a folder open to all" 'identities = ( { name = "n"; key = "@/open/key.pem"; } );' \
	'1: identities[2].key: @/open: mode 0777 lets others put another key there, expected 0700'
row "a link to one" 'identities = ( { name = "n"; key = "@/link.pem"; } );' \
	'1: identities[2].key: @/open: mode 0777 lets others put another key there, expected 0700'
row "an RSA key that is too large" 'identities = ( { name = "n"; key = "@/large.pem"; } );' \
	'1: identities[2].key: @/large.pem: an RSA key of 6144 bits makes R1 or I2 longer than a HIP message can be (2048 octets); expected at most '
row "two identities with one key" 'identities = ( { name = "n"; key = "@/spare.pem"; },
{ name = "m"; key = "@/spare.pem"; } );' \
	'2: identities[3].key: @/spare.pem holds the same key as identity "n"'
row "two identities with one name" 'identities = ( { name = "client"; key = "@/spare.pem"; } );' \
	'1: identities[2].name: another identity has this name'
row "a client identity that is missing" 'client = { identity = "none"; };' \
	'1: client.identity: expected a name from identities'
row "a host identity that is missing" 'host = { enabled = true; identity = "none"; };' \
	'1: host.identity: expected a name from identities'
row "our own HIT as a peer" "peers = ( { hit = \"$(hit hosted)\"; addresses = [ \"192.0.2.81\" ]; } );" \
	'1: peers[1].hit: is this machine'"'"'s own identity "hosted"'
row "a HIT in two peers" "peers = ( { hit = \"$(hit rsa)\"; addresses = [ \"192.0.2.81\" ]; } );" \
	'1: peers[1].hit: another peer has this HIT'
row "an address in two peers" "peers = ( { hit = \"$(hit spare)\";
addresses = [ \"192.0.2.80\" ]; } );" \
	'2: peers[1].addresses[0]: 192.0.2.80/32 belongs to peers[0] too'
row "a destination of two peers" "peers = ( { hit = \"$(hit spare)\"; addresses = [ \"192.0.2.81\" ];
serves = [ \"10.0.0.0/8\", \"192.0.2.80/32\" ]; } );" \
	'2: peers[1].serves[1]: 192.0.2.80/32 belongs to peers[0] too'
row "a resolver nobody offers" 'client = { resolvers = [
"hosts" ]; };' '2: client.resolvers[0]: "hosts": expected a resolver of a plugin'
row "a TUN name that an interface has" 'tun = { name = "lo"; };' \
	'1: tun.name: "lo" is an interface of another kind'
row "a group that is missing" 'control = { group = "no-such-group"; };' \
	'1: control.group: there is no group "no-such-group"' '1: control.group: has changed, which needs a restart'
row "a control socket in the place of a file" 'control = { socket = "@/file"; };' \
	'1: control.socket: @/file: there is a file that is no socket'
row "a pins file that is a link" 'hip = { pins = "@/pins.link";
opportunistic_responder = "pinned"; };' '1: hip.pins: @/pins.link: is a symbolic link; expected a file'
row "a file of revoked HITs that is a link" 'hip = { revoked = "@/pins.link"; };' \
	'1: hip.revoked: @/pins.link: is a symbolic link; expected a file'
row "a pins file without a folder" 'hip = { pins = "@/no/where/pins"; opportunistic_responder = "pinned"; };' \
	'1: hip.pins: @/no/where/pins: can'"'"'t be written: No such file'
row "a pidfile that is a folder" 'pidfile = "@/folder";' '1: pidfile: @/folder: can'"'"'t be written: Is a directory'
row "a pidfile without a folder" 'pidfile = "@/no/where/pid";' \
	'1: pidfile: @/no/where/pid: can'"'"'t be written: No such file'
row "a key log without a folder" 'esp = { keylog = "@/no/where/keys"; };' \
	'1: esp.keylog: @/no/where/keys: can'"'"'t be written: No such file'
row "ciphers that need permission" 'hip = { ciphers = [ "null" ]; };' '1: hip.ciphers: "null" needs hip.allow_null = true'
row "marks that overlap" 'client = { capture = "route"; divert_mark = 0x10000; };' \
	'1: client.divert_mark: expected no bits of client.mark_mask'

# --- plugins

row "a plugin that is missing" 'plugins = {
none = { }; };' '2: plugins.none: @/plugins/none.so: No such file'
row "a plugin whose name is a path" 'plugins = { Upper = { }; };' '1: plugins.Upper: a name is made of'
row "a plugin that is no library" 'plugins = { text = { }; };' '1: plugins.text: @/plugins/text.so: '
row "a library that is no plugin" 'plugins = { other = { }; };' \
	'1: plugins.other: @/plugins/other.so: has no symbol hipproxy_plugin'
row "a plugin of another name" 'plugins = { renamed = { dscp = 1; }; };' \
	'1: plugins.renamed: @/plugins/renamed.so: calls itself "mark"'
row "a plugin that others may write" 'plugins = { writable = { }; };' \
	'1: plugins.writable: @/plugins/writable.so: mode 0666 lets others write it'
if [ -f "$D/plugins/old.so" ]; then
	row "a plugin of another ABI" 'plugins = { old = { }; };' \
		'1: plugins.old: @/plugins/old.so: made for ABI '
fi
row "a plugin's setting that is missing" 'plugins = {
mark = { }; };' '2: plugins.mark.dscp: must be given'
row "a plugin's unknown key" 'plugins = { server = { pool = "10.0.0.0/8"; }; };' '1: plugins.server.pool: unknown key'

server() { printf 'plugins = { server = {\n%s }; };' "$1"; }
row "a hosted identity that is missing" "$(server 'hosted = ( { identity = "none"; server = "10.2.0.11"; } );')" \
	'2: plugins.server.hosted[1].identity: expected a name in `identities`, not "none"'
row "a hosted identity that is the client's" "$(server 'hosted = ( { identity = "client"; server = "10.2.0.11"; } );')" \
	'2: plugins.server.hosted[1].identity: "client" is the client'"'"'s or the host'"'"'s role already'
row "an identity hosted twice" "$(server 'hosted = ( { identity = "hosted"; server = "10.2.0.11"; } );')" \
	'2: plugins.server.hosted[1].identity: "hosted" is hosted already'
spare='identities = ( { name = "n"; key = "@/spare.pem"; } );'
row "a server without a pool" "$spare
plugins = { server = { hosted = ( { identity = \"n\"; server = \"fd02::10\"; } ); }; };" \
	'2: plugins.server.hosted[1].server: an IPv6 server needs pool6'
row "a server inside the pool" "$spare
plugins = { server = { hosted = ( { identity = \"n\"; server = \"10.99.0.7\"; } ); }; };" \
	'2: plugins.server.hosted[1].server: expected an address outside pool4'
row "a pool of the other family" "$(server 'pool6 = "10.98.0.0/24";')" '2: plugins.server.pool6: expected an IPv6 prefix'
row "ports that end above 65535" "$spare
plugins = { server = { hosted = ( { identity = \"n\"; server = \"10.2.0.11\";
ports = ( { port = \"80-90\"; to = 65530; } ); } ); }; };" \
	'3: plugins.server.hosted[1].ports[0].to: expected at most 65525'
row "a rule with an unknown client" "$(server 'rules = ( { client = "joe"; action = "deny"; } );')" \
	'2: plugins.server.rules[0].client: expected a HIT, or a name in `clients`, not "joe"'
row "a rule with an identity that is not hosted" "$(server 'rules = ( { identity = "client"; action = "deny"; } );')" \
	'2: plugins.server.rules[0].identity: expected an identity in `hosted`, not "client"'
row "a rule with ports of ICMP" "$(server 'rules = ( { protocol = "icmp"; ports = 80; action = "deny"; } );')" \
	'2: plugins.server.rules[0].ports: icmp has no ports'
row "two clients with one name" "$(server "clients = ( { name = \"joe\"; hit = \"$(hit spare)\"; },
{ name = \"joe\"; hit = \"$(hit second)\"; } );")" '3: plugins.server.clients[1].name: another client has this name'
row "a bad file of clients" "$(server 'mapping = "@/clients.bad";')" \
	'2: plugins.server.mapping: @/clients.bad:1: expected HIT ADDRESS, each once'
row "a file of clients without a folder" "$(server 'mapping = "@/no/where/clients";')" \
	'2: plugins.server.mapping: @/no/where/clients: No such file'
row "a bad hosts file" 'plugins = { hosts = {
file = "@/hosts.bad"; }; };' '2: plugins.hosts.file: @/hosts.bad:1: '
row "a hosts file that is a folder" 'plugins = { hosts = { file = "@/folder"; }; };' '1: plugins.hosts.file: @/folder: expected a regular file'

# --- a reload names what needs a restart; everything that is wrong is said at once

printf 'tun = {\nmtu = 1300; };\n' >"$R"
check "reload: a key that needs a restart is refused" not try_reload
check "with its line" grep -qF "$R:2: tun.mtu: has changed, which needs a restart" "$D/said"
check "-t has nothing against it" try_check
cat >"$R" <<-EOF
	identities = ( { name = "n"; key = "$D/text.pem"; } );
	client = { resolvers = [ "none" ]; };
	tun = { name = "lo"; };
	peers = ( { hit = "$(hit spare)"; addresses = [ "192.0.2.81" ]; } );
EOF
check "several mistakes are refused" not try_check
for line in 1 2 3; do check "all are told: line $line" grep -qF "$R:$line: " "$D/said"; done
check "and no others" test "$(grep -c error: "$D/said")" = 3
echo 'nonsense = 1;' >"$R"
ctl proxy --json reload >"$D/said" 2>/dev/null
check "--json has the complaints too" \
	jq -e '.complaints[0] | test("row.conf:1: nonsense: unknown key")' "$D/said" >/dev/null
rm -f "$R"

# --- warnings

warns() { try_check && grep -qF -- "$1" "$D/said"; }
echo "state = \"$D/no/where/state\";" >"$R"
check "a state file that can't be is a warning" warns "warning: $R:1: state: $D/no/where/state: can't be written"
echo 'plugins = { server = { answer_on = "nix0"; }; };' >"$R"
check "an interface for ARP that is missing is a warning" \
	warns "warning: $R:1: plugins.server.answer_on: there is no interface \"nix0\" now"
rm -f "$R"
cp "$D/hipproxy.conf" "$D/good.conf"
printf 'identities = ( { name = "n"; key = "%s/spare.pem"; } );\n' "$D" >"$D/hipproxy.conf"
check "no role at all is a warning" warns "warning: $D/hipproxy.conf: client.enabled: no role"
printf 'host = {\nenabled = true; };\n' >"$R"
check "the host role is one" try_check
check "and nothing is warned of" not grep -q warning: "$D/said"
rm -f "$R"
cp "$D/good.conf" "$D/hipproxy.conf"

# --- a key that is replaced while the daemon runs

cp "$D/second.pem" "$D/hosted.pem"
check "reload: another key in the same file is left to the next start" try_reload
check "and warned of" grep -q 'warning: .*identities\[1\].key: .* holds another key now' "$D/hipproxyd.log"
check "the good daemon has lived through all of it" test "$(json proxy status .proxy)" = on
finish
