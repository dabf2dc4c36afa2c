#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sends packets that firewalls and routers treat in ways of their own.

    odd.py KIND SOURCE DESTINATION

KIND: last-first      fragments of a datagram, the first one last
      only-later      fragments without the first
      overlapping     fragments that overlap
      hop-by-hop, destination, routing, atomic: one extension header before a datagram (IPv6)
      headers         all of them, and fragmented
      hops N          a datagram with this hop limit
Each packet carries the marker.
"""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True

import forge  # noqa: E402

UDP = 17


def datagram(src, dst, octets):
    """One that has the marker everywhere."""
    data = (forge.MARKER * (octets // len(forge.MARKER) + 1))[:octets]
    return forge.summed(UDP, src, dst, struct.pack("!HHHH", 7777, 40001, 8 + octets, 0) + data, 6)


def whole(proto, src, dst, data, hops=64):
    if len(src) == 4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 4712, 0, hops, proto, 0, src,
                           dst)
        return head[:10] + struct.pack("!H", forge.checksum(head)) + head[12:] + data
    return struct.pack("!IHBB16s16s", 6 << 28, len(data), proto, hops, src, dst) + data


def fragment(proto, src, dst, data, at, more, extra=(0, b"")):
    """One fragment of `data`: octets [at[0], at[1]).  extra: headers before the fragment header."""
    part = data[at[0]:at[1]]
    if len(src) == 4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(part), 4713,
                           at[0] // 8 | (0x2000 if more else 0), 64, proto, 0, src, dst)
        return head[:10] + struct.pack("!H", forge.checksum(head)) + head[12:] + part
    head = struct.pack("!BBHI", proto, 0, at[0] | (1 if more else 0), 4713)
    first, before = extra
    return whole(first or 44, src, dst, before + head + part)


def in_fragments(kind, src, dst):
    data = datagram(src, dst, 1192)
    cuts = [(0, 400), (400, 800), (800, 1200)]
    if kind == "overlapping":
        cuts = [(0, 400), (200, 800), (400, 1200)]
    parts = [fragment(UDP, src, dst, data, at, at[1] < 1200) for at in cuts]
    return {"last-first": parts[::-1], "only-later": parts[1:], "overlapping": parts}[kind]


# Each: its number, and itself with the number of what follows.  The options are PadN.
def hop_by_hop(following):
    return bytes([following, 0, 1, 4, 0, 0, 0, 0])


def routing(following):
    """Type 4, no segments left: nothing is to be done with it."""
    return bytes([following, 2, 4, 0, 0, 0, 0, 0]) + socket.inet_pton(socket.AF_INET6, "fd01::1")


def atomic(following):
    return struct.pack("!BBHI", following, 0, 0, 4714)


HEADERS = {"hop-by-hop": (0, hop_by_hop), "destination": (60, hop_by_hop), "routing": (43, routing),
           "atomic": (44, atomic)}


def with_headers(kind, src, dst):
    if kind in HEADERS:
        number, head = HEADERS[kind]
        return [whole(number, src, dst, head(UDP) + datagram(src, dst, 600))]
    before = hop_by_hop(60) + hop_by_hop(43) + routing(44)
    data = datagram(src, dst, 1192)
    return [fragment(UDP, src, dst, data, at, at[1] < 1200, (0, before))
            for at in ((0, 600), (600, 1200))] + [
        whole(0, src, dst, hop_by_hop(60) + hop_by_hop(UDP) + datagram(src, dst, 600))]


def packets(kind, src, dst, more):
    if kind == "hops":
        return [whole(UDP, src, dst, datagram(src, dst, 100), int(more[0]))]
    if kind in ("last-first", "only-later", "overlapping"):
        return in_fragments(kind, src, dst)
    return with_headers(kind, src, dst)


def send(address, list_):
    """On the wire as they are: the kernel would put fragments together that it sends itself."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    for data in list_:
        raw.sendto(data, (address, 0))


if __name__ == "__main__":
    send(sys.argv[3], packets(sys.argv[1], forge.packed(sys.argv[2]), forge.packed(sys.argv[3]),
                              sys.argv[4:]))
