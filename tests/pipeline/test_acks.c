/* SPDX-License-Identifier: MIT
 *
 * What is received together leaves together: bare acknowledgements of which the last says it
 * all (core/pipe/acks.c), and runs of equal ESP packets (core/pipe/seal.c).
 */
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "lab.h"

#define FIN 1
#define PSH 8
#define ACK 16
#define URG 32
#define ECE 64
#define CWR 128

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

static void batch_ends(void)
{
	lab_end_burst(&l);
	lab_run(&l, 10);
}

static unsigned all_stolen(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l.n[0].n_captured; i++)
		n += lab_verdict(&l, i) == STOLEN;
	return n;
}

/* ---- acknowledgements */

static const uint8_t stamps[12] = { 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2 };
static const uint8_t sack[12] = { 1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2 };

struct kind {
	uint8_t flags;
	uint16_t window;
	const uint8_t *opts;
	size_t payload;
};

static const struct kind bare = { ACK, 5000, NULL, 0 };

static struct hp_packet *ack(const struct talk *t, uint32_t number, const struct kind *k)
{
	struct test_tcp h = { .src = t->client, .dst = t->served, .sport = t->sport,
			      .dport = t->dport, .seq = t->seq, .ack = number, .flags = k->flags,
			      .opts = k->opts, .opts_len = k->opts ? 12 : 0 };
	struct hp_packet *p = test_tcp(&h, lab_text(), k->payload);

	hp_put16(p->data + (hp_addr_is4(&t->client) ? 20 : 40) + 14, k->window);
	test_seal_checksums(p);
	return p;
}

static uint32_t number_out(size_t i)
{
	return hp_get32(lab_out(&l, 1, i)->l4 + 8);
}

static uint64_t included(void)
{
	return lab_drops(&l, 0, HP_DROP_ACK_INCLUDED);
}

static void of_ten_acknowledgements_the_last_leaves(void)
{
	for (int i = 0; i < 4; i++) {
		struct talk t = i & 1 ? lab_talk6(1) : lab_talk4(1);
		struct kind k = bare;
		unsigned before;

		k.opts = i & 2 ? stamps : NULL;
		begin();
		lab_open(&l, &t);
		before = all_stolen();
		for (uint32_t n = 1; n <= 10; n++)
			lab_receive(&l, ack(&t, 5000 + n * 1000, &k));
		CU_ASSERT_EQUAL(l.n[0].esp_sent, 0);
		batch_ends();
		CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
		CU_ASSERT_EQUAL(number_out(0), 15000);
		CU_ASSERT_EQUAL(included(), 9);
		CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 9);
		CU_ASSERT_EQUAL(all_stolen(), before + 10);
		end();
	}
}

/* A number may go around. */
static void numbers_are_compared_modulo_32_bits(void)
{
	struct talk t = lab_talk4(1);

	begin();
	lab_open(&l, &t);
	lab_receive(&l, ack(&t, 0xfffffff0u, &bare));
	lab_receive(&l, ack(&t, 0x10, &bare));
	batch_ends();
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_EQUAL(number_out(0), 0x10);
	end();
}

/* A bare one, then this one with a number so much higher, then a bare one with the same: all
 * arrive, in order. */
static void all_arrive(const struct kind *k, int32_t higher)
{
	struct talk t = lab_talk4(1);
	uint32_t last = 9000 + (uint32_t)higher;

	begin();
	lab_open(&l, &t);
	lab_receive(&l, ack(&t, 9000, &bare));
	lab_receive(&l, ack(&t, last, k));
	lab_receive(&l, ack(&t, last, &bare));
	batch_ends();
	CU_ASSERT_EQUAL(lab_count(&l, 1), 3);
	CU_ASSERT_EQUAL(number_out(0), 9000);
	CU_ASSERT_EQUAL(number_out(1), last);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 1)->l4[13], k->flags);
	CU_ASSERT_EQUAL(hp_get16(lab_out(&l, 1, 1)->l4 + 14), k->window);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 1)->payload_len, k->payload);
	CU_ASSERT_EQUAL(number_out(2), last);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	CU_ASSERT_EQUAL(all_stolen(), l.n[0].n_captured);
	end();
}

static void what_says_more_than_a_number_arrives(void)
{
	static const uint8_t flags[] = { ACK | ECE, ACK | CWR, ACK | PSH, ACK | FIN, ACK | URG };
	struct kind k = bare;

	all_arrive(&bare, 0);     /* a duplicate */
	all_arrive(&bare, -1000); /* an old one */
	k.window = 4000;
	all_arrive(&k, 0); /* a window update */
	for (size_t i = 0; i < sizeof(flags); i++) {
		k = bare;
		k.flags = flags[i];
		all_arrive(&k, 1000);
		all_arrive(&k, 0);
	}
	k = bare;
	k.opts = sack;
	all_arrive(&k, 1000);
	all_arrive(&k, 0);
	k = bare;
	k.payload = 10;
	all_arrive(&k, 1000);
	k.payload = 1;
	all_arrive(&k, 0);
}

static void duplicates_all_arrive(void)
{
	struct talk t = lab_talk4(1);

	begin();
	lab_open(&l, &t);
	for (int i = 0; i < 5; i++)
		lab_receive(&l, ack(&t, 9000, &bare));
	lab_receive(&l, ack(&t, 9500, &bare)); /* includes the last of them only */
	batch_ends();
	CU_ASSERT_EQUAL(lab_count(&l, 1), 5);
	CU_ASSERT_EQUAL(number_out(3), 9000);
	CU_ASSERT_EQUAL(number_out(4), 9500);
	CU_ASSERT_EQUAL(included(), 1);
	end();
}

/* Of another flow, or with another sequence number, type of service or length. */
static void only_its_like_is_included(void)
{
	struct talk t = lab_talk4(1), u = lab_talk4(2), six = lab_talk6(1);
	struct kind stamped = bare;
	struct hp_packet *p;

	begin();
	lab_open(&l, &t);
	lab_open(&l, &u);
	lab_open(&l, &six);
	stamped.opts = stamps;
	lab_receive(&l, ack(&t, 9000, &bare));
	lab_receive(&l, ack(&u, 9100, &bare));
	lab_receive(&l, ack(&six, 9100, &bare));
	lab_receive(&l, ack(&t, 9200, &stamped));
	p = ack(&t, 9300, &stamped);
	p->data[1] ^= 4;
	test_seal_checksums(p);
	lab_receive(&l, p);
	t.seq++;
	p = ack(&t, 9400, &stamped);
	p->data[1] ^= 4;
	test_seal_checksums(p);
	lab_receive(&l, p);
	batch_ends();
	CU_ASSERT_EQUAL(lab_count(&l, 1), 6);
	CU_ASSERT_EQUAL(included(), 0);
	end();
}

static void a_wrong_checksum_includes_no_other(void)
{
	struct talk t = lab_talk4(1);
	struct hp_packet *p;

	begin();
	lab_open(&l, &t);
	lab_receive(&l, ack(&t, 9000, &bare));
	p = ack(&t, 9100, &bare);
	p->data[20 + 16] ^= 1;
	lab_receive(&l, p);
	lab_end_burst(&l);
	CU_ASSERT_EQUAL(included(), 0);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 2);
	CU_ASSERT_TRUE(lab_fini(&l));
}

static void data_does_not_overtake_an_acknowledgement(void)
{
	struct talk t = lab_talk4(1), u = lab_talk4(2);

	begin();
	lab_open(&l, &t);
	lab_open(&l, &u);
	lab_receive(&l, ack(&t, 9000, &bare));
	lab_receive(&l, ack(&t, 9100, &bare));
	lab_receive(&l, lab_tcp(&t, lab_text(), 100));
	lab_receive(&l, ack(&t, 9200, &bare));
	lab_receive(&l, lab_tcp(&t, lab_text(), 200));
	lab_receive(&l, lab_udp(&u, "x", 1)); /* another flow: may overtake */
	batch_ends();
	CU_ASSERT_EQUAL(lab_count(&l, 1), 5);
	CU_ASSERT_EQUAL(number_out(0), 9100);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 1)->payload_len, 100);
	CU_ASSERT_EQUAL(number_out(2), 9200);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 3)->payload_len, 200);
	CU_ASSERT_EQUAL(included(), 1);
	end();
}

static void more_flows_than_are_watched_all_arrive(void)
{
	enum { FLOWS = 30 };
	uint32_t last[FLOWS] = { 0 };
	struct talk t[FLOWS];
	size_t n;

	begin();
	for (uint16_t i = 0; i < FLOWS; i++) {
		t[i] = lab_talk4((uint16_t)(100 + i));
		lab_open(&l, &t[i]);
	}
	for (uint32_t k = 0; k < 300; k++) {
		uint32_t f = k < FLOWS ? k : (uint32_t)rand() % FLOWS;

		lab_receive(&l, ack(&t[f], 9000 + k, &bare));
	}
	batch_ends();
	n = lab_count(&l, 1);
	for (size_t i = 0; i < n; i++) {
		uint32_t f = lab_out(&l, 1, i)->sport - 100u;

		CU_ASSERT_TRUE(f < FLOWS);
		if (f >= FLOWS)
			continue;
		CU_ASSERT_TRUE(number_out(i) > last[f]);
		last[f] = number_out(i);
	}
	for (int f = 0; f < FLOWS; f++)
		CU_ASSERT_TRUE(last[f] >= 9000);
	CU_ASSERT_TRUE(n >= FLOWS && n + included() == 300);
	CU_ASSERT_EQUAL(all_stolen(), l.n[0].n_captured);
	end();
}

/* What was received together is looked at, and nothing else. */
static void one_of_another_burst_is_not_included(void)
{
	struct talk t = lab_talk4(1);

	begin();
	lab_open(&l, &t);
	lab_capture(&l, ack(&t, 9000, &bare));
	lab_capture(&l, ack(&t, 9100, &bare));
	lab_run(&l, 10);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 2);
	CU_ASSERT_EQUAL(included(), 0);
	end();
}

/* Also before there is a flow. */
static void acknowledgements_without_a_flow_are_judged_once(void)
{
	struct talk t = lab_talk4(1), far = lab_talk4(2);

	begin();
	far.served = test_addr("198.51.100.9");
	for (uint32_t i = 0; i < 5; i++) {
		lab_receive(&l, ack(&t, 9000 + i, &bare));
		lab_receive(&l, ack(&far, 9000 + i, &bare));
	}
	batch_ends();
	lab_run(&l, 2000);
	end();
}

/* Hosts hand their own acknowledgements to the TUN device. */
static void those_of_a_host_are_included_too(void)
{
	struct hp_packet *all[10];
	struct talk t = lab_talk4(1);
	struct node *n = &l.n[1];
	struct seen syn;
	uint8_t keep[64];

	begin();
	lab_open(&l, &t);
	lab_capture(&l, lab_tcp(&t, "x", 1));
	lab_run(&l, 5);
	syn = *lab_out(&l, 1, 0);
	memcpy(keep, syn.data, 64 < syn.len ? 64 : syn.len);
	syn.l4 = keep + 40;
	lab_forget(&l, 1);
	for (uint32_t i = 0; i < 10; i++) {
		struct hp_packet *q = lab_reply(&syn, ACK, NULL, 0), *p;

		hp_put32(q->data + 40 + 8, 7000 + i);
		test_seal_checksums(q);
		p = n->ops.get(n->ops.ctx);
		memcpy(p->data, q->data, q->len);
		p->len = q->len;
		test_packet_free(q);
		all[i] = p;
	}
	lab_routed(&l, 1, all, 10);
	lab_run(&l, 10);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	CU_ASSERT_EQUAL(hp_get32(lab_out(&l, 0, 0)->l4 + 8), 7009);
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_ACK_INCLUDED), 9);
	end();
}

/* ---- runs of ESP */

static struct talk two[2];

static void begin_runs(void)
{
	begin();
	for (uint16_t i = 0; i < 2; i++) {
		two[i] = lab_talk4((uint16_t)(1 + i));
		lab_open(&l, &two[i]);
	}
}

static void equal_packets_leave_in_one_batch(void)
{
	begin_runs();
	for (int i = 0; i < 20; i++)
		lab_receive(&l, lab_udp(&two[i % 2], lab_text(), 500));
	CU_ASSERT_EQUAL(l.n[0].esp_batches, 0);
	lab_receive(&l, lab_udp(&two[0], lab_text(), 300)); /* a shorter one is the last of it */
	batch_ends();
	CU_ASSERT_EQUAL(l.n[0].esp_batches, 1);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 21);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 21);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 19)->payload_len, 500);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 20)->payload_len, 300);
	end();
}

static void segments_of_a_super_packet_join_the_run(void)
{
	begin_runs();
	for (int i = 0; i < 3; i++) {
		struct hp_packet *p = lab_tcp(&two[0], lab_text(), 5000);

		p->gso = true;
		p->gso_size = 1000;
		lab_receive(&l, p);
	}
	batch_ends();
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 15);
	CU_ASSERT_EQUAL(l.n[0].esp_batches, 1);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	end();
}

/* May be fragmented. */
static struct hp_packet *datagram(size_t len)
{
	struct hp_packet *p = lab_udp(&two[0], lab_text(), len);

	p->data[6] = 0;
	test_seal_checksums(p);
	return p;
}

/* What is longer than 1280 octets travels in fragments of 1232. */
static unsigned packets_for(size_t payload)
{
	return payload + 8 > 1240 ? (unsigned)((payload + 8 + 1231) / 1232) : 1;
}

static unsigned batches_of(size_t a, size_t b, size_t c)
{
	unsigned n;

	begin_runs();
	lab_receive(&l, datagram(a));
	lab_receive(&l, datagram(b));
	lab_receive(&l, datagram(c));
	batch_ends();
	n = l.n[0].esp_batches;
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 2 + packets_for(c));
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->payload_len, a);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 1)->payload_len, b);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 2)->payload_len, c);
	end();
	return n;
}

static void another_length_ends_a_run(void)
{
	CU_ASSERT_EQUAL(batches_of(500, 500, 500), 1);
	CU_ASSERT_EQUAL(batches_of(500, 500, 100), 1);
	CU_ASSERT_EQUAL(batches_of(500, 500, 600), 2);
	CU_ASSERT_EQUAL(batches_of(500, 100, 500), 2);
	CU_ASSERT_EQUAL(batches_of(500, 100, 100), 2);
	CU_ASSERT_EQUAL(batches_of(100, 500, 600), 3);
	CU_ASSERT_EQUAL(batches_of(500, 500, 3000), 2); /* too long for the path: no DF */
}

static void another_type_of_service_ends_a_run(void)
{
	begin_runs();
	for (int i = 0; i < 4; i++) {
		struct hp_packet *p = lab_udp(&two[0], lab_text(), 500);

		p->data[1] = i < 2 ? 0 : 4;
		test_seal_checksums(p);
		lab_receive(&l, p);
	}
	batch_ends();
	CU_ASSERT_EQUAL(l.n[0].esp_batches, 2);
	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(lab_out(&l, 1, i)->tos, i < 2 ? 0 : 4);
	end();
}

static void most_of_a_run(size_t payload, unsigned packets)
{
	begin_runs();
	for (unsigned i = 0; i < packets; i++)
		lab_receive(&l, lab_udp(&two[0], lab_text(), payload));
	lab_end_burst(&l);
	CU_ASSERT_EQUAL(l.n[0].esp_batches, 1);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, packets);
	for (unsigned i = 0; i < packets + 1; i++)
		lab_receive(&l, lab_udp(&two[0], lab_text(), payload));
	batch_ends();
	CU_ASSERT_EQUAL(l.n[0].esp_batches, 3);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 2 * packets + 1);
	end();
}

static void a_run_has_its_limits(void)
{
	size_t esp;

	most_of_a_run(600, 64);
	begin_runs();
	lab_receive(&l, lab_udp(&two[0], lab_text(), 1400));
	batch_ends();
	esp = l.n[0].esp_longest - 20;
	end();
	most_of_a_run(1400, (unsigned)(65000 / esp));
}

/* The longest datagrams there are, behind others and behind each other. */
static void datagrams_of_64_kilobytes_travel_in_runs_of_fragments(void)
{
	begin_runs();
	lab_receive(&l, lab_udp(&two[0], lab_text(), 500));
	lab_receive(&l, datagram(65400));
	lab_receive(&l, lab_udp(&two[0], lab_text(), 500));
	lab_receive(&l, datagram(65400));
	lab_receive(&l, datagram(65400));
	batch_ends();
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 2 + 3 * packets_for(65400));
	CU_ASSERT(l.n[0].esp_longest <= 1500 && !l.n[0].esp_cut);
	CU_ASSERT_TRUE(l.n[0].esp_batches < 14);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 5);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 4)->payload_len, 65400);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	end();
}

static void a_refused_run_is_counted_by_packets(void)
{
	begin_runs();
	for (int i = 0; i < 5; i++)
		lab_receive(&l, lab_udp(&two[0], lab_text(), 500));
	l.n[0].esp_err = -1;
	lab_end_burst(&l);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_SEND), 5);
	l.n[0].esp_err = 0;
	lab_receive(&l, lab_udp(&two[0], lab_text(), 500));
	batch_ends();
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(of_ten_acknowledgements_the_last_leaves),
	HP_TEST(numbers_are_compared_modulo_32_bits),
	HP_TEST(what_says_more_than_a_number_arrives),
	HP_TEST(duplicates_all_arrive),
	HP_TEST(only_its_like_is_included),
	HP_TEST(a_wrong_checksum_includes_no_other),
	HP_TEST(data_does_not_overtake_an_acknowledgement),
	HP_TEST(more_flows_than_are_watched_all_arrive),
	HP_TEST(one_of_another_burst_is_not_included),
	HP_TEST(acknowledgements_without_a_flow_are_judged_once),
	HP_TEST(those_of_a_host_are_included_too),
	HP_TEST(equal_packets_leave_in_one_batch),
	HP_TEST(segments_of_a_super_packet_join_the_run),
	HP_TEST(another_length_ends_a_run),
	HP_TEST(another_type_of_service_ends_a_run),
	HP_TEST(a_run_has_its_limits),
	HP_TEST(datagrams_of_64_kilobytes_travel_in_runs_of_fragments),
	HP_TEST(a_refused_run_is_counted_by_packets),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int r = hp_test_main("pipeline_acks", tests, argc, argv);

	world_keys_free();
	return r;
}
