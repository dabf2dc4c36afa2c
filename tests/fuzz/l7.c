/* SPDX-License-Identifier: MIT
 *
 * Scripts of segments through a followed TCP connection.
 *
 * The first octet says what the rest is.  Even: the dice of a run of tests/pipeline/stream.h, whose
 * whole oracle must hold.  Odd: records, each a TCP segment that neither endpoint would send; only
 * what leaves must have right lengths and checksums.
 *	record: what, length (2), sequence offset (2), acknowledgement offset (2), flags, urgent,
 *	        options' length in words, options, payload octets made from the record's place
 *	what: 0x01 from end 1, 0x02 super-packet, 0x04 time passes first, 0x08 becomes transparent,
 *	      0x10 no longer so
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../pipeline/stream.h"

static struct lab l;
static struct stream s;

static void begin(void)
{
	static bool begun;

	if (begun)
		return;
	begun = true;
	lab_init(&l);
	for (int i = 0; i < 2; i++) {
		l.w.s[i].cfg.ual_s = 0;
		l.w.s[i].cfg.dead_peer_ms = 0;
	}
	l.pool_sized = true;
	l.n[0].plugin = &stream_plugin;
	lab_start(&l);
	if (!world_connect(&l.w, 200))
		abort();
}

static void begin_script(const uint8_t *data, size_t size)
{
	memset(&s.plan, 0, sizeof(s.plan));
	s.lab = &l;
	s.seed = size ? data[0] : 0;
	s.why = NULL;
	s.script = data;
	s.script_left = size;
}

/* ---- segments by hand */

static struct talk talk;

static void send_segment(int from_host, uint8_t what, struct test_tcp *t, const uint8_t *payload,
			 size_t len, uint16_t urgent)
{
	struct hp_packet *p;

	t->src = from_host ? l.w.s[1].hit : talk.client;
	t->dst = from_host ? l.w.s[0].hit : talk.served;
	t->sport = from_host ? talk.dport : talk.sport;
	t->dport = from_host ? talk.sport : talk.dport;
	p = test_tcp(t, payload, len);
	hp_put16(p->data + (hp_addr_is4(&t->src) ? 20 : 40) + 18, urgent);
	test_seal_checksums(p);
	if (what & 2 && len > 500) {
		p->gso = true;
		p->gso_size = from_host ? 500 : 0;
	}
	if (from_host)
		lab_local(&l, 1, p);
	else
		lab_capture(&l, p);
}

static void looks_right(void)
{
	for (int i = 0; i < 2; i++) {
		HP_FUZZ_HOLDS(lab_all_right(&l, i));
		lab_forget(&l, i);
	}
}

static size_t record(const uint8_t *data, size_t size)
{
	static uint8_t payload[8192];
	struct test_tcp t = { .flags = data[7] };
	size_t len = hp_get16(data + 1) % sizeof(payload), opts = (data[9] & 7u) * 4u;

	if (opts > size - 10)
		opts = 0;
	t.seq = 1001u + (uint32_t)(int16_t)hp_get16(data + 3);
	t.ack = 1001u + (uint32_t)(int16_t)hp_get16(data + 5);
	t.opts = data + 10;
	t.opts_len = opts;
	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(t.seq + i);
	if (data[0] & 4)
		lab_run(&l, 3);
	if (s.flow && data[0] & 0x18)
		stream_transparent(&s, (enum hp_direction)(data[0] & 1), data[0] & 8);
	send_segment(data[0] & 1, data[0], &t, payload, len, data[8]);
	looks_right();
	return 10 + opts;
}

static void records(const uint8_t *data, size_t size)
{
	struct test_tcp syn = { .seq = 1000, .flags = 2 };

	talk = lab_talk4(40000);
	l.routed = size & 1;
	s.e[0].iss = s.e[1].iss = 1000;
	s.unchecked = true;
	stream_follow_reset(&s);
	send_segment(0, 0, &syn, NULL, 0, 0);
	lab_run(&l, 5);
	syn.flags = 0x12;
	syn.ack = 1001;
	send_segment(1, 0, &syn, NULL, 0, 0);
	lab_run(&l, 5);
	for (unsigned n = 0; size >= 10 && n < 64; n++) {
		size_t used = record(data, size);

		data += used;
		size -= used;
	}
	lab_run(&l, 5);
	looks_right();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin();
	if (!size)
		return 0;
	begin_script(data + 1, size - 1);
	s.unchecked = false;
	if (data[0] & 1) {
		records(data + 1, size - 1);
	} else {
		stream_plan(&s);
		HP_FUZZ_HOLDS(!stream_run(&s));
	}
	HP_FUZZ_HOLDS(lab_renew(&l, 0) && lab_renew(&l, 1));
	return 0;
}
