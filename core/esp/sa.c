/* SPDX-License-Identifier: MIT
 *
 * Life of an SA, and the table of inbound ones.
 */
#include "esp/sa.h"

#include <errno.h>
#include <string.h>

#include <hipproxy/wire.h>

#include "util/list.h"
#include "util/wipe.h"
#include "wire/esp.h"

/* RFC 4106, section 9, and good measure: long before a counter or a birthday bound. */
#define SOFT_PACKETS_ESN (UINT64_C(1) << 40)
#define SOFT_PACKETS_32	 (UINT64_C(0xf0000000))
#define HARD_PACKETS_32	 (UINT64_C(0xff000000)) /* what is left lasts for some seconds */
#define SOFT_BYTES	 (UINT64_C(1) << 44)

static int init_outbound(struct hp_sa *sa, const struct hp_rand *rand)
{
	uint8_t key[16];
	int err;

	if (sa->suite->iv_len != 16)
		return 0;
	err = hp_rand_fill(rand, key, sizeof(key));
	if (!err)
		err = hp_ivgen_new(key, &sa->ivgen);
	hp_wipe(key, sizeof(key));
	return err;
}

static int open_ctx(struct hp_sa *sa, const struct hp_sa_params *p)
{
	return sa->backend->open_ctx(sa->suite, p->outbound, p->keys->enc, p->keys->mac,
				     &sa->ctx);
}

/* What is configured, but not beyond what the SA can bear.  Both ends may have the same limit:
 * each takes up to an eighth off, so that they seldom begin at the same moment. */
static int set_limits(struct hp_sa *sa, const struct hp_sa_params *p, const struct hp_rand *rand)
{
	uint64_t most = p->no_esn_icv ? SOFT_PACKETS_32 : SOFT_PACKETS_ESN;
	uint64_t r[2];

	if (hp_rand_fill(rand, r, sizeof(r)))
		return -EIO;
	sa->soft_packets = p->soft_packets && p->soft_packets < most ? p->soft_packets : most;
	sa->soft_bytes = p->soft_bytes && p->soft_bytes < SOFT_BYTES ? p->soft_bytes : SOFT_BYTES;
	sa->soft_packets -= r[0] % (sa->soft_packets / 8 + 1);
	sa->soft_bytes -= r[1] % (sa->soft_bytes / 8 + 1);
	return 0;
}

int hp_sa_init(struct hp_sa *sa, const struct hp_sa_params *p)
{
	const struct hp_rand *rand = p->rand ? p->rand : &hp_rand_system;
	int err;

	memset(sa, 0, sizeof(*sa));
	sa->suite = hp_esp_suite_find(p->suite);
	if (!sa->suite)
		return -ENOTSUP;
	if (p->spi < HP_SPI_MIN || p->keys->enc_len != sa->suite->enc_len ||
	    p->keys->mac_len != sa->suite->auth_len)
		return -EINVAL;
	sa->spi = p->spi;
	sa->outbound = p->outbound;
	sa->no_esn_icv = p->no_esn_icv;
	sa->src_hit = p->src_hit;
	sa->dst_hit = p->dst_hit;
	sa->owner = p->owner;
	sa->backend = p->backend ? p->backend : &hp_esp_openssl;
	err = set_limits(sa, p, rand);
	if (!err)
		err = open_ctx(sa, p);
	if (err == -ENOTSUP && sa->backend != &hp_esp_openssl) {
		sa->backend = &hp_esp_openssl;
		err = open_ctx(sa, p);
	}
	if (!err)
		err = p->outbound ? init_outbound(sa, rand)
				  : hp_replay_init(&sa->replay, p->replay_window
									? p->replay_window
									: HP_REPLAY_MIN);
	if (err)
		hp_sa_fini(sa);
	return err;
}

void hp_sa_fini(struct hp_sa *sa)
{
	if (sa->ctx)
		sa->backend->close_ctx(sa->ctx);
	hp_ivgen_free(sa->ivgen);
	hp_replay_fini(&sa->replay);
	sa->ctx = NULL;
	sa->ivgen = NULL;
}

bool hp_sa_rekey_due(const struct hp_sa *sa)
{
	uint64_t seq = sa->outbound ? sa->seq : sa->replay.top;

	return seq >= sa->soft_packets || sa->bytes >= sa->soft_bytes;
}

bool hp_sa_exhausted(const struct hp_sa *sa)
{
	return sa->no_esn_icv && sa->seq >= HARD_PACKETS_32;
}

/* ---- table */

static uint64_t spi_hash(const struct hp_sadb *db, uint32_t spi)
{
	return hp_hash(&db->key, &spi, sizeof(spi));
}

static bool has_spi(const struct hp_hnode *n, const void *key)
{
	const struct hp_sa *sa =
		(const void *)((const char *)n - offsetof(struct hp_sa, node));

	return sa->spi == *(const uint32_t *)key;
}

int hp_sadb_init(struct hp_sadb *db, size_t limit, const struct hp_rand *rand)
{
	db->rand = rand ? rand : &hp_rand_system;
	db->latest = NULL;
	if (hp_rand_fill(db->rand, &db->key, sizeof(db->key)))
		return -EIO;
	return hp_htab_init(&db->tab, limit);
}

void hp_sadb_fini(struct hp_sadb *db)
{
	hp_htab_fini(&db->tab);
}

int hp_sadb_add(struct hp_sadb *db, struct hp_sa *sa)
{
	int err;

	if (hp_sadb_find(db, sa->spi))
		return -EEXIST;
	err = hp_htab_add(&db->tab, &sa->node, spi_hash(db, sa->spi));
	sa->in_table = !err;
	return err;
}

void hp_sadb_del(struct hp_sadb *db, struct hp_sa *sa)
{
	if (sa->in_table)
		hp_htab_del(&db->tab, &sa->node);
	sa->in_table = false;
	if (db->latest == sa)
		db->latest = NULL;
}

struct hp_sa *hp_sadb_find(struct hp_sadb *db, uint32_t spi)
{
	struct hp_hnode *n;

	if (db->latest && db->latest->spi == spi)
		return db->latest;
	n = hp_htab_find(&db->tab, spi_hash(db, spi), has_spi, &spi);
	if (n)
		db->latest = HP_CONTAINER(n, struct hp_sa, node);
	return n ? db->latest : NULL;
}

int hp_sadb_new_spi(struct hp_sadb *db, uint32_t *spi)
{
	for (int tries = 0; tries < 1000; tries++) {
		if (hp_rand_fill(db->rand, spi, sizeof(*spi)))
			return -EIO;
		if (*spi >= HP_SPI_MIN && !hp_sadb_find(db, *spi))
			return 0;
	}
	return -EIO;
}
