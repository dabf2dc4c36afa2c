#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Any IP protocol by raw sockets, for kernels without it.

    rawproto.py serve FAMILY PROTOCOL             sends every packet's payload back, turned round
    rawproto.py ask PROTOCOL ADDRESS OCTETS       sends so many octets and waits for them
    rawproto.py lite PROTOCOL ADDRESS SOURCE      a UDP-Lite packet; the answer's checksum must be right
    rawproto.py refused PROTOCOL ADDRESS          waits for ICMP protocol unreachable

FAMILY is 4 or 6.  The status is 0 if what was expected came within TIMEOUT seconds (15).
"""
import os
import socket
import struct
import sys
import time

TIMEOUT = float(os.environ.get("TIMEOUT", "15"))
MARKER = os.environ.get("MARKER", "PLAINTEXT-MARKER-4711").encode()


def raw(family, proto):
    return socket.socket(family, socket.SOCK_RAW, proto)


def payload(family, data):
    """Raw IPv4 sockets show the header, raw IPv6 sockets do not."""
    return data[(data[0] & 15) * 4:] if family == socket.AF_INET else data


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def lite_sum(family, src, dst, data):
    pack = socket.inet_pton
    tail = struct.pack("!IHBB", len(data), 0, 0, 136)
    return checksum(pack(family, src) + pack(family, dst) + tail + data)


def lite(family, src, dst, text):
    data = struct.pack("!HHHH", 4000, 4001, 0, 0) + text
    return data[:6] + struct.pack("!H", lite_sum(family, src, dst, data) or 0xffff) + data[8:]


def serve(family, proto):
    s = raw(family, proto)
    print("serving", flush=True)
    while True:
        data, peer = s.recvfrom(65535)
        data = payload(family, data)
        if proto == 136:  # ports turned round do not change the sum; the addresses do not either
            s.sendto(data[2:4] + data[0:2] + data[4:], peer)
        else:
            s.sendto(data[::-1], peer)


def receive(s, family, host, good):
    end = time.time() + TIMEOUT
    while time.time() < end:
        s.settimeout(max(0.01, end - time.time()))
        try:
            data, peer = s.recvfrom(65535)
        except socket.timeout:
            return False
        if peer[0] == host and good(payload(family, data)):
            return True
    return False


def refused(family, proto, host):
    icmp = raw(family, socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6)
    want = (3, 2) if family == socket.AF_INET else (4, 1)
    raw(family, proto).sendto(MARKER, (host, 0))
    return receive(icmp, family, host, lambda d: (d[0], d[1]) == want)


def main():
    what = sys.argv[1]
    if what == "serve":
        serve(socket.AF_INET if sys.argv[2] == "4" else socket.AF_INET6, int(sys.argv[3]))
    proto, host = int(sys.argv[2]), sys.argv[3]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if what == "refused":
        return refused(family, proto, host)
    s = raw(family, proto)
    if what == "lite":
        s.sendto(lite(family, sys.argv[4], host, MARKER), (host, 0))
        return receive(s, family, host, lambda d: lite_sum(family, host, sys.argv[4], d) == 0
                       and d[8:] == MARKER)
    data = (MARKER + os.urandom(int(sys.argv[4])))[:int(sys.argv[4])]
    s.sendto(data, (host, 0))
    return receive(s, family, host, lambda d: d == data[::-1])


sys.exit(0 if main() else 1)
