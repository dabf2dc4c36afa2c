# SPDX-License-Identifier: MIT
"""Benchmarks of hipproxy beside other tunnels, in network namespaces of their own."""
