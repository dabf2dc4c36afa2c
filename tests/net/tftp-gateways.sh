#!/bin/bash
# SPDX-License-Identifier: MIT
# TFTP between two gateways, both with the plugin tftp and filtering = "address-and-port"; without the plugin
# at the client's gateway it must fail.
#
#    client1 -- [ proxy ] -- wan -- [ server ] -- plain
. "${srcdir:-.}/tests/net/lib.sh"
KIND=gateway
. "${srcdir:-.}/tests/net/tftp-lib.sh"
tftp_up
check "client side without the plugin" proxy_with ""
check "server side with it" gateway_with $PLAIN4 "tftp = { };"
all_fail "both, without the plugin at the client" proxy plain client1 $KNOWN4 $KNOWN6
check "the plugin at both gateways" proxy_with "tftp = { };"
both_servers "both" plain client1 $KNOWN4 $KNOWN6
check "both, the server has IPv6 only" gateway_with $PLAIN6 "tftp = { };"
ctl proxy flush all >/dev/null
serve plain hpa
all_of "both, server $PLAIN6" client1 $KNOWN4 $KNOWN6
unserve plain
through_loss "both" plain client1 $KNOWN4
finish
