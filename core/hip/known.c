/* SPDX-License-Identifier: MIT
 *
 * Known peers, by HIT.
 */
#include "hip/known.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hip/spot.h"

static bool known_eq(const struct hp_hnode *n, const void *key)
{
	return hp_addr_eq(&HP_CONTAINER(n, struct hp_known, node)->hit, key);
}

static struct hp_known *known(const struct hp_hip *hip, const struct hp_addr *hit)
{
	struct hp_hnode *n =
		hp_htab_find(&hip->known, hp_hash(&hip->key, hit->b, 16), known_eq, hit);

	return n ? HP_CONTAINER(n, struct hp_known, node) : NULL;
}

const struct hp_known *hp_known_find(const struct hp_hip *hip, const struct hp_addr *hit)
{
	return known(hip, hit);
}

bool hp_hip_knows(const struct hp_hip *hip, const struct hp_addr *hit)
{
	return known(hip, hit);
}

/* The address at which it was met in UDP stays the first one, if it is among the new ones. */
static void set_known(struct hp_known *k, const struct hp_addr *addrs, size_t n)
{
	struct hp_addr met = k->addrs[0];
	size_t i = 0;

	while (k->port && i < n && !hp_addr_eq(&addrs[i], &met))
		i++;
	if (i == n)
		k->port = 0;
	memcpy(k->addrs, addrs, n * sizeof(*addrs));
	k->n = n;
	if (k->port) {
		k->addrs[i] = k->addrs[0];
		k->addrs[0] = met;
	}
}

/* Where it can be recognised by its address, and by the port at which it was met. */
static void spots_add(struct hp_hip *hip, const struct hp_known *k)
{
	for (size_t i = 0; i < k->n; i++)
		hp_spot_add(hip, &k->addrs[i], NULL, &k->hit, i ? 0 : k->port);
}

static void spots_del(struct hp_hip *hip, const struct hp_known *k)
{
	for (size_t i = 0; i < k->n; i++)
		hp_spot_del(hip, &k->addrs[i], NULL, &k->hit);
}

int hp_hip_known_peer(struct hp_hip *hip, const struct hp_addr *hit,
		      const struct hp_addr *addrs, size_t n, bool no_esn_icv)
{
	struct hp_known *k = known(hip, hit);

	if (!hp_addr_is_hit(hit) || n > HP_HIP_LOCATORS)
		return -EINVAL;
	if (!k) {
		k = calloc(1, sizeof(*k));
		if (!k)
			return -ENOMEM;
		k->hit = *hit;
		if (hp_htab_add(&hip->known, &k->node, hp_hash(&hip->key, hit->b, 16))) {
			free(k);
			return -ENOBUFS;
		}
	}
	spots_del(hip, k);
	set_known(k, addrs, n);
	spots_add(hip, k);
	k->no_esn_icv = no_esn_icv;
	return 0;
}

void hp_hip_known_port(struct hp_hip *hip, const struct hp_addr *hit, uint16_t port)
{
	struct hp_known *k = known(hip, hit);

	if (!k)
		return;
	k->port = port;
	spots_add(hip, k);
}

void hp_hip_known_met(struct hp_hip *hip, const struct hp_addr *hit,
		      const struct hp_addr *addr)
{
	struct hp_known *k = known(hip, hit);

	if (k)
		k->met = *addr;
}

const struct hp_addr *hp_hip_met(const struct hp_hip *hip, const struct hp_addr *hit)
{
	const struct hp_known *k = known(hip, hit);

	return k && !hp_addr_is_zero(&k->met) ? &k->met : NULL;
}

static int free_known(struct hp_hnode *n, void *arg)
{
	struct hp_hip *hip = arg;

	hp_htab_del(&hip->known, n);
	free(HP_CONTAINER(n, struct hp_known, node));
	return 0;
}

bool hp_known_is_reserved(const struct hp_hip *hip, const struct hp_addr *hit)
{
	const struct hp_known *k = known(hip, hit);

	return k && k->reserved;
}

bool hp_known_reserve(struct hp_hip *hip, const struct hp_addr *hit)
{
	struct hp_known *k = known(hip, hit);

	if (!k || k->reserved)
		return false;
	k->reserved = true;
	hip->n_reserved++;
	return true;
}

bool hp_known_no_esn_icv(const struct hp_hip *hip, const struct hp_addr *hit)
{
	const struct hp_known *k = known(hip, hit);

	return k && k->no_esn_icv;
}

void hp_known_forget(struct hp_hip *hip)
{
	if (hip->known.slots)
		hp_htab_each(&hip->known, free_known, hip);
}
