/* SPDX-License-Identifier: MIT
 *
 * HIP messages (RFC 7401, section 5): bytes to structs and back.
 *
 * Parsing checks the fixed header, the order, padding and length of every parameter, and that
 * no critical one is unknown.  Everything found points into the message; nothing is copied.
 *
 *	struct hp_hip_msg m;
 *	struct hp_esp_info ei;
 *	if (hp_hip_parse(p, len, &m)) ...
 *	if (hp_hip_read_esp_info(hp_hip_param_find(&m, HP_PARAM_ESP_INFO, 0), &ei)) ...
 *
 * Readers take a parameter as found (NULL: -ENOENT) and give 0 or -EBADMSG.
 */
#ifndef HP_WIRE_HIP_H
#define HP_WIRE_HIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>
#include <hipproxy/wire.h>
#include "wire/hip_names.h"

#define HP_HIP_HLEN   40
#define HP_HIP_MAX    2048 /* section 5.1: header length field 255; 2008 octets of parameters */
#define HP_HIP_PARAMS 64   /* most parameters in one message */

enum {
	HP_HIP_OFF_HLEN     = 1,
	HP_HIP_OFF_TYPE     = 2,
	HP_HIP_OFF_VERSION  = 3,
	HP_HIP_OFF_CSUM     = 4,
	HP_HIP_OFF_CONTROLS = 6,
	HP_HIP_OFF_SRC      = 8,
	HP_HIP_OFF_DST      = 24,
};

enum hp_hip_bad {
	HP_HIP_OK,
	HP_HIP_BAD_SHORT,    /* fewer octets than the fixed header */
	HP_HIP_BAD_LENGTH,   /* header length and octets differ, or too long */
	HP_HIP_BAD_VERSION,  /* not 2 */
	HP_HIP_BAD_FIXED,    /* a fixed bit is wrong */
	HP_HIP_BAD_TLV,      /* a parameter runs past the end */
	HP_HIP_BAD_ORDER,    /* types do not ascend */
	HP_HIP_BAD_REPEAT,   /* a parameter that may not repeat does */
	HP_HIP_BAD_SIZE,     /* length outside of what its type allows */
	HP_HIP_BAD_MANY,     /* more than HP_HIP_PARAMS */
	HP_HIP_BAD_CRITICAL, /* unknown critical parameter; all else is right */
	HP_HIP_BADS
};

/* One parameter in place. */
struct hp_hip_tlv {
	uint16_t type;
	uint16_t len;        /* contents, octets */
	uint16_t off;        /* of the contents from the beginning; its TLV begins at off - 4 */
	const uint8_t *data; /* contents */
};

struct hp_hip_list {
	struct hp_hip_tlv tlv[HP_HIP_PARAMS];
	unsigned n;
	uint16_t bad_type;   /* the parameter refused, when why is about one */
	enum hp_hip_bad why;
};

struct hp_hip_msg {
	const uint8_t *raw;  /* borrowed: must outlive this */
	size_t len;          /* octets, as the header says */
	struct hp_addr src_hit, dst_hit;
	uint16_t csum, controls;
	uint8_t type;
	struct hp_hip_list params;
};

/* What the table knows of a parameter. */
struct hp_param_row {
	uint16_t type;
	uint16_t min, max;   /* contents, octets */
	uint8_t unit;        /* length - min is a multiple of this */
	uint8_t flags;       /* HP_PARAM_REPEATS */
	uint16_t packets;    /* HP_IN_...: where RFCs place it */
	const char *name;
};

enum {
	HP_PARAM_REPEATS = 1,

	HP_IN_I1        = 1 << 0,
	HP_IN_R1        = 1 << 1,
	HP_IN_I2        = 1 << 2,
	HP_IN_R2        = 1 << 3,
	HP_IN_UPDATE    = 1 << 4,
	HP_IN_NOTIFY    = 1 << 5,
	HP_IN_CLOSE     = 1 << 6,
	HP_IN_CLOSE_ACK = 1 << 7,
	HP_IN_ENCRYPTED = 1 << 8,
};

/* ---- parsing */

/* Reads len octets.  0; -EBADMSG with m->params.why; -EPROTONOSUPPORT for another version;
 * -EOPNOTSUPP when everything is right but the critical parameter m->params.bad_type is
 * unknown (m may be used to answer). */
int hp_hip_parse(const uint8_t *p, size_t len, struct hp_hip_msg *m);
/* Parameters alone, as decrypted from ENCRYPTED; offsets count from p.  As above. */
int hp_hip_parse_list(const uint8_t *p, size_t len, struct hp_hip_list *out);

/* The nth (from 0) parameter of this type, or NULL. */
const struct hp_hip_tlv *hp_hip_list_find(const struct hp_hip_list *l, uint16_t type,
					  unsigned nth);
static inline const struct hp_hip_tlv *hp_hip_param_find(const struct hp_hip_msg *m,
							 uint16_t type, unsigned nth)
{
	return hp_hip_list_find(&m->params, type, nth);
}

const struct hp_param_row *hp_param_row(uint16_t type); /* NULL: unknown */
/* Does an RFC place this known parameter in this packet type? */
bool hp_param_allowed(uint16_t type, uint8_t packet_type);
const char *hp_hip_bad_name(enum hp_hip_bad why);

/* Octets a parameter of len octets takes with type, length and padding: section 5.2.1. */
static inline size_t hp_param_space(size_t len)
{
	return 11 + len - (len + 3) % 8;
}

/* ---- checksum (section 5.1.1): over the outer addresses' pseudo header */

/* Of len octets whose checksum field is taken as zero. */
uint16_t hp_hip_checksum(const uint8_t *msg, size_t len, const struct hp_addr *src,
			 const struct hp_addr *dst);
void hp_hip_checksum_set(uint8_t *msg, size_t len, const struct hp_addr *src,
			 const struct hp_addr *dst);
/* zero_ok: a field of zero passes, as inside UDP (RFC 5770, section 5.1). */
bool hp_hip_checksum_ok(const uint8_t *msg, size_t len, const struct hp_addr *src,
			const struct hp_addr *dst, bool zero_ok);

/* ---- typed contents; pointers lead into the message */

struct hp_bytes {
	const uint8_t *p;
	size_t len;
};

/* Numbers of one or two octets each, or addresses of 16. */
struct hp_u8list {
	const uint8_t *p;
	size_t n;
};
struct hp_u16list {
	const uint8_t *p;
	size_t n;
};
struct hp_u32list {
	const uint8_t *p;
	size_t n;
};
struct hp_addrlist {
	const uint8_t *p;
	size_t n;
};

static inline uint16_t hp_u16list_at(const struct hp_u16list *l, size_t i)
{
	return i < l->n ? hp_get16(l->p + 2 * i) : 0;
}

static inline uint32_t hp_u32list_at(const struct hp_u32list *l, size_t i)
{
	return i < l->n ? hp_get32(l->p + 4 * i) : 0;
}

static inline struct hp_addr hp_addrlist_at(const struct hp_addrlist *l, size_t i)
{
	return i < l->n ? hp_addr_from6(l->p + 16 * i) : (struct hp_addr){ { 0 } };
}

struct hp_esp_info { /* RFC 7402, section 5.1.1 */
	uint16_t keymat_idx; /* octets into KEYMAT */
	uint32_t old_spi, new_spi;
};

struct hp_puzzle { /* 5.2.4 */
	uint8_t k;
	uint8_t lifetime;      /* 2^(lifetime - 32) s */
	const uint8_t *opaque; /* 2 octets */
	const uint8_t *i;      /* rhash_len octets */
	size_t rhash_len;
};

struct hp_solution { /* 5.2.5 */
	uint8_t k;
	const uint8_t *opaque; /* 2 octets */
	const uint8_t *i, *j;  /* rhash_len octets each */
	size_t rhash_len;
};

struct hp_dh_value { /* 5.2.7 */
	uint8_t group;
	const uint8_t *pub;
	size_t pub_len;
};

struct hp_encrypted { /* 5.2.18 */
	const uint8_t *iv;   /* iv_len octets as asked for */
	const uint8_t *data;
	size_t len;
};

struct hp_host_id { /* 5.2.9 */
	uint16_t algorithm;
	const uint8_t *hi;
	size_t hi_len;
	uint8_t di_type;
	const uint8_t *di;
	size_t di_len;
};

struct hp_notification { /* 5.2.19 */
	uint16_t type;
	const uint8_t *data;
	size_t len;
};

struct hp_signature { /* 5.2.14 */
	uint16_t algorithm;
	const uint8_t *sig;
	size_t len;
};

struct hp_locator { /* RFC 8046, section 4; RFC 5770, section 5.7 */
	uint8_t traffic;     /* HP_LOCATOR_BOTH ... */
	uint8_t type;        /* HP_LOCATOR_ADDR ... */
	bool preferred;
	uint32_t lifetime_s;
	struct hp_addr addr; /* zero for an unknown type */
	uint32_t spi;        /* types 1 and 2 */
	uint16_t port;       /* type 2, as the three below */
	uint8_t protocol;
	uint8_t kind;
	uint32_t priority;
};

struct hp_reg_info { /* RFC 8003; lifetimes are 2^((v - 64) / 8) s */
	uint8_t min_lifetime, max_lifetime;
	struct hp_u8list types;
};

struct hp_reg { /* REG_REQUEST, REG_RESPONSE: value is the lifetime; REG_FAILED: the reason */
	uint8_t value;
	struct hp_u8list types;
};

struct hp_transport_addr { /* RELAY_FROM, RELAY_TO, REG_FROM, RELAYED_ADDRESS, MAPPED_ADDRESS */
	uint16_t port;
	uint8_t protocol;
	struct hp_addr addr;
};

int hp_hip_read_esp_info(const struct hp_hip_tlv *t, struct hp_esp_info *out);
int hp_hip_read_r1_counter(const struct hp_hip_tlv *t, uint64_t *out);
int hp_hip_read_puzzle(const struct hp_hip_tlv *t, struct hp_puzzle *out);
int hp_hip_read_solution(const struct hp_hip_tlv *t, struct hp_solution *out);
int hp_hip_read_seq(const struct hp_hip_tlv *t, uint32_t *out);
int hp_hip_read_ack(const struct hp_hip_tlv *t, struct hp_u32list *out);
int hp_hip_read_dh(const struct hp_hip_tlv *t, struct hp_dh_value *out);
/* iv_len: the chosen cipher's. */
int hp_hip_read_encrypted(const struct hp_hip_tlv *t, size_t iv_len, struct hp_encrypted *out);
int hp_hip_read_host_id(const struct hp_hip_tlv *t, struct hp_host_id *out);
int hp_hip_read_notification(const struct hp_hip_tlv *t, struct hp_notification *out);
int hp_hip_read_signature(const struct hp_hip_tlv *t, struct hp_signature *out);
int hp_hip_read_reg_info(const struct hp_hip_tlv *t, struct hp_reg_info *out);
int hp_hip_read_reg(const struct hp_hip_tlv *t, struct hp_reg *out);
int hp_hip_read_transport_addr(const struct hp_hip_tlv *t, struct hp_transport_addr *out);
/* Opaque contents: echo, MACs. */
int hp_hip_read_bytes(const struct hp_hip_tlv *t, struct hp_bytes *out);
/* DH_GROUP_LIST, HIT_SUITE_LIST (a suite stands in the upper four bits). */
int hp_hip_read_u8list(const struct hp_hip_tlv *t, struct hp_u8list *out);
/* HIP_CIPHER and TRANSPORT_FORMAT_LIST; ESP_TRANSFORM and NAT_TRAVERSAL_MODE (reserved
 * octets skipped). */
int hp_hip_read_u16list(const struct hp_hip_tlv *t, struct hp_u16list *out);
/* FROM, VIA_RVS. */
int hp_hip_read_addrlist(const struct hp_hip_tlv *t, struct hp_addrlist *out);
/* Checks all locators; then call hp_hip_locator_next until it says false. */
int hp_hip_read_locators(const struct hp_hip_tlv *t, struct hp_rd *out);
bool hp_hip_locator_next(struct hp_rd *r, struct hp_locator *out);

/* ---- building */

/* A message, or a bare parameter list, in the caller's buffer.  Errors stick: -EMSGSIZE no
 * room, -EINVAL types out of order or a length the table forbids. */
struct hp_hip_builder {
	struct hp_wr w;
	size_t open_off;     /* where the open parameter's TLV begins; valid if open */
	uint16_t last_type;
	bool open, bare;
	int err;
};

void hp_hip_begin(struct hp_hip_builder *b, uint8_t *buf, size_t cap, uint8_t type,
		  uint16_t controls, const struct hp_addr *src_hit,
		  const struct hp_addr *dst_hit);
/* Without a fixed header: for the inside of ENCRYPTED. */
void hp_hip_begin_list(struct hp_hip_builder *b, uint8_t *buf, size_t cap);
void hp_hip_param(struct hp_hip_builder *b, uint16_t type, const void *data, size_t len);
/* Contents written piecewise to the returned cursor (never NULL), until close. */
struct hp_wr *hp_hip_open(struct hp_hip_builder *b, uint16_t type);
void hp_hip_close_param(struct hp_hip_builder *b);
/* tlvs: len octets of whole parameters with padding, in ascending order.  Each is put behind those
 * of lower numbers that are there.  0; -EEXIST one is there already, -EMSGSIZE no room, -EBADMSG:
 * nothing has changed. */
int hp_hip_merge(struct hp_hip_builder *b, const uint8_t *tlvs, size_t len);
/* Sets the header length (also in between: what is there so far is then a message).
 * Octets of the message, or -errno.  The checksum stays zero. */
int hp_hip_finish(struct hp_hip_builder *b);

void hp_hip_add_esp_info(struct hp_hip_builder *b, const struct hp_esp_info *v);
void hp_hip_add_r1_counter(struct hp_hip_builder *b, uint64_t generation);
void hp_hip_add_puzzle(struct hp_hip_builder *b, const struct hp_puzzle *v);
void hp_hip_add_solution(struct hp_hip_builder *b, const struct hp_solution *v);
void hp_hip_add_seq(struct hp_hip_builder *b, uint32_t update_id);
void hp_hip_add_ack(struct hp_hip_builder *b, const uint32_t *update_ids, size_t n);
void hp_hip_add_dh(struct hp_hip_builder *b, const struct hp_dh_value *v);
void hp_hip_add_u8list(struct hp_hip_builder *b, uint16_t type, const uint8_t *v, size_t n);
/* As hp_hip_read_u16list, from host order. */
void hp_hip_add_u16list(struct hp_hip_builder *b, uint16_t type, const uint16_t *v, size_t n);
/* v->iv is iv_len octets. */
void hp_hip_add_encrypted(struct hp_hip_builder *b, const struct hp_encrypted *v,
			  size_t iv_len);
void hp_hip_add_host_id(struct hp_hip_builder *b, const struct hp_host_id *v);
void hp_hip_add_notification(struct hp_hip_builder *b, const struct hp_notification *v);
/* type: HP_PARAM_HIP_SIGNATURE or HP_PARAM_HIP_SIGNATURE_2. */
void hp_hip_add_signature(struct hp_hip_builder *b, uint16_t type,
			  const struct hp_signature *v);
void hp_hip_add_locators(struct hp_hip_builder *b, const struct hp_locator *v, size_t n);
void hp_hip_add_reg_info(struct hp_hip_builder *b, const struct hp_reg_info *v);
void hp_hip_add_reg(struct hp_hip_builder *b, uint16_t type, const struct hp_reg *v);
void hp_hip_add_transport_addr(struct hp_hip_builder *b, uint16_t type,
			       const struct hp_transport_addr *v);
void hp_hip_add_addrs(struct hp_hip_builder *b, uint16_t type, const struct hp_addr *v,
		      size_t n);

/* ---- what MACs and signatures cover (sections 6.4.1 and 6.4.2) */

/* Copies the message up to the TLV at tlv_off into scratch (HP_HIP_MAX octets), with
 * checksum zero and the header length cut; its length, or -EBADMSG when tlv_off is not on a
 * parameter boundary's multiple of 8 within msg.  For HIP_MAC and HIP_SIGNATURE.  To build:
 * call with tlv_off = the length so far. */
int hp_hip_covered(const uint8_t *msg, size_t len, size_t tlv_off, uint8_t *scratch);
/* For HIP_SIGNATURE_2: besides, receiver's HIT, PUZZLE's opaque and I are zero. */
int hp_hip_covered_sig2(const uint8_t *msg, size_t len, size_t tlv_off, uint8_t *scratch);
/* For HIP_MAC_2: besides, the sender's HOST_ID TLV (with type, length and padding, exactly
 * as it stood in R1) is appended; -EMSGSIZE if both exceed HP_HIP_MAX. */
int hp_hip_covered_mac2(const uint8_t *msg, size_t len, size_t tlv_off,
			const struct hp_bytes *host_id_tlv, uint8_t *scratch);
/* The whole TLV (type, length, contents, padding) of a parameter as parsed. */
static inline struct hp_bytes hp_hip_tlv_whole(const struct hp_hip_tlv *t)
{
	return (struct hp_bytes){ t->data - 4, hp_param_space(t->len) };
}

#endif
