#!/bin/bash
# SPDX-License-Identifier: MIT
# A host that speaks HIP behind the proxy: to a legacy server and to a HIP server, untouched.
. "${srcdir:-.}/tests/net/lib.sh"
need_daemons dig dnsmasq ssh sshd iperf3 socat tcpdump
CLIENT_MORE='hip_hosts = [ "10.1.0.13/32", "fd01::13/128" ];'
protected_net
key_of hiphost
hiphost_conf
check "the HIP host's daemon comes up" daemon_start hiphost

# To a legacy server, unharmed.
check "HIP host to legacy server: http" fetch hiphost $LEGACY4 big
check "HIP host to legacy server: DNS" resolve hiphost $LEGACY4
check "HIP host to legacy server: ssh" test "$(ssh_to hiphost $LEGACY4 echo hi)" = hi
check "no association was made for it" test "$(associations_of proxy)$(associations_of hiphost)" = 00

# To a HIP server, by HIT: the proxy forwards HIP and ESP as they are.
hit=$(hit_of server)
capture_start proxy wan0
check "HIP host to HIP server: http by HIT" fetch hiphost "$hit" big
check "HIP host to HIP server: ssh by HIT" test "$(ssh_to hiphost "$hit" echo hi)" = hi
capture_stop proxy wan0
pcap=$HPN_DIR/proxy/wan0.pcap
check "only HIP and ESP on the way" only_hip "$pcap"
check "from the HIP host's own address" test "$(packets "$pcap" "(src host 10.1.0.13 or src host fd01::13) and (ip proto 50 or ip6 proto 50)")" -gt 100
check "the proxy took no part" test "$(associations_of proxy)" = 0
check "the association is the HIP host's" test "$(associations_of hiphost)" = 1

# HITs are the device's, whatever rules of others, a VPN's perhaps, say of all traffic.
H=$(ns hiphost)
ip -6 -n "$H" route add default via $PROXY_LAN6 table 52
ip -6 -n "$H" rule add pref 5270 lookup 52
check "a rule of others that takes all traffic does not take HITs" hello hiphost "$hit" server
ip -6 -n "$H" route flush dev hip0
check "routes to the device removed: back" wait_for 2 hello hiphost "$hit" server
capture_start proxy wan0
daemon_stop hiphost KILL
on hiphost timeout 5 ping -c1 -W1 "$hit" >/dev/null 2>&1
capture_stop proxy wan0
check "without a daemon no packet to a HIT leaves" test "$(packets "$HPN_DIR/proxy/wan0.pcap" "dst net 2001:20::/28")" = 0
check "it comes back" daemon_start hiphost
check "and works" wait_for 10 hello hiphost "$hit" server
daemon_stop hiphost
check "an orderly end leaves no rule" test "$(ip -6 -n "$H" rule | grep -c proto)" = 0
finish
