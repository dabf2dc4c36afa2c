#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""conn.py ADDRESS PORT [-v]: opens a connection, says "up", and then how it ended: "reset", "closed" or
"silent" after 60 s.  With -v it writes something each second."""
import socket
import sys

s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
s.sendall(b"hello\n")
s.recv(100)
print("up", flush=True)
s.settimeout(1)
for _ in range(60):
    try:
        if not s.recv(100):
            print("closed", flush=True)
            sys.exit()
    except socket.timeout:
        if "-v" in sys.argv:
            try:
                s.sendall(b"more\n")
            except OSError:
                print("reset", flush=True)
                sys.exit()
    except OSError:
        print("reset", flush=True)
        sys.exit()
print("silent", flush=True)
