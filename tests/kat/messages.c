/* SPDX-License-Identifier: MIT
 *
 * Every HIP message of wire.pcap: checksum, what it carries, MAC and signature.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/wire.h>

#include "set.h"

#include "crypto/cipher.h"
#include "wire/hip.h"
#include "wire/ip.h"

struct seen {
	unsigned int messages;
	unsigned int of_type[128];
	uint8_t host_id[HP_HIP_MAX]; /* the Responder's HOST_ID TLV, as it stood in R1 */
	size_t host_id_len;
};

struct msg {
	struct hp_hip_msg m;
	enum side from;
	char name[48];
};

static const struct hp_hip_tlv *find(const struct msg *m, uint16_t type)
{
	return hp_hip_param_find(&m->m, type, 0);
}

static bool is_hex(struct set *s, const char *name, const uint8_t *p, size_t len)
{
	struct octets want = hex_get(s->json, name);
	bool same = octets_eq(want, p, len);

	free(want.p);
	return same;
}

/* ---- contents */

static void check_host_id(struct set *s, const struct msg *m, const struct hp_hip_tlv *t)
{
	struct hp_host_id h;

	check(s,
	      !hp_hip_read_host_id(t, &h) && octets_eq(s->hi[m->from], h.hi, h.hi_len) &&
		      s->key[m->from] && h.algorithm == hp_key_algorithm(s->key[m->from]),
	      "not the sender's", "%s HOST_ID", m->name);
}

static void check_encrypted(struct set *s, const struct msg *m)
{
	const struct hp_cipher *c =
		hp_cipher_find((uint16_t)number_get(s->json, "hip_cipher", 0));
	const struct hp_keypair *k = m->from == INITIATOR ? &s->hip.out : &s->hip.in;
	struct hp_encrypted e;
	struct hp_hip_list list;
	uint8_t plain[HP_HIP_MAX];
	bool good;

	good = c && s->have_keys &&
	       !hp_hip_read_encrypted(find(m, HP_PARAM_ENCRYPTED), c->iv_len, &e) &&
	       e.len <= sizeof(plain) &&
	       !hp_cipher_decrypt(c, k->enc, e.iv, e.data, e.len, plain) &&
	       !hp_hip_parse_list(plain, e.len, &list);
	if (check(s, good, "cannot be decrypted", "%s ENCRYPTED", m->name))
		check_host_id(s, m, hp_hip_list_find(&list, HP_PARAM_HOST_ID, 0));
}

static void check_identity_of(struct set *s, const struct msg *m)
{
	const struct hp_hip_tlv *t = find(m, HP_PARAM_HOST_ID);

	if (!t && find(m, HP_PARAM_ENCRYPTED))
		check_encrypted(s, m);
	else
		check_host_id(s, m, t);
}

static void check_dh(struct set *s, const struct msg *m)
{
	struct hp_dh_value dh;

	check(s,
	      !hp_hip_read_dh(find(m, HP_PARAM_DIFFIE_HELLMAN), &dh) &&
		      dh.group == number_get(s->json, "dh_group", 0) &&
		      is_hex(s, m->from == INITIATOR ? "dh_public_i" : "dh_public_r",
			     dh.pub, dh.pub_len),
	      "not the one of vectors.json", "%s DIFFIE_HELLMAN", m->name);
}

static void check_spi(struct set *s, const struct msg *m)
{
	struct hp_esp_info ei;
	const char *in = m->from == INITIATOR ? "spi_r2i" : "spi_i2r";

	check(s,
	      !hp_hip_read_esp_info(find(m, HP_PARAM_ESP_INFO), &ei) &&
		      ei.new_spi == number_get(s->json, in, 0) && !ei.old_spi &&
		      ei.keymat_idx == number_get(s->json, "keymat_index", ei.keymat_idx),
	      "not what vectors.json says", "%s ESP_INFO", m->name);
}

static void check_r1(struct set *s, const struct msg *m, struct seen *seen)
{
	const struct hp_hip_tlv *t = find(m, HP_PARAM_HOST_ID);
	struct hp_bytes whole;
	struct hp_puzzle z;

	if (t) {
		whole = hp_hip_tlv_whole(t);
		memcpy(seen->host_id, whole.p, whole.len);
		seen->host_id_len = whole.len;
	}
	check_host_id(s, m, t);
	check(s,
	      !hp_hip_read_puzzle(find(m, HP_PARAM_PUZZLE), &z) &&
		      octets_eq(s->i, z.i, z.rhash_len) &&
		      z.k == number_get(s->json, "K", 0xff),
	      "not the one of vectors.json", "%s PUZZLE", m->name);
	check_dh(s, m);
}

static void check_i2(struct set *s, const struct msg *m)
{
	struct hp_solution z;
	struct hp_u16list l;

	check(s,
	      !hp_hip_read_solution(find(m, HP_PARAM_SOLUTION), &z) &&
		      octets_eq(s->i, z.i, z.rhash_len) &&
		      octets_eq(s->j, z.j, z.rhash_len) &&
		      hp_puzzle_check(s->rhash, z.k, z.i, m->m.src_hit.b, m->m.dst_hit.b,
				      z.j),
	      "not the one of vectors.json", "%s SOLUTION", m->name);
	check_dh(s, m);
	check_identity_of(s, m);
	check_spi(s, m);
	check(s,
	      !hp_hip_read_u16list(find(m, HP_PARAM_HIP_CIPHER), &l) && l.n == 1 &&
		      hp_u16list_at(&l, 0) == number_get(s->json, "hip_cipher", 0),
	      "another", "%s HIP_CIPHER", m->name);
	check(s,
	      !hp_hip_read_u16list(find(m, HP_PARAM_ESP_TRANSFORM), &l) && l.n == 1 &&
		      hp_u16list_at(&l, 0) == number_get(s->json, "esp_suite", 0),
	      "another", "%s ESP_TRANSFORM", m->name);
}

/* ---- MAC and signature */

static void check_mac(struct set *s, const struct msg *m, const struct seen *seen)
{
	bool second = m->m.type == HP_HIP_R2;
	const struct hp_hip_tlv *t =
		find(m, second ? HP_PARAM_HIP_MAC_2 : HP_PARAM_HIP_MAC);
	const struct hp_keypair *k = m->from == INITIATOR ? &s->hip.out : &s->hip.in;
	const char *what = second ? "HIP_MAC_2" : "HIP_MAC";
	struct hp_bytes host_id = {seen->host_id, seen->host_id_len};
	uint8_t scratch[HP_HIP_MAX];
	int len;

	if (!check(s, t && s->have_keys, "missing", "%s has %s", m->name, what))
		return;
	len = second ? hp_hip_covered_mac2(m->m.raw, m->m.len, t->off - 4u, &host_id,
					   scratch)
		     : hp_hip_covered(m->m.raw, m->m.len, t->off - 4u, scratch);
	check(s,
	      len > 0 && !hp_hmac_verify(s->rhash, k->mac, k->mac_len, scratch,
					 (size_t)len, t->data, t->len),
	      "wrong", "%s %s", m->name, what);
}

static void check_signature(struct set *s, const struct msg *m)
{
	const struct hp_hip_tlv *t = find(m, HP_PARAM_HIP_SIGNATURE);
	const char *what = "HIP_SIGNATURE";
	uint8_t scratch[HP_HIP_MAX];
	struct hp_signature sig;
	int len = -1;

	if (!t || m->m.type == HP_HIP_R1) {
		t = find(m, HP_PARAM_HIP_SIGNATURE_2);
		what = "HIP_SIGNATURE_2";
	}
	if (!check(s, t && s->key[m->from], "missing", "%s has %s", m->name, what))
		return;
	if (!hp_hip_read_signature(t, &sig) &&
	    sig.algorithm == hp_key_algorithm(s->key[m->from]))
		len = t->type == HP_PARAM_HIP_SIGNATURE
			      ? hp_hip_covered(m->m.raw, m->m.len, t->off - 4u, scratch)
			      : hp_hip_covered_sig2(m->m.raw, m->m.len, t->off - 4u,
						    scratch);
	check(s,
	      len > 0 && !hp_key_verify(s->key[m->from], scratch, (size_t)len, sig.sig,
					sig.len),
	      "wrong", "%s %s", m->name, what);
}

static void check_auth(struct set *s, const struct msg *m, const struct seen *seen)
{
	if (m->m.type == HP_HIP_I1)
		return;
	if (m->m.type != HP_HIP_R1 && m->m.type != HP_HIP_NOTIFY)
		check_mac(s, m, seen);
	check_signature(s, m);
}

/* ---- one message */

static bool check_header(struct set *s, struct msg *m, const struct wire_packet *w)
{
	int err = hp_hip_parse(w->p, w->len, &m->m);
	bool mine;

	if (!check(s, !err, hp_hip_bad_name(m->m.params.why), "packet %u parses as HIP",
		   w->number))
		return false;
	m->from = hp_addr_eq(&m->m.src_hit, &s->hit[INITIATOR]) ? INITIATOR : RESPONDER;
	snprintf(m->name, sizeof(m->name), "packet %u, %s:", w->number,
		 hp_hip_type_name(m->m.type));
	check(s, hp_hip_checksum_ok(w->p, m->m.len, &w->src, &w->dst, w->in_udp), "wrong",
	      "%s checksum", m->name);
	mine = hp_addr_eq(&m->m.src_hit, &s->hit[m->from]) &&
	       (hp_addr_eq(&m->m.dst_hit, &s->hit[!m->from]) ||
		(m->m.type == HP_HIP_I1 && hp_addr_is_zero(&m->m.dst_hit)));
	return check(s, mine, "strangers", "%s HITs", m->name);
}

static void check_message(struct set *s, const struct wire_packet *w, void *arg)
{
	struct seen *seen = arg;
	struct msg m;

	if (w->proto != HP_PROTO_HIP)
		return;
	seen->messages++;
	if (!check_header(s, &m, w))
		return;
	seen->of_type[m.m.type & 0x7f]++;
	if (m.m.type == HP_HIP_R1)
		check_r1(s, &m, seen);
	if (m.m.type == HP_HIP_I2)
		check_i2(s, &m);
	if (m.m.type == HP_HIP_R2)
		check_spi(s, &m);
	check_auth(s, &m, seen);
}

void check_messages(struct set *s)
{
	static struct seen seen;

	memset(&seen, 0, sizeof(seen));
	if (!wire_each(s, check_message, &seen))
		return;
	for (uint8_t t = HP_HIP_I1; t <= HP_HIP_R2; t++)
		check(s, seen.of_type[t], "not in wire.pcap", "an %s was there",
		      hp_hip_type_name(t));
}
