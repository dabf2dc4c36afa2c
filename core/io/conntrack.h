/* SPDX-License-Identifier: MIT
 *
 * The kernel's connections (ctnetlink, linux/netfilter/nfnetlink_conntrack.h), by libmnl: listed and
 * marked.
 */
#ifndef HP_IO_CONNTRACK_H
#define HP_IO_CONNTRACK_H

#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/addr.h>

struct hp_conntrack;

/* As the first packet said: who began, and to whom. */
struct hp_connection {
	struct hp_addr src, dst;
	uint16_t sport, dport; /* 0 where the protocol has none */
	uint32_t mark;
	uint8_t proto;
	bool ended; /* TCP: closed, remembered for a while only */
};

/* 0 and *out, or -errno. */
int hp_conntrack_open(struct hp_conntrack **out);
void hp_conntrack_close(struct hp_conntrack *ct);
/* All connections of both families; fn must not call back.  How many there are, or -errno. */
int hp_conntrack_each(struct hp_conntrack *ct,
		      void (*fn)(void *ctx, const struct hp_connection *c), void *ctx);
/* Sets those bits of a connection's mark that mask has.  0, or -errno: -ENOENT, it is gone. */
int hp_conntrack_mark(struct hp_conntrack *ct, const struct hp_connection *c, uint32_t mark,
		      uint32_t mask);
/* Makes the kernel know a TCP or UDP connection that has just begun, as if its first packet had passed.
 * 0, or -errno: -EEXIST, it is known. */
int hp_conntrack_begin(struct hp_conntrack *ct, const struct hp_connection *c);

#endif
