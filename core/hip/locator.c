/* SPDX-License-Identifier: MIT
 *
 * Addresses that the peer announces by LOCATOR_SET (RFC 8046, sections 5.1 to 5.5).
 *
 * The address in use stays in use until the peer has answered at a better one.  One that was
 * announced and does not answer is asked again, ever more seldom, and does no harm.
 */
#include "hip/locator.h"

#include <stdlib.h>
#include <string.h>

#include "hip/assoc.h"
#include "hip/secrets.h"

#define FOREVER	      UINT32_MAX /* a lifetime without end */
#define ASK_AGAIN_MS  30000	 /* doubled each time */
#define ASK_DOUBLINGS 5

enum state { UNVERIFIED, ACTIVE, DEPRECATED };

struct locator {
	struct hp_addr addr;
	enum state state;
	bool preferred, listed;
	uint64_t until_ms; /* UINT64_MAX: no end */
	uint64_t ask_ms;   /* it was silent: not asked again before */
	unsigned silent;   /* how often */
};

struct hp_locators {
	struct locator at[HP_HIP_LOCATORS];
	size_t n;
};

void hp_locator_forget(struct hp_assoc *a)
{
	free(a->addr.announced);
	a->addr.announced = NULL;
}

/* ---- what the peer says */

/* Data and messages go to the same address.  Section 4: each locator has a lifetime. */
static bool usable(const struct hp_locator *l)
{
	return l->type <= HP_LOCATOR_SPI_ADDR && l->traffic == HP_LOCATOR_BOTH &&
	       l->lifetime_s && !hp_addr_is_multicast(&l->addr) && !hp_addr_is_zero(&l->addr) &&
	       !hp_addr_is_hit(&l->addr) && !hp_addr_is_teredo(&l->addr) &&
	       (!hp_addr_is4(&l->addr) || hp_addr_to4(&l->addr));
}

static struct locator *find(struct hp_locators *ls, const struct hp_addr *addr)
{
	for (size_t i = 0; i < ls->n; i++)
		if (hp_addr_eq(&ls->at[i].addr, addr))
			return &ls->at[i];
	return NULL;
}

/* A place for another one: that of a deprecated one if need be.  NULL: there is none. */
static struct locator *place(struct hp_locators *ls)
{
	if (ls->n < HP_HIP_LOCATORS)
		return &ls->at[ls->n++];
	for (size_t i = 0; i < ls->n; i++)
		if (ls->at[i].state == DEPRECATED && !ls->at[i].listed)
			return &ls->at[i];
	return NULL;
}

/* Section 5.3.  The address in use has been answered from. */
static void take(struct hp_assoc *a, const struct hp_locator *l)
{
	struct locator *p = find(a->addr.announced, &l->addr);
	bool used = hp_addr_eq(&l->addr, &a->path.dst);

	if (!p) {
		p = place(a->addr.announced);
		if (!p)
			return;
		*p = (struct locator){.addr = l->addr, .state = DEPRECATED};
	}
	if (p->state == DEPRECATED)
		p->state = used ? ACTIVE : UNVERIFIED;
	p->preferred = l->preferred;
	p->listed = true;
	p->silent = 0;
	p->ask_ms = 0;
	p->until_ms = l->lifetime_s == FOREVER
			      ? UINT64_MAX
			      : hp_hip_now(a->hip) + 1000ull * l->lifetime_s;
}

/* Section 5.3: a locator of type 1 belongs to the SA of its SPI, the present one or the new one
 * that this UPDATE or the rekeying under way brings. */
static bool of_our_sa(const struct hp_assoc *a, const struct hp_hip_msg *m,
		      const struct hp_locator *l)
{
	struct hp_esp_info ei = {0, 0, 0};

	if (l->type != HP_LOCATOR_SPI_ADDR || (a->sas.out && l->spi == a->sas.out->spi) ||
	    (a->rk.spi_out && l->spi == a->rk.spi_out))
		return true;
	return !hp_hip_read_esp_info(hp_hip_param_find(m, HP_PARAM_ESP_INFO, 0), &ei) &&
	       l->spi == ei.new_spi;
}

static int take_set(struct hp_assoc *a, const struct hp_hip_msg *m, const struct hp_hip_tlv *t)
{
	struct hp_locator l;
	struct hp_rd r;

	if (hp_hip_read_locators(t, &r))
		return HP_HIPD_MALFORMED;
	if (!a->addr.announced)
		a->addr.announced = calloc(1, sizeof(*a->addr.announced));
	if (!a->addr.announced)
		return HP_HIPD_MEMORY;
	for (size_t i = 0; i < a->addr.announced->n; i++)
		a->addr.announced->at[i].listed = a->addr.announced->at[i].preferred = false;
	while (hp_hip_locator_next(&r, &l))
		if (usable(&l) && of_our_sa(a, m, &l))
			take(a, &l);
		else
			hp_count(&a->hip->counters, HP_HIPD_ADDRESS);
	for (size_t i = 0; i < a->addr.announced->n; i++)
		if (!a->addr.announced->at[i].listed)
			a->addr.announced->at[i].state = DEPRECATED;
	return 0;
}

/* RFC 9028, section 5.7, has it inside ENCRYPTED. */
int hp_locator_input(struct hp_assoc *a, const struct hp_hip_msg *m)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, HP_PARAM_LOCATOR_SET, 0);
	const struct hp_hip_tlv *enc = hp_hip_param_find(m, HP_PARAM_ENCRYPTED, 0);
	uint8_t plain[HP_HIP_MAX];
	struct hp_hip_list inside;
	int reason = 0;

	if (!t && enc) {
		reason = hp_secrets_decrypt(a->sas.cur, enc, plain, &inside);
		t = reason ? NULL : hp_hip_list_find(&inside, HP_PARAM_LOCATOR_SET, 0);
	}
	return t && !reason ? take_set(a, m, t) : reason;
}

bool hp_locator_of_r1(const struct hp_hip_msg *m, struct hp_addr *out)
{
	struct hp_locator l;
	struct hp_rd r;

	if (hp_hip_read_locators(hp_hip_param_find(m, HP_PARAM_LOCATOR_SET, 0), &r))
		return false;
	while (hp_hip_locator_next(&r, &l))
		if (l.preferred && usable(&l)) {
			*out = l.addr;
			return true;
		}
	return false;
}

/* ---- which to use */

static void expire(struct hp_locators *ls, uint64_t now)
{
	for (size_t i = 0; i < ls->n; i++)
		if (ls->at[i].until_ms <= now)
			ls->at[i].state = DEPRECATED;
}

static bool may_use(const struct locator *l, uint64_t now)
{
	return l->state == ACTIVE || (l->state == UNVERIFIED && l->ask_ms <= now);
}

/* Better ones have more. */
static unsigned rank(const struct hp_assoc *a, const struct locator *l)
{
	return 4 * l->preferred + 2 * hp_addr_eq(&l->addr, &a->path.dst) + (l->state == ACTIVE);
}

/* NULL: there is none but the address in use, whatever the peer says of that. */
static struct locator *best(struct hp_assoc *a)
{
	uint64_t now = hp_hip_now(a->hip);
	struct locator *found = NULL;

	if (!a->addr.announced)
		return NULL;
	expire(a->addr.announced, now);
	for (size_t i = 0; i < a->addr.announced->n; i++) {
		struct locator *l = &a->addr.announced->at[i];

		if (may_use(l, now) && (!found || rank(a, l) > rank(a, found)))
			found = l;
	}
	return found;
}

const struct hp_addr *hp_locator_wanted(struct hp_assoc *a)
{
	const struct locator *l = best(a);

	return l && l->state == UNVERIFIED && !hp_addr_eq(&l->addr, &a->path.dst) ? &l->addr
										  : NULL;
}

const struct hp_addr *hp_locator_better(struct hp_assoc *a)
{
	const struct locator *l = best(a);

	return l && l->state == ACTIVE && !hp_addr_eq(&l->addr, &a->path.dst) ? &l->addr : NULL;
}

static void answered(struct hp_assoc *a, const struct hp_addr *addr)
{
	struct locator *l = a->addr.announced ? find(a->addr.announced, addr) : NULL;

	if (l && l->state == UNVERIFIED)
		l->state = ACTIVE;
}

void hp_locator_silent(struct hp_assoc *a, const struct hp_addr *addr)
{
	struct locator *l = a->addr.announced ? find(a->addr.announced, addr) : NULL;

	if (!l)
		return;
	l->ask_ms = hp_hip_now(a->hip) + ((uint64_t)ASK_AGAIN_MS << l->silent);
	if (l->silent < ASK_DOUBLINGS)
		l->silent++;
}

/* ---- verification */

int hp_verify_begin(struct hp_assoc *a, const struct hp_path *path, enum hp_verify how)
{
	if (hp_rand_fill(a->hip->rand, a->addr.echo, HP_ECHO_LEN))
		return HP_HIPD_MEMORY;
	hp_count(&a->hip->counters, HP_HIPC_PATH_CHECKS);
	a->addr.path = *path;
	a->addr.verify = how;
	return 0;
}

bool hp_verify_answered(struct hp_assoc *a, const struct hp_hip_msg *m,
			const struct hp_path *path)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, HP_PARAM_ECHO_RESPONSE_SIGNED, 0);
	bool by_path = a->addr.verify == HP_VERIFY_PATH;

	if (a->addr.verify == HP_VERIFY_NONE || !t || t->len != HP_ECHO_LEN ||
	    memcmp(t->data, a->addr.echo, HP_ECHO_LEN) ||
	    (by_path && !hp_path_same(path, &a->addr.path)))
		return false;
	a->addr.verify = HP_VERIFY_NONE;
	a->path = by_path ? *path : a->addr.path;
	answered(a, &a->path.dst);
	return true;
}
