/* SPDX-License-Identifier: MIT
 *
 * Local Host Identities: one by one, and by HIT.
 */
#include "hip/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hit.h"
#include "wire/hip_di.h"

/* HOST_ID as it stands in every R1 and I2 of this identity. */
static int build_host_id(struct hp_identity *id, const char *di)
{
	struct hp_host_id h = {.algorithm = hp_key_algorithm(id->key)};
	struct hp_hip_builder b;
	uint8_t buf[HP_HIP_MAX], octets[HP_DI_MAX];
	int len = hp_di_build(di ? di : "", octets, &h.di_type, NULL);

	if (len < 0)
		return len;
	h.hi = hp_key_hi(id->key, &h.hi_len);
	h.di = octets;
	h.di_len = (size_t)len;
	hp_hip_begin_list(&b, buf, sizeof(buf));
	hp_hip_add_host_id(&b, &h);
	len = hp_hip_finish(&b);
	if (len < 0)
		return -EINVAL;
	id->host_id = malloc((size_t)len);
	if (!id->host_id)
		return -ENOMEM;
	memcpy(id->host_id, buf, (size_t)len);
	id->host_id_len = (size_t)len;
	return 0;
}

int hp_identity_new(struct hp_key *key, unsigned flags, const char *di,
		    struct hp_identity **out)
{
	struct hp_identity *id = calloc(1, sizeof(*id));
	int err;

	if (!id)
		return -ENOMEM;
	id->refs = 1;
	id->key = hp_key_ref(key);
	id->hit = *hp_key_hit(key);
	id->rhash = hp_rhash_of_suite(hp_key_hit_suite(key));
	id->never_opportunistic = flags & HP_IDENTITY_NEVER_OPPORTUNISTIC;
	id->controls = flags & HP_IDENTITY_ANONYMOUS ? HP_HIP_CONTROL_ANONYMOUS : 0;
	hp_list_init(&id->r1s);
	hp_list_init(&id->node);
	err = build_host_id(id, di);
	if (err) {
		hp_identity_unref(id);
		return err;
	}
	*out = id;
	return 0;
}

struct hp_identity *hp_identity_ref(struct hp_identity *id)
{
	id->refs++;
	return id;
}

void hp_identity_unref(struct hp_identity *id)
{
	if (!id || --id->refs)
		return;
	hp_key_unref(id->key);
	free(id->host_id);
	free(id);
}

struct hp_identity *hp_identity_find(const struct hp_hip *hip, const struct hp_addr *hit)
{
	struct hp_list *n;

	HP_LIST_EACH(n, &hip->identities)
	{
		struct hp_identity *id = HP_CONTAINER(n, struct hp_identity, node);

		if (hp_addr_eq(&id->hit, hit))
			return id;
	}
	return NULL;
}

const struct hp_addr *hp_hip_default_hit(const struct hp_hip *hip)
{
	struct hp_list *n = hp_list_first(&hip->identities);

	return n ? &HP_CONTAINER(n, struct hp_identity, node)->hit : NULL;
}

bool hp_hip_is_local(const struct hp_hip *hip, const struct hp_addr *hit)
{
	return hp_identity_find(hip, hit);
}

bool hp_hip_ready(const struct hp_hip *hip)
{
	struct hp_list *n;

	HP_LIST_EACH(n, &hip->identities)
	for (size_t i = 0; i < hip->cfg.n_dh_groups; i++)
		if (!HP_CONTAINER(n, struct hp_identity, node)->offered[i])
			return false;
	return true;
}

struct hp_r1 *hp_r1_by_opaque(struct hp_identity *id, const uint8_t *opaque)
{
	struct hp_list *n;

	HP_LIST_EACH(n, &id->r1s)
	{
		struct hp_r1 *r1 = HP_CONTAINER(n, struct hp_r1, node);

		if (r1->opaque == hp_get16(opaque))
			return r1;
	}
	return NULL;
}
