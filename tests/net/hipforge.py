#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sends forged HIP messages from a raw socket.

    hipforge.py version SOURCE DESTINATION VERSION [SOURCE-PORT]
    hipforge.py update SOURCE DESTINATION RECEIVER-HIT COUNT SECONDS

version: the beginning of a message of another version, in UDP to port 10500 if a source port is given.
update: messages from HITs that nobody has, with SEQ, MAC and signature that are made up.
"""
import ipaddress
import os
import socket
import struct
import sys
import time

from forge import header, packed, summed


def send(src, dst, proto, data):
    family = socket.AF_INET if len(src) == 4 else socket.AF_INET6
    raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    raw.sendto(header(proto, src, dst, len(data)) + data, (str(ipaddress.ip_address(dst)), 0))
    raw.close()


def parameter(kind, data):
    return struct.pack("!HH", kind, len(data)) + data + b"\0" * (-(len(data) + 4) % 8)


def message(kind, version, sender, receiver, parameters):
    length = (40 + len(parameters)) // 8 - 1
    return struct.pack("!BBBBHH16s16s", 59, length, kind, version << 4 | 1, 0, 0, sender,
                       receiver) + parameters


def other_version(src, dst, version, port):
    data = message(1, version, b"\x20" * 16, b"\x21" * 16, b"")
    if not port:
        return send(src, dst, 139, summed(139, src, dst, data, 4))
    data = struct.pack("!HHHHI", port, 10500, 12 + len(data), 0, 0) + data
    return send(src, dst, 17, summed(17, src, dst, data, 6))


def updates(src, dst, receiver, count, seconds):
    rest = parameter(385, struct.pack("!I", 7)) + parameter(61505, b"m" * 48) + \
        parameter(61697, struct.pack("!H", 7) + b"s" * 64)
    for _ in range(count):
        sender = bytes.fromhex("20010022") + os.urandom(12)
        data = message(16, 2, sender, receiver, rest)
        send(src, dst, 139, summed(139, src, dst, data, 4))
        time.sleep(seconds / count)


def main():
    kind, src, dst = sys.argv[1], packed(sys.argv[2]), packed(sys.argv[3])
    if kind == "version":
        other_version(src, dst, int(sys.argv[4]), int(sys.argv[5]) if len(sys.argv) > 5 else 0)
    else:
        updates(src, dst, packed(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]))


main()
