/* SPDX-License-Identifier: MIT
 *
 * What outlives the daemon: which flows there were, and where peers were, so that a transfer goes
 * on after a restart or a crash even if its legacy host has nothing to say.
 *
 * A file of fixed records, mapped into memory: a write costs a copy, and what was written is
 * there however the process ends.  No keys are in it.  It speaks of this machine only, in its own
 * byte order; a file of another kind is begun anew.
 */
#ifndef HP_DAEMON_STATE_H
#define HP_DAEMON_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/addr.h>
#include <hipproxy/flow.h>

#include "flow/flowdb.h"

#define HP_STATE_RECORDS_MAX (1u << 24)
#define HP_STATE_PEERS_MAX   10000
#define HP_STATE_PEER_S      (7 * 86400) /* a peer not met for so long is forgotten */

struct hp_notes;
struct hp_state;

/* A flow that was; the flow it has become, or NULL: the record is freed. */
typedef struct hp_flow *(*hp_state_flow_fn)(void *ctx, const struct hp_flow_key *key,
					    bool outbound);
typedef void (*hp_state_peer_fn)(void *ctx, const struct hp_addr *local_hit,
				 const struct hp_addr *peer_hit, const struct hp_addr *addr,
				 uint16_t port);

/* Records have begun not to fit (err), or fit again (0); set once after hp_state_open. */
void hp_state_watch(struct hp_state *st, void (*told)(void *ctx, int err), void *ctx);
/* Why a record did not fit lately, 0: all did. */
int hp_state_error(const struct hp_state *st);
/* Makes the file (0600), and its directory if only the last part is missing.  0 and *out;
 * -EBUSY: another daemon has it; -errno. */
int hp_state_open(const char *path, struct hp_state **out);
void hp_state_close(struct hp_state *st);

/* Records of plugins; NULL if st is. */
struct hp_notes *hp_state_notes(struct hp_state *st);

/* In all of these st may be NULL; what does not fit is not kept.  port: the peer's, 0 without
 * UDP. */
/* Tells the flows in the file; call it once, before anything is added or peers are asked for. */
void hp_state_restore(struct hp_state *st, hp_state_flow_fn fn, void *ctx);
/* Tells all peers that are remembered. */
void hp_state_peers(struct hp_state *st, hp_state_peer_fn fn, void *ctx);
void hp_state_flow(struct hp_state *st, struct hp_flow *f);
void hp_state_flow_gone(struct hp_state *st, struct hp_flow *f);
void hp_state_peer(struct hp_state *st, const struct hp_addr *local_hit,
		   const struct hp_addr *peer_hit, const struct hp_addr *addr, uint16_t port);

#endif
