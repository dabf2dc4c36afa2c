/* SPDX-License-Identifier: MIT
 *
 * What the translation makes of source routes, routing headers and hop limits (RFC 7915).
 */
#include <string.h>

#include "../harness.h"
#include "translation.h"

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

static const struct hp_test tests[] = {
	HP_TEST(source_routes_are_answered),
	HP_TEST(a_source_route_in_fragments_is_answered_too),
	HP_TEST(routing_headers_are_answered),
	HP_TEST(a_routing_header_of_a_peer_is_answered),
	HP_TEST(a_hop_limit_of_0_goes_nowhere),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("translation_odd", tests, argc, argv);
}
