/* SPDX-License-Identifier: MIT
 *
 * Fragments from either side: put together, judged as a whole, and sent on as they may be.
 */
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "lab.h"

static struct lab l;

static void begin(void)
{
	lab_init(&l);
	lab_start(&l);
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

static bool carries(const struct seen *s, const void *data, size_t len)
{
	return s->payload_len == len && !memcmp(s->payload, data, len);
}

/* The n-th piece (of `step` octets) of an IPv4 packet; NULL behind the last. */
static struct hp_packet *piece4(const struct hp_packet *p, size_t n, size_t step)
{
	size_t off = n * step, left = p->len - 20;
	struct hp_packet *f;

	if (off >= left)
		return NULL;
	left -= off;
	f = test_packet_new();
	f->len = 20 + (left < step ? left : step);
	memcpy(f->data, p->data, 20);
	memcpy(f->data + 20, p->data + 20 + off, f->len - 20);
	hp_put16(f->data + 2, (uint16_t)f->len);
	hp_put16(f->data + 6, (uint16_t)(off / 8 | (left > step ? 0x2000 : 0)));
	hp_put16(f->data + 10, 0);
	hp_put16(f->data + 10, (uint16_t)~test_sum16(0, f->data, 20));
	return f;
}

static struct hp_packet *piece6(const struct hp_packet *p, size_t n, size_t step)
{
	size_t off = n * step, left = p->len - 40;
	struct hp_packet *f;

	if (off >= left)
		return NULL;
	left -= off;
	f = test_packet_new();
	f->len = 48 + (left < step ? left : step);
	memcpy(f->data, p->data, 40);
	memcpy(f->data + 48, p->data + 40 + off, f->len - 48);
	hp_put16(f->data + 4, (uint16_t)(f->len - 40));
	f->data[40] = p->data[6];
	f->data[6] = 44;
	hp_put16(f->data + 42, (uint16_t)(off | (left > step)));
	hp_put32(f->data + 44, 0xabcd);
	return f;
}

static struct hp_packet *piece(const struct hp_packet *p, size_t n, size_t step)
{
	return p->data[0] >> 4 == 4 ? piece4(p, n, step) : piece6(p, n, step);
}

static void captured_in_pieces(struct talk t, size_t len, bool backwards)
{
	struct hp_packet *p = lab_udp(&t, lab_text(), len), *f;
	size_t n = (p->len - 20) / 1400 + 1;

	begin();
	for (size_t i = 0; i < n; i++) {
		f = piece(p, backwards ? n - 1 - i : i, 1400);
		if (f)
			lab_capture(&l, f);
	}
	lab_run(&l, 50);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_TRUE(carries(lab_out(&l, 1, 0), lab_text(), len));
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	test_packet_free(p);
	end();
}

static void fragments_of_clients_are_put_together(void)
{
	captured_in_pieces(lab_talk4(7100), 3000, false);
	captured_in_pieces(lab_talk4(7100), 3000, true);
	captured_in_pieces(lab_talk6(7100), 3000, false);
	captured_in_pieces(lab_talk6(7100), 20000, true);
	captured_in_pieces(lab_talk4(7100), 20000, true);
}

/* The host's kernel fragments for its TUN device; the legacy side gets what it can carry. */
static void answered_in_pieces(struct talk t, size_t len)
{
	struct hp_packet *p, *f;
	size_t got = 0;

	begin();
	lab_capture(&l, lab_udp(&t, "q", 1));
	lab_run(&l, 50);
	p = lab_reply(lab_out(&l, 1, 0), 0, lab_text(), len);
	for (size_t i = 0; (f = piece(p, i, 1344)); i++)
		lab_local(&l, 1, f);
	lab_run(&l, 5);
	test_packet_free(p);
	if (hp_addr_is4(&t.client)) {
		CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
		CU_ASSERT_FALSE(lab_out(&l, 0, 0)->df);
		CU_ASSERT_TRUE(carries(lab_out(&l, 0, 0), lab_text(), len));
	}
	for (size_t i = 0; !hp_addr_is4(&t.client) && i < lab_count(&l, 0); i++) {
		const struct seen *s = lab_out(&l, 0, i);

		CU_ASSERT(s->len <= 1500 && s->frag_off == got);
		CU_ASSERT_EQUAL(s->more, got + s->l4_len < len + 8);
		CU_ASSERT(!memcmp(s->l4 + (got ? 0 : 8), lab_text() + (got ? got - 8 : 0),
				  s->l4_len - (got ? 0 : 8)));
		got += s->l4_len;
	}
	if (!hp_addr_is4(&t.client))
		CU_ASSERT_EQUAL(got, len + 8);
	end();
}

static void fragments_of_peers_arrive(void)
{
	answered_in_pieces(lab_talk4(7200), 3000);
	answered_in_pieces(lab_talk4(7200), 40000);
	answered_in_pieces(lab_talk6(7200), 3000);
	answered_in_pieces(lab_talk6(7200), 40000);
}

/* Put together to be judged; nobody wants it, so it goes on as it came: in fragments, or as a
 * whole that routers may cut. */
static void fragments_for_strangers_go_on(void)
{
	struct talk t[2] = { lab_talk4(7250), lab_talk6(7250) };

	begin();
	t[0].served = test_addr("198.51.100.7");
	t[1].served = test_addr("2001:db8:77::7");
	for (int k = 0; k < 2; k++) {
		struct hp_packet *p = lab_udp(&t[k], lab_text(), 4000), *f;
		size_t got = 0;

		for (size_t i = 0; (f = piece(p, i, 1400)); i++)
			lab_capture(&l, f);
		for (size_t i = 0; i < lab_count(&l, 0); i++) {
			const struct seen *s = lab_out(&l, 0, i);

			CU_ASSERT_TRUE(!s->df && hp_addr_eq(&s->src, &t[k].client));
			CU_ASSERT_TRUE(s->family == 4 || s->len <= 1500);
			CU_ASSERT(!memcmp(s->l4, p->data + (k ? 40 : 20) + s->frag_off, s->l4_len));
			got += s->l4_len;
		}
		CU_ASSERT_EQUAL(got, 4008);
		CU_ASSERT_TRUE(lab_all_right(&l, 0));
		lab_forget(&l, 0);
		test_packet_free(p);
	}
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	end();
}

static void overlapping_fragments_are_dropped_and_counted(void)
{
	struct talk t = lab_talk4(7300);
	struct hp_packet *p = lab_udp(&t, lab_text(), 3000), *f = piece4(p, 1, 1400);

	begin();
	lab_capture(&l, piece4(p, 0, 1400));
	hp_put16(f->data + 6, 0x2000 | 1392 / 8);
	lab_capture(&l, f);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_FRAGMENT), 1);
	test_packet_free(p);
	end();
}

static void fragments_that_never_end_come_back_to_the_pool(void)
{
	struct talk t = lab_talk4(7300);
	struct hp_packet *p = lab_udp(&t, lab_text(), 3000);

	begin();
	for (uint16_t id = 0; id < 400; id++) { /* more than limits.reassembly */
		hp_put16(p->data + 4, id);
		lab_capture(&l, piece4(p, id % 2, 1400));
	}
	CU_ASSERT_TRUE(l.n[0].live <= 256);
	lab_run(&l, 31000);
	CU_ASSERT_EQUAL(l.n[0].live, 0);
	test_packet_free(p);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(fragments_of_clients_are_put_together),
	HP_TEST(fragments_of_peers_arrive),
	HP_TEST(fragments_for_strangers_go_on),
	HP_TEST(overlapping_fragments_are_dropped_and_counted),
	HP_TEST(fragments_that_never_end_come_back_to_the_pool),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("fragments", tests, argc, argv);

	world_keys_free();
	return ret;
}
