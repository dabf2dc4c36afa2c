/* SPDX-License-Identifier: MIT
 *
 * Path MTU of associations: what ICMP errors change, and what they don't (RFC 1191, RFC 8201).
 */
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "hip/rekey.h"
#include "lab.h"
#include "wire/quote.h"

static struct lab l;
static bool v6;

/* ---- a router on the way */

static size_t outer_len(const struct wire_esp *e)
{
	return (hp_addr_is4(&e->path.dst) ? 20 : 40) + (e->path.dport ? 8 : 0) + e->len;
}

static struct hp_quote quote_of(const struct wire_esp *e)
{
	return (struct hp_quote){ .src = e->path.src, .dst = e->path.dst, .sport = e->path.sport,
				  .dport = e->path.dport, .spi = hp_get32(e->data),
				  .seq = hp_get32(e->data + 4),
				  .total_len = (uint32_t)outer_len(e) };
}

static unsigned router_mtu, router_errors, router_says;

/* Packets from node 0 that are too long are lost, and the router says so. */
static enum fate router(struct lab *lab, struct wire_esp *e)
{
	struct hp_quote q;

	if (e->to != 1 || !router_mtu || outer_len(e) <= router_mtu || (!e->df && !v6))
		return PASS;
	q = quote_of(e);
	/* The engine fills in where nothing was said about the source. */
	q.src = lab->w.s[0].addr;
	router_errors++;
	hp_pipe_too_big(lab->n[0].pipe, &q, router_says);
	return LOSE;
}

/* ---- the world */

static struct talk talk;

static void begin(bool outer_v6)
{
	v6 = outer_v6;
	router_mtu = router_errors = 0;
	lab_init(&l);
	for (int i = 0; i < 2; i++) {
		l.n[i].mtu_outer = 1500;
		if (v6)
			l.w.s[i].addr = test_addr(i ? "2001:db8:9::2" : "2001:db8:9::1");
	}
	l.esp_fate = router;
	l.routed = true; /* a queue would have put fragments together */
	lab_start(&l);
	talk = lab_talk4(4000);
	lab_open(&l, &talk);
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

static unsigned mtu_now(void)
{
	uint64_t packets[2], octets[2];
	unsigned mtu;

	/* What is not known is found by the next packet. */
	lab_capture(&l, lab_udp(&talk, lab_text(), 20));
	lab_run(&l, 5);
	hp_pipe_assoc_stats(world_assoc(&l.w, 0), packets, octets, &mtu);
	return mtu;
}

static void narrow(unsigned mtu)
{
	router_mtu = router_says = mtu;
}

static const struct hp_pipe_totals *totals(void)
{
	return hp_pipe_totals(l.n[0].pipe);
}

/* A quote of the packet that node 0 has sent last. */
static struct hp_quote latest(void)
{
	struct hp_quote q;

	lab_capture(&l, lab_udp(&talk, lab_text(), 1400));
	q = quote_of(l.last);
	q.src = l.w.s[0].addr;
	lab_run(&l, 5);
	return q;
}

/* ---- true errors */

static void super_packet(size_t octets)
{
	struct hp_packet *p = lab_tcp(&talk, lab_text(), octets);

	p->gso = true;
	lab_capture(&l, p);
	lab_run(&l, 5);
}

static void a_true_error_narrows_the_path(void)
{
	for (int i = 0; i < 2; i++) {
		begin(i);
		CU_ASSERT_EQUAL(mtu_now(), 1500);
		narrow(1400);
		lab_forget(&l, 0);
		super_packet(6000);
		CU_ASSERT(router_errors >= 4);
		CU_ASSERT_EQUAL(totals()->narrowed, 1);
		CU_ASSERT_EQUAL(mtu_now(), 1400);
		/* From now on all of it passes. */
		lab_forget(&l, 0);
		router_errors = 0;
		super_packet(6000);
		CU_ASSERT_EQUAL(router_errors, 0);
		CU_ASSERT(l.n[0].esp_longest <= 1400 && l.n[0].esp_longest > 1390);
		end();
	}
}

/* Datagrams: the client is told, or what may be cut leaves in fragments of that size. */
static void clients_hear_of_a_narrow_path(void)
{
	struct hp_packet *p;

	for (int i = 0; i < 2; i++) {
		begin(i);
		narrow(1400);
		lab_capture(&l, lab_udp(&talk, lab_text(), 1400));
		lab_run(&l, 5);
		CU_ASSERT_EQUAL(totals()->narrowed, 1);
		lab_forget(&l, 0);
		lab_capture(&l, lab_udp(&talk, lab_text(), 1400));
		CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
		CU_ASSERT(lab_out(&l, 0, 0)->mtu <= 1400 && lab_out(&l, 0, 0)->mtu > 1300);
		p = lab_udp(&talk, lab_text(), 1400);
		p->data[6] = 0;
		test_seal_checksums(p);
		lab_capture(&l, p);
		CU_ASSERT_EQUAL(l.n[0].esp_sent, 2); /* fragments inside, none of the outer packet */
		CU_ASSERT_EQUAL(l.n[0].esp_cut, 0);
		lab_run(&l, 5);
		end();
	}
}

static void an_mtu_only_falls(void)
{
	struct hp_quote q;

	begin(false);
	q = latest();
	hp_pipe_too_big(l.n[0].pipe, &q, 1000);
	hp_pipe_too_big(l.n[0].pipe, &q, 1400);
	CU_ASSERT_EQUAL(mtu_now(), 1000);
	hp_pipe_too_big(l.n[0].pipe, &q, 800);
	CU_ASSERT_EQUAL(mtu_now(), 800);
	end();
}

/* RFC 1191, section 5: from the plateaus below the packet's length. */
static void an_old_router_names_no_mtu(void)
{
	struct hp_quote q;

	begin(false);
	q = latest();
	CU_ASSERT(q.total_len > 1006 && q.total_len < 1492);
	hp_pipe_too_big(l.n[0].pipe, &q, 0);
	CU_ASSERT_EQUAL(mtu_now(), 1006);
	end();
	begin(true);
	q = latest();
	hp_pipe_too_big(l.n[0].pipe, &q, 0);
	CU_ASSERT_EQUAL(mtu_now(), 1500);
	end();
}

/* ---- bounds */

static void no_path_is_narrower_than_links_can_be(void)
{
	static const unsigned four[] = { 1, 20, 67 }, six[] = { 1, 576, 1279 };
	struct hp_quote q;

	for (int i = 0; i < 2; i++) {
		begin(i);
		q = latest();
		for (size_t k = 0; k < 3; k++)
			hp_pipe_too_big(l.n[0].pipe, &q, i ? six[k] : four[k]);
		CU_ASSERT_EQUAL(totals()->pmtu_ignored, 3);
		CU_ASSERT_EQUAL(mtu_now(), 1500);
		end();
	}
}

/* Every host takes 576 octets (RFC 791), but not every link: then routers must cut. */
static void below_576_routers_cut(void)
{
	struct hp_quote q;

	begin(false);
	q = latest();
	hp_pipe_too_big(l.n[0].pipe, &q, 300);
	CU_ASSERT_EQUAL(mtu_now(), 576);
	super_packet(2000);
	CU_ASSERT_EQUAL(l.last->df, false);
	CU_ASSERT(l.n[0].esp_longest > 300);
	end();
}

/* The packet would have fitted: nobody sends such an error. */
static void an_mtu_above_the_packet_is_no_news(void)
{
	struct hp_quote q;

	begin(false);
	q = latest();
	hp_pipe_too_big(l.n[0].pipe, &q, q.total_len);
	CU_ASSERT_EQUAL(totals()->pmtu_ignored, 1);
	CU_ASSERT_EQUAL(mtu_now(), 1500);
	hp_pipe_too_big(l.n[0].pipe, &q, q.total_len - 1);
	CU_ASSERT_EQUAL(mtu_now(), q.total_len - 1);
	end();
}

/* ---- forged ones */

static void a_forged_error_changes_nothing(void)
{
	for (int i = 0; i < 8; i++) {
		struct hp_quote q;

		begin(i & 1);
		q = latest();
		switch (i / 2) {
		case 0:
			q.spi ^= 1;
			break;
		case 1:
			q.src = test_addr(v6 ? "2001:db8:9::77" : "192.0.2.77");
			break;
		case 2:
			q.dst = test_addr(v6 ? "2001:db8:9::77" : "192.0.2.77");
			break;
		default: /* as if it were in UDP */
			q.sport = q.dport = 10500;
		}
		((struct hp_path *)hp_assoc_path(world_assoc(&l.w, 0)))->src = l.w.s[0].addr;
		hp_pipe_too_big(l.n[0].pipe, &q, 1300);
		CU_ASSERT_EQUAL(totals()->pmtu_ignored, 1);
		CU_ASSERT_EQUAL(totals()->narrowed, 0);
		CU_ASSERT_EQUAL(mtu_now(), 1500);
		end();
	}
}

static void an_old_sequence_number_is_no_proof(void)
{
	struct hp_quote old, future;

	begin(false);
	old = latest();
	future = old;
	future.seq += 1000;
	hp_pipe_too_big(l.n[0].pipe, &future, 1300);
	CU_ASSERT_EQUAL(totals()->pmtu_ignored, 1);
	/* Ten seconds of traffic. */
	for (int s = 0; s < 20; s++) {
		lab_capture(&l, lab_udp(&talk, lab_text(), 100));
		lab_run(&l, 500);
	}
	hp_pipe_too_big(l.n[0].pipe, &old, 1300);
	CU_ASSERT_EQUAL(totals()->pmtu_ignored, 2);
	CU_ASSERT_EQUAL(mtu_now(), 1500);
	/* One of just now is. */
	old = latest();
	hp_pipe_too_big(l.n[0].pipe, &old, 1300);
	CU_ASSERT_EQUAL(mtu_now(), 1300);
	end();
}

/* The SPI of before a rekeying is nobody's. */
static void new_keys_make_old_quotes_worthless(void)
{
	struct hp_quote q;

	begin(false);
	q = latest();
	hp_rekey_start(world_assoc(&l.w, 0));
	lab_run(&l, 50);
	CU_ASSERT(hp_assoc_sa_out(world_assoc(&l.w, 0))->spi != q.spi);
	hp_pipe_too_big(l.n[0].pipe, &q, 1300);
	CU_ASSERT_EQUAL(mtu_now(), 1500);
	q = latest();
	hp_pipe_too_big(l.n[0].pipe, &q, 1300);
	CU_ASSERT_EQUAL(mtu_now(), 1300);
	/* What was found of the path holds with the new keys. */
	hp_rekey_start(world_assoc(&l.w, 0));
	lab_run(&l, 50);
	CU_ASSERT_EQUAL(mtu_now(), 1300);
	end();
}

/* ---- how long */

static void after_ten_minutes_more_is_tried(void)
{
	struct hp_quote q;

	begin(false);
	q = latest();
	hp_pipe_too_big(l.n[0].pipe, &q, 1300);
	for (int s = 0; s < 590; s++) {
		lab_capture(&l, lab_udp(&talk, lab_text(), 20));
		lab_run(&l, 1000);
	}
	CU_ASSERT_EQUAL(mtu_now(), 1300);
	lab_run(&l, 15000);
	CU_ASSERT_EQUAL(mtu_now(), 1500);
	end();
}

static void another_path_is_measured_anew(void)
{
	struct hp_path *path;
	struct hp_quote q;

	begin(false);
	q = latest();
	hp_pipe_too_big(l.n[0].pipe, &q, 1300);
	CU_ASSERT_EQUAL(mtu_now(), 1300);
	path = (struct hp_path *)hp_assoc_path(world_assoc(&l.w, 0));
	path->sport = path->dport = 10500;
	hp_pipe_assoc_event(l.n[0].pipe, world_assoc(&l.w, 0), HP_HIP_PATH_CHANGED);
	CU_ASSERT_EQUAL(mtu_now(), 1500);
	/* In UDP: eight octets less for what is inside. */
	q = latest();
	CU_ASSERT_EQUAL(q.dport, 10500);
	hp_pipe_too_big(l.n[0].pipe, &q, 1300);
	CU_ASSERT_EQUAL(mtu_now(), 1300);
	lab_forget(&l, 0);
	super_packet(6000);
	CU_ASSERT(l.n[0].esp_longest <= 1300 && l.n[0].esp_longest > 1290);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(a_true_error_narrows_the_path),
	HP_TEST(clients_hear_of_a_narrow_path),
	HP_TEST(an_mtu_only_falls),
	HP_TEST(an_old_router_names_no_mtu),
	HP_TEST(no_path_is_narrower_than_links_can_be),
	HP_TEST(below_576_routers_cut),
	HP_TEST(an_mtu_above_the_packet_is_no_news),
	HP_TEST(a_forged_error_changes_nothing),
	HP_TEST(an_old_sequence_number_is_no_proof),
	HP_TEST(new_keys_make_old_quotes_worthless),
	HP_TEST(after_ten_minutes_more_is_tried),
	HP_TEST(another_path_is_measured_anew),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("pathmtu", tests, argc, argv);

	world_keys_free();
	return ret;
}
