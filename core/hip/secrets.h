/* SPDX-License-Identifier: MIT
 *
 * The result of an exchange: algorithms, Diffie-Hellman values, KEYMAT and HIP keys.
 *
 * Functions that return a reason return 0 or the drop reason of enum hp_hip_count (positive).
 */
#ifndef HP_HIP_SECRETS_H
#define HP_HIP_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

#include "crypto/dh.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/keymat.h"
#include "wire/hip.h"

struct hp_secrets {
	enum hp_rhash rhash;
	uint8_t group;
	uint16_t cipher, suite;
	uint8_t i[HP_RHASH_MAX], j[HP_RHASH_MAX];
	struct hp_dh *dh;
	uint8_t peer_pub[HP_DH_PUBLIC_MAX];
	size_t peer_pub_len;
	struct hp_key *peer_key;
	uint8_t *peer_host_id; /* the whole TLV, as received */
	size_t peer_host_id_len;
	char *peer_di; /* as text; NULL: none */
	struct hp_keymat km;
	struct hp_keyset hip;
	size_t km_next;	 /* the first octet of KEYMAT that no key has used */
	uint16_t esp_at; /* KEYMAT index of the ESP keys */
	uint32_t spi_in, spi_out;
	uint64_t r1_counter;
};

struct hp_secrets *hp_secrets_new(void);
void hp_secrets_free(struct hp_secrets *s); /* wipes the keys; NULL is fine */
/* Frees what can be computed again. */
void hp_secrets_compact(struct hp_secrets *s);
struct hp_secrets *hp_secrets_clone(const struct hp_secrets *s);
/* Keeps the Domain Identifier of the peer's HOST_ID as text.  0 or a reason. */
int hp_secrets_keep_di(struct hp_secrets *s, const struct hp_host_id *h);
/* Computes KEYMAT and the HIP keys from dh, peer_pub, i and j.  0 or a reason. */
int hp_secrets_derive(struct hp_secrets *s, const struct hp_addr *local,
		      const struct hp_addr *peer);
/* Draws ESP keys from esp_at; moves km_next.  0 or a reason. */
int hp_secrets_esp(struct hp_secrets *s, bool greater, struct hp_keyset *esp);
/* Is KEYMAT long enough for ESP keys that begin at idx? */
bool hp_secrets_reach(const struct hp_secrets *s, size_t idx);
/* Decrypts ENCRYPTED.  plain has room for HP_HIP_MAX octets; out points into it.  0 or a
 * reason. */
int hp_secrets_decrypt(const struct hp_secrets *s, const struct hp_hip_tlv *t, uint8_t *plain,
		       struct hp_hip_list *out);

#endif
