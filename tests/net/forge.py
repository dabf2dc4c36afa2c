#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sends forged packets from a raw socket.

    forge.py KIND SOURCE DESTINATION [ABOUT [FROM]]

KIND: udp, tcp, proto50, proto139, port10500, echo, or error: ICMP errors of every type that quote
a datagram from FROM (DESTINATION, if not given) to ABOUT, with the ports in FORGE_PORTS.  Each packet
carries the marker.
"""
import ipaddress
import os
import socket
import struct
import sys

MARKER = os.environ.get("MARKER", "PLAINTEXT-MARKER-4711").encode()


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packed(address):
    return ipaddress.ip_address(address).packed


def header(proto, src, dst, length):
    if len(src) == 4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 4711, 0, 64, proto, 0, src, dst)
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return struct.pack("!IHBB16s16s", 6 << 28, length, proto, 64, src, dst)


def summed(proto, src, dst, data, at):
    """data with its checksum over the pseudo header at this offset."""
    if len(src) == 4:
        pseudo = struct.pack("!4s4sBBH", src, dst, 0, proto, len(data))
    else:
        pseudo = struct.pack("!16s16sIHBB", src, dst, len(data), 0, 0, proto)
    return data[:at] + struct.pack("!H", checksum(pseudo + data)) + data[at + 2:]


def udp(src, dst, sport, dport):
    data = struct.pack("!HHHH", sport, dport, 8 + len(MARKER), 0) + MARKER
    return summed(17, src, dst, data, 6)


def tcp(src, dst, flags):
    data = struct.pack("!HHIIBBHHH", 80, 40000, 1, 1, 5 << 4, flags, 512, 0, 0) + MARKER
    return summed(6, src, dst, data, 16)


def icmp(src, dst, kind, code, rest):
    data = struct.pack("!BBHI", kind, code, 0, 1280 if (len(src), kind) == (16, 2) else 0) + rest
    if len(src) == 16:
        return summed(58, src, dst, data, 2)
    return data[:2] + struct.pack("!H", checksum(data)) + data[4:]


def errors(src, dst, quoted_src, quoted_dst):
    """Every kind of error about a datagram between these two."""
    sport, dport = map(int, os.environ.get("FORGE_PORTS", "40001 7777").split())
    inner = udp(quoted_src, quoted_dst, sport, dport)
    rest = header(17, quoted_src, quoted_dst, len(inner)) + inner
    kinds = ((3, range(16)), (11, (0, 1)), (12, (0,))) if len(src) == 4 else \
            ((1, range(7)), (2, (0,)), (3, (0, 1)), (4, (0, 1, 2)))
    return [icmp(src, dst, kind, code, rest) for kind, codes in kinds for code in codes]


def packets(kind, src, dst, about, quoted_src):
    if kind == "udp":
        return 17, [udp(src, dst, 7777, 40001)]
    if kind == "tcp":
        return 6, [tcp(src, dst, flags) for flags in (0x02, 0x12, 0x10, 0x18, 0x04, 0x11)]
    if kind == "port10500":
        return 17, [udp(src, dst, 10500, 7777), udp(src, dst, 7777, 10500),
                    udp(src, dst, 10500, 10500)]
    if kind.startswith("proto"):
        return int(kind[5:]), [b"\1\2\3\4\0\0\0\1" + MARKER * 3]
    proto = 1 if len(src) == 4 else 58
    if kind == "echo":
        return proto, [icmp(src, dst, 8 if proto == 1 else 128, 0, MARKER)]
    return proto, errors(src, dst, quoted_src or dst, about)


def main():
    kind = sys.argv[1]
    addresses = [packed(a) for a in sys.argv[2:]]
    src, dst = addresses[:2]
    about = addresses[2] if len(addresses) > 2 else b""
    quoted_src = addresses[3] if len(addresses) > 3 else b""
    proto, list_ = packets(kind, src, dst, about, quoted_src)
    family = socket.AF_INET if len(src) == 4 else socket.AF_INET6
    raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for data in list_:
        raw.sendto(header(proto, src, dst, len(data)) + data, (sys.argv[3], 0))
    print(len(list_))


if __name__ == "__main__":
    main()
