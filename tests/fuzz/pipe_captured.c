/* SPDX-License-Identifier: MIT
 *
 * Packets thrown at a pipeline with an established association.
 *
 * The input is a list of records: an octet that says what it is, two octets of length, the
 * packet.
 *	0x03  0 captured from a legacy host, 1 from this host, 2 inside ESP from the peer (the
 *	      first octet is the next header), 3 as ESP
 *	0x04  may be a super-packet; 0x08 partial checksum; 0x10 the HITs of the two nodes are
 *	      written into the IPv6 header; 0x20 time passes first
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../pipeline/lab.h"

static struct lab l;

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
	l.n[0].host_hit = *hp_key_hit(l.w.s[0].key);
	l.n[0].client = "hold_packets = 8;";
	lab_start(&l);
	if (!world_connect(&l.w, 200))
		abort();
}

static struct hp_packet *packet(const uint8_t *data, size_t len, uint8_t what)
{
	struct hp_packet *p = test_packet_new();

	memcpy(p->data, data, len);
	p->len = len;
	p->gso = what & 4;
	p->csum_partial = what & 8;
	if (what & 0x10 && len >= 40) {
		memcpy(p->data + 8, l.w.s[0].hit.b, 16);
		memcpy(p->data + 24, l.w.s[1].hit.b, 16);
	}
	return p;
}

static void from_peer(const uint8_t *data, size_t len)
{
	struct hp_sa *sa = hp_assoc_sa_out(world_assoc(&l.w, 1));
	uint8_t *buf = malloc(len + 100);
	int n;

	n = hp_esp_seal_copy(sa, len ? data[0] : 59, data + !!len, len - !!len, buf, len + 100);
	HP_FUZZ_HOLDS(n > 0);
	lab_esp(&l, 0, buf, (size_t)n);
	free(buf);
}

static void take(uint8_t what, const uint8_t *data, size_t len)
{
	if (what & 0x20)
		lab_run(&l, 40);
	switch (what & 3) {
	case 0:
		lab_capture(&l, packet(data, len, what));
		break;
	case 1:
		lab_local(&l, 0, packet(data, len, what));
		break;
	case 2:
		from_peer(data, len);
		break;
	case 3:
		lab_esp(&l, 0, data, len);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned n = 0;

	begin();
	while (size >= 3 && n++ < 64) {
		size_t len = hp_get16(data + 1);

		if (len > size - 3)
			len = size - 3;
		take(data[0], data + 3, len);
		data += 3 + len;
		size -= 3 + len;
	}
	lab_run(&l, 3);
	/* Every packet is back, and each captured one has exactly one verdict. */
	HP_FUZZ_HOLDS(lab_renew(&l, 0));
	lab_forget(&l, 1);
	return 0;
}
