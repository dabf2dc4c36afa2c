/* SPDX-License-Identifier: MIT
 *
 * HKDF (RFC 5869) and the order of HIP's and ESP's keys (RFC 7401, section 6.5; RFC 7402,
 * section 7).
 */
#include "crypto/keymat.h"

#include <errno.h>
#include <string.h>

#include "crypto/cipher.h"
#include "crypto/espcipher.h"
#include "util/wipe.h"

int hp_hkdf_extract(enum hp_rhash alg, const struct hp_seg *salt, size_t n_salt,
		    const uint8_t *ikm, size_t ikm_len, uint8_t *prk)
{
	struct hp_seg seg = {ikm, ikm_len};
	uint8_t key[256];
	size_t len = 0;
	int err;

	for (size_t i = 0; i < n_salt; i++) {
		if (salt[i].len > sizeof(key) - len)
			return -EINVAL;
		memcpy(key + len, salt[i].p, salt[i].len);
		len += salt[i].len;
	}
	err = hp_hmac(alg, key, len, &seg, 1, prk);
	hp_wipe(key, sizeof(key));
	return err;
}

/* Calls for every block T(n) that touches [offset, offset + len). */
static int expand_from(enum hp_rhash alg, const uint8_t *prk, struct hp_seg info,
		       size_t offset, uint8_t *out, size_t len)
{
	size_t hlen = hp_rhash_len(alg), at = 0, done = 0, skip, take;
	uint8_t t[HP_RHASH_MAX], n;
	struct hp_seg segs[3] = {{t, 0}, info, {&n, 1}};
	int err = 0;

	if (!hlen)
		return -EINVAL;
	if (offset > 255 * hlen || len > 255 * hlen - offset)
		return -EMSGSIZE;
	for (n = 1; done < len && !err; n++, at += hlen) {
		err = hp_hmac(alg, prk, hlen, segs, 3, t);
		segs[0].len = hlen;
		if (err || at + hlen <= offset)
			continue;
		skip = offset > at ? offset - at : 0;
		take = hlen - skip < len - done ? hlen - skip : len - done;
		memcpy(out + done, t + skip, take);
		done += take;
	}
	hp_wipe(t, sizeof(t));
	return err;
}

int hp_hkdf_expand(enum hp_rhash alg, const uint8_t *prk, const uint8_t *info,
		   size_t info_len, uint8_t *out, size_t len)
{
	return expand_from(alg, prk, (struct hp_seg){info, info_len}, 0, out, len);
}

int hp_keymat_init(struct hp_keymat *km, enum hp_rhash alg, const uint8_t *kij,
		   size_t kij_len, const uint8_t *i, const uint8_t *j,
		   const struct hp_addr *hit_a, const struct hp_addr *hit_b)
{
	size_t hlen = hp_rhash_len(alg);
	struct hp_seg salt[] = {{i, hlen}, {j, hlen}};
	bool ordered = hp_addr_cmp(hit_a, hit_b) < 0;

	if (!hlen)
		return -EINVAL;
	km->alg = alg;
	memcpy(km->info, ordered ? hit_a : hit_b, 16);
	memcpy(km->info + 16, ordered ? hit_b : hit_a, 16);
	return hp_hkdf_extract(alg, salt, 2, kij, kij_len, km->prk);
}

void hp_keymat_fini(struct hp_keymat *km)
{
	hp_wipe(km, sizeof(*km));
}

int hp_keymat_draw(const struct hp_keymat *km, size_t offset, uint8_t *out, size_t len)
{
	struct hp_seg info = {km->info, sizeof(km->info)};

	return expand_from(km->alg, km->prk, info, offset, out, len);
}

int hp_keymat_keys(const struct hp_keymat *km, size_t offset, size_t enc_len,
		   size_t mac_len, bool greater, struct hp_keyset *ks, size_t *end)
{
	struct hp_keypair *gl = greater ? &ks->out : &ks->in;
	struct hp_keypair *lg = greater ? &ks->in : &ks->out;
	uint8_t raw[4 * HP_KEY_MAX];
	size_t each = enc_len + mac_len;
	int err;

	if (enc_len > HP_KEY_MAX || mac_len > HP_KEY_MAX)
		return -EINVAL;
	err = hp_keymat_draw(km, offset, raw, 2 * each);
	if (!err) {
		memset(ks, 0, sizeof(*ks));
		memcpy(gl->enc, raw, enc_len);
		memcpy(gl->mac, raw + enc_len, mac_len);
		memcpy(lg->enc, raw + each, enc_len);
		memcpy(lg->mac, raw + each + enc_len, mac_len);
		gl->enc_len = lg->enc_len = (uint8_t)enc_len;
		gl->mac_len = lg->mac_len = (uint8_t)mac_len;
		if (end)
			*end = offset + 2 * each;
	}
	hp_wipe(raw, sizeof(raw));
	return err;
}

int hp_keymat_hip(const struct hp_keymat *km, uint16_t hip_cipher, bool greater,
		  struct hp_keyset *ks, size_t *end)
{
	const struct hp_cipher *c = hp_cipher_find(hip_cipher);

	if (!c)
		return -ENOTSUP;
	return hp_keymat_keys(km, 0, c->key_len, hp_rhash_len(km->alg), greater, ks, end);
}

int hp_keymat_esp(const struct hp_keymat *km, size_t offset, uint16_t suite, bool greater,
		  struct hp_keyset *ks, size_t *end)
{
	const struct hp_esp_suite *s = hp_esp_suite_find(suite);

	if (!s)
		return -ENOTSUP;
	return hp_keymat_keys(km, offset, s->enc_len, s->auth_len, greater, ks, end);
}
