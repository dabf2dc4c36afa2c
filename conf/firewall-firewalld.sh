#!/bin/sh
# What hipproxy needs in firewalld (see hipproxyd(8), FIREWALLS).  lan0 is the interface of the clients;
# the interfaces to the peers are in the zone public.
firewall-cmd --permanent --zone=public --add-protocol=139
firewall-cmd --permanent --zone=public --add-protocol=esp
firewall-cmd --permanent --zone=public --add-port=10500/udp
firewall-cmd --permanent --zone=trusted --add-interface=hip0
firewall-cmd --permanent --zone=trusted --add-interface=lan0
firewall-cmd --reload
