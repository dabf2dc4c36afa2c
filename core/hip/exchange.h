/* SPDX-License-Identifier: MIT
 *
 * Part of an association: its base exchange, under way or the last one.
 */
#ifndef HP_HIP_EXCHANGE_H
#define HP_HIP_EXCHANGE_H

#include "hip/engine.h"

struct hp_secrets;

/* Why we have begun. */
enum hp_cause {
	HP_CAUSE_DATA, /* somebody asked for the association */
	HP_CAUSE_LOST, /* the peer uses an association that is not here: there is nothing to
			* send, so an UPDATE ends the peer's R2-SENT */
	HP_CAUSE_HINT, /* the same, but the peer is only claimed to be there: the association
			* is forgotten if nobody answers */
};

/* The R2 that answers a certain I2. */
struct hp_kept_r2 {
	uint64_t i2_digest; /* both messages up to their signature */
	uint8_t *msg;
	size_t len;
};

struct hp_exchange {
	enum hp_cause cause;
	bool initiator, opportunistic;
	bool foreign;	      /* I2-SENT: the R1 came from an address that was not asked */
	struct hp_path asked; /* destination of the last I1 */
	struct hp_addr addrs[HP_HIP_LOCATORS];
	size_t n_addrs, addr_at;
	struct hp_secrets *next; /* between I2 and R2 */
	unsigned rounds;	 /* exchanges that ended in silence */
	uint64_t r1_counter;	 /* highest seen of this peer */
	uint64_t started_us;
	uint32_t took_us; /* as Initiator */
	struct hp_kept_r2 r2;
};

/* Stops whatever is under way with this peer, for a new exchange. */
void hp_exchange_stop(struct hp_assoc *a);
/* Forgets the keys of an exchange that did not end. */
void hp_exchange_drop_next(struct hp_assoc *a);
void hp_exchange_set_addrs(struct hp_assoc *a, const struct hp_addr *addrs, size_t n);
/* Does the association ask the peer at this address? */
bool hp_exchange_has_addr(const struct hp_assoc *a, const struct hp_addr *addr);
/* Goes on with the peer's next address.  False: there is only one. */
bool hp_exchange_next_addr(struct hp_assoc *a);
/* Somebody needs the association now: it is no mere hint any more. */
void hp_exchange_wanted(struct hp_assoc *a);
/* Keeps a copy.  0 or a reason. */
int hp_exchange_keep_r2(struct hp_assoc *a, const uint8_t *msg, size_t len, uint64_t i2_digest);

#endif
