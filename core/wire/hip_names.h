/* SPDX-License-Identifier: MIT
 *
 * The numbers of HIP (RFC 7401, 7402, 8003, 8004, 8046, 9028, 9374) and their names.
 */
#ifndef HP_WIRE_HIP_NAMES_H
#define HP_WIRE_HIP_NAMES_H

#include <stdint.h>

/* RFC 7401, section 5.3. */
enum hp_hip_type {
	HP_HIP_I1        = 1,
	HP_HIP_R1        = 2,
	HP_HIP_I2        = 3,
	HP_HIP_R2        = 4,
	HP_HIP_UPDATE    = 16,
	HP_HIP_NOTIFY    = 17,
	HP_HIP_CLOSE     = 18,
	HP_HIP_CLOSE_ACK = 19,
	HP_HIP_HDRR      = 20,
	HP_HIP_DATA      = 32,
};

enum {
	HP_HIP_CONTROL_ANONYMOUS = 0x0001, /* RFC 7401, section 5.1.2 */
};

/* RFC 7401, section 5.2, and the documents that extend it. */
enum hp_param_type {
	HP_PARAM_ESP_INFO               = 65,
	HP_PARAM_R1_COUNTER             = 129,
	HP_PARAM_LOCATOR_SET            = 193,
	HP_PARAM_PUZZLE                 = 257,
	HP_PARAM_SOLUTION               = 321,
	HP_PARAM_SEQ                    = 385,
	HP_PARAM_ACK                    = 449,
	HP_PARAM_DH_GROUP_LIST          = 511,
	HP_PARAM_DIFFIE_HELLMAN         = 513,
	HP_PARAM_HIP_CIPHER             = 579,
	HP_PARAM_NAT_TRAVERSAL_MODE     = 608,
	HP_PARAM_TRANSACTION_PACING     = 610,
	HP_PARAM_ENCRYPTED              = 641,
	HP_PARAM_HOST_ID                = 705,
	HP_PARAM_HIT_SUITE_LIST         = 715,
	HP_PARAM_CERT                   = 768,
	HP_PARAM_NOTIFICATION           = 832,
	HP_PARAM_ECHO_REQUEST_SIGNED    = 897,
	HP_PARAM_REG_INFO               = 930,
	HP_PARAM_REG_REQUEST            = 932,
	HP_PARAM_REG_RESPONSE           = 934,
	HP_PARAM_REG_FAILED             = 936,
	HP_PARAM_REG_FROM               = 950,
	HP_PARAM_ECHO_RESPONSE_SIGNED   = 961,
	HP_PARAM_TRANSPORT_FORMAT_LIST  = 2049,
	HP_PARAM_ESP_TRANSFORM          = 4095,
	HP_PARAM_RELAYED_ADDRESS        = 4650,
	HP_PARAM_MAPPED_ADDRESS         = 4660,
	HP_PARAM_PEER_PERMISSION        = 4680,
	HP_PARAM_CANDIDATE_PRIORITY     = 4700,
	HP_PARAM_NOMINATE               = 4710,
	HP_PARAM_HIP_MAC                = 61505,
	HP_PARAM_HIP_MAC_2              = 61569,
	HP_PARAM_HIP_SIGNATURE_2        = 61633,
	HP_PARAM_HIP_SIGNATURE          = 61697,
	HP_PARAM_ECHO_RESPONSE_UNSIGNED = 63425,
	HP_PARAM_ECHO_REQUEST_UNSIGNED  = 63661,
	HP_PARAM_RELAY_FROM             = 63998,
	HP_PARAM_RELAY_TO               = 64002,
	HP_PARAM_FROM                   = 65498,
	HP_PARAM_RVS_HMAC               = 65500,
	HP_PARAM_VIA_RVS                = 65502,
	HP_PARAM_RELAY_HMAC             = 65520,
};

/* RFC 7401, section 5.2.7. */
enum hp_dh_group {
	HP_DH_MODP1536  = 3,
	HP_DH_MODP3072  = 4,
	HP_DH_P256      = 7,
	HP_DH_P384      = 8,
	HP_DH_P521      = 9,
	HP_DH_SECP160R1 = 10,
	HP_DH_MODP2048  = 11,
};

/* RFC 7401, section 5.2.8. */
enum hp_hip_cipher {
	HP_HIPCIPHER_NULL        = 1,
	HP_HIPCIPHER_AES_128_CBC = 2,
	HP_HIPCIPHER_AES_256_CBC = 4,
};

/* RFC 7402, section 5.1.2. */
enum hp_esp_suite_id {
	HP_ESPSUITE_NULL_SHA256        = 7,
	HP_ESPSUITE_AES_128_CBC_SHA256 = 8,
	HP_ESPSUITE_AES_256_CBC_SHA256 = 9,
	HP_ESPSUITE_AES_CCM_8          = 10,
	HP_ESPSUITE_AES_CCM_16         = 11,
	HP_ESPSUITE_AES_GCM_8          = 12,
	HP_ESPSUITE_AES_GCM_16         = 13,
	HP_ESPSUITE_AES_CMAC_96        = 14,
	HP_ESPSUITE_AES_GMAC           = 15,
};

/* RFC 7401, section 5.2.9; RFC 9374. */
enum hp_hi_algorithm {
	HP_HIALG_DSA       = 3,
	HP_HIALG_RSA       = 5,
	HP_HIALG_ECDSA     = 7,
	HP_HIALG_ECDSA_LOW = 9,
	HP_HIALG_EDDSA     = 13,
};

/* Curves within ECDSA and EdDSA Host Identities. */
enum {
	HP_CURVE_P256    = 1,
	HP_CURVE_P384    = 2,
	HP_CURVE_ED25519 = 1,
};

/* RFC 7401, section 5.2.10; also the HIT's four OGA bits. */
enum hp_hit_suite {
	HP_HITSUITE_RSA_DSA_SHA256   = 1,
	HP_HITSUITE_ECDSA_SHA384     = 2,
	HP_HITSUITE_ECDSA_LOW_SHA1   = 3,
	HP_HITSUITE_EDDSA_CSHAKE128  = 5,
};

/* Domain identifier in HOST_ID. */
enum hp_di_type {
	HP_DI_NONE = 0,
	HP_DI_FQDN = 1,
	HP_DI_NAI  = 2,
};

/* RFC 8003. */
enum hp_reg_type {
	HP_REG_RENDEZVOUS          = 1,
	HP_REG_RELAY_UDP_HIP       = 2,
	HP_REG_RELAY_UDP_ESP       = 3,
	HP_REG_CANDIDATE_DISCOVERY = 4,
};

/* RFC 8003, section 4.5, and RFC 9028, section 8. */
enum hp_reg_failure {
	HP_REGFAIL_CREDENTIALS     = 0,
	HP_REGFAIL_UNAVAILABLE     = 1,
	HP_REGFAIL_RESOURCES       = 2,
	HP_REGFAIL_INVALID_CERT    = 3,
	HP_REGFAIL_BAD_CERT        = 4,
	HP_REGFAIL_UNSUPPORTED     = 5, /* certificate */
	HP_REGFAIL_CERT_EXPIRED    = 6,
	HP_REGFAIL_CERT_OTHER      = 7,
	HP_REGFAIL_UNKNOWN_CA      = 8,
	HP_REGFAIL_RVS_AND_RELAY   = 9,
};

/* RFC 5770, section 5.4, and RFC 9028, section 5.4. */
enum hp_nat_traversal_mode {
	HP_NATMODE_UDP_ENCAPSULATION = 1,
	HP_NATMODE_ICE_STUN_UDP      = 2,
	HP_NATMODE_ICE_HIP_UDP       = 3,
};

/* RFC 8046, section 4: traffic type and locator type. */
enum {
	HP_LOCATOR_BOTH      = 0,
	HP_LOCATOR_SIGNALING = 1,
	HP_LOCATOR_DATA      = 2,

	HP_LOCATOR_ADDR      = 0, /* 16 octets */
	HP_LOCATOR_SPI_ADDR  = 1, /* SPI and 16 octets */
	HP_LOCATOR_UDP       = 2, /* RFC 5770: port, protocol, priority, SPI, 16 octets */
};

/* RFC 7401, section 5.2.19, and others; from 16384: no errors. */
enum hp_notify_type {
	HP_NOTIFY_UNSUPPORTED_CRITICAL_PARAMETER = 1,
	HP_NOTIFY_INVALID_SYNTAX                 = 7,
	HP_NOTIFY_NO_DH_PROPOSAL_CHOSEN          = 14,
	HP_NOTIFY_INVALID_DH_CHOSEN              = 15,
	HP_NOTIFY_NO_HIP_PROPOSAL_CHOSEN         = 16,
	HP_NOTIFY_INVALID_HIP_CIPHER_CHOSEN      = 17,
	HP_NOTIFY_NO_ESP_PROPOSAL_CHOSEN         = 18,
	HP_NOTIFY_INVALID_ESP_TRANSFORM_CHOSEN   = 19,
	HP_NOTIFY_UNSUPPORTED_HIT_SUITE          = 20,
	HP_NOTIFY_AUTHENTICATION_FAILED          = 24,
	HP_NOTIFY_CHECKSUM_FAILED                = 26,
	HP_NOTIFY_HIP_MAC_FAILED                 = 28,
	HP_NOTIFY_ENCRYPTION_FAILED              = 32,
	HP_NOTIFY_INVALID_HIT                    = 40,
	HP_NOTIFY_BLOCKED_BY_POLICY              = 42,
	HP_NOTIFY_RESPONDER_BUSY                 = 44,
	HP_NOTIFY_LOCATOR_TYPE_UNSUPPORTED       = 46,
	HP_NOTIFY_CREDENTIALS_REQUIRED           = 48,
	HP_NOTIFY_INVALID_CERTIFICATE            = 50,
	HP_NOTIFY_REG_REQUIRED                   = 51,
	HP_NOTIFY_NO_VALID_NAT_TRAVERSAL_MODE    = 60, /* RFC 5770, section 5.10 */
	HP_NOTIFY_CONNECTIVITY_CHECKS_FAILED     = 61,
	HP_NOTIFY_MESSAGE_NOT_RELAYED            = 62,
	HP_NOTIFY_REFLEXIVE_ALLOCATION_FAILED    = 63, /* RFC 9028, section 5.10 */
	HP_NOTIFY_RVS_HMAC_PROHIBITED            = 64,
	HP_NOTIFY_I2_ACKNOWLEDGEMENT             = 16384,
	HP_NOTIFY_NAT_KEEPALIVE                  = 16385,
};

/* Names for logs, in the documents' spelling; "?" when unknown. */
const char *hp_hip_type_name(uint8_t type);
const char *hp_param_name(uint16_t type);
const char *hp_notify_name(uint16_t type);
const char *hp_dh_group_name(uint8_t group);
const char *hp_hip_cipher_name(uint16_t id);
const char *hp_esp_suite_name(uint16_t id);
const char *hp_hi_algorithm_name(uint16_t id);
const char *hp_hit_suite_name(uint8_t id);
const char *hp_reg_type_name(uint8_t id);
const char *hp_reg_failure_name(uint8_t id);
const char *hp_nat_mode_name(uint16_t id);

#endif
