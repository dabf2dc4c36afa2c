/* SPDX-License-Identifier: MIT
 *
 * Arithmetic of sizes: MSS, path MTU and what senders are told, against sums made here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "lab.h"

#define SYN 2
#define ACK 16

static struct lab l;

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

/* ---- what fits */

struct suite {
	uint16_t id;
	unsigned iv, align, icv;
};

static const struct suite suites[] = {
	{ 13, 8, 4, 16 }, { 12, 8, 4, 8 }, { 8, 16, 16, 16 }, { 9, 16, 16, 16 },
	{ 7, 0, 4, 16 },
};
#define SUITES (sizeof(suites) / sizeof(suites[0]))

/* Octets of the outer packet around payload octets. */
static unsigned outer_len(const struct suite *s, bool v6, unsigned payload)
{
	unsigned text = (payload + 2 + s->align - 1) / s->align * s->align;

	return (v6 ? 40 : 20) + 8 + s->iv + text + s->icv;
}

static unsigned room(const struct suite *s, bool v6, unsigned mtu)
{
	unsigned n = mtu;

	while (outer_len(s, v6, n) > mtu)
		n--;
	return n;
}

static void begin(const struct suite *s, bool v6, unsigned mtu)
{
	lab_init(&l);
	l.routed = true;
	for (int i = 0; i < 2; i++) {
		l.w.s[i].cfg.esp_suites[0] = s->id;
		l.w.s[i].cfg.n_esp_suites = 1;
		l.w.s[i].cfg.allow_null = true;
		l.n[i].mtu_outer = mtu;
		if (v6)
			l.w.s[i].addr = test_addr(i ? "2001:db8:9::2" : "2001:db8:9::1");
	}
	lab_start(&l);
}

static uint16_t mss_of(const struct seen *s)
{
	return s->l4_len >= 24 && s->l4[20] == 2 ? hp_get16(s->l4 + 22) : 0;
}

/* ---- MSS */

static void clamp(const struct suite *s, bool v6, unsigned mtu, struct talk t)
{
	unsigned most = room(s, v6, mtu) - 20, want = most < 1460 ? most : 1460;
	struct hp_packet *p;

	begin(s, v6, mtu);
	lab_capture(&l, lab_syn(&t, 1460));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(mss_of(lab_out(&l, 1, 0)), want);
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 0), SYN | ACK, NULL, 0));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(mss_of(lab_out(&l, 0, 0)), want);
	/* A full segment is one packet that just fits. */
	lab_forget(&l, 0);
	lab_forget(&l, 1);
	t.seq++;
	lab_capture(&l, lab_tcp(&t, lab_text(), want));
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 1);
	CU_ASSERT_EQUAL(l.n[0].esp_longest, outer_len(s, v6, want + 20));
	/* Twice as much is cut in two. */
	p = lab_tcp(&t, lab_text(), 2 * want);
	p->gso = true;
	lab_capture(&l, p);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 3);
	lab_run(&l, 5);
	end();
}

static void mss_is_clamped_for_every_suite_and_path(void)
{
	static const unsigned mtus[] = { 1280, 1281, 1372, 1400, 1492, 1499, 1500, 9000 };

	for (size_t i = 0; i < SUITES; i++)
		for (size_t k = 0; k < sizeof(mtus) / sizeof(mtus[0]); k++) {
			clamp(&suites[i], false, mtus[k], lab_talk4(4000));
			clamp(&suites[i], true, mtus[k], lab_talk6(4000));
		}
}

/* ESP in UDP (RFC 3948): eight octets less, as soon as the path is that. */
static void udp_encapsulation_takes_eight_octets(void)
{
	struct talk t = lab_talk4(4003), u = lab_talk4(4004);
	unsigned most = room(&suites[0], false, 1500 - 8);

	begin(&suites[0], false, 1500);
	lab_open(&l, &t);
	for (int i = 0; i < 2; i++) {
		struct hp_path *path = (struct hp_path *)hp_assoc_path(world_assoc(&l.w, i));

		path->sport = path->dport = 10500;
		hp_pipe_assoc_event(l.n[i].pipe, world_assoc(&l.w, i), HP_HIP_PATH_CHANGED);
	}
	lab_capture(&l, lab_syn(&u, 1460));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(mss_of(lab_out(&l, 1, 0)), most - 20);
	lab_capture(&l, lab_udp(&t, lab_text(), most - 8));
	lab_capture(&l, lab_udp(&t, lab_text(), most - 7));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 2);
	CU_ASSERT_EQUAL(lab_out(&l, 0, 0)->mtu, most + 20);
	CU_ASSERT_TRUE(l.n[0].esp_longest <= 1500 && l.n[0].esp_longest > 1500 - 4);
	end();
}

static void a_small_mss_is_left_alone(void)
{
	struct talk t = lab_talk4(4001);

	begin(&suites[0], false, 1500);
	lab_capture(&l, lab_syn(&t, 536));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(mss_of(lab_out(&l, 1, 0)), 536);
	end();
}

static void a_syn_without_mss_passes(void)
{
	struct talk t = lab_talk4(4001);

	begin(&suites[0], false, 1500);
	lab_capture(&l, lab_syn(&t, 0));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	end();
}

/* RFC 6691: options come out of the segment, not out of the MSS. */
static void options_make_segments_shorter(void)
{
	static const uint8_t stamps[12] = { 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2 };
	struct talk t = lab_talk4(4002);
	struct test_tcp h = { .src = t.client, .dst = t.served, .sport = 4002, .dport = 80,
			      .seq = 2000, .ack = 1, .flags = ACK, .opts = stamps,
			      .opts_len = 12 };
	unsigned most = room(&suites[0], false, 1500) - 20;
	struct hp_packet *p;

	begin(&suites[0], false, 1500);
	lab_open(&l, &t);
	p = test_tcp(&h, lab_text(), 3 * (most - 12));
	p->gso = true;
	lab_capture(&l, p);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 3);
	CU_ASSERT_EQUAL(l.n[0].esp_longest, outer_len(&suites[0], false, most + 20));
	lab_run(&l, 5);
	end();
}

/* ---- too big, towards HIP */

static struct hp_packet *udp_len(const struct talk *t, size_t packet_len, bool df)
{
	bool v4 = hp_addr_is4(&t->client);
	struct hp_packet *p = lab_udp(t, lab_text(), packet_len - (v4 ? 28 : 48));

	if (v4 && !df) {
		p->data[6] = 0;
		test_seal_checksums(p);
	}
	return p;
}

static bool is_too_big(const struct seen *s, const struct talk *t, unsigned mtu)
{
	bool v4 = hp_addr_is4(&t->client);

	return s->right && hp_addr_eq(&s->dst, &t->client) && hp_addr_eq(&s->src, &t->served) &&
	       s->proto == (v4 ? 1 : 58) && s->type == (v4 ? 3 : 2) &&
	       s->code == (v4 ? 4 : 0) && s->mtu == mtu && s->payload_len >= (v4 ? 28u : 48u);
}

static void clients_are_told_the_path_mtu(void)
{
	for (size_t i = 0; i < 2 * SUITES; i++) {
		const struct suite *s = &suites[i / 2];
		struct talk t = i % 2 ? lab_talk6(5000) : lab_talk4(5000);
		unsigned head = i % 2 ? 40 : 20;
		unsigned mtu = room(s, false, 1480) + head;

		begin(s, false, 1480);
		lab_capture(&l, udp_len(&t, 200, true));
		lab_run(&l, 60);
		lab_forget(&l, 1);
		lab_capture(&l, udp_len(&t, mtu + 1, true));
		CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
		CU_ASSERT_TRUE(is_too_big(lab_out(&l, 0, 0), &t, mtu));
		CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_TOO_BIG), 1);
		lab_capture(&l, udp_len(&t, mtu, true));
		lab_run(&l, 5);
		CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
		CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
		CU_ASSERT_EQUAL(l.n[0].esp_cut, 0);
		end();
	}
}

static void a_held_packet_that_is_too_big_is_answered_too(void)
{
	struct talk t = lab_talk4(5001);
	unsigned mtu = room(&suites[0], false, 1480) + 20;

	begin(&suites[0], false, 1480);
	lab_capture(&l, udp_len(&t, 1500, true));
	lab_run(&l, 60);
	CU_ASSERT_TRUE(is_too_big(lab_out(&l, 0, 0), &t, mtu));
	end();
}

/* Fragments inside: those of the outer packet would be dropped by many a NAT. */
static void without_df_a_packet_travels_in_fragments(void)
{
	struct talk t = lab_talk4(5002);

	begin(&suites[0], false, 1480);
	lab_capture(&l, udp_len(&t, 1500, false));
	lab_capture(&l, udp_len(&t, 9000, false));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 2);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	CU_ASSERT_EQUAL(l.n[0].esp_cut, 0);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 2 + 8);
	CU_ASSERT_TRUE(l.n[0].esp_longest <= 1480);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->payload_len, 1500 - 28);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 1)->payload_len, 9000 - 28);
	end();
}

/* Conntrack has put fragments together before the queue, perhaps: each of them would have fitted.  Those
 * of old stacks carry DF, and then so does the whole. */
static void what_was_queued_may_have_been_fragments(void)
{
	struct talk t[2] = { lab_talk4(5008), lab_talk6(5008) };

	for (int i = 0; i < 2; i++) {
		begin(&suites[0], false, 1480);
		l.routed = false;
		lab_capture(&l, udp_len(&t[i], 1480, true));
		lab_capture(&l, udp_len(&t[i], 8300, true));
		lab_run(&l, 60);
		CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
		CU_ASSERT_EQUAL(lab_count(&l, 1), 2);
		CU_ASSERT_EQUAL(lab_out(&l, 1, 1)->payload_len, 8300 - (i ? 48 : 28));
		CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
		CU_ASSERT_TRUE(l.n[0].esp_longest <= 1480);
		end();
	}
}

/* No IPv6 sender goes below 1280 (RFC 8200, section 5). */
static void an_ipv6_client_never_hears_less_than_1280(void)
{
	struct talk t = lab_talk6(5003);

	begin(&suites[0], true, 1280);
	lab_capture(&l, udp_len(&t, 1280, true));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	CU_ASSERT_EQUAL(l.n[0].esp_cut, 0);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 2);
	end();
}

static void errors_are_rate_limited(void)
{
	struct talk t = lab_talk4(5005);

	begin(&suites[0], false, 1480);
	lab_capture(&l, udp_len(&t, 100, true));
	lab_run(&l, 60);
	for (int i = 0; i < 300; i++)
		lab_capture(&l, udp_len(&t, 1500, true));
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_TOO_BIG), 300);
	CU_ASSERT_TRUE(lab_count(&l, 0) > 10 && lab_count(&l, 0) < 100);
	end();
}

/* ---- the path changes */

static void a_narrower_path_is_noticed(void)
{
	struct talk t = lab_talk4(5006);
	struct hp_packet *p;

	begin(&suites[0], false, 1500);
	lab_open(&l, &t);
	l.n[0].mtu_outer = 1300;
	for (int i = 0; i < 2; i++) {
		p = lab_tcp(&t, lab_text(), 10000);
		p->gso = true;
		lab_capture(&l, p);
		t.seq -= 10000;
	}
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NARROWED), 8);
	CU_ASSERT(l.n[0].esp_longest <= 1300 && l.n[0].esp_sent >= 8);
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->payload_len, 10000);
	end();
}

static void a_wider_path_is_used_after_a_second(void)
{
	struct talk t = lab_talk4(5007);
	struct hp_packet *p;

	begin(&suites[0], false, 1300);
	lab_open(&l, &t);
	l.n[0].mtu_outer = 1500;
	lab_run(&l, 1100);
	p = lab_tcp(&t, lab_text(), 10000);
	p->gso = true;
	lab_capture(&l, p);
	/* The host's MSS was clamped to the narrow path; it still counts. */
	CU_ASSERT_TRUE(l.n[0].esp_longest <= 1500);
	lab_run(&l, 5);
	lab_capture(&l, udp_len(&t, room(&suites[0], false, 1500) + 20, true));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	CU_ASSERT_EQUAL(l.n[0].esp_cut, 0);
	end();
}

/* ---- too big, towards the legacy side and from this host */

static void peers_are_told_of_narrow_legacy_links(void)
{
	struct talk t = lab_talk4(6000);
	const struct seen *s;
	struct seen q;
	uint8_t keep[100];

	begin(&suites[0], false, 1500);
	l.n[0].mtu_plain = 1300;
	lab_capture(&l, udp_len(&t, 100, true));
	lab_run(&l, 60);
	q = *lab_out(&l, 1, 0);
	memcpy(keep, q.data, sizeof(keep));
	q.l4 = keep + 40;
	lab_forget(&l, 1);
	lab_local(&l, 1, lab_reply(&q, 0, lab_text(), 1300 - 28));
	lab_local(&l, 1, lab_reply(&q, 0, lab_text(), 1300 - 27));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	CU_ASSERT_EQUAL(lab_out(&l, 0, 0)->len, 1300);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_TOO_BIG), 1);
	s = lab_out(&l, 1, 0);
	CU_ASSERT_TRUE(s->right);
	CU_ASSERT(s->proto == 58 && s->type == 2 && s->mtu == 1320);
	CU_ASSERT_TRUE(hp_addr_eq(&s->dst, &l.w.s[1].hit));
	CU_ASSERT_TRUE(hp_addr_eq(&s->src, &l.w.s[0].hit));
	end();
}

static void local_applications_are_told_the_path_mtu(void)
{
	struct talk t = lab_talk4(6001);
	unsigned most = room(&suites[0], false, 1500);
	struct hp_packet *p;

	begin(&suites[0], false, 1500);
	lab_capture(&l, udp_len(&t, 100, true));
	lab_run(&l, 60);
	p = lab_reply(lab_out(&l, 1, 0), 0, lab_text(), most - 8 + 1);
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 0), 0, lab_text(), most - 8));
	lab_local(&l, 1, p);
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 2);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 1)->proto, 58);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 1)->mtu, most + 40);
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_TOO_BIG), 1);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(mss_is_clamped_for_every_suite_and_path),
	HP_TEST(udp_encapsulation_takes_eight_octets),
	HP_TEST(a_small_mss_is_left_alone),
	HP_TEST(a_syn_without_mss_passes),
	HP_TEST(options_make_segments_shorter),
	HP_TEST(clients_are_told_the_path_mtu),
	HP_TEST(a_held_packet_that_is_too_big_is_answered_too),
	HP_TEST(without_df_a_packet_travels_in_fragments),
	HP_TEST(what_was_queued_may_have_been_fragments),
	HP_TEST(an_ipv6_client_never_hears_less_than_1280),
	HP_TEST(errors_are_rate_limited),
	HP_TEST(a_narrower_path_is_noticed),
	HP_TEST(a_wider_path_is_used_after_a_second),
	HP_TEST(peers_are_told_of_narrow_legacy_links),
	HP_TEST(local_applications_are_told_the_path_mtu),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("sizes", tests, argc, argv);

	world_keys_free();
	return ret;
}
