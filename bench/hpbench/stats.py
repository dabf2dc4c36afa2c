# SPDX-License-Identifier: MIT
"""Samples and what is said of them: median, smallest, largest.

A sample belongs to a slot: a round, or a group of runs within one that are compared with each
other.  Ratios are formed inside of slots only, so that a machine that gets slower in the course
of a run slows both sides of a ratio.
"""
from statistics import mean, median


def summary(values):
    """What the JSON says of one metric."""
    values = list(values)
    return {"median": median(values), "min": min(values), "max": max(values),
            "samples": values}


class Samples:
    """All samples of a run: (method, metric) -> [(slot, value), ...] in order of time."""

    def __init__(self):
        self._all = {}

    def add(self, method, metric, slot, value):
        self._all.setdefault((method, metric), []).append((slot, float(value)))

    def values(self, method, metric):
        return [v for _, v in self._all.get((method, metric), [])]

    def has(self, method, metric):
        return (method, metric) in self._all

    def median(self, method, metric):
        """None when there is no sample."""
        values = self.values(method, metric)
        return median(values) if values else None

    def methods(self):
        seen = []
        for method, _ in self._all:
            if method not in seen:
                seen.append(method)
        return seen

    def by_slot(self, method, metric):
        """slot -> mean of the samples in it."""
        slots = {}
        for slot, value in self._all.get((method, metric), []):
            slots.setdefault(slot, []).append(value)
        return {slot: mean(values) for slot, values in slots.items()}

    def ratio(self, over, under):
        """The median over slots of over : under, each (method, metric); None if no slot has both."""
        a, b = self.by_slot(*over), self.by_slot(*under)
        pairs = [a[slot] / b[slot] for slot in a if b.get(slot)]
        return median(pairs) if pairs else None

    def as_dict(self):
        """method -> metric -> summary."""
        out = {}
        for (method, metric), samples in self._all.items():
            out.setdefault(method, {})[metric] = summary(v for _, v in samples)
        return out
