#!/bin/sh
# SPDX-License-Identifier: MIT
# plugins/mark builds outside of the tree, against the installed headers with pkg-config, and the
# installed daemon takes it; files that others may write, and strangers, it refuses.
set -u
command -v pkg-config >/dev/null || { echo "no pkg-config"; exit 77; }
src=${srcdir:-.}
top=$(cd "$src" && pwd)
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
failed=0
check() { if [ "$2" = 0 ]; then echo "ok    $1"; else echo "FAIL  $1"; failed=1; fi; }

make -s install DESTDIR="$dir/root" >"$dir/install.log" 2>&1 || { cat "$dir/install.log"; exit 1; }
pc=$(find "$dir/root" -name hipproxy.pc)
check "hipproxy.pc is installed" "$([ -n "$pc" ]; echo $?)"
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$dir/root"
daemon=$(find "$dir/root" -path "*/sbin/hipproxyd")
lib=$(find "$dir/root" -name libhipproxy.so)
export LD_LIBRARY_PATH="${lib%/*}"

mkdir -m 700 "$dir/plugins" "$dir/away"
cp "$top/plugins/mark/mark.c" "$dir/away/"
(cd "$dir/away" && ${CC:-cc} -Wall -Wextra -Werror -shared -fPIC $(pkg-config --cflags hipproxy) \
	-o "$dir/plugins/mark.so" mark.c)
check "mark.c compiles against the installed headers alone" $?

cp "$top/plugins/tftp/tftp.c" "$dir/away/"
(cd "$dir/away" && ${CC:-cc} -Wall -Wextra -Werror -shared -fPIC $(pkg-config --cflags hipproxy) \
	-o "$dir/plugins/tftp.so" tftp.c)
check "tftp.c does too" $?
cp "$top/plugins/skeleton/skeleton.c" "$dir/away/"
(cd "$dir/away" && ${CC:-cc} -Wall -Wextra -Werror -shared -fPIC $(pkg-config --cflags hipproxy) \
	-o "$dir/plugins/skeleton.so" skeleton.c)
check "skeleton.c does too" $?

ctl=$(find "$dir/root" -path "*/bin/hipproxyctl")
"$ctl" keygen "$dir/key.pem" >/dev/null
check "keygen" $?
conf() { # SETTINGS OF PLUGINS
	echo "identities = ( { name = \"a\"; key = \"$dir/key.pem\"; } );
		plugin_dir = \"$dir/plugins\"; plugins = { $1 };" >"$dir/hipproxy.conf"
}
try() { "$daemon" -c "$dir/hipproxy.conf" "$@" >"$dir/out" 2>&1; }
refused() { # SENTENCE TEXT
	if try -t; then echo "FAIL  $1: accepted"; failed=1; return; fi
	grep -q "$2" "$dir/out"
	check "$1" $?
	grep -q "$2" "$dir/out" || cat "$dir/out"
}

conf 'mark = { dscp = 46; };'
try -t
check "the daemon takes it" $?
"$daemon" --describe --plugin-dir "$dir/plugins" >"$dir/out" 2>&1 &&
	grep -q "^plugins.mark.dscp	integer	0 to 63	" "$dir/out"
check "its settings are described" $?
try --show-pipeline
grep -A1 '^out.flow' "$dir/out" | grep -q mark.dscp
check "its hook is in the pipeline" $?

conf 'tftp = { };'
try --show-pipeline
grep -q 'gateway tftp.request (udp)' "$dir/out"
check "tftp is a gateway that is loaded" $?
conf 'skeleton = { };'
try --show-pipeline
grep -q 'service skeleton (locator)' "$dir/out" && grep -q 'command skeleton.show' "$dir/out"
check "the daemon takes the skeleton, with its service and command" $?

# The example of HACKING.md, in a plugin that has what the text leaves out.
{
	cat <<-'EOF'
	#include <hipproxy/plugin.h>
	struct settings { struct hp_conf_ints ports; };
	struct session { int requests; };
	static const struct hp_conf_row schema[] = {
		{ "ports", HP_CONF_INTS, 0, HP_CONF_AT(struct settings, ports), 1, 65535, .def = "69", .help = "h" },
		HP_CONF_END
	};
	static enum hp_verdict datagram(struct hp_alg_call *c, const uint8_t *data, size_t len,
					struct hp_alg_out *out)
	{
		(void)c, (void)data, (void)len, (void)out;
		return HP_NEXT;
	}
	EOF
	sed -n '/^## Writing an application-level gateway/,/^## /s/^    \([^ ]\)/\1/p' "$top/HACKING.md"
	echo 'HP_PLUGIN(tftp) = { HP_PLUGIN_HEAD, .name = "tftp", .version = "1", .summary = "s", .schema = schema,'
	echo '	.settings_bytes = sizeof(struct settings), .algs = algs };'
} >"$dir/away/example.c"
mkdir -m 700 "$dir/example"
(cd "$dir/away" && ${CC:-cc} -Wall -Wextra -Werror -shared -fPIC $(pkg-config --cflags hipproxy) \
	-o "$dir/example/tftp.so" example.c)
check "the example of HACKING.md compiles" $?
conf 'tftp = { };'
sed -i "s,$dir/plugins,$dir/example," "$dir/hipproxy.conf"
try --show-pipeline
grep -q 'gateway tftp.request (udp)' "$dir/out"
check "and is a gateway that the daemon takes" $?

# A transport plugin of somebody else.
cp "$top/tests/pipeline/toy.c" "$dir/away/"
(cd "$dir/away" && ${CC:-cc} -Wall -Wextra -Werror -shared -fPIC $(pkg-config --cflags hipproxy) \
	-o "$dir/plugins/toy.so" toy.c)
check "a transport plugin compiles against the installed headers alone" $?
conf 'toy = { };'
try --show-pipeline
grep -A1 '^out.outer' "$dir/out" | grep -q toy.out && grep -A1 '^in.outer' "$dir/out" | grep -q toy.in
check "its hooks on runs are in the pipeline" $?

conf 'mark = { dscp = 99; };'
refused "a setting out of range, with its line" 'hipproxy.conf:2: plugins.mark.dscp: expected'
conf 'mark = { };'
refused "a setting that must be given" 'mark.dscp'
conf 'nobody = { };'
refused "a plugin that is not there" 'hipproxy.conf:2: plugins.nobody: .*No such file'

conf 'mark = { dscp = 46; };'
chmod 666 "$dir/plugins/mark.so"
refused "a file others may write" 'mark.so: mode 0666'
chmod 644 "$dir/plugins/mark.so"
chmod 777 "$dir/plugins"
refused "a folder others may write" 'mode 0777'
chmod 700 "$dir/plugins"

conf 'other = { };'
echo 'int other;' >"$dir/away/other.c"
${CC:-cc} -shared -fPIC -o "$dir/plugins/other.so" "$dir/away/other.c"
refused "an object without the symbol" 'hipproxy.conf:2: plugins.other: .*hipproxy_plugin'
sed 's/HP_PLUGIN_HEAD,/.abi = 99999, .size_bytes = sizeof(struct hp_plugin),/; s/"mark"/"other"/; s/"mark\.dscp"/"other.dscp"/' \
	"$dir/away/mark.c" >"$dir/away/other.c"
(cd "$dir/away" && ${CC:-cc} -shared -fPIC $(pkg-config --cflags hipproxy) -o "$dir/plugins/other.so" other.c)
refused "another ABI" 'hipproxy.conf:2: plugins.other: .*ABI'
sed 's/HP_STAGE_OUT_FLOW/HP_STAGE_OUT_OUTER/; s/"mark"/"other"/; s/"mark\.dscp"/"other.dscp"/' "$dir/away/mark.c" >"$dir/away/other.c"
(cd "$dir/away" && ${CC:-cc} -shared -fPIC $(pkg-config --cflags hipproxy) -o "$dir/plugins/other.so" other.c)
refused "a hook on packets in a stage of runs" 'hipproxy.conf:2: plugins.other: .*its stage has runs'
[ $failed = 0 ]
