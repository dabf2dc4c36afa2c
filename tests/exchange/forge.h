/* SPDX-License-Identifier: MIT
 *
 * Messages of an engine, changed and sealed again with its own keys: what a peer with other ideas
 * would send.  Parameters are written as they stand in the list, also out of order or with a
 * length that no parameter of the type has.
 */
#ifndef HP_EXCHANGE_FORGE_H
#define HP_EXCHANGE_FORGE_H

#include "hip/assoc.h"
#include "hip/auth.h"
#include "hip/secrets.h"
#include "world.h"

#define FORGE_PARAMS 48

struct forge_param {
	uint16_t type, len;
	uint8_t data[HP_HIP_MAX];
};

struct forge {
	uint8_t type;
	struct hp_addr src, dst;
	unsigned n;
	struct forge_param at[FORGE_PARAMS];
	bool no_mac;
};

/* All parameters in front of MACs and signatures. */
void forge_read(struct forge *f, const struct packet *p);
/* An empty message of `from`. */
void forge_begin(struct forge *f, struct world *w, int from, uint8_t type);
/* NULL: it has none. */
struct forge_param *forge_find(struct forge *f, uint16_t type);
/* Replaces it, or puts it where it belongs. */
void forge_set(struct forge *f, uint16_t type, const void *data, size_t len);
/* One more at this place, whatever order that makes. */
void forge_insert(struct forge *f, unsigned at, uint16_t type, const void *data, size_t len);
void forge_drop(struct forge *f, uint16_t type);
/* MAC and signature of side `from`, and a right checksum, in p, which keeps its addresses. */
void forge_seal(const struct forge *f, struct world *w, int from, struct packet *p);
/* Behind the signature, as a middlebox would. */
void forge_append(struct packet *p, uint16_t type, const void *data, size_t len);
/* Between the two ends of the association. */
void forge_address(struct world *w, int from, struct packet *p);
/* Sealed and given to the other side at once. */
void forge_give(const struct forge *f, struct world *w, int from);
void forge_deliver(struct world *w, const struct packet *p);
/* The latest message of this type that from has sent (world.keep), or NULL. */
const struct packet *forge_kept(const struct world *w, int from, uint8_t type);

#endif
