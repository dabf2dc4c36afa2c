#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Datagrams as the packets that a test wants, whatever the kernel would make of them.

    datagram.py [options] SOURCE DESTINATION OCTETS...

Sends for each number of OCTETS an IP packet of that length (of the whole datagram, where it goes in
fragments) to port 7777, from a raw socket, and waits for the same data to come back.  Prints how many
did, "5 of 5".  With --echo SOURCE it is the other end: it sends each datagram back, in one packet if
Ethernet carries it.  With --refuse SOURCE it is one that answers with ICMP errors (port unreachable)
as long as Ethernet carries, and --refused counts the datagrams, sent by the kernel, that are refused.

    --count N     each length so often                  --df     sets DF in every packet
    --piece N     in fragments of N octets of payload   --order forward|backward|even
    --burst N     so many are sent before the answers are waited for
    --wait S      seconds for the answers
"""
import argparse
import ipaddress
import random
import select
import socket
import struct
import time

PORT = 7777
ETHERNET = 1500


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp(src, dst, sport, dport, payload):
    data = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    if len(src) == 4:
        pseudo = struct.pack("!4s4sBBH", src, dst, 0, 17, len(data))
    else:
        pseudo = struct.pack("!16s16sIHBB", src, dst, len(data), 0, 0, 17)
    return data[:6] + struct.pack("!H", checksum(pseudo + data) or 0xffff) + data[8:]


def packet4(src, dst, body, ident, offset, more, df):
    flags = (0x4000 if df else 0) | (0x2000 if more else 0) | offset // 8
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ident & 0xffff, flags, 64, 17, 0, src, dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def packet6(src, dst, body, ident, offset, more, fragment):
    proto = 17
    if fragment:
        body = struct.pack("!BBHI", 17, 0, offset | more, ident) + body
        proto = 44
    return struct.pack("!IHBB16s16s", 6 << 28, len(body), proto, 64, src, dst) + body


def ordered(pieces, order):
    if order == "backward":
        return pieces[::-1]
    return pieces[::2] + pieces[1::2] if order == "even" else pieces


def packets(args, src, dst, body):
    """The datagram, whole or in fragments."""
    step = args.piece or min(len(body), ETHERNET - 20)
    ident = random.randrange(1, 1 << 32)
    out = []
    for at in range(0, len(body), step):
        part, more = body[at:at + step], at + step < len(body)
        if len(src) == 4:
            out.append(packet4(src, dst, part, ident, at, more, args.df))
        else:
            out.append(packet6(src, dst, part, ident, at, more, bool(args.piece)))
    return ordered(out, args.order)


def sockets(source):
    family = socket.AF_INET if ipaddress.ip_address(source).version == 4 else socket.AF_INET6
    plain = socket.socket(family, socket.SOCK_DGRAM)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    return plain, socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)


def packed(address):
    return ipaddress.ip_address(address).packed


def echo(args):
    plain, raw = sockets(args.source)
    plain.bind((args.source, PORT))
    while True:
        payload, peer = plain.recvfrom(65536)
        src, dst = packed(args.source), packed(peer[0])
        for p in packets(args, src, dst, udp(src, dst, PORT, peer[1], payload)):
            raw.sendto(p, (peer[0], 0))


def refuse(args):
    """Answers what comes over IPv4 to port 7777 here."""
    plain, raw = sockets(args.source)
    heard = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    plain.bind((args.source, PORT))  # or the kernel would answer too; it also tells that we listen
    src = packed(args.source)
    while True:
        packet = heard.recv(65536)
        if packet[16:20] != src or struct.unpack("!H", packet[22:24])[0] != PORT:
            continue
        error = struct.pack("!BBHI", 3, 3, 0, 0) + packet[:ETHERNET - 28]
        error = error[:2] + struct.pack("!H", checksum(error)) + error[4:]
        head = packet4(src, packet[12:16], error, 4711, 0, False, args.df)
        head = head[:9] + b"\1\0\0" + head[12:20]
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        raw.sendto(head + error, (str(ipaddress.ip_address(packet[12:16])), 0))


def refused(args):
    got = 0
    for n in args.octets * args.count:
        plain, _ = sockets(args.source)
        plain.connect((args.destination, PORT))
        plain.settimeout(args.wait)
        plain.send(random.randbytes(n - 28))
        try:
            plain.recv(65536)
        except ConnectionRefusedError:
            got += 1
        except socket.timeout:
            pass
    print("%d of %d" % (got, len(args.octets) * args.count))


def collect(plain, wanted, seconds):
    end, got = time.monotonic() + seconds, 0
    while wanted:
        ready = select.select([plain], [], [], max(0, end - time.monotonic()))[0]
        if not ready:
            break
        try:
            data = plain.recv(65536)
        except OSError:
            continue
        if data in wanted:
            wanted.remove(data)
            got += 1
    return got


def ask(args):
    plain, raw = sockets(args.source)
    plain.bind((args.source, 0))
    src, dst, port = packed(args.source), packed(args.destination), plain.getsockname()[1]
    head = 28 if len(src) == 4 else 48
    lengths, got = [n for n in args.octets for _ in range(args.count)], 0
    for at in range(0, len(lengths), args.burst):
        wanted = [random.randbytes(n - head) for n in lengths[at:at + args.burst]]
        for payload in wanted:
            for p in packets(args, src, dst, udp(src, dst, port, PORT, payload)):
                raw.sendto(p, (args.destination, 0))
        got += collect(plain, wanted, args.wait)
    print("%d of %d" % (got, len(lengths)))


def main():
    p = argparse.ArgumentParser()
    for mode in ("--echo", "--refuse", "--refused"):
        p.add_argument(mode, action="store_true")
    p.add_argument("--df", action="store_true")
    p.add_argument("--piece", type=int, default=0)
    p.add_argument("--count", type=int, default=1)
    p.add_argument("--burst", type=int, default=1)
    p.add_argument("--wait", type=float, default=5)
    p.add_argument("--order", default="forward", choices=("forward", "backward", "even"))
    p.add_argument("source")
    p.add_argument("destination", nargs="?")
    p.add_argument("octets", nargs="*", type=int)
    args = p.parse_args()
    {args.echo: echo, args.refuse: refuse, args.refused: refused}.get(True, ask)(args)


main()
