/* SPDX-License-Identifier: MIT
 *
 * Names of HIP's numbers, and the parameter table.
 */
#include "wire/hip_names.h"

#include <stddef.h>

#include "wire/hip.h"

struct name {
	uint16_t id;
	const char *name;
};

static const struct name type_names[] = {
	{ HP_HIP_I1, "I1" },
	{ HP_HIP_R1, "R1" },
	{ HP_HIP_I2, "I2" },
	{ HP_HIP_R2, "R2" },
	{ HP_HIP_UPDATE, "UPDATE" },
	{ HP_HIP_NOTIFY, "NOTIFY" },
	{ HP_HIP_CLOSE, "CLOSE" },
	{ HP_HIP_CLOSE_ACK, "CLOSE_ACK" },
	{ HP_HIP_HDRR, "HDRR" },
	{ HP_HIP_DATA, "HIP_DATA" },
	{ 0, NULL }
};

static const struct name notify_names[] = {
	{ HP_NOTIFY_UNSUPPORTED_CRITICAL_PARAMETER, "UNSUPPORTED_CRITICAL_PARAMETER_TYPE" },
	{ HP_NOTIFY_INVALID_SYNTAX, "INVALID_SYNTAX" },
	{ HP_NOTIFY_NO_DH_PROPOSAL_CHOSEN, "NO_DH_PROPOSAL_CHOSEN" },
	{ HP_NOTIFY_INVALID_DH_CHOSEN, "INVALID_DH_CHOSEN" },
	{ HP_NOTIFY_NO_HIP_PROPOSAL_CHOSEN, "NO_HIP_PROPOSAL_CHOSEN" },
	{ HP_NOTIFY_INVALID_HIP_CIPHER_CHOSEN, "INVALID_HIP_CIPHER_CHOSEN" },
	{ HP_NOTIFY_NO_ESP_PROPOSAL_CHOSEN, "NO_ESP_PROPOSAL_CHOSEN" },
	{ HP_NOTIFY_INVALID_ESP_TRANSFORM_CHOSEN, "INVALID_ESP_TRANSFORM_CHOSEN" },
	{ HP_NOTIFY_UNSUPPORTED_HIT_SUITE, "UNSUPPORTED_HIT_SUITE" },
	{ HP_NOTIFY_AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED" },
	{ HP_NOTIFY_CHECKSUM_FAILED, "CHECKSUM_FAILED" },
	{ HP_NOTIFY_HIP_MAC_FAILED, "HIP_MAC_FAILED" },
	{ HP_NOTIFY_ENCRYPTION_FAILED, "ENCRYPTION_FAILED" },
	{ HP_NOTIFY_INVALID_HIT, "INVALID_HIT" },
	{ HP_NOTIFY_BLOCKED_BY_POLICY, "BLOCKED_BY_POLICY" },
	{ HP_NOTIFY_RESPONDER_BUSY, "RESPONDER_BUSY_PLEASE_RETRY" },
	{ HP_NOTIFY_LOCATOR_TYPE_UNSUPPORTED, "LOCATOR_TYPE_UNSUPPORTED" },
	{ HP_NOTIFY_CREDENTIALS_REQUIRED, "CREDENTIALS_REQUIRED" },
	{ HP_NOTIFY_INVALID_CERTIFICATE, "INVALID_CERTIFICATE" },
	{ HP_NOTIFY_REG_REQUIRED, "REG_REQUIRED" },
	{ HP_NOTIFY_NO_VALID_NAT_TRAVERSAL_MODE, "NO_VALID_NAT_TRAVERSAL_MODE_PARAMETER" },
	{ HP_NOTIFY_CONNECTIVITY_CHECKS_FAILED, "CONNECTIVITY_CHECKS_FAILED" },
	{ HP_NOTIFY_MESSAGE_NOT_RELAYED, "MESSAGE_NOT_RELAYED" },
	{ HP_NOTIFY_REFLEXIVE_ALLOCATION_FAILED, "SERVER_REFLEXIVE_CANDIDATE_ALLOCATION_FAILED" },
	{ HP_NOTIFY_RVS_HMAC_PROHIBITED, "RVS_HMAC_PROHIBITED_WITH_RELAY" },
	{ HP_NOTIFY_I2_ACKNOWLEDGEMENT, "I2_ACKNOWLEDGEMENT" },
	{ HP_NOTIFY_NAT_KEEPALIVE, "NAT_KEEPALIVE" },
	{ 0, NULL }
};

static const struct name dh_names[] = {
	{ HP_DH_MODP1536, "MODP-1536" }, { HP_DH_MODP3072, "MODP-3072" },
	{ HP_DH_P256, "P-256" },	 { HP_DH_P384, "P-384" },
	{ HP_DH_P521, "P-521" },	 { HP_DH_SECP160R1, "SECP160R1" },
	{ HP_DH_MODP2048, "MODP-2048" }, { 0, NULL }
};

static const struct name cipher_names[] = {
	{ HP_HIPCIPHER_NULL, "null" },
	{ HP_HIPCIPHER_AES_128_CBC, "aes-128-cbc" },
	{ HP_HIPCIPHER_AES_256_CBC, "aes-256-cbc" },
	{ 0, NULL }
};

static const struct name esp_names[] = {
	{ HP_ESPSUITE_NULL_SHA256, "null-hmac-sha-256" },
	{ HP_ESPSUITE_AES_128_CBC_SHA256, "aes-128-cbc-hmac-sha-256" },
	{ HP_ESPSUITE_AES_256_CBC_SHA256, "aes-256-cbc-hmac-sha-256" },
	{ HP_ESPSUITE_AES_CCM_8, "aes-ccm-8" },
	{ HP_ESPSUITE_AES_CCM_16, "aes-ccm-16" },
	{ HP_ESPSUITE_AES_GCM_8, "aes-128-gcm-8" },
	{ HP_ESPSUITE_AES_GCM_16, "aes-128-gcm-16" },
	{ HP_ESPSUITE_AES_CMAC_96, "aes-cmac-96" },
	{ HP_ESPSUITE_AES_GMAC, "aes-gmac" },
	{ 0, NULL }
};

static const struct name hi_names[] = {
	{ HP_HIALG_DSA, "DSA" },	     { HP_HIALG_RSA, "RSA" },
	{ HP_HIALG_ECDSA, "ECDSA" },	     { HP_HIALG_ECDSA_LOW, "ECDSA_LOW" },
	{ HP_HIALG_EDDSA, "EdDSA" },	     { 0, NULL }
};

static const struct name suite_names[] = {
	{ HP_HITSUITE_RSA_DSA_SHA256, "RSA,DSA/SHA-256" },
	{ HP_HITSUITE_ECDSA_SHA384, "ECDSA/SHA-384" },
	{ HP_HITSUITE_ECDSA_LOW_SHA1, "ECDSA_LOW/SHA-1" },
	{ HP_HITSUITE_EDDSA_CSHAKE128, "EdDSA/cSHAKE128" },
	{ 0, NULL }
};

static const struct name reg_names[] = {
	{ HP_REG_RENDEZVOUS, "RENDEZVOUS" },
	{ HP_REG_RELAY_UDP_HIP, "RELAY_UDP_HIP" },
	{ HP_REG_RELAY_UDP_ESP, "RELAY_UDP_ESP" },
	{ HP_REG_CANDIDATE_DISCOVERY, "CANDIDATE_DISCOVERY" },
	{ 0, NULL }
};

static const struct name failure_names[] = {
	{ HP_REGFAIL_CREDENTIALS, "registration requires additional credentials" },
	{ HP_REGFAIL_UNAVAILABLE, "registration type unavailable" },
	{ HP_REGFAIL_RESOURCES, "insufficient resources" },
	{ HP_REGFAIL_INVALID_CERT, "invalid certificate" },
	{ HP_REGFAIL_BAD_CERT, "bad certificate" },
	{ HP_REGFAIL_UNSUPPORTED, "unsupported certificate" },
	{ HP_REGFAIL_CERT_EXPIRED, "certificate expired" },
	{ HP_REGFAIL_CERT_OTHER, "certificate other" },
	{ HP_REGFAIL_UNKNOWN_CA, "unknown CA" },
	{ HP_REGFAIL_RVS_AND_RELAY, "simultaneous rendezvous and control relay service usage prohibited" },
	{ 0, NULL }
};

static const struct name mode_names[] = {
	{ HP_NATMODE_UDP_ENCAPSULATION, "UDP-ENCAPSULATION" },
	{ HP_NATMODE_ICE_STUN_UDP, "ICE-STUN-UDP" },
	{ HP_NATMODE_ICE_HIP_UDP, "ICE-HIP-UDP" },
	{ 0, NULL }
};

static const char *find_name(const struct name *n, uint16_t id)
{
	for (; n->name; n++)
		if (n->id == id)
			return n->name;
	return "?";
}

const char *hp_hip_type_name(uint8_t type)
{
	return find_name(type_names, type);
}

const char *hp_notify_name(uint16_t type)
{
	return find_name(notify_names, type);
}

const char *hp_dh_group_name(uint8_t group)
{
	return find_name(dh_names, group);
}

const char *hp_hip_cipher_name(uint16_t id)
{
	return find_name(cipher_names, id);
}

const char *hp_esp_suite_name(uint16_t id)
{
	return find_name(esp_names, id);
}

const char *hp_hi_algorithm_name(uint16_t id)
{
	return find_name(hi_names, id);
}

const char *hp_hit_suite_name(uint8_t id)
{
	return find_name(suite_names, id);
}

const char *hp_reg_type_name(uint8_t id)
{
	return find_name(reg_names, id);
}

const char *hp_reg_failure_name(uint8_t id)
{
	return find_name(failure_names, id);
}

const char *hp_nat_mode_name(uint16_t id)
{
	return find_name(mode_names, id);
}

#define MAX 2004 /* contents of the largest parameter that fits */
#define AUTH (HP_IN_R2 | HP_IN_UPDATE | HP_IN_CLOSE | HP_IN_CLOSE_ACK)
#define SIGNED (HP_IN_I2 | AUTH | HP_IN_NOTIFY)
#define ANY (HP_IN_I1 | HP_IN_R1 | SIGNED)
#define ROW(t, min, max, unit, flags, where) \
	{ HP_PARAM_##t, min, max, unit, flags, where, #t }

/* Ascending.  RFC 7401, section 5.2.1, and each parameter's own. */
static const struct hp_param_row rows[] = {
	ROW(ESP_INFO, 12, 12, 1, 0, HP_IN_I2 | HP_IN_R2 | HP_IN_UPDATE),
	ROW(R1_COUNTER, 12, 12, 1, 0, HP_IN_R1 | HP_IN_I2),
	ROW(LOCATOR_SET, 0, MAX, 4, 0, HP_IN_R1 | SIGNED | HP_IN_ENCRYPTED),
	ROW(PUZZLE, 4 + 16, 4 + 64, 1, 0, HP_IN_R1),
	ROW(SOLUTION, 4 + 32, 4 + 128, 2, 0, HP_IN_I2),
	ROW(SEQ, 4, 4, 1, 0, HP_IN_UPDATE),
	ROW(ACK, 4, MAX, 4, 0, HP_IN_UPDATE),
	ROW(DH_GROUP_LIST, 1, 255, 1, 0, HP_IN_I1 | HP_IN_R1),
	ROW(DIFFIE_HELLMAN, 3, MAX, 1, 0, HP_IN_R1 | HP_IN_I2 | HP_IN_UPDATE),
	ROW(HIP_CIPHER, 2, MAX, 2, 0, HP_IN_R1 | HP_IN_I2),
	ROW(NAT_TRAVERSAL_MODE, 4, MAX, 2, 0, HP_IN_R1 | HP_IN_I2),
	ROW(TRANSACTION_PACING, 4, 4, 1, 0, HP_IN_R1 | HP_IN_I2),
	ROW(ENCRYPTED, 4, MAX, 1, 0, HP_IN_I2 | HP_IN_R2 | HP_IN_UPDATE | HP_IN_NOTIFY),
	ROW(HOST_ID, 6, MAX, 1, 0, HP_IN_R1 | SIGNED | HP_IN_ENCRYPTED),
	ROW(HIT_SUITE_LIST, 1, 255, 1, 0, HP_IN_R1),
	ROW(CERT, 4, MAX, 1, HP_PARAM_REPEATS, HP_IN_R1 | SIGNED | HP_IN_ENCRYPTED),
	ROW(NOTIFICATION, 4, MAX, 1, HP_PARAM_REPEATS, HP_IN_R1 | SIGNED | HP_IN_ENCRYPTED),
	ROW(ECHO_REQUEST_SIGNED, 0, MAX, 1, 0, HP_IN_R1 | SIGNED),
	ROW(REG_INFO, 2, MAX, 1, 0, HP_IN_R1 | HP_IN_I2 | HP_IN_R2 | HP_IN_UPDATE),
	ROW(REG_REQUEST, 1, MAX, 1, 0, HP_IN_I2 | HP_IN_UPDATE),
	ROW(REG_RESPONSE, 1, MAX, 1, 0, HP_IN_R2 | HP_IN_UPDATE),
	ROW(REG_FAILED, 1, MAX, 1, HP_PARAM_REPEATS, HP_IN_R2 | HP_IN_UPDATE),
	ROW(REG_FROM, 20, 20, 1, 0, HP_IN_R2 | HP_IN_UPDATE),
	ROW(ECHO_RESPONSE_SIGNED, 0, MAX, 1, 0, SIGNED),
	ROW(TRANSPORT_FORMAT_LIST, 2, MAX, 2, 0, HP_IN_R1 | HP_IN_I2),
	ROW(ESP_TRANSFORM, 4, MAX, 2, 0, HP_IN_R1 | HP_IN_I2),
	ROW(RELAYED_ADDRESS, 20, 20, 1, 0, HP_IN_R2 | HP_IN_UPDATE),
	ROW(MAPPED_ADDRESS, 20, 20, 1, 0, HP_IN_UPDATE),
	ROW(PEER_PERMISSION, 48, MAX, 48, HP_PARAM_REPEATS, HP_IN_UPDATE),
	ROW(CANDIDATE_PRIORITY, 4, 4, 1, 0, HP_IN_UPDATE),
	ROW(NOMINATE, 4, 4, 1, 0, HP_IN_UPDATE),
	ROW(HIP_MAC, 16, 64, 1, 0, HP_IN_I2 | HP_IN_UPDATE | HP_IN_CLOSE | HP_IN_CLOSE_ACK),
	ROW(HIP_MAC_2, 16, 64, 1, 0, HP_IN_R2),
	ROW(HIP_SIGNATURE_2, 3, MAX, 1, 0, HP_IN_R1),
	ROW(HIP_SIGNATURE, 3, MAX, 1, 0, SIGNED),
	ROW(ECHO_RESPONSE_UNSIGNED, 0, MAX, 1, HP_PARAM_REPEATS, SIGNED),
	ROW(ECHO_REQUEST_UNSIGNED, 0, MAX, 1, HP_PARAM_REPEATS, HP_IN_R1 | SIGNED),
	ROW(RELAY_FROM, 20, 20, 1, 0, ANY),
	ROW(RELAY_TO, 20, 20, 1, 0, ANY),
	ROW(FROM, 16, 16, 1, HP_PARAM_REPEATS, HP_IN_I1 | HP_IN_UPDATE),
	ROW(RVS_HMAC, 16, 64, 1, HP_PARAM_REPEATS, HP_IN_I1 | HP_IN_UPDATE),
	ROW(VIA_RVS, 16, MAX, 16, HP_PARAM_REPEATS, HP_IN_R1 | HP_IN_UPDATE),
	ROW(RELAY_HMAC, 16, 64, 1, 0, ANY),
};

const struct hp_param_row *hp_param_row(uint16_t type)
{
	size_t lo = 0, hi = sizeof(rows) / sizeof(rows[0]);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (rows[mid].type == type)
			return &rows[mid];
		if (rows[mid].type < type)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const char *hp_param_name(uint16_t type)
{
	const struct hp_param_row *row = hp_param_row(type);

	return row ? row->name : "?";
}

bool hp_param_allowed(uint16_t type, uint8_t packet_type)
{
	static const uint16_t bits[] = {
		[HP_HIP_I1] = HP_IN_I1,		[HP_HIP_R1] = HP_IN_R1,
		[HP_HIP_I2] = HP_IN_I2,		[HP_HIP_R2] = HP_IN_R2,
		[HP_HIP_UPDATE] = HP_IN_UPDATE, [HP_HIP_NOTIFY] = HP_IN_NOTIFY,
		[HP_HIP_CLOSE] = HP_IN_CLOSE,	[HP_HIP_CLOSE_ACK] = HP_IN_CLOSE_ACK,
	};
	const struct hp_param_row *row = hp_param_row(type);

	return row && packet_type < sizeof(bits) / sizeof(bits[0]) &&
	       row->packets & bits[packet_type];
}
