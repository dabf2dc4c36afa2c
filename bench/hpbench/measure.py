# SPDX-License-Identifier: MIT
"""What is measured, and how.

measure(method, metric, seconds, opts) gives a dict of values by name; a metric may give several
that come out of the same traffic.  Raises Failure when something can't be measured.
"""

import json
import math
import os
import re
import statistics
import subprocess
import sys
import time

from . import build, net, udprate
from .base import SINK4, Tools, cpu_seconds, peak_rss_bytes
from .hip import Hip
from .net import Failure

PING_COUNT, PING_EVERY_S = 100, 0.005
FIRST_PACKETS = 20


def measure(method, metric, seconds=1.0, opts=None):
    """opts: "quick" (short searches), "flood" (udp64 and udp1200 give the flood too)."""
    opts = opts or {}
    if metric not in METRICS:
        raise Failure("no metric is called %s" % metric)
    if method.tcp_only and metric not in ("tcp1", "tcp4", "tcp_rev", "tcp_bidir", "rss_mb"):
        raise Failure("%s carries TCP only" % method.name)
    method.daemons_alive()
    return METRICS[metric](method, seconds, opts)


# --- TCP --------------------------------------------------------------------------------------


def _iperf3(method, seconds, more=(), amount=None):
    """The "end" of iperf3's report.  amount: how it is told when to stop, if not by seconds."""
    whole = max(1, round(seconds))
    argv = ["iperf3", "-J", "-C", "cubic", "--connect-timeout", "5000", "-c", method.address]
    argv += list(amount or ["-t", str(whole)]) + list(more)
    try:
        text = net.run(method.on_client(argv), timeout_s=whole + 10, check=False)
        report = json.loads(text)
    except (Failure, ValueError) as e:
        method.restart_server()
        raise Failure("iperf3 on %s: %s" % (method.name, e)) from e
    if report.get("error"):
        method.restart_server()
        raise Failure("iperf3 on %s: %s" % (method.name, report["error"]))
    return report["end"]


def _gbits(part):
    value = part["bits_per_second"] / 1e9
    if not value > 0:
        raise Failure("nothing arrived")
    return value


def tcp1(method, seconds, opts):
    if method.name.partition("/")[0] == "thesis":
        return thesis(method, seconds)
    pids = method.daemon_pids()
    before = cpu_seconds(pids)
    received = _iperf3(method, seconds)["sum_received"]
    values = {"tcp1": _gbits(received)}
    if pids:
        values["cpu_per_gb"] = (cpu_seconds(pids) - before) / (received["bytes"] / 1e9)
    return values


# A window within the caches of a processor, and both ends on one core: then forwarding has one
# speed, otherwise two.
SMALL_WINDOW, FORWARD_BYTES = "256K", "300M"
FORWARD64_S = 0.15


def forward(method, seconds, opts):
    """One stream with a small window, for a fraction of a second."""
    core = min(os.sched_getaffinity(0))
    end = _iperf3(method, 1, ["-w", SMALL_WINDOW, "-A", "%d,%d" % (core, core)],
                  ["-n", FORWARD_BYTES])
    return {"forward": _gbits(end["sum_received"])}


def forward64(method, seconds, opts):
    """Datagrams of 64 octets with their headers that a second of processor time sends, forwards and
    throws away: all of it happens in the sender's system calls, and other load does not count."""
    text = net.run(method.on_client([method.tools.udpload, "send", SINK4, "9", "36", "0",
                                     str(FORWARD64_S)]), timeout_s=10)
    said = json.loads(text)
    return {"forward64": said["sent"] / said["cpu_seconds"]}


def tcp4(method, seconds, opts):
    return {"tcp4": _gbits(_iperf3(method, seconds, ["-P", "4"])["sum_received"])}


def tcp_rev(method, seconds, opts):
    return {"tcp_rev": _gbits(_iperf3(method, seconds, ["-R"])["sum_received"])}


def tcp_bidir(method, seconds, opts):
    """Both directions together.  iperf3's server tells the two by the order in which they come, and
    a proxy for TCP connections may change that: then nothing flows, and it is tried again."""
    for attempt in range(4):
        end = _iperf3(method, seconds, ["--bidir"])
        both = end["sum_received"], end["sum_received_bidir_reverse"]
        if attempt == 3 or all(part["bits_per_second"] > 0 for part in both):
            return {"tcp_bidir": sum(map(_gbits, both))}
    return None


def thesis(method, seconds=10.0):
    """iperf 2 over MTU 1280.  What arrived is divided by the whole time from the program's start to
    its end: the base exchange is in it, which iperf itself leaves out."""
    whole = max(1, round(seconds))
    method.hip.close_association()
    begin = time.monotonic()
    text = net.run(method.on_client(["iperf", "-c", method.address, "-t", str(whole), "-Z", "cubic",
                                     "-y", "C"]), timeout_s=whole + 15)
    took = time.monotonic() - begin
    fields = net.last_line(text).split(",")
    try:
        gbits = float(fields[7]) * 8 / 1e9 / took
    except (IndexError, ValueError) as e:
        raise Failure("iperf said: %s" % net.last_line(text)) from e
    if not method.hip.initiator.associations():
        raise Failure("no association was made")
    return {"tcp1": gbits}


# --- latency ----------------------------------------------------------------------------------


def percentile(values, percent):
    """The smallest value that so many percent of all don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def ping(method, seconds, opts):
    count = PING_COUNT * 3 // 4 if opts.get("quick") else PING_COUNT
    text = net.run(method.on_client(["ping", "-n", "-i", str(PING_EVERY_S), "-c", str(count),
                                     "-W", "2", method.address]),
                   timeout_s=count * PING_EVERY_S + 10, check=False)
    times = [float(t) for t in re.findall(r" time=([0-9.]+) ms", text)]
    if len(times) < 0.9 * count:
        raise Failure("%d of %d pings were answered" % (len(times), count))
    return {"ping_median": statistics.median(times), "ping_p95": percentile(times, 95)}


# Connects whenever a line comes in; prints milliseconds.  Its own start is not measured.
CONNECTOR = """
import socket, sys, time
address, port = sys.argv[1], int(sys.argv[2])
for line in sys.stdin:
    at = time.perf_counter()
    try:
        socket.create_connection((address, port), 5).close()
        print("%.4f" % ((time.perf_counter() - at) * 1000), flush=True)
    except OSError as e:
        print("failed: %s" % e, flush=True)
"""


def first_packet(method, seconds, opts):
    """Time of a TCP connection that has to wait for the base exchange."""
    if not method.hip:
        raise Failure("%s has no association to close" % method.name)
    server = net.popen(method.on_server([sys.executable, "-c", ACCEPTOR]),
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    client = None
    try:
        port = server.stdout.readline().strip()
        argv = [sys.executable, "-c", CONNECTOR, method.address, port]
        client = net.popen(method.on_client(argv), stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True)
        times = [_one_first_packet(method, client) for _ in range(FIRST_PACKETS)]
    finally:
        for process in filter(None, (client, server)):
            net.stop(process)
    return {"first_packet_ms": statistics.median(times)}


# Takes connections and lets go of them; iperf3 would take the first for a test.
ACCEPTOR = """
import socket
s = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
print(s.getsockname()[1], flush=True)
while True:
    s.accept()[0].close()
"""


def _one_first_packet(method, client):
    method.hip.close_association()
    client.stdin.write("\n")
    client.stdin.flush()
    said = client.stdout.readline().strip()
    if not re.fullmatch(r"[0-9.]+", said):
        raise Failure("first connection: %s" % (said or "the connecting program ended"))
    if not method.hip.initiator.associations():
        raise Failure("no association was made")
    return float(said)


def rss_mb(method, seconds, opts):
    """The most memory the daemons have ever had."""
    pids = method.daemon_pids()
    if not pids:
        raise Failure("%s has no daemons" % method.name)
    return {"rss_mb": peak_rss_bytes(pids) / 1e6}


def _udp(size):
    return lambda method, seconds, opts: udprate.search(method, size, opts)


def _flood(size):
    return lambda method, seconds, opts: udprate.flood(method, size, opts)


METRICS = {
    "tcp1": tcp1, "tcp4": tcp4, "tcp_rev": tcp_rev, "tcp_bidir": tcp_bidir,
    "udp64": _udp(64), "udp1200": _udp(1200),
    "udp64_flood": _flood(64), "udp1200_flood": _flood(1200),
    "ping": ping, "forward": forward, "forward64": forward64, "first_packet": first_packet, "rss_mb": rss_mb,
}

# --- what belongs to no method ------------------------------------------------------------------


def base_exchanges(build_dir, count=500):
    """Base exchanges a second, each side by itself on one core."""
    program = build.exchange_program(build_dir)
    if not program:
        raise Failure("the program that counts base exchanges is not built")
    text = net.run([program, str(count)], timeout_s=60)
    found = re.search(r"as Initiator (\d+)/s.*as Responder (\d+)/s", text)
    if not found:
        raise Failure("%s said: %s" % (program, net.last_line(text)))
    return {"bex_initiator": float(found.group(1)), "bex_responder": float(found.group(2))}


FLOWS = 1000000
# No more than 64k of a proxy's ports lead to one port of a peer.
FLOW_PORTS_FIRST, FLOW_PORTS = 20000, 32


def million_flows(build_dir, workdir, flows=FLOWS):
    """Memory of a proxy that holds a million flows, and how fast they came."""
    tools = Tools(build_dir, workdir, build.udpload)
    engine = "ipsec-mb" if build.has_ipsec_mb(build_dir) else "openssl"
    method = Hip("flows", tools, engine=engine, limits=(
        "limits = { flows = %d; }; timeouts = { udp_unreplied_s = 900; };" % (flows * 11 // 10)))
    reason = method.missing()
    if reason:
        raise Failure(reason)
    try:
        method.up()
        return _million_flows(method, flows)
    finally:
        method.down()


def _million_flows(method, flows):
    # The first half of 10.1.0.0/16 has machines in it; all of the second are this client.
    method.net.run("client", ["ip", "route", "add", "local", "10.1.128.0/17", "dev", "lo"])
    # Nobody listens; errors about that would only be other traffic.
    method.net.run("server", ["ip6tables", "-A", "INPUT", "-p", "udp", "--dport", "%d:%d" % (
        FLOW_PORTS_FIRST, FLOW_PORTS_FIRST + FLOW_PORTS - 1), "-j", "DROP"])
    sent = _flows_pass(method, flows, 0)
    pace = _flows_of(method) / sent["seconds"]
    for part in (0.4, 0.35, 0.3, 0.25):
        if _flows_settled(method) >= flows:
            break
        # What was lost comes again; what is there already is only refreshed.
        _flows_pass(method, flows, pace * part)
    counted = _flows_settled(method)
    if counted < flows:
        raise Failure("%d flows instead of %d" % (counted, flows))
    return {"peak_rss_mb_1m": peak_rss_bytes([method.hip.initiator.pid()]) / 1e6,
            "flows_per_s": pace}


def _flows_of(method):
    return method.hip.initiator.ask("status")["counts"]["flows"]


def _flows_settled(method):
    """How many there are when what waits in queues has been worked off."""
    before, now = -1, _flows_of(method)
    while now != before:
        time.sleep(0.3)
        before, now = now, _flows_of(method)
    return now


def _flows_pass(method, flows, rate):
    """Sends a datagram of each flow; what udpload says about it."""
    argv = [method.tools.udpload, "flows", method.address, str(FLOW_PORTS_FIRST), str(FLOW_PORTS),
            "10.1.128.0/17", str(flows), "%.0f" % rate]
    return json.loads(net.run(method.on_client(argv), timeout_s=150))
