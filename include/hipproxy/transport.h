/* SPDX-License-Identifier: MIT
 *
 * How HIP and ESP travel besides IP protocols 139 and 50: in UDP (RFC 5770).
 *
 * Sockets, path selection and what peers are told about it are the core's; all of it rests
 * until a plugin asks for it.
 */
#ifndef HIPPROXY_TRANSPORT_H
#define HIPPROXY_TRANSPORT_H

#include <stdint.h>

struct hp_instance;

enum hp_transport_mode {
	HP_TRANSPORT_NATIVE, /* no UDP, the port is closed */
	HP_TRANSPORT_UDP,    /* exchanges begin in UDP; peers may choose */
	HP_TRANSPORT_AUTO,   /* both are tried at once; UDP is kept if both are answered */
};

struct hp_transport {
	enum hp_transport_mode mode;
	uint16_t port;         /* ours, and where peers are asked; host order */
	uint32_t keepalive_ms; /* silence after which a peer in UDP gets a keepalive */
};

/* Opens or shuts it, from start, reload or stop.  Associations that the new mode would carry in
 * another way are moved as soon as their peers answer there.  0, or -errno, reported, and nothing
 * has changed: -EADDRINUSE the port is taken, -EOPNOTSUPP there is no such service. */
int hp_transport_set(struct hp_instance *self, const struct hp_transport *t);

#endif
