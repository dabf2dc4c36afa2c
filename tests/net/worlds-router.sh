#!/bin/bash
# SPDX-License-Identifier: MIT
# A path of each deployment on home-made routers: stateful iptables rules, masquerading, a port forward; with
# the rules of conf/firewall.iptables.
HPN_WORLD=router
. "${srcdir:-.}/tests/net/deployments-lib.sh"
deployments_up
check "the firewall is closed: no client is reached from outside" outside_in fails
serve_http legacy || fail "the services come up"
deployments
forwarded() { on legacy timeout 10 curl -gsS --max-time 5 http://$PROXY_WAN4:8080/hello | grep -q 'hello from client1'; }
check "the port forward works" forwarded
check "a legacy server is reached" hello client1 $LEGACY4 legacy
check "and sees the router's address" sh -c "ip netns exec $(ns client1) curl -s http://$LEGACY4/whoami | grep -q '$PROXY_WAN4 '"

check "masquerading changes" for_boxes router_masquerade_all
deployments ", masquerading without -o"
check "the port forward works still" forwarded
behind_nat
gateways ", masquerading without -o"
deployments_end
