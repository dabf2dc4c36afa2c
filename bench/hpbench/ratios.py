# SPDX-License-Identifier: MIT
"""Ratios between methods, and the goals they are held against."""

PROXY = {"mb": "proxy-udp-mb", "openssl": "proxy-udp-openssl"}
NATIVE = {"mb": "proxy-native-mb", "openssl": "proxy-native-openssl"}
HOST = {"mb": "host-udp-mb", "openssl": "host-udp-openssl"}
PLUGINS = {"mb": "proxy-udp-mb-plugins", "openssl": None}


def table(engine):
    """key -> (over, under), each (method, metric).  Without libipsec-mb, OpenSSL stands in."""
    proxy, native, host = PROXY[engine], NATIVE[engine], HOST[engine]
    openssl = PROXY["openssl"]
    rows = {}
    for peer in ("stunnel", "wireguard-go", "nebula", "openvpn"):
        rows["tcp1_vs_" + peer.replace("-", "_")] = ((proxy, "tcp1"), (peer, "tcp1"))
    rows["tcp1_native_vs_wireguard_go"] = ((native, "tcp1"), ("wireguard-go", "tcp1"))
    rows["tcp1_openssl_vs_stunnel"] = ((openssl, "tcp1"), ("stunnel", "tcp1"))
    rows["tcp1_openssl_vs_wireguard_go"] = ((openssl, "tcp1"), ("wireguard-go", "tcp1"))
    rows["tcp1_proxy_vs_host"] = ((proxy, "tcp1"), (host, "tcp1"))
    rows["udp64_vs_nebula"] = ((proxy, "udp64"), ("nebula", "udp64"))
    rows["udp64_flood_vs_max"] = ((proxy, "udp64_flood"), (proxy, "udp64"))
    rows["passthrough_vs_plain"] = (("passthrough", "forward"), ("plain", "forward"))
    rows["gated_vs_plain"] = (("gated", "forward"), ("plain", "forward"))
    rows["gated64_vs_plain"] = (("gated", "forward64"), ("plain", "forward64"))
    rows["ping_vs_openvpn"] = ((proxy, "ping_median"), ("openvpn", "ping_median"))
    rows["udp_vs_native"] = ((proxy, "tcp1"), (native, "tcp1"))
    rows["plugins_loaded_vs_none"] = ((PLUGINS[engine], "tcp1"), (proxy, "tcp1"))
    return rows


def figures(engine):
    """key -> (method, metric): figures that stand among the ratios as they are."""
    return {"cpu_per_gb": (PROXY[engine], "cpu_per_gb"),
            "cpu_per_gb_openssl": (PROXY["openssl"], "cpu_per_gb")}


def why_missing(sides, samples, skipped, default):
    """A sentence that says why a ratio of these sides can't be formed."""
    for method, metric in sides:
        if method is None:
            return "needs libipsec-mb"
        if samples.has(method, metric):
            continue
        for name in (method + " " + metric, method):
            if name in skipped:
                return "%s: %s" % (name, skipped[name])
        return "%s: %s: %s" % (method, metric, default)
    return "no round has both"


def form(engine, samples, skipped, default="not measured in this run"):
    """key -> number or None; why something is None is added to `skipped` under its key."""
    out = {}
    for key, (over, under) in table(engine).items():
        out[key] = samples.ratio(over, under)
        if out[key] is None:
            skipped.setdefault(key, why_missing((over, under), samples, skipped, default))
    for key, (method, metric) in figures(engine).items():
        out[key] = samples.median(method, metric)
        if out[key] is None:
            skipped.setdefault(key, why_missing(((method, metric),), samples, skipped, default))
    return out


# --- goals -----------------------------------------------------------------------------

AT_LEAST, AT_MOST = ">=", "<="

# What setup_ns may grow by from the smallest to the largest table and still be called flat.
FLAT = 1.5


def goals(engine, ratios, samples, scale):
    """The table of goals: what, the figure (None: not measured), whether it is met."""
    first = samples.median(PROXY[engine], "first_packet_ms")
    native = ratios.get("tcp1_native_vs_wireguard_go")
    cpu = 0.9 if engine == "mb" else 1.9
    rows = [
        ("TCP, proxy : stunnel", ratios.get("tcp1_vs_stunnel"), AT_LEAST,
         1.6 if engine == "mb" else 1.0),
        ("TCP, proxy : wireguard-go", ratios.get("tcp1_vs_wireguard_go"), AT_LEAST,
         12 if engine == "mb" else 7),
        ("TCP, proxy with OpenSSL : stunnel", ratios.get("tcp1_openssl_vs_stunnel"), AT_LEAST, 1.0),
        ("TCP, proxy with OpenSSL : wireguard-go", ratios.get("tcp1_openssl_vs_wireguard_go"),
         AT_LEAST, 7),
        ("TCP, proxy in native ESP : wireguard-go", native, AT_LEAST, 3.5),
        ("64-octet datagrams, proxy : nebula", ratios.get("udp64_vs_nebula"), AT_LEAST, 2.5),
        ("64-octet datagrams, flood : highest rate", ratios.get("udp64_flood_vs_max"),
         AT_LEAST, 0.95),
        ("ping, proxy : openvpn", ratios.get("ping_vs_openvpn"), AT_MOST, 1.0),
        ("CPU seconds per GB", ratios.get("cpu_per_gb"), AT_MOST, cpu),
        ("CPU seconds per GB, OpenSSL", ratios.get("cpu_per_gb_openssl"), AT_MOST, 1.9),
        ("TCP, proxy : host", ratios.get("tcp1_proxy_vs_host"), AT_LEAST, 0.95),
        ("TCP, passed through : plain", ratios.get("passthrough_vs_plain"), AT_LEAST, 0.98),
        ("TCP, passed by 10,000 prefixes : plain", ratios.get("gated_vs_plain"), AT_LEAST, 0.98),
        ("64-octet datagrams, passed by 10,000 prefixes : plain", ratios.get("gated64_vs_plain"),
         AT_LEAST, 0.98),
        ("TCP, plugins loaded : none", ratios.get("plugins_loaded_vs_none"), AT_LEAST, 0.99),
        ("first packet with base exchange, ms", first, AT_MOST, 2.0),
        ("base exchanges a second, responder", samples.median("exchange", "bex_responder"),
         AT_LEAST, 4000),
        ("peak RSS with 1M flows, MB", samples.median("flows1m", "peak_rss_mb_1m"), AT_MOST, 400),
    ]
    rows += scale_goals(scale)
    return [{"goal": "%s %s %g" % (what, sign, limit), "figure": figure,
             "met": met(figure, sign, limit)} for what, figure, sign, limit in rows]


def scale_goals(scale):
    flows = sorted((scale or {}).get("flows") or [], key=lambda row: row["n"])
    assocs = sorted((scale or {}).get("associations") or [], key=lambda row: row["n"])
    return [
        ("octets per flow", last(flows, "bytes_per_flow"), AT_MOST, 256),
        ("octets per association", last(assocs, "bytes_per_association"), AT_MOST, 8192),
        ("flow look-up, largest table : 1k", growth(flows, "lookup_ns", 1000), AT_MOST, 1.3),
        ("flow set-up, largest table : smallest", growth(flows, "setup_ns"), AT_MOST, FLAT),
    ]


def last(rows, key):
    """The figure of the largest n."""
    return rows[-1].get(key) if rows else None


def growth(rows, key, base=None):
    """The figure of the largest n : that of n = base, or of the smallest n."""
    bases = [row for row in rows if base is None or row["n"] == base]
    if len(rows) < 2 or not bases or not bases[0].get(key) or rows[-1].get(key) is None:
        return None
    return rows[-1][key] / bases[0][key]


def met(figure, sign, limit):
    if figure is None:
        return None
    return figure >= limit if sign == AT_LEAST else figure <= limit
