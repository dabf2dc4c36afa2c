# SPDX-License-Identifier: MIT
"""What every method has: three machines in a row, a server of iperf3, a way to measure from.

    client 10.1.0.11 --- 10.1.0.1 gateway 192.0.2.1 --- 192.0.2.80 server

The link between gateway and server is the one that a tunnel protects.  No bridges: what a
benchmark of tunnels does not need would cost each method the same and hide differences.
"""

import os
import re
import shutil
import time

from . import net
from .net import Failure

CLIENT4, GATEWAY_LAN4 = "10.1.0.11", "10.1.0.1"
GATEWAY_WAN4, SERVER4 = "192.0.2.1", "192.0.2.80"
SINK4 = "203.0.113.9"    # behind the server, which throws away what is for it
CLIENTS = "10.1.0.0/16"
IPERF3_PORT = 5201


# What every method needs, and in which packages of Debian that is.
COMMON = {"iperf3": "iperf3", "ip": "iproute2", "ss": "iproute2", "ethtool": "ethtool",
          "ping": "iputils-ping"}


class Tools:
    """Programs of the build tree, and where files may be written."""

    def __init__(self, build_dir, workdir, make_udpload):
        """make_udpload(): path of the traffic tool, asked for when it is first needed."""
        self.build = os.path.abspath(build_dir)
        self.workdir = os.path.abspath(workdir)
        self._make_udpload, self._udpload = make_udpload, None

    @property
    def udpload(self):
        if not self._udpload:
            self._udpload = self._make_udpload(self.build, self.workdir)
        return self._udpload

    def program(self, name):
        path = os.path.join(self.build, name)
        if os.access(path, os.X_OK):
            return path
        raise Failure("%s is not built in %s" % (name, self.build))


class Method:
    """One way of carrying traffic from client to server.  Subclasses say which daemons."""

    kind = "plain"
    tcp_only = False
    can_ping = True
    hip = None
    mtu = 1500
    programs = {}  # what must be installed, and in which packages of Debian that is

    def __init__(self, name, tools):
        self.name = name
        self.tools = tools
        self.directory = os.path.join(tools.workdir, name)
        self.net = None
        self.address = SERVER4
        self.is_physical = False

    def missing(self):
        """None, or why this method can't be measured here."""
        absent = self._absent()
        if absent:
            return "%s: not installed (apt-get install %s)" % (
                ", ".join(absent), " ".join(self.packages))
        return None

    def _absent(self):
        return {p: package for p, package in {**self.programs, **COMMON}.items()
                if not shutil.which(p)}

    @property
    def packages(self):
        """What apt-get would have to install."""
        return sorted(set(self._absent().values()))

    # --- up and down --------------------------------------------------------------------------

    def up(self):
        """Makes namespaces and daemons; returns when traffic flows.  Failure: all is gone."""
        # Keys and states of an earlier run would only be in the way.
        shutil.rmtree(self.directory, ignore_errors=True)
        try:
            self.net = net.Network(self.directory)
            self.topology()
            self.start_server()
            self.daemons()
            self.verify()
        except Exception:
            self.down()
            raise

    def down(self):
        if self.net:
            self.net.down()
        shutil.rmtree(self.directory, ignore_errors=True)

    def topology(self):
        n = self.net
        n.add("client", "gateway", "server", forward=("gateway",))
        n.link("client", "e0", CLIENT4 + "/16", "gateway", "l0", GATEWAY_LAN4 + "/16", self.mtu)
        n.link("gateway", "w0", GATEWAY_WAN4 + "/24", "server", "e0", SERVER4 + "/24", self.mtu)
        n.ip("client", "route add default via " + GATEWAY_LAN4)
        n.ip("server", "route add default via " + GATEWAY_WAN4)
        n.ip("gateway", "route add %s/32 via %s" % (SINK4, SERVER4))
        n.ip("server", "route add blackhole %s/32" % SINK4)

    def start_server(self):
        """In the server's namespace, on all addresses of both families."""
        self.net.start("server", "iperf3", ["iperf3", "-s", "--forceflush"])
        self.net.wait_port("server", "iperf3", IPERF3_PORT)

    def restart_server(self):
        """After a test that was cut short iperf3 may wait for its rest."""
        self.net.stop("iperf3")
        self.start_server()

    def daemons(self):
        """Starts what carries the traffic."""

    def verify(self):
        """Opens a TCP connection to the server, as soon as that is possible."""
        last = [Failure("no attempt")]

        def connects():
            self.daemons_alive()
            try:
                self.net.run("client", ["iperf3", "-J", "-n", "16K", "--connect-timeout", "3000",
                                        "-c", self.address], timeout_s=6)
                return True
            except Failure as e:
                last[0] = e
                return False

        try:
            net.wait_for("traffic", connects, 15, 0.1)
        except Failure as e:
            raise Failure("%s (%s)" % (e, last[0])) from e

    # --- for measuring ------------------------------------------------------------------------

    def on_client(self, argv):
        return self.net.on("client", argv)

    def on_server(self, argv):
        return self.net.on("server", argv)

    def _daemon_names(self):
        return [name for name in self.net.daemons if name not in ("iperf3", "iperf")]

    def daemons_alive(self):
        return all(self.net.alive(name) for name in self._daemon_names())

    def daemon_pids(self):
        """Those of the method, on all machines; not the traffic tools."""
        self.daemons_alive()
        return [self.net.daemons[name].pid for name in self._daemon_names()]

    # --- like physical cards ------------------------------------------------------------------

    def tunnel_link(self):
        """Both ends of the links on which protected packets travel."""
        return (("gateway", "w0"), ("server", "e0"))

    def physical(self, on):
        """on: packets leave the client and cross the tunnel's link one by one, with checksums
        made and checked by the processor, as if no card did it."""
        if on == self.is_physical:
            return
        self.net.offloads("client", "e0", ("tso", "gso"), not on)
        for node, device in self.tunnel_link():
            self.net.offloads(node, device, net.TUNNEL_OFFLOADS, not on)
        self.is_physical = on


def cpu_seconds(pids):
    """Processor time of processes, to the nanosecond, which /proc/PID/stat is not, and with the
    threads that have ended, which /proc/PID/task has not: stunnel has one for each connection."""
    total = 0.0
    for pid in pids:
        try:
            # What clock_getcpuclockid(3) makes of a process id; Python does not offer it.
            total += time.clock_gettime(~pid << 3 | 2)
        except OSError as e:
            raise Failure("process %d is gone" % pid) from e
    return total


def peak_rss_bytes(pids):
    """VmHWM of processes, added up."""
    total = 0
    for pid in pids:
        try:
            with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as f:
                found = re.search(r"^VmHWM:\s+(\d+) kB", f.read(), re.M)
        except FileNotFoundError as e:
            raise Failure("process %d is gone" % pid) from e
        if found:
            total += int(found.group(1)) * 1024
    return total
