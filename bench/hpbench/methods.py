# SPDX-License-Identifier: MIT
"""All methods by name, in the order of tables."""

from collections import OrderedDict

from . import build, peers
from .base import Method, Tools
from .hip import Gated, Hip, Passthrough, Thesis

ENGINES = OrderedDict((("mb", "ipsec-mb"), ("openssl", "openssl")))
MORE_PLUGINS = ("ftp = { };", "tftp = { };", "mark = { dscp = 46; };")


def all_methods(build_dir, workdir):
    """Name -> Method, none of them up."""
    tools = Tools(build_dir, workdir, build.udpload)
    return OrderedDict((m.name, m) for m in _all(tools))


def _all(tools):
    yield Method("plain", tools)
    yield Passthrough("passthrough", tools)
    yield Gated("gated", tools)
    for deployment in ("proxy", "host", "gateways"):
        for carrier in ("udp", "native"):
            for short, engine in ENGINES.items():
                yield Hip("%s-%s-%s" % (deployment, carrier, short), tools, deployment,
                          carrier == "udp", engine)
    yield Hip("proxy-udp-mb-plugins", tools, more_plugins=MORE_PLUGINS)
    yield Thesis("thesis", tools)
    yield peers.WireguardGo("wireguard-go", tools)
    yield peers.Nebula("nebula", tools)
    yield peers.Openvpn("openvpn", tools)
    yield peers.Stunnel("stunnel", tools)
