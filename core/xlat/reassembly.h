/* SPDX-License-Identifier: MIT
 *
 * Bounded reassembly of IPv4 and IPv6 fragments (RFC 791, RFC 8200 section 4.5).
 *
 * The buffer of the first fragment to arrive becomes the whole datagram's; beside it a datagram
 * takes about a kilobyte, however many fragments it has.  A datagram with overlapping fragments is
 * discarded (RFC 5722), also in IPv4; exact duplicates are ignored.  When the table is full the
 * oldest goes; who has his share of it loses his own oldest.
 */
#ifndef HP_XLAT_REASSEMBLY_H
#define HP_XLAT_REASSEMBLY_H

#include <stddef.h>
#include <stdint.h>

#include <hipproxy/packet.h>

#include "util/clock.h"
#include "util/hash.h"
#include "util/timer.h"

#define HP_REASSEMBLY_TIMEOUT_MS 30000 /* between IPv4's 15 s and IPv6's 60 s, as Linux has it */

struct hp_reassembly_config {
	size_t max_datagrams;  /* unfinished at once; each keeps one pool packet */
	size_t share;          /* of them, of one source; 0: all */
	uint64_t timeout_ms;
	struct hp_hash_key hash_key;
	void *ctx;
	void (*put)(void *ctx, struct hp_packet *p); /* gives a packet back to its pool */
	/* The packet in a buffer of HP_PACKET_CAP octets; NULL and p stays as it is.  May be NULL
	 * where all packets are in such buffers. */
	struct hp_packet *(*grow)(void *ctx, struct hp_packet *p);
};

enum hp_reassembly_counter {
	HP_REASMC_FRAGMENTS,
	HP_REASMC_WHOLE,
	HP_REASMC_DUPLICATES,
	HP_REASMC_OVERLAPS,
	HP_REASMC_BAD,      /* too large, bad lengths, mixed ECN, source route */
	HP_REASMC_TIMEOUTS,
	HP_REASMC_EVICTED,
	HP_REASMC_SHARE,    /* its source had its share */
	HP_REASMC_MAX
};

struct hp_reassembly;

/* NULL and errno when memory is out. */
struct hp_reassembly *hp_reassembly_new(const struct hp_reassembly_config *cfg,
					struct hp_timers *timers, const struct hp_clock *clock);
void hp_reassembly_free(struct hp_reassembly *r);
/* Limits for what comes from now on. */
void hp_reassembly_reconfigure(struct hp_reassembly *r, size_t max_datagrams, size_t share,
			       uint64_t timeout_ms);
size_t hp_reassembly_count(const struct hp_reassembly *r);
const uint64_t *hp_reassembly_counters(const struct hp_reassembly *r); /* HP_REASMC_MAX */
const char *hp_reassembly_counter_name(enum hp_reassembly_counter c);

/* Takes a dissected fragment over.  0: *whole is the complete datagram, dissected, with df
 * false and the fragments' frag_id, now the caller's, or NULL while pieces are missing.
 * -EBADMSG, -ENOBUFS: refused, p stays the caller's to drop (other pieces of its datagram are
 * gone); -EINVAL the same, for a source route with addresses left.  A packet that is no fragment
 * comes back as *whole. */
int hp_reassembly_add(struct hp_reassembly *r, struct hp_packet *p, struct hp_packet **whole);

#endif
