/* SPDX-License-Identifier: MIT
 *
 * The association: one object for a pair of HITs through restarts and rekeyings, made of parts.
 * Each part has a header, and a file that changes it.
 */
#ifndef HP_HIP_ASSOC_H
#define HP_HIP_ASSOC_H

#include "hip/exchange.h"
#include "hip/failure.h"
#include "hip/identity.h"
#include "hip/locator.h"
#include "hip/paths.h"
#include "hip/rekeying.h"
#include "hip/sas.h"
#include "hip/sent.h"
#include "hip/seq.h"
#include "hip/table.h"
#include "hip/traffic.h"

/* The object itself. */
struct hp_assoc_base {
	unsigned refs;	/* one while in the table, one for each job */
	uint32_t epoch; /* changes when a new exchange begins: what jobs bring is stale then */
	bool dead;	/* removed; only jobs hold it */
	bool busy;	/* a job verifies a message */
	struct hp_timer t_state; /* the state ends */
};

struct hp_closing {
	uint8_t echo[HP_ECHO_LEN]; /* in our CLOSE */
};

struct hp_assoc {
	struct hp_hip *hip;
	struct hp_identity *id;
	struct hp_addr local, peer; /* HITs; peer is zero until an opportunistic R1 comes */
	struct hp_path path;
	enum hp_assoc_state state;
	struct hp_assoc_base base;
	struct hp_place place;
	struct hp_exchange ex;
	struct hp_sas sas;
	struct hp_sent sent;
	struct hp_seq seq;
	struct hp_rekey rk;
	struct hp_addresses addr;
	struct hp_paths paths;
	struct hp_closing closing;
	struct hp_traffic traffic;
	struct hp_failure failure;
	void *udata;
};

static inline bool hp_assoc_greater(const struct hp_assoc *a)
{
	return hp_addr_cmp(&a->local, &a->peer) > 0;
}

/* peer may be zero.  There must be room (room.c).  NULL, errno set. */
struct hp_assoc *hp_assoc_new(struct hp_hip *hip, struct hp_identity *id,
			      const struct hp_addr *peer);
/* Takes it out of the table, stops everything, HP_HIP_GONE; freed when no job holds it. */
void hp_assoc_remove(struct hp_assoc *a);
void hp_assoc_unref(struct hp_assoc *a);
void hp_assoc_set_state(struct hp_assoc *a, enum hp_assoc_state s);
/* The state ends after ms: R2-SENT becomes ESTABLISHED, others are removed. */
void hp_assoc_state_after(struct hp_assoc *a, uint64_t ms);
void hp_assoc_event(struct hp_assoc *a, enum hp_hip_event ev);
/* Drops the SAs; HP_HIP_DOWN if it was up. */
void hp_assoc_down(struct hp_assoc *a);
/* RFC 7401, section 6.9, step 18: the variables of a new association. */
void hp_assoc_reset(struct hp_assoc *a);
void hp_assoc_established(struct hp_assoc *a);
/* It has come up: the peer was met where it is now. */
void hp_assoc_met(struct hp_assoc *a);

#endif
