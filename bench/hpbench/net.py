# SPDX-License-Identifier: MIT
"""Network namespaces and processes, and their end.

Everything made here is written down before it is used, so that cleanup_all() can remove it at
any moment, from a signal handler's way out as well.  Namespaces are called hpb<pid>-<n>-<node>;
processes get a session of their own, so that a terminal's Ctrl-C is for the benchmark alone,
which then ends them itself.
"""

import os
import signal
import subprocess
import threading
import time

TUNNEL_OFFLOADS = ("rx", "tx", "tso", "gso", "gro")
FEATURES = {
    "rx": "rx-checksumming",
    "tx": "tx-checksumming",
    "tso": "tcp-segmentation-offload",
    "gso": "generic-segmentation-offload",
    "gro": "generic-receive-offload",
}


class Failure(Exception):
    """Something that could not be done, in words for a person."""


class _Registry:
    """What exists at this moment."""

    def __init__(self):
        self.lock = threading.RLock()
        self.networks = []
        self.processes = set()
        self.count = 0
        self.closed = False

    def network(self, network):
        with self.lock:
            if self.closed:
                raise Failure("the benchmark is ending")
            self.count += 1
            self.networks.append(network)
            return "hpb%d-%d" % (os.getpid(), self.count)

    def popen(self, argv, **more):
        with self.lock:
            if self.closed:
                raise Failure("the benchmark is ending")
            try:
                process = subprocess.Popen(argv, start_new_session=True, **more)
            except OSError as e:
                raise Failure("%s: %s" % (argv[0], e.strerror)) from e
            self.processes.add(process)
            return process

    def forget(self, process):
        with self.lock:
            self.processes.discard(process)


_registry = _Registry()


def popen(argv, **more):
    """A process that ends with the benchmark at the latest."""
    return _registry.popen(argv, **more)


def stop(process, grace_s=2.0):
    """Ends a process of ours and all of its session; waits for it."""
    for sig in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        try:
            os.killpg(process.pid, sig)
        except ProcessLookupError:
            pass
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            continue
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()
    _registry.forget(process)


def run(argv, timeout_s=10.0, stdin=None, check=True):
    """Output of a command.  Raises Failure when it fails or takes too long."""
    process = popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate(stdin or "", timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise Failure("%s takes longer than %g s" % (command_name(argv), timeout_s)) from None
    finally:
        stop(process, 0.5)
    if check and process.returncode != 0:
        why = last_line(err) or last_line(out) or "status %d" % process.returncode
        raise Failure("%s: %s" % (command_name(argv), why))
    return out


def command_name(argv):
    """The program itself, without the namespace it runs in."""
    if argv[:3] == ["ip", "netns", "exec"]:
        argv = argv[4:]
    return os.path.basename(argv[0])


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def wait_for(what, condition, timeout_s=10.0, every_s=0.02):
    """Until condition() is true; Failure with `what` otherwise."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise Failure("%s did not happen within %g s" % (what, timeout_s))
        time.sleep(every_s)


class Network:
    """Some namespaces with links between them, and the daemons that run in them."""

    def __init__(self, directory):
        self.directory = directory
        self.nodes = []
        self.daemons = {}
        self._links = []
        self._features = {}
        self.name = _registry.network(self)
        os.makedirs(directory, exist_ok=True)

    def namespace(self, node):
        return "%s-%s" % (self.name, node)

    def on(self, node, argv):
        """The command line that runs argv in a node.  `ip netns exec` turns into argv: the
        process id is that of the program."""
        return ["ip", "netns", "exec", self.namespace(node)] + list(argv)

    def run(self, node, argv, **more):
        return run(self.on(node, argv), **more)

    def add(self, *nodes, forward=()):
        """Makes the nodes; those in `forward` are routers."""
        for node in nodes:
            self.nodes.append(node)
            run(["ip", "netns", "add", self.namespace(node)])
            self._settings(node, node in forward)

    def _settings(self, node, forward):
        values = {
            "ipv6/conf/all/disable_ipv6": 0,
            "ipv6/conf/default/accept_dad": 0,
            "ipv4/conf/all/rp_filter": 0,
            "ipv4/conf/default/rp_filter": 0,
            "ipv4/ip_forward": int(forward),
            # What TCP between daemons uses; tests choose theirs with iperf3 -C.
            "ipv4/tcp_congestion_control": "cubic",
            "ipv4/ping_group_range": "0 0",
        }
        script = ["ip link set dev lo up"]
        for key, value in values.items():
            script.append("f=/proc/sys/net/%s; [ -w $f ] && echo %s >$f" % (key, value))
        self.run(node, ["sh", "-c", "\n".join(script) + "\n:"])

    def ip(self, node, *commands):
        """Commands of ip(8), each a line, all or none."""
        run(["ip", "-n", self.namespace(node), "-batch", "-"],
            stdin="".join(command + "\n" for command in commands))

    def link(self, a, a_device, a_address, b, b_device, b_address, mtu=1500):
        """A veth pair: nothing but a wire between two nodes."""
        self.ip(a, "link add name %s mtu %d type veth peer name %s mtu %d netns %s" % (
            a_device, mtu, b_device, mtu, self.namespace(b)))
        for node, device, address in ((a, a_device, a_address), (b, b_device, b_address)):
            self.ip(node, "addr add %s dev %s" % (address, device), "link set dev %s up" % device)
            self._links.append((node, device))

    # --- offloads -----------------------------------------------------------------------------

    def offloads(self, node, device, features, on):
        """Turns features off, or back to what they were."""
        key = (node, device)
        if key not in self._features:
            self._features[key] = self._offloads_now(node, device)
        before = self._features[key]
        argv = ["ethtool", "-K", device]
        for feature in features:
            argv += [feature, "on" if on and before.get(feature) else "off"]
        self.run(node, argv)

    def _offloads_now(self, node, device):
        listed = {}
        for line in self.run(node, ["ethtool", "-k", device]).splitlines():
            name, colon, value = line.strip().partition(":")
            if colon:
                listed[name] = value.split()[:1] == ["on"]
        return {short: listed.get(name, False) for short, name in FEATURES.items()}

    # --- daemons ------------------------------------------------------------------------------

    def log_path(self, name):
        return os.path.join(self.directory, name + ".log")

    def start(self, node, name, argv, env=None):
        """Starts a daemon in a node; what it says goes to <name>.log."""
        with open(self.log_path(name), "ab") as log:
            process = popen(self.on(node, argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                            cwd=self.directory, env=dict(os.environ, **env) if env else None)
        self.daemons[name] = process
        return process

    def stop(self, name):
        process = self.daemons.pop(name, None)
        if process:
            stop(process)

    def log(self, name):
        try:
            with open(self.log_path(name), encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def alive(self, name):
        """Raises Failure when a daemon has ended."""
        process = self.daemons[name]
        if process.poll() is not None:
            raise Failure("%s has ended with status %d; its last words: %s" % (
                name, process.returncode, last_line(self.log(name)) or "none"))
        return True

    def wait_port(self, node, name, port, protocol="tcp"):
        """Until a daemon listens on a port."""
        argv = ["ss", "-lnH", "--" + protocol, "sport", "=", ":%d" % port]
        wait_for("%s listening on port %d" % (name, port),
                 lambda: self.alive(name) and self.run(node, argv).strip())

    # --- the end ------------------------------------------------------------------------------

    def down(self):
        """Ends all daemons and removes the namespaces; safe at any moment and twice."""
        for process in list(self.daemons.values()):
            if process.poll() is None:
                _signal(process, signal.SIGTERM)
        for name in list(self.daemons):
            self.stop(name)
        for node in list(self.nodes):
            _delete(self.namespace(node))
        self.nodes = []
        with _registry.lock:
            if self in _registry.networks:
                _registry.networks.remove(self)


def _signal(process, sig):
    try:
        os.killpg(process.pid, sig)
    except ProcessLookupError:
        pass


def _quietly(argv):
    """For the way out: no registry, no exception."""
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL, timeout=10, check=False,
                              start_new_session=True).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _delete(namespace):
    """All that still runs in a namespace of ours was started by a daemon of ours."""
    for pid in _quietly(["ip", "netns", "pids", namespace]).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except (ProcessLookupError, ValueError):
            pass
    _quietly(["ip", "netns", "del", namespace])


def cleanup_all():
    """Ends all processes and removes all namespaces of this run.  Nothing can be started from
    here on: what other threads still try fails."""
    with _registry.lock:
        _registry.closed = True
        processes = list(_registry.processes)
        networks = list(_registry.networks)
    for process in processes:
        if process.poll() is None:
            _signal(process, signal.SIGTERM)
    end = time.monotonic() + 2
    for process in processes:
        try:
            process.wait(max(0.01, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
    for network in networks:
        network.down()
