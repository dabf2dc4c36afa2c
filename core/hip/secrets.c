/* SPDX-License-Identifier: MIT
 *
 * What a base exchange yields: Diffie-Hellman values, KEYMAT and the keys in it (RFC
 * 7401, section 6.5; RFC 7402, section 7).
 */
#include "hip/secrets.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/cipher.h"
#include "hip/hip.h"
#include "util/wipe.h"
#include "wire/hip_di.h"

struct hp_secrets *hp_secrets_new(void)
{
	return calloc(1, sizeof(struct hp_secrets));
}

void hp_secrets_free(struct hp_secrets *s)
{
	if (!s)
		return;
	hp_dh_unref(s->dh);
	hp_key_unref(s->peer_key);
	free(s->peer_host_id);
	free(s->peer_di);
	hp_keymat_fini(&s->km);
	hp_wipe(s, sizeof(*s));
	free(s);
}

void hp_secrets_compact(struct hp_secrets *s)
{
	if (s->dh)
		hp_dh_compact(s->dh);
	hp_key_compact(s->peer_key);
}

struct hp_secrets *hp_secrets_clone(const struct hp_secrets *s)
{
	struct hp_secrets *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = *s;
	c->peer_di = s->peer_di ? strdup(s->peer_di) : NULL;
	c->peer_host_id = malloc(s->peer_host_id_len ? s->peer_host_id_len : 1);
	if (!c->peer_host_id || (s->peer_di && !c->peer_di)) {
		free(c->peer_host_id);
		free(c->peer_di);
		hp_wipe(c, sizeof(*c));
		free(c);
		return NULL;
	}
	memcpy(c->peer_host_id, s->peer_host_id, s->peer_host_id_len);
	hp_dh_ref(c->dh);
	hp_key_ref(c->peer_key);
	return c;
}

int hp_secrets_keep_di(struct hp_secrets *s, const struct hp_host_id *h)
{
	char text[HP_DI_TEXT];

	free(s->peer_di);
	s->peer_di = NULL;
	if (!h->di_len)
		return 0;
	hp_di_format(h->di_type, h->di, h->di_len, text, sizeof(text));
	s->peer_di = strdup(text);
	return s->peer_di ? 0 : HP_HIPD_MEMORY;
}

int hp_secrets_derive(struct hp_secrets *s, const struct hp_addr *local,
		      const struct hp_addr *peer)
{
	uint8_t kij[HP_DH_SHARED_MAX];
	size_t end = 0;
	int reason = 0;

	if (hp_dh_derive(s->dh, s->peer_pub, s->peer_pub_len, kij))
		return HP_HIPD_DH_VALUE;
	if (hp_keymat_init(&s->km, s->rhash, kij, hp_dh_shared_len(s->group), s->i, s->j,
			   local, peer))
		reason = HP_HIPD_MEMORY;
	else if (hp_keymat_hip(&s->km, s->cipher, hp_addr_cmp(local, peer) > 0, &s->hip,
			       &end))
		reason = HP_HIPD_CIPHER;
	s->km_next = end;
	s->esp_at = (uint16_t)end;
	hp_wipe(kij, sizeof(kij));
	return reason;
}

int hp_secrets_esp(struct hp_secrets *s, bool greater, struct hp_keyset *esp)
{
	size_t end;

	if (hp_keymat_esp(&s->km, s->esp_at, s->suite, greater, esp, &end) ||
	    end > UINT16_MAX)
		return HP_HIPD_KEYMAT;
	if (end > s->km_next)
		s->km_next = end;
	return 0;
}

bool hp_secrets_reach(const struct hp_secrets *s, size_t idx)
{
	struct hp_keyset esp;
	size_t end;
	bool there = !hp_keymat_esp(&s->km, idx, s->suite, false, &esp, &end) && end <= UINT16_MAX;

	hp_wipe(&esp, sizeof(esp));
	return there;
}

int hp_secrets_decrypt(const struct hp_secrets *s, const struct hp_hip_tlv *t, uint8_t *plain,
		       struct hp_hip_list *out)
{
	const struct hp_cipher *c = hp_cipher_find(s->cipher);
	struct hp_encrypted e;

	if (hp_hip_read_encrypted(t, c->iv_len, &e) || e.len > HP_HIP_MAX)
		return HP_HIPD_DECRYPT;
	if (hp_cipher_decrypt(c, s->hip.in.enc, e.iv, e.data, e.len, plain))
		return HP_HIPD_DECRYPT;
	hp_hip_parse_list(plain, e.len, out);
	return 0;
}
