# SPDX-License-Identifier: MIT
"""The highest rate of datagrams that arrives with hardly any loss, and what a flood leaves over.

A search begins with a flood: a sender without a limit.  If next to nothing of it is lost, the
sender is the limit and its rate the result.  Otherwise the rate is bisected between one that
works and one that does not, in trials of a fraction of a second, and the best is confirmed by a
longer one.  Loss is of what was sent; a rate is what arrived.
"""

import json
import subprocess
import time

from . import net
from .net import Failure

PORT = 7000
MAX_LOSS = 0.01
STEP_UP, STEP_DOWN = 1.12, 0.8
# Bisecting further than that would measure noise.
NEAR = 1.03


class Trial:
    """One run of the sender and what became of it."""

    def __init__(self, sent, received):
        self.sent_pps = sent["pps"]
        total = sent["sent"]
        self.loss = (total - received["received"]) / total if total else 1.0
        # Queues may shorten the time at the receiver or lengthen it.
        took = max(sent["seconds"], received["seconds"])
        self.arrived_pps = received["received"] / took if took else 0.0

    @property
    def good(self):
        return self.loss <= MAX_LOSS


def _result(process, what, timeout_s):
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise Failure("udpload %s takes too long" % what) from None
    if process.returncode:
        raise Failure("udpload %s: %s" % (what, net.last_line(err)))
    return json.loads(out)


def trial(method, size, rate, seconds):
    tool = method.tools.udpload
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
             "text": True}
    receiver = net.popen(method.on_server([tool, "recv", str(PORT), "%.2f" % (seconds + 0.6)]),
                         **pipes)
    sender = None
    try:
        if receiver.stderr.readline().strip() != "listening":
            raise Failure("udpload recv: " + net.last_line(receiver.stderr.read()))
        sender = net.popen(method.on_client([tool, "send", method.address, str(PORT), str(size),
                                             "%.0f" % rate, "%.3f" % seconds]), **pipes)
        sent = _result(sender, "send", seconds + 5)
        received = _result(receiver, "recv", seconds + 5)
    finally:
        for process in filter(None, (sender, receiver)):
            net.stop(process, 0.2)
    return Trial(sent, received)


def flood(method, size, opts):
    """Datagrams a second that arrive when as many as possible are sent."""
    t = trial(method, size, 0, 0.4 if opts.get("quick") else 1.0)
    if not t.arrived_pps:
        raise Failure("nothing of the flood arrived")
    return {"udp%d_flood" % size: t.arrived_pps}


class Search:
    def __init__(self, method, size, opts):
        quick = opts.get("quick")
        self.method, self.size = method, size
        self.short_s, self.long_s = (0.25, 0.5) if quick else (0.4, 0.8)
        self.flood_s, self.floods = (0.4, 2) if quick else (0.5, 3)
        self.until = time.monotonic() + (1.4 if quick else 2.4)
        self.best = None

    def trial(self, rate, seconds):
        t = trial(self.method, self.size, rate, seconds)
        if t.good and (not self.best or t.arrived_pps > self.best.arrived_pps):
            self.best = t
        return t

    def run(self):
        self.flood = self.trial(0, self.flood_s)
        if not self.flood.arrived_pps:
            raise Failure("nothing of the flood arrived")
        if self.flood.good:
            self._unlimited()
        else:
            self._confirm(self._bisect(self.flood.arrived_pps))
        return self.best

    def _unlimited(self):
        """The sender is the limit.  How much processor time it gets differs from trial to trial
        where it runs on the cores of the daemons: the best of some."""
        for _ in range(self.floods - 1):
            self.trial(0, self.flood_s)
        self.flood = self.best

    def _bisect(self, rate):
        """The highest asked rate that worked; `rate` is where to begin."""
        low, high = None, self.flood.sent_pps
        while time.monotonic() < self.until:
            if self.trial(rate, self.short_s).good:
                low = rate
            else:
                high = min(high, rate)
            if low and high / low < NEAR:
                break
            rate = self._next(low, high)
        return low or high * STEP_DOWN

    @staticmethod
    def _next(low, high):
        if not low:
            return high * STEP_DOWN
        return min(low * STEP_UP, (low + high) / 2)

    def _confirm(self, rate):
        """Short trials may be lucky: a long one counts, if one of some succeeds."""
        short, self.best = self.best, None
        for _ in range(3):
            if self.trial(rate, self.long_s).good:
                return
            rate *= 0.9
        self.best = short


def search(method, size, opts):
    s = Search(method, size, opts)
    best = s.run()
    if not best:
        raise Failure("no rate was found at which at most 1 % is lost")
    values = {"udp%d" % size: best.arrived_pps}
    if opts.get("flood"):
        values["udp%d_flood" % size] = s.flood.arrived_pps
    return values
