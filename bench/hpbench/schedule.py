# SPDX-License-Identifier: MIT
"""What is measured in which order, and the one who does it.

All methods stand beside each other and are measured in turn: round i measures each once, then
round i + 1 does, in the opposite order.  What else the machine does in those minutes then falls
on all of them alike.

Plain forwarding of one TCP stream is bimodal (12 or 40 Gbit/s): what is in flight fits into the
processor's cache or does not, and both ends are on one core or are not.  So `plain` and
`passthrough` and `gated` are compared apart from the others (groups forward, forward64): with a small window on one core,
in many short runs in the order A B B A, each four of them being a slot.  Pings (group ping) last
microseconds and hang on whatever else wakes processors: each method has two turns in a round, in
the same order.
"""
import time
from collections import namedtuple

Item = namedtuple("Item", "method group seconds opts row slot")

# What each group costs beside its seconds (starting programs, waiting for the last datagram);
# a first guess, replaced by what it has taken.
OVERHEAD_S = {"udp64": 5.0, "udp1200": 5.0, "first_packet": 4.0, "ping": 0.7, "forward": 0.4,
              "forward64": 0.3}
QUICK_OVERHEAD_S = {"udp64": 2.8, "ping": 0.6, "forward": 0.4, "forward64": 0.3}
DEFAULT_OVERHEAD_S = 0.2

FULL = ("tcp1", "tcp4", "tcp_rev", "tcp_bidir", "udp64", "udp1200", "ping", "first_packet",
        "forward", "forward64")
PHYSICAL = ("tcp1", "tcp_rev", "udp64", "udp1200")
TCP_ONLY = ("tcp1", "tcp4", "tcp_rev", "tcp_bidir")
FORWARD = ("plain", "passthrough", "gated")
FORWARDING = ("forward", "forward64")
THERE_AND_BACK = ("forward", "forward64", "ping")

# The rows of the second pass, on links without offloads.
PHYSICAL_METHODS = ("plain", "proxy-udp-mb", "proxy-native-mb", "host-udp-mb",
                    "wireguard-go", "nebula", "openvpn", "stunnel")

# --quick measures what its ratios need, and nothing else.
QUICK = {"plain": ("tcp1", "forward", "forward64"), "passthrough": ("tcp1", "forward"),
         "gated": ("forward", "forward64"),
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
            and (group != "first_packet" or method.hip is not None)
            and (group not in FORWARDING or method.name in FORWARD)]


def there_and_back(names, number, rnd):
    """(method, slot): A B B A, B A A B and so on, so many times."""
    turns = []
    for i in range(number):
        order = names + names[::-1] if (rnd + i) % 2 == 0 else names[::-1] + names
        turns += [(name, (rnd, i)) for name in order]
    return turns


class Plan:
    """What rounds consist of; `wanted`: method -> groups."""

    def __init__(self, methods, wanted, seconds, number_of_quads=3, suffix="", quick=False):
        self.methods, self.seconds, self.suffix = methods, seconds, suffix
        self.quads, self.quick = number_of_quads, quick
        self.wanted = {name: groups_of(methods[name], groups) for name, groups in wanted.items()}
        self.groups = []
        for names in self.wanted.values():
            self.groups += [group for group in names if group not in self.groups]
        # What the deadline may cut short is the last.
        self.groups.sort(key=FULL.index)

    def one_round(self, rnd):
        """Group after group, in each all methods: what is compared stands close together."""
        items = []
        for group in self.groups:
            names = [name for name in self.wanted if group in self.wanted[name]]
            seconds = self.seconds if group in TCP_ONLY else 0
            items += [Item(name, group, seconds, self.opts(group), name + self.suffix, slot)
                      for name, slot in self.turns(group, names, rnd)]
        return items

    def turns(self, group, names, rnd):
        if group in THERE_AND_BACK:
            return there_and_back(names, self.quads if group in FORWARDING else 1, rnd)
        return [(name, (rnd,)) for name in (names if rnd % 2 == 0 else names[::-1])]

    def opts(self, group):
        found = {"quick": True} if self.quick else {}
        if group.startswith("udp"):
            found["flood"] = True
        return found

    def rounds(self, number):
        return [self.one_round(rnd) for rnd in range(number)]


class Runner:
    """Measures item after item; what would end after the deadline is left out."""

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
        self.left_out = 0               # runs for which there was no time

    # --- time ---

    def remaining(self):
        return float("inf") if self.deadline is None else self.deadline - self.clock()

    def cost(self, item):
        guess = OVERHEAD_S.get(item.group, DEFAULT_OVERHEAD_S)
        if item.opts.get("quick"):
            guess = QUICK_OVERHEAD_S.get(item.group, guess)
        return item.seconds + self._cost.get((item.row, item.group), guess)

    # --- running ---

    def run(self, rounds):
        for nth, items in enumerate(rounds):
            for item in items:
                self.one(item, "round %d/%d" % (nth + 1, len(rounds)))

    def one(self, item, where=""):
        key = (item.row, item.group)
        if key in self._given_up:
            return
        if self.cost(item) > self.remaining():
            if not self.samples.has(item.row, metric_of(item.group)):
                self.skipped["%s %s" % key] = "no time was left"
            self.left_out += 1
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
    return {"first_packet": "first_packet_ms", "ping": "ping_median"}.get(group, group)


def words(values):
    return ", ".join("%s %.4g" % pair for pair in values.items() if pair[1] is not None)
