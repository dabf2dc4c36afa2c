#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A state file (core/daemon/state.c) with many connections of many clients to one peer, so that a
daemon starts with them: flows.py FILE N LOCAL_HIT PEER_HIT."""
import ipaddress
import struct
import sys
import time

path, n, local, peer = sys.argv[1], int(sys.argv[2]), *map(ipaddress.ip_address, sys.argv[3:])
records = (n + 63) // 64 * 64
now = int(time.time())
far = b"\0" * 10 + b"\xff\xff" + ipaddress.ip_address("192.0.2.80").packed
with open(path, "wb") as f:
    f.write(struct.pack("=8sII", b"HPSTATE2", 80, records))
    for i in range(records):
        client = 2 + i // 60000
        legacy = b"\0" * 10 + b"\xff\xff" + ipaddress.ip_address("10.1.1.0").packed[:3] + bytes([client])
        port = 2000 + i % 60000
        f.write(struct.pack("=BBBBHHHHI16s16s16s16s", 1 if i < n else 0, 6, 1, 0, port, 1000 + client,
                            port, 1000 + client, now, legacy, far, local.packed, peer.packed))
