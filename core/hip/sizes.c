/* SPDX-License-Identifier: MIT
 *
 * Which keys fit into our messages.
 *
 * The header's length field ends a HIP message at 2048 octets (RFC 7401, section 5.1).  R1 and I2
 * hold a Host Identity and a signature by it, so the size of an RSA key counts twice.  Both
 * messages are built here with zeros for all values, R1 by the code that makes real ones; a test
 * compares the lengths with those of a real exchange.
 */
#include "hip/sizes.h"

#include <errno.h>
#include <stdio.h>

#include "crypto/cipher.h"
#include "crypto/dh.h"
#include "hip/offered.h"
#include "hip/r1params.h"
#include "wire/hip_di.h"

static const uint8_t zeros[HP_HIP_MAX];
/* A plugin may add so much. */
static const struct hp_outer_offer largest_offer = { .type = HP_PARAM_NAT_TRAVERSAL_MODE,
						      .len = HP_OUTER_PARAM };

/* The sizes of an identity's parts in a message. */
struct identity_size {
	uint16_t algorithm;
	uint8_t hit_suite;
	size_t hi_len, di_len, sig_len;
};

static void add_host_id(struct hp_hip_builder *b, const struct identity_size *id)
{
	struct hp_host_id h = { .algorithm = id->algorithm, .hi = zeros, .hi_len = id->hi_len,
				.di_type = id->di_len ? HP_DI_FQDN : 0, .di = zeros,
				.di_len = id->di_len };

	hp_hip_add_host_id(b, &h);
}

/* Its octets in the message.  An invalid one is reported elsewhere. */
static size_t di_octets(const char *di)
{
	uint8_t octets[HP_DI_MAX], type;
	int len = hp_di_build(di ? di : "", octets, &type, NULL);

	return len < 0 ? HP_DI_MAX : (size_t)len;
}

static struct hp_dh_value largest_dh(const struct hp_hip_config *cfg)
{
	struct hp_dh_value dh = { 0, zeros, 0 };

	for (size_t i = 0; i < cfg->n_dh_groups; i++) {
		size_t len = hp_dh_public_len(cfg->dh_groups[i]);

		if (len > dh.pub_len)
			dh = (struct hp_dh_value){ cfg->dh_groups[i], zeros, len };
	}
	return dh;
}

static void add_signature(struct hp_hip_builder *b, uint16_t type, const struct identity_size *id)
{
	struct hp_signature s = { .algorithm = id->algorithm, .sig = zeros, .len = id->sig_len };

	hp_hip_add_signature(b, type, &s);
}

static int size_of_r1(const struct hp_hip_config *cfg, const struct identity_size *id)
{
	static const struct hp_addr nobody;
	uint8_t msg[HP_HIP_MAX], host_id[HP_HIP_MAX];
	struct hp_r1_parts parts = { .cfg = cfg, .host_id = host_id, .offer = largest_offer,
				     .rhash = hp_rhash_of_suite(id->hit_suite),
				     .dh = largest_dh(cfg) };
	struct hp_hip_builder b;
	int len;

	hp_hip_begin_list(&b, host_id, sizeof(host_id));
	add_host_id(&b, id);
	len = hp_hip_finish(&b);
	if (len < 0)
		return len;
	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_R1, 0, &nobody, &nobody);
	hp_r1_add_params(&b, &parts);
	add_signature(&b, HP_PARAM_HIP_SIGNATURE_2, id);
	return hp_hip_finish(&b);
}

/* The Responder's HIT suite determines the hash (section 3.2). */
static size_t largest_rhash(const struct hp_hip_config *cfg)
{
	size_t max = 0;

	for (size_t i = 0; i < cfg->n_hit_suites; i++) {
		size_t len = hp_rhash_len(hp_rhash_of_suite(cfg->hit_suites[i]));

		max = len > max ? len : max;
	}
	return max;
}

/* Section 5.2.18: an IV, and the parameter padded to the cipher's block. */
static void add_encrypted(struct hp_hip_builder *b, const struct identity_size *id)
{
	struct hp_encrypted e = { .iv = zeros, .data = zeros };
	struct hp_hip_builder inner;
	uint8_t buf[HP_HIP_MAX];
	int len;

	hp_hip_begin_list(&inner, buf, sizeof(buf));
	add_host_id(&inner, id);
	len = hp_hip_finish(&inner);
	if (len < 0) {
		b->err = len;
		return;
	}
	e.len = ((size_t)len + HP_CIPHER_BLOCK_MAX) / HP_CIPHER_BLOCK_MAX * HP_CIPHER_BLOCK_MAX;
	hp_hip_add_encrypted(b, &e, HP_CIPHER_BLOCK_MAX);
}

static int size_of_i2(const struct hp_hip_config *cfg, const struct identity_size *id)
{
	static const struct hp_addr nobody;
	static const uint16_t one = 1;
	const struct hp_esp_info ei = { 0 };
	const struct hp_solution sol = { .opaque = zeros, .i = zeros, .j = zeros,
					 .rhash_len = largest_rhash(cfg) };
	const struct hp_dh_value dh = largest_dh(cfg);
	struct hp_hip_builder b;
	uint8_t msg[HP_HIP_MAX];

	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_I2, 0, &nobody, &nobody);
	hp_hip_add_esp_info(&b, &ei);
	hp_hip_add_r1_counter(&b, 0);
	hp_hip_add_solution(&b, &sol);
	hp_hip_add_dh(&b, &dh);
	hp_hip_add_u16list(&b, HP_PARAM_HIP_CIPHER, &one, 1);
	hp_hip_add_offered(&b, &largest_offer);
	if (cfg->encrypt_host_id)
		add_encrypted(&b, id);
	else
		add_host_id(&b, id);
	hp_hip_add_u16list(&b, HP_PARAM_TRANSPORT_FORMAT_LIST, &one, 1);
	hp_hip_add_u16list(&b, HP_PARAM_ESP_TRANSFORM, &one, 1);
	hp_hip_param(&b, HP_PARAM_HIP_MAC, zeros, sol.rhash_len);
	add_signature(&b, HP_PARAM_HIP_SIGNATURE, id);
	return hp_hip_finish(&b);
}

static int largest(const struct hp_hip_config *cfg, const struct hp_key *key, size_t di_len,
		   size_t *r1, size_t *i2)
{
	struct identity_size id = { .algorithm = hp_key_algorithm(key),
				    .hit_suite = hp_key_hit_suite(key),
				    .di_len = di_len,
				    .sig_len = hp_key_sig_len(key) };
	int len1, len2;

	hp_key_hi(key, &id.hi_len);
	len1 = size_of_r1(cfg, &id);
	len2 = size_of_i2(cfg, &id);
	*r1 = len1 < 0 ? 0 : (size_t)len1;
	*i2 = len2 < 0 ? 0 : (size_t)len2;
	return len1 < 0 || len2 < 0 ? -EMSGSIZE : 0;
}

int hp_hip_largest(const struct hp_hip_config *cfg, const struct hp_key *key, const char *di,
		   size_t *r1, size_t *i2)
{
	return largest(cfg, key, di_octets(di), r1, i2);
}

size_t hp_hip_spare(const struct hp_hip_config *cfg, const struct hp_key *key, size_t di_len)
{
	size_t r1, i2;

	if (largest(cfg, key, di_len, &r1, &i2))
		return 0;
	return HP_HIP_MAX - (r1 > i2 ? r1 : i2);
}

/* RFC 3110: one octet for the exponent's length, three for 65537, then the modulus. */
static bool rsa_fits(const struct hp_hip_config *cfg, size_t di_len, unsigned bits)
{
	struct identity_size id = { .algorithm = HP_HIALG_RSA,
				    .hit_suite = HP_HITSUITE_RSA_DSA_SHA256,
				    .hi_len = 4 + bits / 8, .di_len = di_len,
				    .sig_len = bits / 8 };

	return size_of_r1(cfg, &id) >= 0 && size_of_i2(cfg, &id) >= 0;
}

unsigned hp_hip_rsa_bits_max(const struct hp_hip_config *cfg, size_t di_len)
{
	unsigned bits = HP_KEY_RSA_BITS_MAX;

	while (bits > HP_KEY_RSA_BITS_MIN && !rsa_fits(cfg, di_len, bits))
		bits -= 8;
	return bits;
}

int hp_hip_key_check(const struct hp_hip_config *cfg, const struct hp_key *key, const char *di,
		     char why[HP_HIP_WHY])
{
	size_t r1, i2;

	if (!hp_hip_largest(cfg, key, di, &r1, &i2))
		return 0;
	if (hp_key_kind(key) == HP_KEY_RSA)
		snprintf(why, HP_HIP_WHY,
			 "an RSA key of %zu bits makes R1 or I2 longer than a HIP message can be "
			 "(%u octets); expected at most %u bits", 8 * hp_key_sig_len(key), HP_HIP_MAX,
			 hp_hip_rsa_bits_max(cfg, di_octets(di)));
	else
		snprintf(why, HP_HIP_WHY, "R1 or I2 would be longer than a HIP message can be (%u "
			 "octets)", HP_HIP_MAX);
	return -EMSGSIZE;
}
