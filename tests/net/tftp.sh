#!/bin/bash
# SPDX-License-Identifier: MIT
# TFTP with the plugin tftp and filtering = "address-and-port": tftp-hpa and atftp, get and put, options
# and loss; first between the same programs without hipproxy, then without the plugin, which must fail.
# A legacy client, and a HIP host that serves:
#
#    client1 -- [ proxy ] -- wan -- server
. "${srcdir:-.}/tests/net/lib.sh"
. "${srcdir:-.}/tests/net/tftp-lib.sh"
tftp_up
both_servers "without hipproxy" server client1 $SERVER4 $SERVER6
through_loss "without hipproxy" server client1 $SERVER4

server_conf
daemon_start server && proxy_with "" || { fail "the daemons come up"; finish; }
all_fail "client side, without the plugin" proxy server client1 $SERVER4 $SERVER6
check "the plugin tftp" proxy_with "tftp = { };"
both_servers "client side" server client1 $SERVER4 $SERVER6
through_loss "client side" server client1 $SERVER4
check "requests are counted" test "$(counter proxy tftp reads)" -gt 0 -a "$(counter proxy tftp writes)" -gt 0
check "nothing else is" test "$(counter proxy tftp other)" = 0 -a "$(counter proxy tftp refused)" = 0
check "expectations are counted" test "$(counter proxy core expectations_used)" -gt 0

finish
