#!/bin/sh
# For a machine on which a VPN's routing rule takes all traffic, as Tailscale with an exit node does (see
# hipproxyd(8), FIREWALLS): HITs, and the pools of a server-side proxy, stay with hip0.
ip -6 rule add pref 5200 to 2001:20::/28 lookup main
# pool4 and pool6 of the plugin server
ip rule add pref 5200 to 10.99.0.0/24 lookup main
ip -6 rule add pref 5200 to fd99::/112 lookup main
