#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A cable between two network devices that loses and reorders TCP segments, both ways.

    mangle.py DEVICE DEVICE LOSS LOSS REORDER SEED

LOSS (of what the first device receives, and of what the second one does) and REORDER are parts of 1.  A segment that is reordered waits until two later ones of its
direction have passed, or 30 ms.  All else goes through at once.  SIGTERM ends it; then it prints
what it has done.
"""
import random
import select
import signal
import socket
import struct
import sys
import time

ETH_P_ALL = 3
PACKET_OUTGOING = 4
HOLD_S = 0.03


def is_tcp(frame):
    kind = struct.unpack("!H", frame[12:14])[0]
    return (kind == 0x0800 and frame[23] == 6) or (kind == 0x86dd and frame[20] == 6)


class Way:
    def __init__(self, out, loss):
        self.out, self.loss, self.held = out, loss, []  # held: [frames that must pass first, deadline, frame]

    def send(self, frame):
        try:
            self.out.send(frame)
        except OSError as e:
            print("not sent:", e, flush=True)

    def passed(self):
        for h in self.held:
            h[0] -= 1
        self.release(time.time())

    def release(self, now):
        for h in [h for h in self.held if h[0] <= 0 or h[1] <= now]:
            self.held.remove(h)
            self.send(h[2])


def main():
    names, losses, reorder = sys.argv[1:3], [float(x) for x in sys.argv[3:5]], float(sys.argv[5])
    dice = random.Random(int(sys.argv[6]))
    socks = []
    for name in names:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        s.bind((name, ETH_P_ALL))
        socks.append(s)
    ways = {socks[0]: Way(socks[1], losses[0]), socks[1]: Way(socks[0], losses[1])}
    counts = {"passed": 0, "lost": 0, "reordered": 0}

    def end(*_):
        print(counts, flush=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    while True:
        for s in select.select(socks, [], [], 0.005)[0]:
            frame, address = s.recvfrom(65535)
            way = ways[s]
            if address[2] == PACKET_OUTGOING:
                continue
            if is_tcp(frame) and dice.random() < way.loss:
                counts["lost"] += 1
            elif is_tcp(frame) and dice.random() < reorder:
                counts["reordered"] += 1
                way.held.append([2, time.time() + HOLD_S, frame])
            else:
                counts["passed"] += 1
                way.send(frame)
                way.passed()
        for way in ways.values():
            way.release(time.time())


main()
