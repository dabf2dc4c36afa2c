/* SPDX-License-Identifier: MIT
 *
 * The setting protocols: protocols that are carried without being understood.
 */
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "lab.h"

#define GRE     47
#define SCTP    132
#define UDPLITE 136

static struct lab l;

static void begin(const char *protocols)
{
	lab_init(&l);
	l.n[0].more = protocols;
	lab_start(&l);
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

/* Octets as they are: test_packet_l4 would put a checksum into them. */
static struct hp_packet *raw(const struct hp_addr *src, const struct hp_addr *dst, uint8_t proto,
			     const void *l4, size_t len)
{
	struct hp_packet *p = test_packet_l4(src, dst, proto, l4, len);

	memcpy(p->data + p->len - len, l4, len);
	return p;
}

static bool is_unreachable(const struct seen *s, const struct hp_addr *to)
{
	return hp_addr_eq(&s->dst, to) && (s->family == 4 ? s->proto == 1 && s->type == 3 && s->code == 2 :
						       s->proto == 58 && s->type == 4 && s->code == 1);
}

static void both_ways(struct talk t, uint8_t proto, size_t len)
{
	const uint8_t *text = lab_text() + 100, *more = lab_text() + 3000;
	const struct seen *s;
	struct hp_addr us, them;

	begin("protocols = ( \"gre\", 132, \"udp-lite\" );");
	lab_capture(&l, raw(&t.client, &t.served, proto, text, len));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	s = lab_out(&l, 1, 0);
	CU_ASSERT(s->proto == proto && s->l4_len == len && !memcmp(s->l4, text, len));
	us = s->dst;
	them = s->src;
	lab_local(&l, 1, raw(&us, &them, proto, more, len));
	lab_run(&l, 10);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	s = lab_out(&l, 0, 0);
	CU_ASSERT(s->proto == proto && s->l4_len == len && !memcmp(s->l4, more, len));
	CU_ASSERT_TRUE(hp_addr_eq(&s->src, &t.served) && hp_addr_eq(&s->dst, &t.client));
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	end();
}

static void gre_and_sctp_keep_every_octet(void)
{
	static const size_t lens[] = { 1, 4, 12, 100, 1400 };

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		both_ways(lab_talk4(1), GRE, lens[i]);
		both_ways(lab_talk6(1), GRE, lens[i]);
		both_ways(lab_talk4(1), SCTP, lens[i]);
		both_ways(lab_talk6(1), SCTP, lens[i]);
	}
}

static void udp_lite(uint8_t *l4, const struct hp_addr *src, const struct hp_addr *dst,
		     uint16_t coverage, size_t len)
{
	uint8_t addrs[32], tail[4] = { (uint8_t)(len >> 8), (uint8_t)len, 0, UDPLITE };
	size_t n = hp_addr_is4(src) ? 4 : 16;
	uint32_t sum;

	memcpy(addrs, src->b + 16 - n, n);
	memcpy(addrs + n, dst->b + 16 - n, n);
	hp_put16(l4 + 4, coverage);
	hp_put16(l4 + 6, 0);
	sum = test_sum16(test_sum16(0, addrs, 2 * n), tail, 4);
	sum = ~test_sum16(sum, l4, coverage ? coverage : len) & 0xffff;
	hp_put16(l4 + 6, (uint16_t)(sum ? sum : 0xffff));
}

/* The checksum covers a pseudo header, and perhaps not all of the payload (RFC 3828). */
static void udp_lite_has_the_right_checksum_whatever_it_covers(void)
{
	static const uint16_t coverages[] = { 0, 8, 9, 20, 30 };
	struct talk t[2] = { lab_talk4(1), lab_talk6(1) };
	uint8_t sent[30], want[30];

	for (size_t i = 0; i < 10; i++) {
		const struct talk *k = &t[i % 2];
		const struct seen *s;

		begin("protocols = [ \"udp-lite\" ];");
		memcpy(sent, lab_text(), sizeof(sent));
		memcpy(want, lab_text(), sizeof(want));
		udp_lite(sent, &k->client, &k->served, coverages[i / 2], sizeof(sent));
		lab_capture(&l, raw(&k->client, &k->served, UDPLITE, sent, sizeof(sent)));
		lab_run(&l, 60);
		s = lab_out(&l, 1, 0);
		udp_lite(want, &s->src, &s->dst, coverages[i / 2], sizeof(want));
		CU_ASSERT(s->l4_len == sizeof(want) && !memcmp(s->l4, want, sizeof(want)));
		end();
	}
}

static void without_the_setting_it_is_unreachable(void)
{
	struct talk t[2] = { lab_talk4(1), lab_talk6(1) };

	for (int i = 0; i < 2; i++) {
		begin("protocols = [ \"gre\" ];");
		lab_capture(&l, raw(&t[i].client, &t[i].served, SCTP, lab_text(), 40));
		lab_run(&l, 60);
		CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
		CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
		CU_ASSERT_TRUE(is_unreachable(lab_out(&l, 0, 0), &t[i].client));
		CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_MAPPING), 1);
		end();
	}
}

static void a_second_client_is_told_that_it_is_taken(void)
{
	struct talk t = lab_talk4(1), other = lab_talk4(1);

	begin("protocols = [ \"gre\" ];");
	other.client.b[15] ^= 4;
	lab_capture(&l, raw(&t.client, &t.served, GRE, lab_text(), 40));
	lab_run(&l, 60);
	lab_capture(&l, raw(&other.client, &other.served, GRE, lab_text(), 40));
	lab_run(&l, 10);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	CU_ASSERT_TRUE(is_unreachable(lab_out(&l, 0, 0), &other.client));
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_PROTOCOL_USED), 1);
	/* The first one goes on; when it has ended, the other one's turn has come. */
	lab_capture(&l, raw(&t.client, &t.served, GRE, lab_text(), 40));
	lab_run(&l, 10);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 2);
	lab_run(&l, 302000);
	lab_capture(&l, raw(&other.client, &other.served, GRE, lab_text(), 40));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 3);
	end();
}

static void fragments_are_put_together_first(void)
{
	struct talk t = lab_talk4(1);
	struct hp_packet *p;

	begin("protocols = [ \"sctp\" ];");
	for (int i = 0; i < 2; i++) {
		p = raw(&t.client, &t.served, SCTP, lab_text() + 1000 * i, 1000);
		p->data[6] = i ? 0 : 0x20;
		p->data[7] = i ? 125 : 0;
		hp_put16(p->data + 10, 0);
		hp_put16(p->data + 10, (uint16_t)~test_sum16(0, p->data, 20));
		lab_capture(&l, p);
	}
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->l4_len, 2000);
	CU_ASSERT(!memcmp(lab_out(&l, 1, 0)->l4, lab_text(), 2000));
	end();
}

/* UDP-Lite without a whole header. */
static void a_cut_header_is_refused(void)
{
	struct talk t = lab_talk4(1);

	begin("protocols = [ \"udp-lite\", \"gre\" ];");
	for (size_t len = 1; len < 8; len++) {
		lab_capture(&l, raw(&t.client, &t.served, UDPLITE, lab_text(), len));
		lab_run(&l, 60);
	}
	CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_BAD_TRANSPORT), 7);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(gre_and_sctp_keep_every_octet),
	HP_TEST(udp_lite_has_the_right_checksum_whatever_it_covers),
	HP_TEST(without_the_setting_it_is_unreachable),
	HP_TEST(a_second_client_is_told_that_it_is_taken),
	HP_TEST(fragments_are_put_together_first),
	HP_TEST(a_cut_header_is_refused),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("carried", tests, argc, argv);

	world_keys_free();
	return ret;
}
