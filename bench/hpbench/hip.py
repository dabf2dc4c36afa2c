# SPDX-License-Identifier: MIT
"""hipproxyd in its deployments: both ends hosts, a proxy before clients, gateway to gateway."""

import json
import os

from . import net
from .base import CLIENT4, CLIENTS, GATEWAY_LAN4, GATEWAY_WAN4, Method, SERVER4
from .net import Failure

INNER_GATEWAY4, INNER_SERVER4, KNOWN4 = "10.2.0.1", "10.2.0.10", "10.9.0.10"
POOL4 = "10.99.0.0/24"


class Daemon:
    """hipproxyd in one node: its keys, configuration and control socket."""

    def __init__(self, method, node, keys=("main",)):
        self.method, self.node = method, node
        self.name = "hipproxyd-" + node
        self.ctl = method.tools.program("hipproxyctl")
        self.hits = {key: self._make_key(key) for key in keys}
        self.control = self._path("control")
        # sun_path has 108 octets.
        if len(self.control) > 100:
            raise Failure("the work directory's path is too long for a socket: " + self.control)

    def _path(self, name):
        return os.path.join(self.method.directory, "%s-%s" % (self.node, name))

    def _make_key(self, key):
        path = self._path(key + ".pem")
        net.run([self.ctl, "keygen", path])
        return net.run([self.ctl, "hit", path]).split()[0]

    def start(self, settings, plugins):
        """settings: text of the configuration beyond what each daemon has."""
        m = self.method
        identities = ", ".join('{ name = "%s"; key = "%s"; }' % (k, self._path(k + ".pem"))
                               for k in self.hits)
        conf = "\n".join([
            "identities = ( %s );" % identities,
            'control = { socket = "%s"; };' % self.control,
            'state = "%s";' % self._path("state"),
            'log = { target = "stderr"; level = "notice"; };',
            'esp = { engine = "%s"; };' % m.engine,
            "hip = { puzzle_k = 0; };",
            'plugin_dir = "%s";' % os.path.join(m.tools.build, "plugins", ".libs"),
            "plugins = { %s };" % " ".join(plugins),
        ] + settings) + "\n"
        with open(self._path("conf"), "w", encoding="utf-8") as f:
            f.write(conf)
        m.net.start(self.node, self.name,
                    [m.tools.program("hipproxyd"), "-c", self._path("conf")])
        net.wait_for("start of " + self.name, self._answers, 15)

    def _answers(self):
        self.method.net.alive(self.name)
        try:
            self.ask("status")
            return True
        except Failure:
            return False

    def ask(self, *command):
        """The daemon's answer to a command of hipproxyctl."""
        text = net.run([self.ctl, "-s", self.control, "--json"] + list(command), timeout_s=10)
        try:
            return json.loads(text)
        except ValueError as e:
            raise Failure("hipproxyctl %s: not JSON" % command[0]) from e

    def associations(self):
        """Those that carry traffic or soon will."""
        return [a for a in self.ask("associations")["associations"]
                if a["state"] not in ("CLOSING", "CLOSED")]

    def pid(self):
        return self.method.net.daemons[self.name].pid


class Control:
    """The association of a method, seen from both of its ends."""

    def __init__(self, initiator, responder, hit):
        self.initiator, self.responder, self.hit = initiator, responder, hit

    def gone(self):
        """CLOSED (RFC 7401, section 4.4.2) is kept for a while, but only for a late CLOSE."""
        return not (self.initiator.associations() or self.responder.associations())

    def close_association(self):
        """Returns when neither end knows of it any more."""
        self.initiator.ask("close", self.hit)
        net.wait_for("the end of the association", self.gone, 10, 0.005)

    def path(self):
        """How the association's packets travel: the answer of hipproxyctl."""
        listed = self.initiator.associations()
        if len(listed) != 1:
            raise Failure("%d associations instead of one" % len(listed))
        return listed[0]["path"]


class Hip(Method):
    """deployment: "host", "proxy" or "gateways"; udp: through the plugin natudp."""

    kind = "hip"
    programs = {"iptables": "iptables"}

    def __init__(self, name, tools, deployment="proxy", udp=True, engine="ipsec-mb",
                 more_plugins=(), limits=""):
        super().__init__(name, tools)
        self.deployment, self.udp, self.engine = deployment, udp, engine
        self.more_plugins, self.limits = tuple(more_plugins), limits
        self.initiator = self.responder = None

    def missing(self):
        reason = super().missing()
        if reason:
            return reason
        for program in ("hipproxyd", "hipproxyctl"):
            try:
                self.tools.program(program)
            except Failure as e:
                return str(e)
        folder = os.path.join(self.tools.build, "plugins", ".libs")
        for plugin in [p.split()[0] for p in self.plugins()]:
            if not os.path.exists(os.path.join(folder, plugin + ".so")):
                return "the plugin %s is not built as a shared object" % plugin
        if self.engine == "ipsec-mb" and not has_ipsec_mb(self.tools.build):
            return "hipproxyd was built without libipsec-mb (apt-get install libipsec-mb-dev)"
        return None

    def plugins(self):
        natudp = ('natudp = { mode = "auto"; };',) if self.udp else ()
        return ("icmp = { };",) + natudp + self.more_plugins

    # --- machines -----------------------------------------------------------------------------

    def topology(self):
        if self.deployment != "gateways":
            super().topology()
            return
        n = self.net
        n.add("client", "gateway", "gateway2", "server", forward=("gateway", "gateway2"))
        n.link("client", "e0", CLIENT4 + "/16", "gateway", "l0", GATEWAY_LAN4 + "/16", self.mtu)
        n.link("gateway", "w0", GATEWAY_WAN4 + "/24", "gateway2", "w0", SERVER4 + "/24", self.mtu)
        n.link("gateway2", "i0", INNER_GATEWAY4 + "/24", "server", "e0", INNER_SERVER4 + "/24",
               self.mtu)
        n.ip("client", "route add default via " + GATEWAY_LAN4)
        n.ip("gateway", "route add %s/32 via %s" % (KNOWN4, SERVER4))
        n.ip("gateway2", "route add default via " + GATEWAY_WAN4)
        n.ip("server", "route add default via " + INNER_GATEWAY4)

    def tunnel_link(self):
        return {
            "proxy": (("gateway", "w0"), ("server", "e0")),
            "gateways": (("gateway", "w0"), ("gateway2", "w0")),
            "host": (("client", "e0"), ("gateway", "l0"), ("gateway", "w0"), ("server", "e0")),
        }[self.deployment]

    # --- daemons ------------------------------------------------------------------------------

    def daemons(self):
        {"host": self._host, "proxy": self._proxy, "gateways": self._gateways}[self.deployment]()
        self.hip = Control(self.initiator, self.responder, self.peer_hit)

    def _peer(self, serves=""):
        return 'peers = ( { hit = "%s"; addresses = [ "%s" ]; %s } );' % (
            self.peer_hit, SERVER4, serves)

    def _client(self):
        return ('client = { enabled = true; interfaces = [ "l0" ]; networks = [ "%s" ]; '
                'unknown = "pass"; };' % CLIENTS)

    def _responder_host(self):
        self.responder = Daemon(self, "server")
        self.peer_hit = self.responder.hits["main"]
        self.responder.start(['host = { enabled = true; accept_default = "allow"; };'],
                             self.plugins())

    def _host(self):
        self._responder_host()
        self.initiator = Daemon(self, "client")
        self.initiator.start(["host = { enabled = true; };", self._peer()], self.plugins())
        self.address = self.peer_hit

    def _proxy(self):
        self._responder_host()
        self.initiator = Daemon(self, "gateway")
        self.initiator.start([self._client(), self._peer(), self.limits], self.plugins())

    def _gateways(self):
        self.responder = Daemon(self, "gateway2", ("main", "web"))
        self.peer_hit = self.responder.hits["web"]
        server = ('server = { hosted = ( { identity = "web"; server = "%s"; } ); pool4 = "%s"; '
                  'mapping = "%s"; };' % (INNER_SERVER4, POOL4, self.responder._path("clients")))
        self.responder.start([], self.plugins() + (server,))
        self.initiator = Daemon(self, "gateway")
        self.initiator.start([self._client(), self._peer('serves = [ "%s/32" ];' % KNOWN4)],
                             self.plugins())
        self.address = KNOWN4

    def verify(self):
        super().verify()
        path = self.hip.path()
        if bool(path.get("dport")) != self.udp:
            raise Failure("the association goes %s UDP" % ("without" if self.udp else "through"))


class Passthrough(Hip):
    """The destination speaks no HIP: the proxy leaves it to the kernel."""

    def __init__(self, name, tools, engine="openssl"):
        super().__init__(name, tools, "proxy", False, engine)

    def daemons(self):
        self.initiator = Daemon(self, "gateway")
        self.initiator.start([self._client()], self.plugins())

    def verify(self):
        """Its first connection makes the destination known."""
        Method.verify(self)
        if self.initiator.associations():
            raise Failure("an association was made")


class Gated(Passthrough):
    """As before, but the gateway protects one peer's 10,000 prefixes of each family, none of which
    is the destination."""

    PREFIXES = 10000

    def daemons(self):
        serves = ['"10.%d.%d.%d/30"' % (100 + i // 8192, i // 32 % 256, i % 32 * 8)
                  for i in range(self.PREFIXES // 2)]
        serves += ['"fd70:0:%x::/48"' % (2 * i) for i in range(self.PREFIXES // 2)]
        self.initiator = Daemon(self, "gateway")
        self.peer_hit = "2001:22::4711"     # nobody's: nothing is sent there
        self.initiator.start([self._client(), self._peer("serves = [ %s ];" % ", ".join(serves))],
                             self.plugins())


class Thesis(Hip):
    """The procedure of the thesis: iperf 2, MTU 1280, the exchange included."""

    mtu = 1280
    programs = {"iperf": "iperf", "iptables": "iptables"}

    def start_server(self):
        super().start_server()
        self.net.start("server", "iperf", ["iperf", "-s", "-V"])
        self.net.wait_port("server", "iperf", 5001)


def has_ipsec_mb(build):
    try:
        with open(os.path.join(build, "config.h"), encoding="utf-8") as f:
            return "#define HAVE_IPSEC_MB 1" in f.read()
    except OSError:
        return False
