#!/bin/bash
# SPDX-License-Identifier: MIT
# alone: measures the throughput of the machine
# bench/run: a short run's figures and reports are whole, and nothing of a run remains, however
# it ends.  The figures themselves are no test.
. "${srcdir:-$(dirname "$0")/../..}/tests/net/lib.sh"
top=${srcdir:-$(dirname "$0")/../..}
bench=$top/bench/run
need python3 iperf3
DAEMON=$(program hipproxyd) || skip "hipproxyd is not built"
[ -x "$HPN_BUILD/bench/udpload" ] || skip "bench/udpload is not built"

work=$HPN_DIR pid=
mkdir -p "$work/tmp"
# What a run starts inherits this from it, so that it can be found afterwards.
export HPN_BENCH_MARK=$HPN_ID TMPDIR=$work/tmp
ended() {
	[ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid"
	rm -rf "$work"
}
trap ended EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Processes with the mark, other than this script and what it runs itself.
marked() {
	local e p
	for e in /proc/[0-9]*/environ; do
		p=${e#/proc/}; p=${p%/environ}
		[ "$p" = $$ ] || [ "$p" = "$BASHPID" ] && continue
		tr '\0' '\n' <"$e" 2>/dev/null | grep -qx "HPN_BENCH_MARK=$HPN_ID" &&
			[ "$(ps -o ppid= -p "$p" 2>/dev/null | tr -d ' ')" != $$ ] && echo "$p"
	done
}
no_processes() { [ -z "$(marked)" ]; }
no_namespaces() { ! ip netns list | grep -q "^hpb$1-"; }
no_files() { [ -z "$(ls -A "$work/tmp")" ]; }
nothing_remains() { wait_for 20 no_processes && no_namespaces "$1" && no_files; }

# run NAME OPTION...: in the background; its process id in $pid.
run() {
	local name=$1; shift
	"$bench" --build "$HPN_BUILD" "$@" >"$work/$name.out" 2>"$work/$name.err" &
	pid=$!
}

# --- the arithmetic ---

"$bench" --selftest >"$work/selftest" 2>&1
check "the self-test passes" test $? = 0
sed -n 's/^# SELFTEST/      selftest/p' "$work/selftest"
grep -q '^# SELFTEST FAIL: 0' "$work/selftest" || cat "$work/selftest"

# --- a whole run ---

engine=mb
"$bench" --list --build "$HPN_BUILD" >"$work/list" || fail "the list is printed"
grep -q '^proxy-udp-mb .*skipped' "$work/list" && engine=openssl
methods=plain,passthrough,gated,proxy-udp-$engine
run whole --only $methods --metrics tcp1,udp64,ping,first_packet,forward,forward64 --seconds 0.3 --rounds 1 \
	--json "$work/r.json" --markdown "$work/r.md"
own=$pid
wait "$pid"; rc=$?
pid=
check "a short run ends with success" test $rc = 0
[ $rc = 0 ] || cat "$work/whole.err"
check "nothing remains of it" nothing_remains $own

cat >"$work/look.py" <<'E2'
import json, sys
with open(sys.argv[1], encoding="utf-8") as f:
    r = json.load(f)
engine, methods = r["engine"], sys.argv[2].split(",")
ours = "proxy-udp-" + engine
keys = """tcp1_vs_stunnel tcp1_vs_wireguard_go tcp1_vs_nebula tcp1_vs_openvpn
    tcp1_native_vs_wireguard_go tcp1_proxy_vs_host udp64_vs_nebula udp64_flood_vs_max
    passthrough_vs_plain gated_vs_plain gated64_vs_plain ping_vs_openvpn cpu_per_gb tcp1_openssl_vs_stunnel
    tcp1_openssl_vs_wireguard_go cpu_per_gb_openssl plugins_loaded_vs_none udp_vs_native""".split()
bad = []
def must(what, true):
    if not true:
        bad.append(what)
for key in ("machine", "methods", "ratios", "goals", "skipped"):
    must("there is " + key, key in r)
must("keys of the ratios", set(r["ratios"]) == set(keys))
for key in ("passthrough_vs_plain", "gated_vs_plain", "gated64_vs_plain", "udp64_flood_vs_max", "cpu_per_gb"):
    must("%s is a number: %s" % (key, r["ratios"][key]), (r["ratios"][key] or 0) > 0)
for key, value in r["ratios"].items():
    must(key + " is positive or says why it is null", value > 0 if value is not None
         else bool(r["skipped"].get(key)))
must("methods", set(r["methods"]) == set(methods))
for name in methods:
    for metric in ("tcp1", "udp64", "udp64_flood", "ping_median"):
        got = r["methods"].get(name, {}).get(metric)
        must("%s %s" % (name, metric), got and 0 < got["min"] <= got["median"] <= got["max"]
             and got["samples"])
must("first packet", r["methods"][ours]["first_packet_ms"]["median"] > 0)
must("memory", r["methods"][ours]["rss_mb"]["median"] > 0)
must("processor", r["methods"][ours]["cpu_per_gb"]["median"] > 0)
for goal in r["goals"]:
    must(goal["goal"], (goal["met"] is None) == (goal["figure"] is None))
print("\n".join(bad))
sys.exit(bool(bad))
E2
python3 "$work/look.py" "$work/r.json" $methods
check "its JSON is whole" test $? = 0
named() {
	local m
	for m in ${methods//,/ }; do grep -q "$1$m " "$2" || return 1; done
}
check "its table names each method" named '^' "$work/whole.out"
check "so does its Markdown" named '^| ' "$work/r.md"

# --- ends before its end ---

broken_off() { # NAME SIGNAL STATUS WORDS: the signal comes when the words are there
	run "$1" --only $methods --metrics tcp1 --seconds 20 --rounds 9
	local own=$pid
	wait_for 60 grep -q "$4" "$work/$1.err"
	sleep 0.3
	kill -"$2" "$pid"
	wait "$pid"; rc=$?
	pid=
	check "SIG$2 while it is $1 ends it" test $rc = "$3"
	[ $rc = "$3" ] || cat "$work/$1.err"
	check "nothing remains of it" nothing_remains $own
}
broken_off measuring INT 130 'rounds of'
broken_off starting TERM 143 'bringing up'

"$bench" --only plan --build "$HPN_BUILD" 2>"$work/err"
check "a name that is none is refused" grep -q 'there is no plan' "$work/err"
finish
