/* SPDX-License-Identifier: MIT
 *
 * Two gateways with the plugin icmp between a client and a server, for tests of the translation.
 *
 * Node 0 is the client-side proxy, node 1 the server-side one, with servers 10.9.0.10 and fd09::10
 * that know the client as 10.99.0.1 and fd99::1.  ESP is without encryption (suite 7), so that its
 * payload can be read.
 */
#ifndef HP_TESTS_TRANSLATION_H
#define HP_TESTS_TRANSLATION_H

#include "lab.h"

#define ACK  16
#define MOST 128

/* The payload of an ESP packet on its way to node 1. */
struct piece {
	uint8_t next;
	size_t len;
	uint8_t data[1500];
};

extern struct lab l;
extern bool server6; /* the server is the IPv6 one */
extern struct piece wire[MOST];
extern size_t n_wire;

struct hp_addr server(void);
/* The client, as the server knows it. */
struct hp_addr client_there(void);

/* more: of the configuration. */
void begin(const char *more);
void end(void);
/* What has come out until now. */
void forget(void);

struct hp_packet *with_df(struct hp_packet *p, bool df);
/* An IPv4 or IPv6 packet of len octets in all. */
struct hp_packet *of_len(struct talk *t, bool tcp, size_t len);
/* The first packet of a flow, and with it the association. */
void up(struct talk *t, bool tcp);

#endif
