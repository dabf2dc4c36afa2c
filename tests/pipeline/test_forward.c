/* SPDX-License-Identifier: MIT
 *
 * Packets of protected flows: what goes in at one end comes out right at the other.
 */
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "lab.h"

#define SYN 2
#define PSH 8
#define ACK 16

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

static bool between(const struct seen *s, const struct hp_addr *src, uint16_t sport,
		    const struct hp_addr *dst, uint16_t dport)
{
	return hp_addr_eq(&s->src, src) && hp_addr_eq(&s->dst, dst) && s->sport == sport &&
	       s->dport == dport;
}

static void the_first_syn_is_held_and_leaves_after_the_exchange(void)
{
	struct talk t = lab_talk4(4000);
	unsigned id;

	begin();
	id = lab_capture(&l, lab_syn(&t, 1460));
	CU_ASSERT_EQUAL(lab_verdict(&l, id), NONE);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 0);
	lab_run(&l, 50);
	CU_ASSERT_EQUAL(lab_verdict(&l, id), STOLEN);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_TRUE(between(lab_out(&l, 1, 0), &l.w.s[0].hit, 4000, &l.w.s[1].hit, 80));
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->l4[13], SYN);
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 0), SYN | ACK, NULL, 0));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	CU_ASSERT_TRUE(between(lab_out(&l, 0, 0), &t.served, 80, &t.client, 4000));
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0) + lab_drops_all(&l, 1), 0);
	end();
}

static void held_packets_leave_in_order(void)
{
	struct talk t = lab_talk4(4001);
	uint8_t n;

	begin();
	for (n = 0; n < 20; n++)
		lab_capture(&l, lab_udp(&t, &n, 1));
	lab_run(&l, 50);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 20);
	for (n = 0; n < 20; n++)
		CU_ASSERT_TRUE(carries(lab_out(&l, 1, n), &n, 1));
	end();
}

/* Captured when the exchange has just ended and the held ones have not left yet. */
static void a_late_packet_does_not_overtake_held_ones(void)
{
	struct talk t = lab_talk4(4001);
	uint8_t n = 0;

	begin();
	lab_capture(&l, lab_udp(&t, &n, 1));
	while (!l.w.s[0].events[HP_HIP_UP]) {
		l.w.now_us += 1000;
		for (size_t i = 0; i < l.w.n_queue; i++) {
			struct packet *p = l.w.queue[i];
			struct hp_path path = { .src = p->dst, .dst = p->src };

			memmove(&l.w.queue[i], &l.w.queue[i + 1],
				(--l.w.n_queue - i) * sizeof(p));
			hp_hip_input(l.w.s[p->to].hip, &path, p->msg, p->len);
			free(p);
			break;
		}
	}
	n = 1;
	lab_capture(&l, lab_udp(&t, &n, 1));
	lab_run(&l, 50);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 2);
	for (n = 0; n < 2; n++)
		CU_ASSERT_TRUE(carries(lab_out(&l, 1, n), &n, 1));
	end();
}

static void clients_with_equal_ports_are_told_apart(void)
{
	struct talk a = lab_talk4(5000), b = lab_talk4(5000);
	const struct seen *s;

	begin();
	b.client = test_addr("10.0.0.3");
	lab_capture(&l, lab_udp(&a, "a", 1));
	lab_capture(&l, lab_udp(&b, "b", 1));
	lab_run(&l, 50);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 2);
	CU_ASSERT_NOT_EQUAL(lab_out(&l, 1, 0)->sport, lab_out(&l, 1, 1)->sport);
	for (size_t i = 0; i < 2; i++) {
		s = lab_out(&l, 1, i);
		lab_local(&l, 1, lab_reply(s, 0, s->payload, 1));
	}
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 2);
	CU_ASSERT_TRUE(between(lab_out(&l, 0, 0), &a.served, 80, &a.client, 5000));
	CU_ASSERT_TRUE(carries(lab_out(&l, 0, 0), "a", 1));
	CU_ASSERT_TRUE(between(lab_out(&l, 0, 1), &b.served, 80, &b.client, 5000));
	CU_ASSERT_TRUE(carries(lab_out(&l, 0, 1), "b", 1));
	CU_ASSERT_EQUAL(hp_flowdb_count(hp_pipe_flowdb(l.n[0].pipe)), 2);
	end();
}

static void one_client_reaches_two_addresses_of_one_peer(void)
{
	struct talk a = lab_talk4(5000), b = lab_talk4(5000);

	begin();
	b.served = test_addr("203.0.113.6");
	lab_capture(&l, lab_udp(&a, "a", 1));
	lab_capture(&l, lab_udp(&b, "b", 1));
	lab_run(&l, 50);
	for (size_t i = 0; i < 2; i++)
		lab_local(&l, 1, lab_reply(lab_out(&l, 1, i), 0, "r", 1));
	lab_run(&l, 5);
	CU_ASSERT_TRUE(between(lab_out(&l, 0, 0), &a.served, 80, &a.client, 5000));
	CU_ASSERT_TRUE(between(lab_out(&l, 0, 1), &b.served, 80, &b.client, 5000));
	end();
}

static void ipv6_clients_are_served(void)
{
	struct talk t = lab_talk6(6000);

	begin();
	lab_open(&l, &t);
	lab_capture(&l, lab_tcp(&t, lab_text(), 700));
	lab_run(&l, 5);
	CU_ASSERT_TRUE(carries(lab_out(&l, 1, 0), lab_text(), 700));
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 0), ACK, lab_text(), 900));
	lab_run(&l, 5);
	CU_ASSERT_TRUE(carries(lab_out(&l, 0, 0), lab_text(), 900));
	CU_ASSERT_TRUE(between(lab_out(&l, 0, 0), &t.served, 80, &t.client, 6000));
	end();
}

static void clients_of_both_families_share_one_association(void)
{
	struct talk a = lab_talk4(5000), b = lab_talk6(5000);

	begin();
	lab_capture(&l, lab_udp(&a, "4", 1));
	lab_capture(&l, lab_udp(&b, "6", 1));
	lab_run(&l, 50);
	CU_ASSERT_EQUAL(hp_hip_count(l.w.s[0].hip), 1);
	for (size_t i = 0; i < 2; i++)
		lab_local(&l, 1, lab_reply(lab_out(&l, 1, i), 0, "r", 1));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_out(&l, 0, 0)->family, 4);
	CU_ASSERT_EQUAL(lab_out(&l, 0, 1)->family, 6);
	end();
}

/* RFC 7915, section 4.5. */
static void udp_without_checksum_gets_one(void)
{
	struct talk t = lab_talk4(7000);
	struct hp_packet *p;

	begin();
	for (size_t len = 0; len < 60; len += 7) {
		p = lab_udp(&t, lab_text(), len);
		hp_put16(p->data + 26, 0);
		lab_capture(&l, p);
	}
	lab_run(&l, 50);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 9);
	end();
}

static void ipv6_udp_without_checksum_is_refused(void)
{
	struct talk t = lab_talk6(7000);
	struct hp_packet *p = lab_udp(&t, "x", 1);

	begin();
	hp_put16(p->data + 46, 0);
	lab_capture(&l, p);
	lab_run(&l, 50);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_BAD_TRANSPORT), 1);
	end();
}

static void ttl_and_tos_travel_both_ways(void)
{
	struct talk t = lab_talk4(7001);
	struct hp_packet *p = lab_udp(&t, "x", 1);

	begin();
	p->data[1] = 0xba; /* EF, ECT(0) */
	p->data[8] = 33;
	test_seal_checksums(p);
	lab_capture(&l, p);
	lab_run(&l, 50);
	CU_ASSERT_EQUAL(l.n[0].esp_tos, 0xba);
	CU_ASSERT_EQUAL(l.n[0].esp_ttl, 33);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->ttl, 33);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->tos, 0xba);
	p = lab_reply(lab_out(&l, 1, 0), 0, "y", 1);
	p->data[7] = 50;
	hp_put32(p->data, 0x6b300000); /* CE */
	lab_local(&l, 1, p);
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_out(&l, 0, 0)->ttl, 50);
	CU_ASSERT_EQUAL(lab_out(&l, 0, 0)->tos, 0xb3);
	end();
}

/* ---- super-packets */

static void super_packets_are_cut_to_the_path(void)
{
	struct talk t = lab_talk4(8000);
	struct hp_packet *p;

	begin();
	lab_open(&l, &t);
	p = lab_tcp(&t, lab_text(), 60000);
	p->gso = true;
	lab_capture(&l, p);
	lab_run(&l, 5);
	CU_ASSERT_TRUE(l.n[0].esp_sent > 40);
	CU_ASSERT(l.n[0].esp_longest <= 1500 && l.n[0].esp_longest > 1480);
	CU_ASSERT_TRUE(l.n[0].esp_batches < 3);
	/* Coalesced again on the other side. */
	CU_ASSERT_TRUE(lab_count(&l, 1) <= 2);
	CU_ASSERT_TRUE(carries(lab_out(&l, 1, 0), lab_text(), 60000));
	CU_ASSERT_TRUE(lab_out(&l, 1, 0)->gso);
	end();
}

/* The pseudo header's sum only, as the kernel leaves it for hardware. */
static void make_partial(struct hp_packet *p)
{
	bool v4 = p->data[0] >> 4 == 4;
	size_t head = v4 ? 20 : 40, len = p->len - head;
	uint8_t *l4 = p->data + head, proto = v4 ? p->data[9] : p->data[6];
	uint8_t tail[4] = { (uint8_t)(len >> 8), (uint8_t)len, 0, proto };
	uint32_t sum = test_sum16(0, p->data + (v4 ? 12 : 8), v4 ? 8 : 32);

	hp_put16(test_csum_field(proto, l4), (uint16_t)test_sum16(sum, tail, 4));
	p->csum_partial = true;
}

static void partial_checksums_become_whole(void)
{
	struct talk t[2] = { lab_talk4(8001), lab_talk6(8001) };
	size_t got;

	begin();
	for (int i = 0; i < 2; i++) {
		struct hp_packet *p;

		lab_open(&l, &t[i]);
		p = lab_tcp(&t[i], lab_text(), 30000);
		p->gso = true;
		make_partial(p);
		lab_capture(&l, p);
		p = lab_tcp(&t[i], lab_text() + 30000, 100);
		make_partial(p);
		lab_capture(&l, p);
		p = lab_udp(&t[i], lab_text(), 100);
		make_partial(p);
		lab_capture(&l, p);
		lab_run(&l, 5);
		got = 0;
		for (size_t k = 0; k < lab_count(&l, 1); k++)
			if (lab_out(&l, 1, k)->proto == 6)
				got += lab_out(&l, 1, k)->payload_len;
		CU_ASSERT_EQUAL(got, 30100);
		CU_ASSERT_TRUE(lab_all_right(&l, 1));
		lab_forget(&l, 1);
	}
	end();
}

static void segments_keep_the_peers_mss(void)
{
	struct talk t = lab_talk4(8002);
	struct hp_packet *p;

	begin();
	lab_capture(&l, lab_syn(&t, 1460));
	lab_run(&l, 50);
	p = lab_reply(lab_out(&l, 1, 0), SYN | ACK, NULL, 0);
	hp_put16(p->data + 40 + 22, 500);
	test_seal_checksums(p);
	lab_local(&l, 1, p);
	lab_run(&l, 5);
	lab_forget(&l, 0);
	t.seq++;
	p = lab_tcp(&t, lab_text(), 5000);
	p->gso = true;
	lab_capture(&l, p);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 10);
	lab_run(&l, 5);
	end();
}

static void gso_size_is_kept_when_smaller(void)
{
	struct talk t = lab_talk4(8003);
	struct hp_packet *p;

	begin();
	lab_open(&l, &t);
	p = lab_tcp(&t, lab_text(), 4000);
	p->gso = true;
	p->gso_size = 400;
	lab_capture(&l, p);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 10);
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_out(&l, 1, lab_count(&l, 1) - 1)->gso, 400);
	end();
}

static void a_host_sends_super_packets_too(void)
{
	struct talk t = lab_talk4(8004);
	struct hp_packet *p;

	begin();
	lab_open(&l, &t);
	lab_capture(&l, lab_tcp(&t, "GET", 3));
	lab_run(&l, 5);
	p = lab_reply(lab_out(&l, 1, 0), ACK, lab_text(), 50000);
	p->gso = true;
	p->gso_size = 1300;
	make_partial(p);
	lab_local(&l, 1, p);
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	CU_ASSERT_TRUE(carries(lab_out(&l, 0, 0), lab_text(), 50000));
	CU_ASSERT_EQUAL(lab_out(&l, 0, 0)->gso, 1300);
	CU_ASSERT_TRUE(lab_out(&l, 0, 0)->df);
	end();
}

static void lost_and_reordered_esp_is_no_trouble(void)
{
	struct talk t = lab_talk4(8005);
	uint8_t n;

	begin();
	lab_open(&l, &t);
	for (n = 0; n < 200; n++)
		lab_capture(&l, lab_udp(&t, &n, 1));
	/* Every third is lost, the rest arrives backwards. */
	for (size_t i = 0, j = l.n_wire - 1; i < j; i++, j--) {
		struct wire_esp *e = l.wire[i];

		l.wire[i] = l.wire[j];
		l.wire[j] = e;
	}
	for (size_t i = 0; i + 1 < l.n_wire; i += 2) {
		free(l.wire[i]);
		memmove(&l.wire[i], &l.wire[i + 1], (--l.n_wire - i) * sizeof(l.wire[0]));
	}
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 133);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 1), 0);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(the_first_syn_is_held_and_leaves_after_the_exchange),
	HP_TEST(held_packets_leave_in_order),
	HP_TEST(a_late_packet_does_not_overtake_held_ones),
	HP_TEST(clients_with_equal_ports_are_told_apart),
	HP_TEST(one_client_reaches_two_addresses_of_one_peer),
	HP_TEST(ipv6_clients_are_served),
	HP_TEST(clients_of_both_families_share_one_association),
	HP_TEST(udp_without_checksum_gets_one),
	HP_TEST(ipv6_udp_without_checksum_is_refused),
	HP_TEST(ttl_and_tos_travel_both_ways),
	HP_TEST(super_packets_are_cut_to_the_path),
	HP_TEST(partial_checksums_become_whole),
	HP_TEST(segments_keep_the_peers_mss),
	HP_TEST(gso_size_is_kept_when_smaller),
	HP_TEST(a_host_sends_super_packets_too),
	HP_TEST(lost_and_reordered_esp_is_no_trouble),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("forward", tests, argc, argv);

	world_keys_free();
	return ret;
}
