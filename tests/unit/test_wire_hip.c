/* SPDX-License-Identifier: MIT
 *
 * core/wire's HIP messages.
 */
#include "../harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/hip.h"

static const struct hp_addr hit_a = { { 0x20, 1, 0, 0x22, [15] = 1 } };
static const struct hp_addr hit_b = { { 0x20, 1, 0, 0x22, [15] = 2 } };

/* A message recorded between two independent hosts; its length. */
static size_t recorded(const char *name, uint8_t *buf)
{
	char file[64];
	size_t n = 0;
	FILE *f;

	snprintf(file, sizeof(file), "tests/fuzz/corpus/hip-message/%s.bin", name);
	f = fopen(hp_test_path(file), "rb");
	CU_ASSERT_FATAL(f != NULL);
	if (f) {
		n = fread(buf, 1, HP_HIP_MAX, f);
		fclose(f);
	}
	return n;
}

static const char *const names[] = { "i1-0", "r1-0", "i2-0", "r2-0", "update-0", "update-1",
				     "close-0", "close-1", "close-ack-0" };
#define NAMES (sizeof(names) / sizeof(names[0]))

static void recorded_messages_parse_and_build_to_the_same_octets(void)
{
	uint8_t p[HP_HIP_MAX], q[HP_HIP_MAX];
	struct hp_hip_builder b;
	struct hp_hip_msg m;

	for (size_t i = 0; i < NAMES; i++) {
		size_t n = recorded(names[i], p);

		CU_ASSERT(!hp_hip_parse(p, n, &m) && m.len == n);
		CU_ASSERT(hp_addr_is_hit(&m.src_hit));
		hp_hip_begin(&b, q, sizeof(q), m.type, m.controls, &m.src_hit, &m.dst_hit);
		for (unsigned k = 0; k < m.params.n; k++) {
			const struct hp_hip_tlv *t = &m.params.tlv[k];

			CU_ASSERT(hp_param_allowed(t->type, m.type));
			hp_hip_param(&b, t->type, t->data, t->len);
		}
		CU_ASSERT(hp_hip_finish(&b) == (int)n);
		hp_put16(q + HP_HIP_OFF_CSUM, m.csum);
		CU_ASSERT(!memcmp(p, q, n));
	}
}

static void recorded_checksums_are_right(void)
{
	struct hp_addr i = { { 0 } }, r = { { 0 } };
	uint8_t p[HP_HIP_MAX];
	size_t n;

	hp_addr_parse("10.77.0.1", &i);
	hp_addr_parse("10.77.0.2", &r);
	n = recorded("i1-0", p);
	CU_ASSERT(hp_hip_checksum_ok(p, n, &i, &r, false));
	CU_ASSERT(hp_hip_checksum(p, n, &i, &r) == hp_get16(p + HP_HIP_OFF_CSUM));
	n = recorded("r1-0", p);
	CU_ASSERT(hp_hip_checksum_ok(p, n, &r, &i, false));
	CU_ASSERT(hp_hip_checksum(p, n, &r, &i) == hp_get16(p + HP_HIP_OFF_CSUM));
	p[50] ^= 1;
	CU_ASSERT(!hp_hip_checksum_ok(p, n, &r, &i, true));
	hp_put16(p + HP_HIP_OFF_CSUM, 0);
	CU_ASSERT(hp_hip_checksum_ok(p, n, &r, &i, true));
	hp_hip_checksum_set(p, n, &r, &i);
	CU_ASSERT(hp_hip_checksum_ok(p, n, &r, &i, false));
}

static void every_truncated_message_is_refused(void)
{
	uint8_t p[HP_HIP_MAX];
	struct hp_hip_msg m;

	for (size_t i = 0; i < NAMES; i++) {
		size_t n = recorded(names[i], p);

		for (size_t len = 0; len < n; len++) {
			uint8_t *exact = malloc(len ? len : 1);

			memcpy(exact, p, len);
			CU_ASSERT(hp_hip_parse(exact, len, &m) == -EBADMSG);
			/* Neither does a header length that agrees help, unless a
			 * parameter ends there. */
			if (len >= 40 && len % 8 == 0) {
				exact[1] = (uint8_t)(len / 8 - 1);
				hp_hip_parse(exact, len, &m);
			}
			free(exact);
		}
	}
}

static void recorded_r1_and_i2_read(void)
{
	uint8_t p[HP_HIP_MAX];
	struct hp_hip_msg m;
	struct hp_puzzle pz;
	struct hp_solution so;
	struct hp_dh_value dh;
	struct hp_host_id hi;
	struct hp_u16list l;
	struct hp_esp_info ei;
	struct hp_signature sig;

	CU_ASSERT(!hp_hip_parse(p, recorded("r1-0", p), &m) && m.type == HP_HIP_R1);
	CU_ASSERT(!hp_hip_read_puzzle(hp_hip_param_find(&m, HP_PARAM_PUZZLE, 0), &pz));
	CU_ASSERT(pz.rhash_len == 48);
	CU_ASSERT(!hp_hip_read_dh(hp_hip_param_find(&m, HP_PARAM_DIFFIE_HELLMAN, 0), &dh));
	CU_ASSERT(dh.group == HP_DH_P384 && dh.pub_len == 96);
	CU_ASSERT(!hp_hip_read_host_id(hp_hip_param_find(&m, HP_PARAM_HOST_ID, 0), &hi));
	CU_ASSERT(hi.algorithm == HP_HIALG_ECDSA);
	CU_ASSERT(!hp_hip_read_u16list(hp_hip_param_find(&m, HP_PARAM_TRANSPORT_FORMAT_LIST, 0),
				       &l) &&
		  hp_u16list_at(&l, 0) == HP_PARAM_ESP_TRANSFORM);
	CU_ASSERT(!hp_hip_read_u16list(hp_hip_param_find(&m, HP_PARAM_ESP_TRANSFORM, 0), &l));
	CU_ASSERT(!hp_hip_read_signature(hp_hip_param_find(&m, HP_PARAM_HIP_SIGNATURE_2, 0),
					 &sig) &&
		  sig.len == 96);
	CU_ASSERT(hp_hip_read_esp_info(hp_hip_param_find(&m, HP_PARAM_ESP_INFO, 0), &ei) ==
		  -ENOENT);
	CU_ASSERT(!hp_hip_parse(p, recorded("i2-0", p), &m) && m.type == HP_HIP_I2);
	CU_ASSERT(!hp_hip_read_solution(hp_hip_param_find(&m, HP_PARAM_SOLUTION, 0), &so));
	CU_ASSERT(so.rhash_len == 48);
	CU_ASSERT(!hp_hip_read_esp_info(hp_hip_param_find(&m, HP_PARAM_ESP_INFO, 0), &ei));
	CU_ASSERT(ei.new_spi > 255 && !ei.old_spi);
}

static int parse_with(uint16_t first, size_t len1, uint16_t second, size_t len2,
		      struct hp_hip_list *l)
{
	static uint8_t p[HP_HIP_MAX];
	struct hp_wr w = hp_wr_init(p, sizeof(p));

	memset(p, 0, sizeof(p));
	hp_wr_u16(&w, first);
	hp_wr_u16(&w, (uint16_t)len1);
	hp_wr_zero(&w, hp_param_space(len1) - 4);
	hp_wr_u16(&w, second);
	hp_wr_u16(&w, (uint16_t)len2);
	hp_wr_zero(&w, hp_param_space(len2) - 4);
	return hp_hip_parse_list(p, hp_wr_len(&w), l);
}

static void order_and_repetition_are_enforced(void)
{
	struct hp_hip_list l;

	CU_ASSERT(!parse_with(HP_PARAM_SEQ, 4, HP_PARAM_ACK, 4, &l) && l.n == 2);
	CU_ASSERT(parse_with(HP_PARAM_ACK, 4, HP_PARAM_SEQ, 4, &l) == -EBADMSG &&
		  l.why == HP_HIP_BAD_ORDER && l.bad_type == HP_PARAM_SEQ);
	CU_ASSERT(parse_with(HP_PARAM_SEQ, 4, HP_PARAM_SEQ, 4, &l) == -EBADMSG &&
		  l.why == HP_HIP_BAD_REPEAT);
	CU_ASSERT(!parse_with(HP_PARAM_NOTIFICATION, 4, HP_PARAM_NOTIFICATION, 9, &l));
	CU_ASSERT(hp_hip_list_find(&l, HP_PARAM_NOTIFICATION, 1)->len == 9);
	CU_ASSERT(hp_hip_list_find(&l, HP_PARAM_NOTIFICATION, 2) == NULL);
}

static void unknown_parameters_matter_only_if_critical(void)
{
	struct hp_hip_list l;

	CU_ASSERT(!parse_with(HP_PARAM_SEQ, 4, 40000, 5, &l) && l.n == 2);
	CU_ASSERT(parse_with(HP_PARAM_SEQ, 4, 40001, 5, &l) == -EOPNOTSUPP);
	CU_ASSERT(l.why == HP_HIP_BAD_CRITICAL && l.bad_type == 40001 && l.n == 2);
	/* Malformed weighs more than unknown. */
	CU_ASSERT(parse_with(3, 4, HP_PARAM_SEQ, 5, &l) == -EBADMSG);
}

static void lengths_outside_the_table_are_refused(void)
{
	struct hp_hip_list l;
	uint16_t last = 0;

	for (unsigned type = 1; type < 65536; type++) {
		const struct hp_param_row *row = hp_param_row((uint16_t)type);

		if (!row)
			continue;
		CU_ASSERT(row->type > last && row->max >= row->min && row->unit);
		last = row->type;
		for (size_t len = 0; len < 140; len++) {
			bool fits = len >= row->min && len <= row->max &&
				    (len - row->min) % row->unit == 0;
			int ret = parse_with((uint16_t)type, len, 65534, 0, &l);

			CU_ASSERT(fits == !ret);
			if (!fits)
				CU_ASSERT(l.why == HP_HIP_BAD_SIZE && l.bad_type == type);
		}
	}
}

static void padding_follows_section_5_2_1(void)
{
	for (size_t len = 0; len < 3000; len++) {
		size_t want = (4 + len + 7) / 8 * 8;

		CU_ASSERT(hp_param_space(len) == want);
	}
}

static void the_fixed_header_is_checked(void)
{
	uint8_t p[64];
	struct hp_hip_builder b;
	struct hp_hip_msg m;
	int n;

	hp_hip_begin(&b, p, sizeof(p), HP_HIP_I1, 0, &hit_a, &hit_b);
	hp_hip_add_u8list(&b, HP_PARAM_DH_GROUP_LIST, (const uint8_t *)"\x08\x07", 2);
	n = hp_hip_finish(&b);
	CU_ASSERT(n == 48 && !hp_hip_parse(p, 48, &m));
	CU_ASSERT(hp_addr_eq(&m.src_hit, &hit_a) && hp_addr_eq(&m.dst_hit, &hit_b));
	p[3] = 0x11;
	CU_ASSERT(hp_hip_parse(p, 48, &m) == -EPROTONOSUPPORT);
	p[3] = 0x20;
	CU_ASSERT(hp_hip_parse(p, 48, &m) == -EBADMSG && m.params.why == HP_HIP_BAD_FIXED);
	p[3] = 0x2f; /* reserved bits are ignored */
	CU_ASSERT(!hp_hip_parse(p, 48, &m));
	p[2] |= 0x80;
	CU_ASSERT(hp_hip_parse(p, 48, &m) == -EBADMSG);
	p[2] &= 0x7f;
	p[1] = 6;
	CU_ASSERT(hp_hip_parse(p, 48, &m) == -EBADMSG && m.params.why == HP_HIP_BAD_LENGTH);
	p[1] = 3;
	CU_ASSERT(hp_hip_parse(p, 32, &m) == -EBADMSG);
	p[1] = 5;
	CU_ASSERT(hp_hip_parse(p, 56, &m) == -EBADMSG);
	p[0] = 17; /* data behind, which this version does not know */
	CU_ASSERT(!hp_hip_parse(p, 56, &m) && m.len == 48);
}

static void the_builder_refuses_disorder_and_overflow(void)
{
	uint8_t p[80];
	struct hp_hip_builder b;

	hp_hip_begin(&b, p, sizeof(p), HP_HIP_UPDATE, 0, &hit_a, &hit_b);
	hp_hip_add_ack(&b, (const uint32_t[]){ 7 }, 1);
	hp_hip_add_seq(&b, 1);
	CU_ASSERT(hp_hip_finish(&b) == -EINVAL);
	hp_hip_begin(&b, p, sizeof(p), HP_HIP_UPDATE, 0, &hit_a, &hit_b);
	hp_hip_param(&b, HP_PARAM_ECHO_REQUEST_SIGNED, p, 40);
	CU_ASSERT(hp_hip_finish(&b) == -EMSGSIZE);
	hp_hip_begin(&b, p, sizeof(p), HP_HIP_UPDATE, 0, &hit_a, &hit_b);
	hp_hip_param(&b, HP_PARAM_SEQ, p, 5);
	CU_ASSERT(hp_hip_finish(&b) == -EINVAL);
	hp_hip_begin(&b, p, sizeof(p), HP_HIP_UPDATE, 0, &hit_a, &hit_b);
	hp_hip_open(&b, HP_PARAM_SEQ);
	CU_ASSERT(hp_hip_finish(&b) == -EINVAL);
}

static void locators_round_trip_and_truncated_ones_are_refused(void)
{
	struct hp_locator in[3] = { { .type = HP_LOCATOR_ADDR, .preferred = true, .lifetime_s = 9 },
				    { .type = HP_LOCATOR_SPI_ADDR, .traffic = 2, .spi = 0x1234 },
				    { .type = HP_LOCATOR_UDP, .port = 10500, .protocol = 17,
				      .priority = 5, .spi = 0x99 } };
	struct hp_locator out;
	uint8_t p[256];
	struct hp_hip_builder b;
	struct hp_hip_list l;
	struct hp_hip_tlv t;
	struct hp_rd r;
	int n;

	for (int i = 0; i < 3; i++)
		in[i].addr = hit_a;
	hp_hip_begin_list(&b, p, sizeof(p));
	hp_hip_add_locators(&b, in, 3);
	n = hp_hip_finish(&b);
	CU_ASSERT(n > 0 && !hp_hip_parse_list(p, (size_t)n, &l) && l.n == 1);
	CU_ASSERT(!hp_hip_read_locators(&l.tlv[0], &r));
	for (int i = 0; i < 3; i++)
		CU_ASSERT(hp_hip_locator_next(&r, &out) &&
			  hp_addr_eq(&out.addr, &in[i].addr) && out.spi == in[i].spi &&
			  out.port == in[i].port && out.preferred == in[i].preferred &&
			  out.lifetime_s == in[i].lifetime_s);
	CU_ASSERT(!hp_hip_locator_next(&r, &out));
	t = l.tlv[0];
	for (t.len = 1; t.len < l.tlv[0].len; t.len++)
		if (t.len != 24 && t.len != 52)
			CU_ASSERT(hp_hip_read_locators(&t, &r) == -EBADMSG);
}

static void truncated_contents_are_refused_by_every_reader(void)
{
	static const uint8_t data[64] = { 8, 0, 10, [3] = 4 };
	struct hp_hip_tlv t = { .data = data };
	struct hp_esp_info ei;
	struct hp_transport_addr ta;
	struct hp_host_id hi;
	struct hp_dh_value dh;
	struct hp_encrypted en;
	uint64_t n64;
	uint32_t n32;

	for (t.len = 0; t.len < 40; t.len++) {
		CU_ASSERT(!hp_hip_read_esp_info(&t, &ei) == (t.len == 12));
		CU_ASSERT(!hp_hip_read_r1_counter(&t, &n64) == (t.len == 12));
		CU_ASSERT(!hp_hip_read_seq(&t, &n32) == (t.len == 4));
		CU_ASSERT(!hp_hip_read_transport_addr(&t, &ta) == (t.len == 20));
		CU_ASSERT(!hp_hip_read_dh(&t, &dh) == (t.len == 13));
		CU_ASSERT(!hp_hip_read_encrypted(&t, 16, &en) == (t.len >= 20));
		CU_ASSERT(hp_hip_read_host_id(&t, &hi) == -EBADMSG);
	}
}

static void coverage_cuts_and_clears(void)
{
	uint8_t p[HP_HIP_MAX], q[HP_HIP_MAX];
	struct hp_hip_msg m, c;
	const struct hp_hip_tlv *sig;
	struct hp_puzzle pz;
	struct hp_bytes host;
	size_t n = recorded("r1-0", p);
	int k;

	CU_ASSERT(!hp_hip_parse(p, n, &m));
	sig = hp_hip_param_find(&m, HP_PARAM_HIP_SIGNATURE_2, 0);
	CU_ASSERT_FATAL(sig != NULL);
	k = hp_hip_covered_sig2(p, n, sig->off - 4u, q);
	CU_ASSERT(k == sig->off - 4 && !hp_hip_parse(q, (size_t)k, &c) && !c.csum);
	CU_ASSERT(hp_addr_is_zero(&c.dst_hit) && hp_addr_eq(&c.src_hit, &m.src_hit));
	CU_ASSERT(!hp_hip_read_puzzle(hp_hip_param_find(&c, HP_PARAM_PUZZLE, 0), &pz));
	CU_ASSERT(pz.k == m.params.tlv[0].data[0] || m.params.tlv[0].type != HP_PARAM_PUZZLE);
	CU_ASSERT(!pz.opaque[0] && !pz.opaque[1]);
	for (size_t i = 0; i < pz.rhash_len; i++)
		CU_ASSERT(!pz.i[i]);
	host = hp_hip_tlv_whole(hp_hip_param_find(&m, HP_PARAM_HOST_ID, 0));
	n = recorded("r2-0", q);
	CU_ASSERT(!hp_hip_parse(q, n, &c));
	sig = hp_hip_param_find(&c, HP_PARAM_HIP_MAC_2, 0);
	CU_ASSERT_FATAL(sig != NULL);
	{
		uint8_t s[HP_HIP_MAX];

		k = hp_hip_covered_mac2(q, n, sig->off - 4u, &host, s);
		CU_ASSERT((size_t)k == sig->off - 4 + host.len);
		CU_ASSERT(s[1] == k / 8 - 1 && !hp_get16(s + 4));
		CU_ASSERT(!memcmp(s + sig->off - 4, host.p, host.len));
		host.len = HP_HIP_MAX - 40;
		CU_ASSERT(hp_hip_covered_mac2(q, n, sig->off - 4u, &host, s) == -EMSGSIZE);
		CU_ASSERT(hp_hip_covered(q, n, n + 8, s) == -EBADMSG);
		CU_ASSERT(hp_hip_covered(q, n, 44, s) == -EBADMSG);
	}
}

static void numbers_of_relays_have_names(void)
{
	static const char *const notify[] = { "NO_VALID_NAT_TRAVERSAL_MODE_PARAMETER",
					      "CONNECTIVITY_CHECKS_FAILED", "MESSAGE_NOT_RELAYED",
					      "SERVER_REFLEXIVE_CANDIDATE_ALLOCATION_FAILED",
					      "RVS_HMAC_PROHIBITED_WITH_RELAY", "?" };

	for (uint16_t i = 0; i < 6; i++)
		CU_ASSERT_STRING_EQUAL(hp_notify_name(60 + i), notify[i]);
	for (uint8_t i = 0; i < 10; i++)
		CU_ASSERT_STRING_NOT_EQUAL(hp_reg_failure_name(i), "?");
	CU_ASSERT_STRING_EQUAL(hp_reg_failure_name(2), "insufficient resources");
	CU_ASSERT_STRING_EQUAL(hp_reg_failure_name(10), "?");
	CU_ASSERT_STRING_EQUAL(hp_nat_mode_name(1), "UDP-ENCAPSULATION");
	CU_ASSERT_STRING_EQUAL(hp_nat_mode_name(2), "ICE-STUN-UDP");
	CU_ASSERT_STRING_EQUAL(hp_nat_mode_name(3), "ICE-HIP-UDP");
	CU_ASSERT_STRING_EQUAL(hp_nat_mode_name(0), "?");
}

/* RFC 5770, section 4.10; RFC 8046, section 3.2.3; RFC 9028, figure 2 and section 5.13. */
static void parameters_of_relays_stand_where_their_documents_say(void)
{
	static const uint16_t relay[] = { HP_PARAM_RELAY_FROM, HP_PARAM_RELAY_TO,
					  HP_PARAM_RELAY_HMAC };
	static const uint8_t all[] = { HP_HIP_I1, HP_HIP_R1, HP_HIP_I2, HP_HIP_R2, HP_HIP_UPDATE,
				       HP_HIP_NOTIFY, HP_HIP_CLOSE, HP_HIP_CLOSE_ACK };
	const struct hp_param_row *row = hp_param_row(HP_PARAM_PEER_PERMISSION);

	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < sizeof(all); k++)
			CU_ASSERT(hp_param_allowed(relay[i], all[k]));
	CU_ASSERT(hp_param_allowed(HP_PARAM_RELAYED_ADDRESS, HP_HIP_R2));
	CU_ASSERT(hp_param_allowed(HP_PARAM_FROM, HP_HIP_UPDATE));
	CU_ASSERT(hp_param_allowed(HP_PARAM_RVS_HMAC, HP_HIP_UPDATE));
	CU_ASSERT(hp_param_allowed(HP_PARAM_VIA_RVS, HP_HIP_UPDATE));
	CU_ASSERT(!hp_param_allowed(HP_PARAM_FROM, HP_HIP_I2));
	CU_ASSERT(row->min == 48 && row->unit == 48 && row->max >= 96);
}

static const struct hp_test tests[] = {
	HP_TEST(recorded_messages_parse_and_build_to_the_same_octets),
	HP_TEST(recorded_checksums_are_right),
	HP_TEST(every_truncated_message_is_refused),
	HP_TEST(recorded_r1_and_i2_read),
	HP_TEST(order_and_repetition_are_enforced),
	HP_TEST(unknown_parameters_matter_only_if_critical),
	HP_TEST(lengths_outside_the_table_are_refused),
	HP_TEST(padding_follows_section_5_2_1),
	HP_TEST(the_fixed_header_is_checked),
	HP_TEST(the_builder_refuses_disorder_and_overflow),
	HP_TEST(locators_round_trip_and_truncated_ones_are_refused),
	HP_TEST(truncated_contents_are_refused_by_every_reader),
	HP_TEST(coverage_cuts_and_clears),
	HP_TEST(numbers_of_relays_have_names),
	HP_TEST(parameters_of_relays_stand_where_their_documents_say),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("wire-hip", tests, argc, argv);
}
