# SPDX-License-Identifier: MIT
"""The other tunnels: WireGuard in user space, Nebula, OpenVPN, stunnel.

Each stands between gateway and server, where hipproxyd's proxy stands, before a client that knows
nothing of it.  Settings are those a careful administrator would choose for speed: AES-128-GCM
where there is a choice (what hipproxy uses), large buffers, the largest inner MTU whose outer
packets fit into 1500 octets.
"""

import os
import re

from . import net
from .base import CLIENTS, GATEWAY_LAN4, GATEWAY_WAN4, IPERF3_PORT, Method, SERVER4

INNER_GATEWAY4, INNER_SERVER4, INNER_LEN = "10.8.0.1", "10.8.0.2", 24
SOCKET_BUFFER = 4 << 20


class Vpn(Method):
    """A layer 3 tunnel; the client connects to the server's address in it."""

    kind = "vpn"

    def __init__(self, name, tools):
        super().__init__(name, tools)
        self.address = INNER_SERVER4

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        path = self.path(name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="utf-8") as f:
            f.write(text)
        return path

    def wait_device(self, node, daemon, device):
        argv = ["ip", "link", "show", "dev", device]
        net.wait_for("the device of " + daemon,
                     lambda: self.net.alive(daemon) and self.net.run(node, argv, check=False))


class WireguardGo(Vpn):
    programs = {"wireguard-go": "wireguard-go", "wg": "wireguard-tools"}
    inner_mtu = 1440  # 20 IPv4 + 8 UDP + 16 header + 16 tag
    port = 51820

    def daemons(self):
        # Sockets in /run/wireguard are named after the device, whatever the namespace: the
        # device's name must be ours alone.  15 characters are a name's limit.
        prefix = "hpb%d" % (os.getpid() % 10 ** 8)
        self.device = {"gateway": prefix + "g", "server": prefix + "s"}
        self.public = {}
        for node in self.device:
            self.public[node] = self._key(node)
            self._start(node)
        self._configure("gateway", "server", INNER_GATEWAY4, SERVER4, INNER_SERVER4 + "/32")
        self._configure("server", "gateway", INNER_SERVER4, GATEWAY_WAN4,
                        "%s/32,%s" % (INNER_GATEWAY4, CLIENTS))
        self.net.ip("server", "route add %s dev %s" % (CLIENTS, self.device["server"]))

    def _key(self, node):
        private = net.run(["wg", "genkey"])
        self.write(node + ".key", private)
        return net.run(["wg", "pubkey"], stdin=private).strip()

    def _start(self, node):
        daemon = "wireguard-" + node
        self.net.start(node, daemon, ["wireguard-go", "-f", self.device[node]],
                       env={"LOG_LEVEL": "error"})
        # The device comes before the socket that wg asks.
        argv = ["wg", "show", self.device[node], "listen-port"]
        net.wait_for("start of wireguard-go", lambda: self.net.alive(daemon)
                     and self.net.run(node, argv, check=False))

    def _configure(self, node, peer, address, endpoint, allowed):
        device = self.device[node]
        self.net.run(node, [
            "wg", "set", device, "private-key", self.path(node + ".key"), "listen-port",
            str(self.port), "peer", self.public[peer], "allowed-ips", allowed, "endpoint",
            "%s:%d" % (endpoint, self.port)])
        self.net.ip(node, "addr add %s/%d dev %s" % (address, INNER_LEN, device),
                    "link set dev %s mtu %d up" % (device, self.inner_mtu))


class Nebula(Vpn):
    programs = {"nebula": "nebula", "nebula-cert": "nebula"}
    inner_mtu = 1440  # 20 IPv4 + 8 UDP + 16 header + 16 tag
    port = 4242

    def daemons(self):
        net.run(["nebula-cert", "ca", "-name", "bench", "-out-crt", self.path("ca.crt"),
                 "-out-key", self.path("ca.key")])
        # The gateway speaks for the clients behind it.
        self._certificate("gateway", INNER_GATEWAY4, ["-subnets", CLIENTS])
        self._certificate("server", INNER_SERVER4, [])
        self._start("gateway", INNER_SERVER4, SERVER4, "")
        self._start("server", INNER_GATEWAY4, GATEWAY_WAN4, """
  unsafe_routes:
    - route: %s
      via: %s
      mtu: %d""" % (CLIENTS, INNER_GATEWAY4, self.inner_mtu))

    def _certificate(self, node, address, more):
        net.run(["nebula-cert", "sign", "-name", node, "-ip", "%s/%d" % (address, INNER_LEN),
                 "-ca-crt", self.path("ca.crt"), "-ca-key", self.path("ca.key"),
                 "-out-crt", self.path(node + ".crt"), "-out-key", self.path(node + ".key")]
                + more)

    def _start(self, node, peer, endpoint, routes):
        conf = self.write(node + ".yml", """
pki: { ca: %(ca)s, cert: %(crt)s, key: %(key)s }
static_host_map: { "%(peer)s": ["%(endpoint)s:%(port)d"] }
lighthouse: { am_lighthouse: false, hosts: [] }
cipher: aes
listen: { host: 0.0.0.0, port: %(port)d, batch: 64, read_buffer: %(buffer)d,
  write_buffer: %(buffer)d }
punchy: { punch: false }
tun:
  dev: nebula0
  mtu: %(mtu)d
  tx_queue: 5000%(routes)s
logging: { level: error }
firewall:
  outbound: [ { port: any, proto: any, host: any } ]
  inbound: [ { port: any, proto: any, host: any } ]
""" % {"ca": self.path("ca.crt"), "crt": self.path(node + ".crt"), "key": self.path(node + ".key"),
            "peer": peer, "endpoint": endpoint, "port": self.port, "buffer": SOCKET_BUFFER,
            "mtu": self.inner_mtu, "routes": routes})
        daemon = "nebula-" + node
        self.net.start(node, daemon, ["nebula", "-config", conf])
        self.wait_device(node, daemon, "nebula0")


def certificate(method, name):
    """A key and a certificate signed with it; its fingerprint."""
    key, crt = os.path.join(method.directory, name + ".key"), os.path.join(
        method.directory, name + ".crt")
    net.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", key, "-out", crt, "-days", "7", "-subj", "/CN=" + name])
    os.chmod(key, 0o600)
    text = net.run(["openssl", "x509", "-in", crt, "-noout", "-fingerprint", "-sha256"])
    return text.strip().partition("=")[2]


class Openvpn(Vpn):
    programs = {"openvpn": "openvpn", "openssl": "openssl"}
    inner_mtu = 1440  # 20 IPv4 + 8 UDP + 4 peer id + 4 packet id + 16 tag, and room

    def missing(self):
        reason = super().missing()
        if reason:
            return reason
        # It ends with status 1 whatever it says.
        found = re.search(r"OpenVPN (\d+)\.(\d+)", net.run(["openvpn", "--version"], check=False))
        if not found or (int(found.group(1)), int(found.group(2))) < (2, 6):
            return "openvpn: older than 2.6"
        return None

    def daemons(self):
        prints = {node: certificate(self, node) for node in ("gateway", "server")}
        self._start("server", prints["gateway"], ["--tls-server", "--dh", "none"],
                    INNER_SERVER4, INNER_GATEWAY4, GATEWAY_WAN4)
        self._start("gateway", prints["server"], ["--tls-client"],
                    INNER_GATEWAY4, INNER_SERVER4, SERVER4)
        for node in ("server", "gateway"):
            daemon = "openvpn-" + node
            net.wait_for("the connection of " + daemon, lambda: self.net.alive(daemon)
                         and "Initialization Sequence Completed" in self.net.log(daemon), 20)
        self.net.ip("server", "route add %s via %s" % (CLIENTS, INNER_GATEWAY4))

    def _start(self, node, peer_print, role, address, peer_address, remote):
        # In the kernel (ovpn-dco) it would be another program.
        self.net.start(node, "openvpn-" + node, [
            "openvpn", "--mode", "p2p", "--dev", "tun0", "--dev-type", "tun", "--proto", "udp4",
            "--remote", remote, "1194", "--port", "1194", "--ifconfig", address, peer_address,
            "--cert", self.path(node + ".crt"), "--key", self.path(node + ".key"),
            "--peer-fingerprint", peer_print, "--data-ciphers", "AES-128-GCM", "--cipher",
            "AES-128-GCM", "--tun-mtu", str(self.inner_mtu), "--fast-io", "--txqueuelen", "5000",
            "--sndbuf", str(SOCKET_BUFFER), "--rcvbuf", str(SOCKET_BUFFER), "--connect-retry",
            "1", "1", "--disable-dco", "--verb", "3"] + role)


class Stunnel(Method):
    """Not a tunnel for packets: stunnel ends the client's TCP connection."""

    kind = "tcp-proxy"
    tcp_only = True
    can_ping = False
    programs = {"stunnel": "stunnel4", "openssl": "openssl"}
    tls_port = 5999

    def __init__(self, name, tools):
        super().__init__(name, tools)
        self.address = GATEWAY_LAN4

    def daemons(self):
        certificate(self, "server")
        self._start("server", "", "cert = %s/server.crt\nkey = %s/server.key" % (
            self.directory, self.directory), self.tls_port, "127.0.0.1:%d" % IPERF3_PORT)
        self.net.wait_port("server", "stunnel-server", self.tls_port)
        self._start("gateway", GATEWAY_LAN4 + ":",
                    "client = yes\nverifyPeer = yes\nCAfile = %s/server.crt" % self.directory,
                    IPERF3_PORT, "%s:%d" % (SERVER4, self.tls_port))
        self.net.wait_port("gateway", "stunnel-gateway", IPERF3_PORT)

    def _start(self, node, accept, role, port, to):
        conf = os.path.join(self.directory, node + ".conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write("""foreground = yes
pid =
debug = err
syslog = no
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[bench]
accept = %s%d
connect = %s
sslVersionMin = TLSv1.3
ciphersuites = TLS_AES_128_GCM_SHA256
%s
""" % (accept, port, to, role))
        self.net.start(node, "stunnel-" + node, ["stunnel", conf])
