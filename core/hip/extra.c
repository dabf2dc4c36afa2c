/* SPDX-License-Identifier: MIT
 *
 * See extra.h.
 */
#include "hip/extra.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"
#include "hip/identity.h"

/* Octets that the longest message of id leaves free. */
static size_t spare(const struct hp_hip *hip, const struct hp_identity *id)
{
	size_t hi_len = hp_get16(id->host_id + 4), len = hp_get16(id->host_id + 2);

	return hp_hip_spare(&hip->cfg, id->key, len - 6 - hi_len);
}

struct hp_hip_extra *hp_extra_new(struct hp_hip *hip, const struct hp_identity *id, uint8_t type,
				  const struct hp_addr *peer, const struct hp_path *path,
				  struct hp_assoc *a)
{
	struct hp_hip_built what = { .type = type, .local_hit = id->hit, .peer_hit = *peer,
				     .path = path, .assoc = a };
	uint8_t tlvs[HP_HIP_MAX];
	struct hp_hip_extra *x;
	size_t len;

	if (!hip->ops.build)
		return NULL;
	what.room = spare(hip, id);
	len = hip->ops.build(hip->ops.ctx, &what, tlvs);
	x = len ? malloc(sizeof(*x) + len) : NULL;
	if (!x)
		return NULL;
	x->len = len;
	memcpy(x->tlvs, tlvs, len);
	return x;
}

void hp_extra_add(struct hp_hip_builder *b, const struct hp_hip_extra *x)
{
	if (x)
		hp_hip_merge(b, x->tlvs, x->len);
}

int hp_extra_check(struct hp_hip *hip, struct hp_assoc *a, const struct hp_path *path,
		   const struct hp_hip_msg *m)
{
	if (!hip->ops.authentic || hip->ops.authentic(hip->ops.ctx, a, path, m->raw, m->len))
		return 0;
	return HP_HIPD_PLUGIN;
}
