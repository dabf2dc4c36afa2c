# SPDX-License-Identifier: MIT
"""What is measured in which order, and the one who does it.

All methods stand beside each other and are measured in turn: round i measures each once, then
round i + 1 does, in the opposite order.  What else the machine does in those minutes then falls
on all of them alike.

Plain forwarding is bimodal: the scheduler either keeps sender and receiver on one core or
spreads them.  So `plain` and `passthrough` are compared by several short runs in the order
A B B A, each such group being a slot of its own.
"""
import time
from collections import namedtuple

Item = namedtuple("Item", "method group seconds opts row slot")

# What each group costs beside its seconds (starting programs, waiting for the last datagram);
# a first guess, replaced by what it has taken.
OVERHEAD_S = {"udp64": 2.5, "udp1200": 2.5, "first_packet": 4.0, "ping": 0.5}
DEFAULT_OVERHEAD_S = 0.4
SHORTEST_S = 0.3
LEAST_SHARE = 0.4               # rounds shrunk to less than this say nothing any more

FULL = ("tcp1", "tcp4", "tcp_rev", "tcp_bidir", "udp64", "udp1200", "ping", "first_packet")
PHYSICAL = ("tcp1", "tcp_rev", "udp64", "udp1200")
TCP_ONLY = ("tcp1", "tcp4", "tcp_rev", "tcp_bidir")
AGAINST_EACH_OTHER = ("plain", "passthrough")

# The rows of the second pass, on links without offloads.
PHYSICAL_METHODS = ("plain", "proxy-udp-mb", "proxy-native-mb", "host-udp-mb",
                    "wireguard-go", "nebula", "openvpn", "stunnel")

# --quick measures what its ratios need, and nothing else.
QUICK = {"plain": ("tcp1",), "passthrough": ("tcp1",),
         "proxy-udp": ("tcp1", "udp64", "ping"), "proxy-native": ("tcp1",),
         "host-udp": ("tcp1",), "stunnel": ("tcp1",), "wireguard-go": ("tcp1",),
         "nebula": ("tcp1", "udp64"), "openvpn": ("tcp1", "ping")}


def quick_groups(engine):
    """method -> groups of --quick, by the engine that is there."""
    names = {}
    for name, groups in QUICK.items():
        ours = name in ("proxy-udp", "proxy-native", "host-udp")
        names["%s-%s" % (name, engine) if ours else name] = groups
    return names


def groups_of(method, wanted):
    """Those of the wanted groups that the method can give."""
    return [group for group in wanted
            if (group in TCP_ONLY or not method.tcp_only)
            and (group != "first_packet" or method.hip is not None)]


def quads(names, number, rnd, seconds, suffix=""):
    """A B B A, so many times."""
    a, b = names
    items = []
    for i in range(number):
        order = (a, b, b, a) if i % 2 == 0 else (b, a, a, b)
        items += [Item(name, "tcp1", seconds, {}, name + suffix, (rnd, i)) for name in order]
    return items


def one_round(methods, wanted, rnd, seconds, number_of_quads=3, suffix=""):
    """One round: group after group, in each all methods; `wanted`: method -> groups."""
    groups = []
    for names in wanted.values():
        groups += [group for group in names if group not in groups]
    items = []
    for group in groups:
        names = [name for name in wanted
                 if group in wanted[name] and group in groups_of(methods[name], wanted[name])]
        if group == "tcp1" and all(name in names for name in AGAINST_EACH_OTHER):
            names = [name for name in names if name not in AGAINST_EACH_OTHER]
            items += quads(AGAINST_EACH_OTHER, number_of_quads, rnd, min(seconds, 1.0), suffix)
        opts = {"flood": True} if group.startswith("udp") else {}
        order = names if rnd % 2 == 0 else names[::-1]
        items += [Item(name, group, seconds, opts, name + suffix, (rnd,)) for name in order]
    return items


def plan(methods, wanted, rounds, seconds, number_of_quads=3, suffix=""):
    return [one_round(methods, wanted, rnd, seconds, number_of_quads, suffix)
            for rnd in range(rounds)]


class Runner:
    """Measures item after item, and keeps to a deadline by shorter and then by fewer runs."""

    def __init__(self, methods, measure, failure, samples, skipped, say,
                 deadline=None, clock=time.monotonic):
        self.methods = methods
        self.measure = measure          # measure(method, group, seconds, opts)
        self.failure = failure          # the exception that means "can't be measured"
        self.samples = samples
        self.skipped = skipped
        self.say = say
        self.deadline = deadline
        self.clock = clock
        self.failed = []                # (row, group) that failed, in order of time
        self._cost = {}                 # (row, group) -> overhead in seconds, as seen
        self._given_up = set()

    # --- time ---

    def remaining(self):
        return float("inf") if self.deadline is None else self.deadline - self.clock()

    def cost(self, item):
        guess = OVERHEAD_S.get(item.group, DEFAULT_OVERHEAD_S)
        return item.seconds + self._cost.get((item.row, item.group), guess)

    def shrink(self, items, share):
        """The items with runs so short that they fit into `share` seconds; None if they can't."""
        whole = sum(self.cost(item) for item in items)
        if whole <= share:
            return items
        seconds = sum(item.seconds for item in items)
        factor = (share - (whole - seconds)) / seconds
        if factor < LEAST_SHARE:
            return None
        return [item._replace(seconds=max(SHORTEST_S, item.seconds * factor)) for item in items]

    # --- running ---

    def run(self, rounds):
        for nth, items in enumerate(rounds):
            fitting = self.shrink(items, self.remaining() / (len(rounds) - nth))
            if fitting is None and nth > 0:
                fitting = self.shrink(items, self.remaining())
                if fitting is None:
                    self.say("round %d left out: no time" % (nth + 1))
                    return
            if fitting is None:         # the first round must be, however short
                fitting = [item._replace(seconds=SHORTEST_S) for item in items]
            for item in fitting:
                self.one(item, "round %d/%d" % (nth + 1, len(rounds)))

    def one(self, item, where=""):
        key = (item.row, item.group)
        if key in self._given_up:
            return
        if self.cost(item) > self.remaining():
            self.skipped.setdefault("%s %s" % key, "no time was left")
            return
        begin = self.clock()
        values = self.attempt(item)
        self._cost[key] = max(0.0, self.clock() - begin - item.seconds)
        if values is None:
            return
        self.skipped.pop("%s %s" % key, None)
        for metric, value in values.items():
            if value is not None:
                self.samples.add(item.row, metric, item.slot, value)
        self.say("%s %s %s: %s" % (where, item.row, item.group, words(values)))

    def attempt(self, item):
        """The values as a dict, or None.  Tried twice: a machine may stumble once."""
        key = (item.row, item.group)
        for last in (False, True):
            try:
                value = self.measure(self.methods[item.method], item.group, item.seconds,
                                     dict(item.opts))
                return value if isinstance(value, dict) else {metric_of(item.group): value}
            except self.failure as why:
                self.say("%s %s failed: %s" % (item.row, item.group, why))
                if last or self.cost(item) > self.remaining():
                    self.failed.append(key)
                    self._given_up.add(key)
                    self.skipped["%s %s" % key] = str(why)
                    return None
        return None


def metric_of(group):
    return {"first_packet": "first_packet_ms"}.get(group, group)


def words(values):
    return ", ".join("%s %.4g" % pair for pair in values.items() if pair[1] is not None)
