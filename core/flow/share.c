/* SPDX-License-Identifier: MIT
 *
 * Flow database: how much of it one client may have, and what goes when it is full.
 *
 * The client is who begins: the legacy host, or the HIP peer.  Flows that have ended are not
 * counted: they give way whenever their room or their port is needed.
 */
#include "flow/flowdb_internal.h"

#include <errno.h>
#include <string.h>

#define ROOM_TRIES 64u    /* flows looked at when the table is full */
#define SILENT_MS  10000u /* a flow that nobody has answered for so long gives way */

/* An ended connection is kept for so long.  A RST may have been ignored by the ends (RFC 5961,
 * section 3.2), so that it proves less than two FINs. */
#define RESERVED_FIN_MS 1000u
#define RESERVED_RST_MS 5000u

int hp_flow_shares_init(struct hp_flowdb *db)
{
	int err = hp_sketch_init(&db->of_client, db->cfg.limit);

	return err ? err : hp_sketch_init(&db->of_service, db->cfg.limit);
}

void hp_flow_shares_fini(struct hp_flowdb *db)
{
	hp_sketch_fini(&db->of_client);
	hp_sketch_fini(&db->of_service);
}

static const struct hp_addr *client_of(const struct hp_flow_key *k, bool outbound)
{
	return outbound ? &k->legacy : &k->peer_hit;
}

static uint64_t client_hash(const struct hp_flowdb *db, const struct hp_addr *client)
{
	uint64_t w[2];

	memcpy(w, client->b, sizeof(w));
	return hp_hash_words(&db->cfg.hash_key, w, 2);
}

/* Of the client and the service that it uses: where ports are scarce. */
static uint64_t service_hash(const struct hp_flowdb *db, const struct hp_flow_key *k)
{
	uint64_t w[5];

	memcpy(&w[0], k->legacy.b, 16);
	memcpy(&w[2], k->peer_hit.b, 16);
	w[4] = (uint64_t)k->proto << 16 | k->peer_port;
	return hp_hash_words(&db->cfg.hash_key, w, 5);
}

struct hp_flow_owner hp_flow_owner_of(const struct hp_flowdb *db, const struct hp_flow_key *k,
				      bool outbound)
{
	return (struct hp_flow_owner){ client_hash(db, client_of(k, outbound)),
				       outbound ? service_hash(db, k) : 0 };
}

int hp_flow_share_check(struct hp_flowdb *db, const struct hp_flow_owner *o, bool outbound)
{
	uint32_t most = outbound ? db->cfg.share.client : db->cfg.share.peer;

	if (most && hp_sketch_get(&db->of_client, o->client) >= most) {
		db->counters[HP_FLOWC_SHARE]++;
		return -EDQUOT;
	}
	if (outbound && db->cfg.share.port &&
	    hp_sketch_get(&db->of_service, o->service) >= db->cfg.share.port) {
		db->counters[HP_FLOWC_PORT_SHARE]++;
		return -EUSERS;
	}
	return 0;
}

void hp_flow_share_take(struct hp_flow *f, const struct hp_flow_owner *o)
{
	hp_sketch_add(&f->db->of_client, o->client);
	if (f->outbound)
		hp_sketch_add(&f->db->of_service, o->service);
}

void hp_flow_share_give(struct hp_flow *f)
{
	struct hp_flow_owner o = hp_flow_owner_of(f->db, &f->key, f->outbound);

	hp_sketch_sub(&f->db->of_client, o.client);
	if (f->outbound)
		hp_sketch_sub(&f->db->of_service, o.service);
}

uint32_t hp_flowdb_client_count(const struct hp_flowdb *db, const struct hp_addr *client)
{
	return hp_sketch_get(&db->of_client, client_hash(db, client));
}

/* ---- room */

bool hp_flow_has_ended(const struct hp_flow *f, uint64_t *idle_ms)
{
	if (f->state != HP_FLOW_CLOSING)
		return false;
	*idle_ms = hp_flow_idle_ms(f);
	return *idle_ms >= (f->fin_seen == 3 ? RESERVED_FIN_MS : RESERVED_RST_MS);
}

/* How gladly f is missed: milliseconds of silence, ended ones first; 0: not at all. */
static uint64_t dispensable(const struct hp_flow *f)
{
	uint64_t idle_ms;

	if (hp_flow_has_ended(f, &idle_ms))
		return idle_ms + UINT32_MAX;
	if (f->state != HP_FLOW_NEW)
		return 0;
	idle_ms = hp_flow_idle_ms(f);
	return idle_ms >= SILENT_MS ? idle_ms : 0;
}

bool hp_flow_make_room(struct hp_flowdb *db)
{
	struct hp_flow *best = NULL;
	uint64_t most = 0;

	for (uint32_t i = 0; i < ROOM_TRIES && db->flows.used; i++) {
		uint32_t at = 1 + hp_flow_random_below(db, db->flows.used);
		uint32_t number = hp_slab_next(&db->flows, at);
		struct hp_flow *f = hp_flow_at(db, number ? number : hp_slab_next(&db->flows, 1));
		uint64_t worth = dispensable(f);

		if (worth > most) {
			most = worth;
			best = f;
		}
	}
	if (best)
		hp_flow_remove(best, HP_FLOWC_EVICTED);
	return best != NULL;
}
