/* SPDX-License-Identifier: MIT
 *
 * The conversations of lab.h.
 */
#include "lab.h"

#include <stdlib.h>
#include <string.h>

#define SYN 2
#define PSH 8
#define ACK 16

struct talk lab_talk4(uint16_t sport)
{
	return (struct talk){ .client = test_addr(LAB_CLIENT4), .served = test_addr(LAB_SERVED4),
			      .sport = sport, .dport = 80, .seq = 1000 };
}

struct talk lab_talk6(uint16_t sport)
{
	return (struct talk){ .client = test_addr(LAB_CLIENT6), .served = test_addr(LAB_SERVED6),
			      .sport = sport, .dport = 80, .seq = 1000 };
}

static struct test_tcp head(const struct talk *t, uint8_t flags)
{
	return (struct test_tcp){ .src = t->client, .dst = t->served, .sport = t->sport,
				  .dport = t->dport, .seq = t->seq, .ack = 77,
				  .flags = flags };
}

struct hp_packet *lab_syn(const struct talk *t, uint16_t mss)
{
	uint8_t opts[4] = { 2, 4, (uint8_t)(mss >> 8), (uint8_t)mss };
	struct test_tcp h = head(t, SYN);

	if (mss) {
		h.opts = opts;
		h.opts_len = 4;
	}
	return test_tcp(&h, NULL, 0);
}

struct hp_packet *lab_tcp(struct talk *t, const void *data, size_t len)
{
	struct test_tcp h = head(t, ACK | PSH);

	t->seq += (uint32_t)len;
	return test_tcp(&h, data, len);
}

struct hp_packet *lab_udp(const struct talk *t, const void *data, size_t len)
{
	return test_udp(&t->client, t->sport, &t->served, t->dport, data, len);
}

struct hp_packet *lab_reply(const struct seen *s, uint8_t flags, const void *data, size_t len)
{
	static const uint8_t mss[4] = { 2, 4, 0x05, 0xb4 }; /* 1460 */
	struct test_tcp h = { .src = s->dst, .dst = s->src, .sport = s->dport, .dport = s->sport,
			      .seq = 5000, .ack = s->proto == 6 ? hp_get32(s->l4 + 4) + 1 : 0,
			      .flags = flags };

	if (s->proto == 17)
		return test_udp(&s->dst, s->dport, &s->src, s->sport, data, len);
	if (flags & SYN) {
		h.opts = mss;
		h.opts_len = 4;
	}
	return test_tcp(&h, data, len);
}

const uint8_t *lab_text(void)
{
	static uint8_t text[65536];

	if (!text[1])
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = (uint8_t)(i * 2654435761u >> 13);
	return text;
}

void lab_open(struct lab *l, struct talk *t)
{
	lab_capture(l, lab_syn(t, 1460));
	lab_run(l, 60);
	if (!lab_count(l, 1))
		abort();
	lab_local(l, 1, lab_reply(lab_out(l, 1, lab_count(l, 1) - 1), SYN | ACK, NULL, 0));
	lab_run(l, 5);
	t->seq++;
	lab_forget(l, 0);
	lab_forget(l, 1);
}
