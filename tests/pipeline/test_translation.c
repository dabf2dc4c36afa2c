/* SPDX-License-Identifier: MIT
 *
 * What the translation makes of lengths and fragments (RFC 7915), between two gateways and on the wire
 * between them.  What is expected is made here from the text of the RFCs.
 */
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "translation.h"

/* ---- on the wire */

/* The transport part that travels: as between the HITs, by another implementation. */
static struct hp_packet *hit_form(struct talk *t, bool tcp, size_t l4_len)
{
	struct talk h = *t;

	h.client = l.w.s[0].hit;
	h.served = l.w.s[1].hit;
	return of_len(&h, tcp, 40 + l4_len);
}

/* RFC 7915, 4.1: "If the DF flag is not set and the IPv4 packet will result in an IPv6 packet larger
 * than lowest-ipv6-mtu": fragments whose IPv6 packets are of that length at most. */
static void expect_wire(const struct hp_packet *h, size_t lowest, size_t room, uint16_t id)
{
	size_t len = h->len - 40, most = lowest - 40 < room ? lowest - 40 : room;
	size_t step = (most - 8) / 8 * 8, at = 0, i = 0;

	if (len <= 1240 && len <= room) {
		CU_ASSERT_EQUAL_FATAL(n_wire, 1);
		CU_ASSERT(wire[0].next == h->data[6] && wire[0].len == len);
		CU_ASSERT(!memcmp(wire[0].data, h->data + 40, len));
		return;
	}
	for (; at < len; at += step, i++) {
		size_t n = len - at < step ? len - at : step;
		uint8_t head[8] = { h->data[6], 0, (uint8_t)(at >> 8),
				    (uint8_t)(at | (at + n < len)) };

		CU_ASSERT_FATAL(i < n_wire);
		memcpy(head + 4, wire[0].data + 4, 2); /* the same in all */
		hp_put16(head + 6, id);
		CU_ASSERT(wire[i].next == 44 && wire[i].len == n + 8);
		CU_ASSERT(!memcmp(wire[i].data, head, 8));
		CU_ASSERT(!memcmp(wire[i].data + 8, h->data + 40 + at, n));
	}
	CU_ASSERT_EQUAL(i, n_wire);
}

static void sizes_on_the_wire(const char *more, size_t lowest, unsigned mtu, bool tcp)
{
	struct talk t = lab_talk4(4100), was;
	size_t room;

	begin(more);
	l.n[0].mtu_outer = mtu;
	up(&t, tcp);
	/* IPv4 20, SPI and sequence number 8, ICV 16; payload and 2 octets end at a word. */
	room = (mtu - 44) / 4 * 4 - 2;
	for (size_t len = 41; len < 5000; len += len > 1220 && len < 1500 ? 1 : 39) {
		struct hp_packet *p, *h;

		was = t;
		p = with_df(of_len(&t, tcp, len), false);
		hp_put16(p->data + 4, (uint16_t)(len * 7));
		test_seal_checksums(p);
		if (tcp && len - 20 > room) { /* a super-packet is cut, see below */
			test_packet_free(p);
			break;
		}
		h = hit_form(&was, tcp, len - 20);
		lab_capture(&l, p);
		expect_wire(h, lowest, room, (uint16_t)(len * 7));
		lab_run(&l, 3);
		CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
		test_packet_free(h);
		forget();
	}
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0) + lab_drops_all(&l, 1), 0);
	end();
}

static void fragments_inside_esp_are_as_rfc_7915_says(void)
{
	server6 = false;
	for (int tcp = 0; tcp < 2; tcp++) {
		sizes_on_the_wire("", 1280, 1500, tcp);
		sizes_on_the_wire("", 1280, 1400, tcp);
		sizes_on_the_wire("", 1280, 1000, tcp);
		sizes_on_the_wire("translation = { lowest_ipv6_mtu = 1400; };", 1400, 1500, tcp);
		sizes_on_the_wire("translation = { lowest_ipv6_mtu = 9000; };", 9000, 1500, tcp);
	}
}

/* What carries DF has no fragment header: the far end sets DF by the length (5.1). */
static void with_df_nothing_is_fragmented(void)
{
	struct talk t = lab_talk4(4101);

	server6 = false;
	begin("");
	up(&t, false);
	for (size_t len = 1200; len <= 1474; len++) {
		lab_capture(&l, of_len(&t, false, len));
		CU_ASSERT(n_wire == 1 && wire[0].next == 17);
		lab_run(&l, 3);
		CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->df, len > 1260);
		forget();
	}
	end();
}

/* ---- from one gateway to the other */

/* What left node `at` carries these octets behind its transport header.  IPv4: in one packet, with DF
 * where nothing says that it may be fragmented and it has more than 1260 octets (5.1).  IPv6: in
 * fragments that every link carries, if it may. */
static void expect_out(int at, size_t payload, bool v6, bool may)
{
	bool df = !may && payload + 28 > 1260;
	size_t got = 0;

	for (size_t i = 0; i < lab_count(&l, at); i++) {
		const struct seen *s = lab_out(&l, at, i);
		size_t skip = s->frag_off ? 0 : 8;

		CU_ASSERT(s->right && s->frag_off == got && (!v6 || !may || s->len <= 1280));
		CU_ASSERT(v6 || s->df == df);
		CU_ASSERT(!memcmp(s->l4 + skip, lab_text() + got + skip - 8, s->l4_len - skip));
		CU_ASSERT_EQUAL(s->more, got + s->l4_len < payload + 8);
		got += s->l4_len;
	}
	CU_ASSERT_EQUAL(got, payload + 8);
	CU_ASSERT((v6 && may) || lab_count(&l, at) == 1);
}

/* In fragments of step octets, or whole: as a kernel hands it over. */
static void capture(int at, struct hp_packet *p, size_t step)
{
	size_t head = p->data[0] >> 4 == 4 ? 20 : 40, all = p->len - head;

	for (size_t off = 0; step && off < all; off += step) {
		struct hp_packet *f = test_packet_new();
		size_t n = all - off < step ? all - off : step, h = head == 20 ? 20 : 48;

		memcpy(f->data, p->data, head);
		memcpy(f->data + h, p->data + head + off, n);
		f->len = h + n;
		if (head == 20) {
			hp_put16(f->data + 2, (uint16_t)f->len);
			hp_put16(f->data + 6, (uint16_t)((hp_get16(p->data + 6) & 0x4000) | off / 8 |
							 (off + n < all ? 0x2000 : 0)));
			hp_put16(f->data + 10, 0);
			hp_put16(f->data + 10, (uint16_t)~test_sum16(0, f->data, 20));
		} else {
			hp_put16(f->data + 4, (uint16_t)(f->len - 40));
			f->data[6] = 44;
			f->data[40] = p->data[6];
			hp_put16(f->data + 42, (uint16_t)(off | (off + n < all)));
			hp_put32(f->data + 44, 0x1234abcd);
		}
		if (at)
			lab_local(&l, 1, f);
		else
			lab_capture(&l, f);
	}
	if (!step && at)
		lab_local(&l, 1, test_packet_copy(p));
	else if (!step)
		lab_capture(&l, test_packet_copy(p));
	test_packet_free(p);
}

/* A datagram there and another back, of so many octets of payload, in fragments of step octets unless
 * it fits one or step is 0. */
static void there_and_back(struct talk *t, size_t payload, bool df, size_t step)
{
	struct hp_addr from = server(), to = client_there();
	bool v6 = !hp_addr_is4(&t->client), fragments = step && payload + 8 > step;
	bool may = fragments || (!df && !v6), may_back = fragments || (!df && !server6);
	struct hp_packet *p;

	if (!(may && may_back) && payload > 1400) /* too big: test_sizes.c */
		return;
	capture(0, with_df(lab_udp(t, lab_text(), payload), df), fragments ? step : 0);
	lab_run(&l, 3);
	expect_out(1, payload, server6, may);
	forget();
	p = test_udp(&from, 80, &to, t->sport, lab_text(), payload);
	capture(1, with_df(p, df), fragments ? step : 0);
	lab_run(&l, 3);
	expect_out(0, payload, v6, may_back);
	forget();
}

static void every_length(struct talk t, bool df, size_t step)
{
	size_t most = hp_addr_is4(&t.client) && !server6 ? 65507 : 65487;

	begin("");
	up(&t, false);
	for (size_t n = 1; n <= most; n += n < 3000 ? 7 : 997)
		there_and_back(&t, n, df, step);
	for (size_t n = 1190; n < 1500; n++)
		there_and_back(&t, n, df, step);
	there_and_back(&t, most, df, step);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0) + lab_drops_all(&l, 1), 0);
	end();
}

static void datagrams_of_every_length_go_there_and_back(void)
{
	for (int s6 = 0; s6 < 2; s6++) {
		server6 = s6;
		every_length(lab_talk4(4200), false, 0);
		every_length(lab_talk4(4200), true, 0);
		every_length(lab_talk4(4200), true, 1480); /* NFS of old: fragments with DF */
		every_length(lab_talk4(4200), false, 1376);
		every_length(lab_talk4(4200), true, 800);
		every_length(lab_talk6(4200), true, 0);
		every_length(lab_talk6(4200), true, 1232);
		every_length(lab_talk6(4200), true, 800);
	}
}

/* The identification is the sender's (4.1 and 5.1.1). */
static void fragments_keep_their_identification(void)
{
	struct talk t = lab_talk4(4201);

	server6 = false;
	begin("");
	up(&t, false);
	for (uint32_t id = 1; id < 65536; id += 4001) {
		struct hp_packet *p = with_df(lab_udp(&t, lab_text(), 1400), false);

		hp_put16(p->data + 4, (uint16_t)id);
		test_seal_checksums(p);
		lab_capture(&l, p);
		lab_run(&l, 3);
		CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->id, id);
		forget();
	}
	end();
}

/* ---- super-packets */

/* TCP is cut so that nothing needs a fragment header; datagrams keep their boundaries. */
static void super_packets_without_df(bool tcp, size_t size, size_t total)
{
	struct talk t = lab_talk4(4300);
	size_t got = 0;
	struct hp_packet *p;

	server6 = false;
	begin("");
	up(&t, tcp);
	p = with_df(tcp ? lab_tcp(&t, lab_text(), total) : lab_udp(&t, lab_text(), total), false);
	p->gso = true;
	p->gso_size = (uint16_t)size;
	p->csum_partial = true;
	hp_put16(test_csum_field(p->data[9], p->data + 20), 0);
	lab_capture(&l, p);
	lab_run(&l, 3);
	for (size_t i = 0; i < n_wire && tcp; i++)
		CU_ASSERT(wire[i].next == 6 && wire[i].len <= 1240);
	for (size_t i = 0; i < lab_count(&l, 1); i++) {
		const struct seen *s = lab_out(&l, 1, i);

		CU_ASSERT_FALSE(s->df);
		CU_ASSERT(tcp || s->gso || s->payload_len == (total - got < size ? total - got : size));
		CU_ASSERT(!memcmp(s->payload, lab_text() + got, s->payload_len));
		got += s->payload_len;
	}
	CU_ASSERT_EQUAL(got, total);
	end();
}

static void super_packets_come_out_without_df(void)
{
	static const size_t sizes[] = { 500, 1220, 1221, 1232, 1233, 1400, 1426 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (int tcp = 0; tcp < 2; tcp++) {
			super_packets_without_df(tcp, sizes[i], 20 * sizes[i]);
			super_packets_without_df(tcp, sizes[i], 7 * sizes[i] + 13);
		}
}

/* ---- ICMP errors on their way to the peer */

/* From a router before the client, about the answer that the client was sent: of n octets. */
static struct hp_packet *router_error(const struct seen *s, const struct talk *t, size_t n, bool df)
{
	struct hp_addr router = test_addr("10.0.0.1");
	uint8_t l4[2000] = { 3, 3 };

	memcpy(l4 + 8, s->data, n - 28);
	return with_df(test_packet_l4(&router, &t->served, 1, l4, n - 20), df);
}

static void errors_are_shortened_to_the_path(void)
{
	static const unsigned mtus[] = { 1500, 1400, 1300, 1280, 1000, 600 };

	for (size_t i = 0; i < 2 * sizeof(mtus) / sizeof(*mtus); i++) {
		struct talk t = lab_talk4(4500);
		struct hp_addr pool = test_addr("10.99.0.1"), far = test_addr("10.9.0.10");
		size_t room = (mtus[i / 2] - 44) / 4 * 4 - 2;
		struct hp_packet *p;
		struct seen s;

		server6 = false;
		begin("");
		up(&t, false);
		p = with_df(test_udp(&far, 80, &pool, 4500, lab_text(), 1472), false);
		capture(1, p, 0);
		lab_run(&l, 3);
		CU_ASSERT_EQUAL_FATAL(lab_count(&l, 0), 1);
		s = *lab_out(&l, 0, 0);
		l.n[0].mtu_outer = mtus[i / 2];
		lab_run(&l, 1100); /* the path MTU is asked for again */
		n_wire = 0;
		l.n[0].esp_longest = 0;
		lab_capture(&l, router_error(&s, &t, 1500, i % 2));
		lab_run(&l, 3);
		CU_ASSERT_EQUAL_FATAL(n_wire, 1);
		CU_ASSERT(wire[0].next == 58 && wire[0].data[0] == 1 && wire[0].data[1] == 4);
		CU_ASSERT_EQUAL(wire[0].len, room < 1240 ? room : 1240);
		CU_ASSERT_TRUE(l.n[0].esp_longest <= mtus[i / 2]);
		/* It quotes what the peer has sent, as the peer's HIT did. */
		CU_ASSERT(!memcmp(wire[0].data + 16, l.w.s[1].hit.b, 16));
		CU_ASSERT(hp_get16(wire[0].data + 48) == 80 && hp_get16(wire[0].data + 12) == 1480);
		CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_TOO_BIG), 0);
		end();
	}
}

static const struct hp_test tests[] = {
	HP_TEST(fragments_inside_esp_are_as_rfc_7915_says),
	HP_TEST(with_df_nothing_is_fragmented),
	HP_TEST(datagrams_of_every_length_go_there_and_back),
	HP_TEST(fragments_keep_their_identification),
	HP_TEST(super_packets_come_out_without_df),
	HP_TEST(errors_are_shortened_to_the_path),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("translation", tests, argc, argv);

	world_keys_free();
	return ret;
}
