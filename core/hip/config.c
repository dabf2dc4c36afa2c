/* SPDX-License-Identifier: MIT
 *
 * The engine's configuration: its defaults, and the check of its values.
 */
#include "hip/hip.h"

#include <errno.h>

#include "crypto/cipher.h"
#include "crypto/dh.h"
#include "crypto/hash.h"
#include "crypto/hit.h"
#include "hip/lists.h"

void hp_hip_config_init(struct hp_hip_config *cfg)
{
	*cfg = (struct hp_hip_config){
		.dh_groups = {HP_DH_P256, HP_DH_P384, HP_DH_P521, HP_DH_MODP3072,
			      HP_DH_MODP2048, HP_DH_MODP1536},
		.n_dh_groups = 6,
		.ciphers = {HP_HIPCIPHER_AES_128_CBC, HP_HIPCIPHER_AES_256_CBC},
		.n_ciphers = 2,
		.hit_suites = {HP_HITSUITE_ECDSA_SHA384, HP_HITSUITE_RSA_DSA_SHA256},
		.n_hit_suites = 2,
		.esp_suites = {HP_ESPSUITE_AES_GCM_16, HP_ESPSUITE_AES_128_CBC_SHA256,
			       HP_ESPSUITE_AES_256_CBC_SHA256, HP_ESPSUITE_AES_GCM_8},
		.n_esp_suites = 4,
		.puzzle_k_max = 16,
		.puzzle_k_accept = 20,
		.puzzle_lifetime_s = 64,
		.r1_lifetime_s = 300,
		.r1_per_s = 200,
		.load_per_s = 500,
		.opportunistic_initiator = HP_OPP_OFF,
		.opportunistic_responder = HP_OPP_OFF,
		.retransmit_ms = 500,
		.retransmit_max_ms = 8000,
		.retransmit_max = 5,
		.ual_s = 900,
		.msl_s = 30,
		.e_failed_s = 30,
		.exchange_s = 10,
		.dead_peer_ms = 5000,
		.old_sa_ms = 5000,
		.replay_window = 1024,
		.rekey_dh = false,
		.max_associations = 10000,
		.max_known_peers = 65536,
	};
}

static bool lists_known(const struct hp_hip_config *c, const char **why)
{
	for (size_t i = 0; i < c->n_dh_groups; i++)
		if (!hp_dh_supported(c->dh_groups[i])) {
			*why = "a Diffie-Hellman group is not supported";
			return false;
		}
	for (size_t i = 0; i < c->n_ciphers; i++)
		if (!hp_cipher_find(c->ciphers[i])) {
			*why = "a HIP cipher is not supported";
			return false;
		}
	for (size_t i = 0; i < c->n_esp_suites; i++)
		if (!hp_esp_suite_find(c->esp_suites[i])) {
			*why = "an ESP suite is not supported";
			return false;
		}
	for (size_t i = 0; i < c->n_hit_suites; i++)
		if (hp_rhash_of_suite(c->hit_suites[i]) == HP_RHASH_NONE) {
			*why = "a HIT suite is not supported";
			return false;
		}
	return true;
}

static bool length_fits(size_t n)
{
	return n && n <= HP_HIP_LIST_MAX;
}

int hp_hip_config_check(const struct hp_hip_config *c, const char **why)
{
	const char *ignored;

	why = why ? why : &ignored;
	*why = NULL;
	if (!length_fits(c->n_dh_groups) || !length_fits(c->n_hit_suites))
		*why = "an algorithm list is empty or too long";
	/* RFC 7401, 5.2.8, and RFC 7402, 5.1.2: at most six of these. */
	else if (!c->n_ciphers || c->n_ciphers > 6 || !c->n_esp_suites ||
		 c->n_esp_suites > 6)
		*why = "ciphers and ESP suites: one to six of each";
	else if (!lists_known(c, why))
		return -EINVAL;
	else if (!c->allow_null &&
		 (hp_list_has16(c->ciphers, c->n_ciphers, HP_HIPCIPHER_NULL) ||
		  hp_list_has16(c->esp_suites, c->n_esp_suites, HP_ESPSUITE_NULL_SHA256)))
		*why = "NULL encryption is listed but not allowed";
	else if (c->puzzle_k > c->puzzle_k_max || c->puzzle_k_max > 32)
		*why = "puzzle_k exceeds puzzle_k_max, or that exceeds 32";
	else if (!c->retransmit_ms || c->retransmit_max > 30)
		*why = "retransmission must take some time and end";
	else if (!c->puzzle_lifetime_s || !c->r1_lifetime_s)
		*why = "lifetimes must not be zero";
	return *why ? -EINVAL : 0;
}
