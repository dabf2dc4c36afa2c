/* SPDX-License-Identifier: MIT
 *
 * What the translation makes of lengths, fragments and odd headers (RFC 7915), between two gateways
 * and on the wire between them.
 *
 * Node 0 is the client-side proxy, node 1 the server-side one, with servers 10.9.0.10 and fd09::10
 * that know the client as 10.99.0.1 and fd99::1.  What is expected is made here from the text of the
 * RFCs.  ESP is without encryption (suite 7), so that its payload can be read.
 */
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "lab.h"

/* The plugin is a file of its own, with its settings. */
#include "../../plugins/icmp/icmp.c"

#define ACK 16

static struct lab l;
static bool server6; /* the server is the IPv6 one */
static const struct settings icmp_settings = { 100000, 100000 };

/* ---- the far gateway */

static struct hp_addr server(void)
{
	return test_addr(server6 ? "fd09::10" : "10.9.0.10");
}

static struct hp_addr client_there(void)
{
	return test_addr(server6 ? "fd99::1" : "10.99.0.1");
}

static int backend(struct hp_instance *self, const struct hp_backend_ask *ask,
		   struct hp_ticket ticket, struct hp_backend_result *out)
{
	(void)self, (void)ticket;
	*out = (struct hp_backend_result){ server(), ask->local_port, client_there() };
	return 0;
}

static const struct hp_backend_service backends[] = {
	{ .name = "servers", .ask = backend },
	{ .name = NULL }
};

static const struct hp_plugin gateway = {
	HP_PLUGIN_HEAD, .name = "gateway", .version = "1", .summary = "one server",
	.backends = backends,
};

/* ---- on the wire: the payload of each ESP packet */

#define MOST 128

static struct piece {
	uint8_t next;
	size_t len;
	uint8_t data[1500];
} wire[MOST];
static size_t n_wire;

/* SPI, sequence number, payload, padding, its length, next header, ICV of 16 octets. */
static enum fate read_wire(struct lab *lab, struct wire_esp *e)
{
	size_t end = e->len - 16;
	struct piece *w = &wire[n_wire];

	(void)lab;
	if (e->to != 1 || n_wire == MOST)
		return PASS;
	w->next = e->data[end - 1];
	w->len = end - 2 - e->data[end - 2] - 8;
	memcpy(w->data, e->data + 8, w->len < sizeof(w->data) ? w->len : sizeof(w->data));
	n_wire++;
	return PASS;
}

static void begin(const char *more)
{
	lab_init(&l);
	for (int i = 0; i < 2; i++) {
		l.w.s[i].cfg.esp_suites[0] = 7;
		l.w.s[i].cfg.n_esp_suites = 1;
		l.w.s[i].cfg.allow_null = true;
		l.n[i].more = more;
	}
	l.n[0].plugin = &hipproxy_plugin_icmp;
	l.n[0].settings = &icmp_settings;
	l.n[1].plugin = &gateway;
	l.esp_fate = read_wire;
	lab_start(&l);
	n_wire = 0;
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

static void forget(void)
{
	lab_forget(&l, 0);
	lab_forget(&l, 1);
	n_wire = 0;
}

/* ---- packets */

static struct hp_packet *with_df(struct hp_packet *p, bool df)
{
	if (p->data[0] >> 4 == 4) {
		p->data[6] = df ? 0x40 : 0;
		test_seal_checksums(p);
	}
	return p;
}

/* An IPv4 or IPv6 packet of len octets in all, and the n octets of its transport part. */
static struct hp_packet *of_len(struct talk *t, bool tcp, size_t len)
{
	size_t head = hp_addr_is4(&t->client) ? 20 : 40;

	return tcp ? lab_tcp(t, lab_text(), len - head - 20) : lab_udp(t, lab_text(), len - head - 8);
}

static void up(struct talk *t, bool tcp)
{
	if (tcp)
		lab_capture(&l, lab_syn(t, 1460));
	else
		lab_capture(&l, lab_udp(t, "q", 1));
	lab_run(&l, 60);
	t->seq += tcp;
	CU_ASSERT_EQUAL_FATAL(lab_count(&l, 1), 1);
	forget();
}

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

/* ---- routes and hop limits */

static struct hp_packet *insert(struct hp_packet *p, const uint8_t *ext, size_t n)
{
	size_t head = p->data[0] >> 4 == 4 ? 20 : 40;

	memmove(p->data + head + n, p->data + head, p->len - head);
	memcpy(p->data + head, ext, n);
	p->len += n;
	if (head == 20) {
		p->data[0] = (uint8_t)(0x45 + n / 4);
		hp_put16(p->data + 2, (uint16_t)p->len);
		hp_put16(p->data + 10, 0);
		hp_put16(p->data + 10, (uint16_t)~test_sum16(0, p->data, head + n));
	} else {
		p->data[6] = 43;
		hp_put16(p->data + 4, (uint16_t)(p->len - 40));
	}
	return p;
}

static void source_routes_are_answered(void)
{
	static const uint8_t pointers[] = { 4, 7, 8, 12 };
	struct talk t = lab_talk4(4400);

	server6 = false;
	begin("");
	up(&t, false);
	for (size_t i = 0; i < 2 * sizeof(pointers); i++) {
		uint8_t lsrr[8] = { i % 2 ? 137 : 131, 7, pointers[i / 2], 10, 9, 9, 9, 0 };
		bool ended = pointers[i / 2] > 7;
		const struct seen *s;

		lab_capture(&l, insert(lab_udp(&t, "route", 5), lsrr, 8));
		lab_run(&l, 3);
		CU_ASSERT_EQUAL(lab_count(&l, 1), ended);
		CU_ASSERT_EQUAL(lab_count(&l, 0), !ended);
		s = lab_out(&l, 0, 0);
		if (!ended)
			CU_ASSERT(s->proto == 1 && s->type == 3 && s->code == 5 &&
				  hp_addr_eq(&s->dst, &t.client) && s->id && s->right);
		forget();
	}
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_XLAT), 4);
	end();
}

static void a_source_route_in_fragments_is_answered_too(void)
{
	static const uint8_t lsrr[8] = { 131, 7, 4, 10, 9, 9, 9, 0 };
	struct talk t = lab_talk4(4400);
	struct hp_packet *p;

	begin("");
	up(&t, false);
	p = insert(lab_udp(&t, lab_text(), 1000), lsrr, 8);
	hp_put16(p->data + 6, 0x2000);
	p->data[11]++;
	lab_capture(&l, p);
	CU_ASSERT(lab_count(&l, 0) == 1 && lab_out(&l, 0, 0)->type == 3 &&
		  lab_out(&l, 0, 0)->code == 5);
	end();
}

static void routing_headers_are_answered(void)
{
	uint8_t head[24] = { 17, 2, 0, 0 };
	struct talk t = lab_talk6(4401);

	server6 = true;
	begin("");
	up(&t, false);
	for (uint8_t left = 0; left < 3; left++) {
		const struct seen *s;

		head[3] = left;
		lab_capture(&l, insert(lab_udp(&t, "route", 5), head, sizeof(head)));
		lab_run(&l, 3);
		CU_ASSERT_EQUAL(lab_count(&l, 1), !left);
		CU_ASSERT_EQUAL(lab_count(&l, 0), !!left);
		s = lab_out(&l, 0, 0);
		if (left) /* the pointer is in the place of an MTU */
			CU_ASSERT(s->proto == 58 && s->type == 4 && s->code == 0 && s->mtu == 43);
		forget();
	}
	end();
}

/* A HIP host's packet: the answer travels through the association. */
static void a_routing_header_of_a_peer_is_answered(void)
{
	uint8_t head[24] = { 17, 2, 0, 1 };
	struct talk t = lab_talk4(4402);
	const struct seen *s;
	struct hp_packet *p;

	lab_init(&l);
	lab_start(&l);
	lab_capture(&l, lab_udp(&t, "q", 1));
	lab_run(&l, 60);
	p = lab_reply(lab_out(&l, 1, 0), 0, "r", 1);
	lab_forget(&l, 1);
	lab_local(&l, 1, insert(p, head, sizeof(head)));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	s = lab_out(&l, 1, 0);
	CU_ASSERT(s->proto == 58 && s->type == 4 && s->code == 0 && s->mtu == 43);
	CU_ASSERT(hp_addr_eq(&s->dst, &l.w.s[1].hit) && s->right);
	end();
}

/* RFC 8200, section 3. */
static void a_hop_limit_of_0_goes_nowhere(void)
{
	struct talk t = lab_talk4(4403);
	struct hp_packet *p;
	const struct seen *s;

	lab_init(&l);
	lab_start(&l);
	lab_capture(&l, lab_udp(&t, "q", 1));
	lab_run(&l, 60);
	for (uint8_t hops = 0; hops < 3; hops++) {
		p = lab_reply(lab_out(&l, 1, 0), 0, "r", 1);
		p->data[7] = hops;
		l.n[1].esp_sent = 0;
		lab_local(&l, 1, p);
		lab_run(&l, 3);
		CU_ASSERT_EQUAL(l.n[1].esp_sent, hops ? 1 : 0);
	}
	CU_ASSERT(lab_count(&l, 0) == 2 && lab_out(&l, 0, 0)->ttl == 1);
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_TTL), 1);
	s = lab_out(&l, 1, 1);
	CU_ASSERT(s->proto == 58 && s->type == 3 && s->code == 0);
	CU_ASSERT_TRUE(hp_addr_eq(&s->dst, &l.w.s[1].hit));
	end();
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
	HP_TEST(source_routes_are_answered),
	HP_TEST(a_source_route_in_fragments_is_answered_too),
	HP_TEST(routing_headers_are_answered),
	HP_TEST(a_routing_header_of_a_peer_is_answered),
	HP_TEST(a_hop_limit_of_0_goes_nowhere),
	HP_TEST(errors_are_shortened_to_the_path),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("translation", tests, argc, argv);

	world_keys_free();
	return ret;
}
