/* SPDX-License-Identifier: MIT
 *
 * ESP that is wrong, and the host role.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "lab.h"
#include "probe.h"

#define SYN 2
#define ACK 16

static struct lab l;

static void prepare(void)
{
	probe_reset();
	lab_init(&l);
	l.n[0].plugin = &probe_plugin;
}

static void begin(void)
{
	prepare();
	lab_start(&l);
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
	CU_ASSERT_EQUAL(probe.bad, 0);
}

/* An association, a flow, and a good ESP packet in l.last that the host has not seen. */
static void begin_esp(struct talk *t)
{
	begin();
	lab_open(&l, t);
	l.esp_fate = NULL;
	lab_capture(&l, lab_tcp(t, "data", 4));
	free(l.wire[--l.n_wire]);
}

/* ---- ESP */

static void good_esp_passes_once(void)
{
	struct talk t = lab_talk4(1);

	begin_esp(&t);
	lab_esp(&l, 1, l.last->data, l.last->len);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	lab_esp(&l, 1, l.last->data, l.last->len);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_ESP_REPLAY), 1);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 1), 1);
	end();
}

static void an_unknown_spi_is_counted(void)
{
	struct talk t = lab_talk4(1);

	begin_esp(&t);
	l.last->data[1] ^= 1;
	lab_esp(&l, 1, l.last->data, l.last->len);
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_ESP_SPI), 1);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 1), 1);
	end();
}

static void every_flipped_octet_is_a_bad_icv(void)
{
	struct talk t = lab_talk4(1);
	unsigned n = 0;

	begin_esp(&t);
	for (size_t i = 8; i < l.last->len; i++, n++) {
		l.last->data[i] ^= 0x20;
		lab_esp(&l, 1, l.last->data, l.last->len);
		l.last->data[i] ^= 0x20;
	}
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_ESP_AUTH), n);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 1), n);
	lab_esp(&l, 1, l.last->data, l.last->len);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	end();
}

static void every_shorter_length_is_refused(void)
{
	struct talk t = lab_talk4(1);
	size_t len;

	begin_esp(&t);
	for (len = 0; len < l.last->len; len++)
		lab_esp(&l, 1, l.last->data, len);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
	CU_ASSERT_TRUE(lab_drops(&l, 1, HP_DROP_ESP_RUNT) >= 8);
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_ESP_RUNT) + lab_drops(&l, 1, HP_DROP_ESP_AUTH),
			l.last->len);
	lab_esp(&l, 1, l.last->data, len);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	end();
}

/* Below the window a number is taken for one of the next 2^32 (RFC 4303, appendix A2.2), for
 * which the ICV is wrong. */
static void older_than_the_window_is_refused(void)
{
	struct talk t = lab_talk4(1);
	struct wire_esp *old;

	begin_esp(&t);
	old = l.last;
	l.last = NULL;
	for (int i = 0; i < 1100; i++) {
		lab_capture(&l, lab_udp(&t, "x", 1));
		if (i % 100 == 0)
			lab_run(&l, 2);
	}
	lab_run(&l, 2);
	lab_esp(&l, 1, old->data, old->len);
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_ESP_AUTH), 1);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1100);
	free(old);
	end();
}

/* Seals what node 0's engine would never send. */
static void seal(uint8_t next_header, const void *payload, size_t len)
{
	uint8_t buf[3000];
	int n = hp_esp_seal_copy(hp_assoc_sa_out(world_assoc(&l.w, 0)), next_header, payload,
				 len, buf, sizeof(buf));

	if (n < 0)
		abort();
	lab_esp(&l, 1, buf, (size_t)n);
}

static void dummies_are_discarded(void)
{
	struct talk t = lab_talk4(1);

	begin_esp(&t);
	seal(59, lab_text(), 100);
	seal(59, lab_text(), 0);
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_ESP_DUMMY), 2);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 1), 2);
	end();
}

/* A peer may send anything inside. */
static void nonsense_inside_is_harmless(void)
{
	struct talk t = lab_talk4(1);

	begin_esp(&t);
	for (unsigned next = 0; next < 256; next++)
		for (size_t len = 0; len < 70; len += 3)
			seal((uint8_t)next, lab_text() + next, len);
	lab_run(&l, 70000);
	for (size_t i = 0; i < lab_count(&l, 1); i++)
		CU_ASSERT_TRUE(hp_addr_eq(&lab_out(&l, 1, i)->dst, &l.w.s[1].hit));
	lab_forget(&l, 1);
	end();
}

/* ---- engines that take every ICV, for what lies behind it */

static int open_ctx(const struct hp_esp_suite *s, bool for_seal, const uint8_t *enc,
		    const uint8_t *auth, void **ctx)
{
	static int something;

	(void)s, (void)for_seal, (void)enc, (void)auth;
	*ctx = &something;
	return 0;
}

static void close_ctx(void *ctx)
{
	(void)ctx;
}

static int work(void *ctx, const struct hp_esp_op *op)
{
	(void)ctx;
	if (op->src_len)
		memcpy(op->pkt + 16, op->src, op->src_len);
	if (op->to)
		memcpy(op->to, op->pkt + 16, op->text_len);
	return 0;
}

static const struct hp_esp_backend credulous = {
	.name = "credulous", .open_ctx = open_ctx, .close_ctx = close_ctx,
	.seal = work, .open = work,
};

static void bad_padding_is_counted(void)
{
	struct talk t = lab_talk4(1);
	struct hp_sa *sa;
	uint8_t pkt[60] = { 0 };

	prepare();
	for (int i = 0; i < 2; i++)
		l.w.s[i].cfg.esp_backend = &credulous;
	lab_start(&l);
	lab_open(&l, &t);
	sa = hp_assoc_sa_in(world_assoc(&l.w, 1));
	hp_put32(pkt, sa->spi);
	hp_put32(pkt + 4, 100);
	pkt[42] = 2; /* padding that is 0 0, not 1 2 */
	pkt[43] = 17;
	lab_esp(&l, 1, pkt, sizeof(pkt));
	hp_put32(pkt + 4, 101);
	pkt[42] = 200; /* longer than the packet */
	lab_esp(&l, 1, pkt, sizeof(pkt));
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_ESP_PADDING), 2);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 1), 2);
	end();
}

/* ---- who may talk to whom */

static void a_peer_reaches_clients_only_by_their_flows(void)
{
	struct talk t = lab_talk4(1);
	struct hp_packet *p;

	begin();
	lab_open(&l, &t);
	lab_capture(&l, lab_tcp(&t, "x", 1));
	lab_run(&l, 5);
	p = lab_reply(lab_out(&l, 1, 0), ACK, "y", 1);
	hp_put16(p->data + 42, 2);
	test_seal_checksums(p);
	lab_local(&l, 1, p);
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_FLOW), 1);
	end();
}

/* A connection back that nobody takes: the peer learns it at once, not by a timeout. */
static void connections_back_are_refused_in_their_own_words(void)
{
	struct talk t = lab_talk4(1);
	const struct seen *answer;
	struct hp_packet *p, *q;
	struct hp_addr from, to;

	begin();
	lab_open(&l, &t);
	lab_capture(&l, lab_tcp(&t, "x", 1));
	lab_run(&l, 5);
	p = lab_reply(lab_out(&l, 1, 0), 2 /* SYN */, NULL, 0);
	q = lab_reply(lab_out(&l, 1, 0), ACK, "y", 1);
	from = l.w.s[1].hit;
	to = l.w.s[0].hit;
	lab_forget(&l, 1);
	hp_put16(p->data + 42, 113);
	hp_put32(p->data + 44, 0xfffffff0);
	test_seal_checksums(p);
	lab_local(&l, 1, p);
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	answer = lab_out(&l, 1, 0);
	CU_ASSERT_EQUAL(answer->sport, 113);
	CU_ASSERT_EQUAL(answer->l4[13], 0x14); /* RST, ACK */
	CU_ASSERT_EQUAL(hp_get32(answer->l4 + 4), 0);
	CU_ASSERT_EQUAL(hp_get32(answer->l4 + 8), 0xfffffff1);
	lab_forget(&l, 1);
	lab_local(&l, 1, test_udp(&from, 5000, &to, 5001, "x", 1));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	answer = lab_out(&l, 1, 0);
	CU_ASSERT(answer->proto == 58 && answer->type == 1 && answer->code == 4);
	/* What may belong to a connection whose flow is gone is not reset. */
	lab_forget(&l, 1);
	hp_put16(q->data + 42, 114);
	test_seal_checksums(q);
	lab_local(&l, 1, q);
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_FLOW), 3);
	end();
}

static struct hp_packet *between_hits(int from, const void *data, size_t len)
{
	return test_udp(&l.w.s[from].hit, 1111, &l.w.s[!from].hit, 2222, data, len);
}

static void hosts_talk_to_each_other_by_hit(void)
{
	prepare();
	l.n[0].host_hit = *hp_key_hit(l.w.s[0].key);
	lab_start(&l);
	for (uint8_t i = 0; i < 3; i++)
		lab_local(&l, 0, between_hits(0, &i, 1));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 3);
	for (uint8_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(lab_out(&l, 1, i)->payload[0], i);
	lab_local(&l, 1, between_hits(1, "back", 4));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	CU_ASSERT_TRUE(hp_addr_eq(&lab_out(&l, 0, 0)->dst, &l.w.s[0].hit));
	CU_ASSERT_EQUAL(hp_flowdb_count(hp_pipe_flowdb(l.n[0].pipe)), 0);
	end();
}

/* For doctor: what the peer asked for, and what it has not answered. */
static void what_was_wanted_and_not_answered_is_remembered(void)
{
	struct talk t = lab_talk4(1111);
	unsigned int budget = 100;
	struct hp_pipe_silence silence;
	const struct hp_pipe_wish *w;
	struct hp_assoc *a;

	begin();
	w = hp_pipe_asked(l.n[1].pipe)->at;
	CU_ASSERT_EQUAL(w->last_ms, 0);
	lab_capture(&l, lab_syn(&t, 1460));
	lab_run(&l, 60);
	CU_ASSERT_NOT_EQUAL(w->last_ms, 0);
	CU_ASSERT_EQUAL(w->port, 80);
	CU_ASSERT_EQUAL(w->proto, 6);
	CU_ASSERT_TRUE(hp_addr_eq(&w->peer_hit, &l.w.s[0].hit));
	a = world_assoc(&l.w, 0);
	hp_pipe_assoc_silence(a, &budget, &silence);
	CU_ASSERT_EQUAL(silence.flows, 1);
	CU_ASSERT_EQUAL(silence.waiting, 0); /* one packet may be under way */
	lab_capture(&l, lab_syn(&t, 1460));
	lab_run(&l, 20);
	hp_pipe_assoc_silence(a, &budget, &silence);
	CU_ASSERT_EQUAL(silence.waiting, 1);
	CU_ASSERT_EQUAL(budget, 98);
	CU_ASSERT_EQUAL(w[1].last_ms, 0); /* the same wish once more */
	budget = 0;
	hp_pipe_assoc_silence(a, &budget, &silence);
	CU_ASSERT_EQUAL(silence.waiting, 0);
	budget = 100;
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 0), SYN | ACK, NULL, 0));
	lab_run(&l, 20);
	hp_pipe_assoc_silence(a, &budget, &silence);
	CU_ASSERT_EQUAL(silence.waiting, 0);
	CU_ASSERT_EQUAL(hp_pipe_denied(l.n[1].pipe)->at[0].last_ms, 0);
	end();
}

static void a_proxy_may_be_a_host_with_the_same_identity(void)
{
	struct talk t = lab_talk4(1111);

	prepare();
	l.n[0].host_hit = *hp_key_hit(l.w.s[0].key);
	lab_start(&l);
	t.dport = 80;
	lab_capture(&l, lab_udp(&t, "c", 1));
	lab_local(&l, 0, between_hits(0, "h", 1));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 2);
	for (size_t i = 0; i < 2; i++)
		lab_local(&l, 1, lab_reply(lab_out(&l, 1, i), 0, lab_out(&l, 1, i)->payload, 1));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 2);
	for (size_t i = 0; i < 2; i++) {
		const struct seen *s = lab_out(&l, 0, i);

		CU_ASSERT_TRUE(hp_addr_eq(&s->dst, s->payload[0] == 'c' ? &t.client :
									  &l.w.s[0].hit));
	}
	end();
}

static void a_local_packet_to_an_unknown_hit_is_answered(void)
{
	struct hp_addr nobody = test_addr("2001:21::1234");
	struct hp_packet *p;

	begin();
	for (int i = 0; i < 2; i++) {
		p = test_udp(&l.w.s[1].hit, 1, &nobody, 2, "x", 1);
		lab_local(&l, 1, p);
		lab_run(&l, 10);
		CU_ASSERT_EQUAL(lab_count(&l, 1), (size_t)i + 1);
		CU_ASSERT(lab_out(&l, 1, i)->proto == 58 && lab_out(&l, 1, i)->type == 1);
		CU_ASSERT_TRUE(hp_addr_eq(&lab_out(&l, 1, i)->src, &nobody));
		CU_ASSERT_TRUE(hp_addr_eq(&lab_out(&l, 1, i)->dst, &l.w.s[1].hit));
	}
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_HOST_UNKNOWN_PEER), 2);
	end();
}

static void local_packets_with_other_addresses_are_dropped(void)
{
	struct hp_addr a = test_addr("fe80::1"), hit = test_addr("2001:21::7");
	struct hp_addr b = test_addr("ff02::2");

	begin();
	lab_local(&l, 1, test_udp(&a, 1, &b, 2, "x", 1));
	lab_local(&l, 1, test_udp(&hit, 1, &l.w.s[0].hit, 2, "x", 1));
	lab_local(&l, 1, test_udp(&l.w.s[1].hit, 1, &a, 2, "x", 1));
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_HOST_SOURCE), 3);
	b = l.w.s[1].hit;
	lab_local(&l, 1, test_udp(&b, 1, &b, 2, "x", 1));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 1), 4);
	lab_forget(&l, 1);
	end();
}

/* RFC 7915, section 4.1. */
static void source_routes_are_refused(void)
{
	struct talk t = lab_talk4(1);
	struct hp_packet *p = lab_udp(&t, "x", 1);

	begin();
	lab_open(&l, &t);
	memmove(p->data + 28, p->data + 20, 9);
	memcpy(p->data + 20, "\x83\x07\x04\x01\x02\x03\x04\x00", 8);
	p->data[0] = 0x47;
	p->len += 8;
	test_seal_checksums(p);
	lab_capture(&l, p);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_XLAT), 1);
	end();
}

static void truncated_packets_are_counted_at_every_length(void)
{
	struct talk t[2] = { lab_talk4(1), lab_talk6(1) };
	unsigned n = 0;

	begin();
	for (int k = 0; k < 2; k++) {
		lab_open(&l, &t[k]);
		for (size_t len = 1;; len++, n++) {
			struct hp_packet *p = lab_syn(&t[k], 1460);

			if (len == p->len) {
				test_packet_free(p);
				break;
			}
			p->len = len;
			lab_capture(&l, p);
		}
	}
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_BAD_PACKET), n);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 0);
	end();
}

/* The IP header is right, but not all of the transport header is there. */
static void truncated_transport_is_counted_at_every_length(void)
{
	struct talk t[2] = { lab_talk4(1), lab_talk6(1) };

	begin();
	for (int k = 0; k < 2; k++) {
		size_t head = k ? 40 : 20;

		lab_open(&l, &t[k]);
		for (size_t len = 0; len < 24; len++) {
			struct hp_packet *p = lab_syn(&t[k], 1460);

			p->len = head + len;
			if (k)
				hp_put16(p->data + 4, (uint16_t)len);
			else
				hp_put16(p->data + 2, (uint16_t)p->len);
			lab_capture(&l, p);
		}
	}
	lab_run(&l, 60);
	/* IPv6 without any payload would be a jumbogram. */
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_BAD_TRANSPORT), 47);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_BAD_PACKET), 1);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(good_esp_passes_once),
	HP_TEST(an_unknown_spi_is_counted),
	HP_TEST(every_flipped_octet_is_a_bad_icv),
	HP_TEST(every_shorter_length_is_refused),
	HP_TEST(older_than_the_window_is_refused),
	HP_TEST(dummies_are_discarded),
	HP_TEST(nonsense_inside_is_harmless),
	HP_TEST(bad_padding_is_counted),
	HP_TEST(a_peer_reaches_clients_only_by_their_flows),
	HP_TEST(connections_back_are_refused_in_their_own_words),
	HP_TEST(hosts_talk_to_each_other_by_hit),
	HP_TEST(what_was_wanted_and_not_answered_is_remembered),
	HP_TEST(a_proxy_may_be_a_host_with_the_same_identity),
	HP_TEST(a_local_packet_to_an_unknown_hit_is_answered),
	HP_TEST(local_packets_with_other_addresses_are_dropped),
	HP_TEST(source_routes_are_refused),
	HP_TEST(truncated_packets_are_counted_at_every_length),
	HP_TEST(truncated_transport_is_counted_at_every_length),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("host", tests, argc, argv);

	world_keys_free();
	return ret;
}
