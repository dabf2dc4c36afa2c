/* SPDX-License-Identifier: MIT
 *
 * wire.pcap: the classic capture format in either byte order, Ethernet or raw IP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/wire.h>

#include "set.h"
#include "wire/ip.h"

#define FILE_MAX (64u << 20)
#define HIP_PORT 10500

enum {
	LINK_ETHERNET = 1,
	LINK_RAW = 101,
	LINK_RAW_OLD = 12,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229
};

static struct octets slurp(const char *dir, const char *name)
{
	struct octets o = {NULL, 0};
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f)
		return o;
	o.p = malloc(FILE_MAX);
	if (o.p)
		o.len = fread(o.p, 1, FILE_MAX, f);
	fclose(f);
	return o;
}

static uint32_t u32(struct hp_rd *r, bool swap)
{
	uint32_t v = hp_rd_u32(r);

	return swap ? __builtin_bswap32(v) : v;
}

/* UDP's payload on HIP's port: 32 zero bits before a HIP message, else ESP (RFC 5770). */
static bool from_udp(struct wire_packet *w)
{
	if (w->len < 12)
		return false;
	w->in_udp = true;
	w->p += 8;
	w->len -= 8;
	w->proto = HP_PROTO_ESP;
	if (!hp_get32(w->p)) {
		w->proto = HP_PROTO_HIP;
		w->p += 4;
		w->len -= 4;
	}
	return true;
}

static bool dissect(const uint8_t *frame, size_t len, uint32_t link,
		    struct wire_packet *w)
{
	struct hp_ip ip;

	if (link == LINK_ETHERNET) {
		if (len < 14 ||
		    (hp_get16(frame + 12) != 0x0800 && hp_get16(frame + 12) != 0x86dd))
			return false;
		frame += 14;
		len -= 14;
	}
	if (hp_ip_parse(frame, len, &ip) || hp_ip_is_fragment(&ip))
		return false;
	w->src = ip.src;
	w->dst = ip.dst;
	w->proto = ip.proto;
	w->in_udp = false;
	w->p = frame + ip.l4_off;
	w->len = ip.l4_len;
	if (ip.proto == HP_PROTO_UDP && (ip.sport == HIP_PORT || ip.dport == HIP_PORT))
		return from_udp(w);
	return ip.proto == HP_PROTO_HIP || ip.proto == HP_PROTO_ESP;
}

static bool link_known(uint32_t link)
{
	return link == LINK_ETHERNET || link == LINK_RAW || link == LINK_RAW_OLD ||
	       link == LINK_IPV4 || link == LINK_IPV6;
}

bool wire_each(struct set *s,
	       void (*fn)(struct set *s, const struct wire_packet *p, void *arg),
	       void *arg)
{
	struct octets file = slurp(s->dir, "wire.pcap");
	struct hp_rd r = hp_rd_init(file.p, file.len);
	struct wire_packet w = {.number = 0};
	uint32_t magic = hp_rd_u32(&r), link, cap;
	bool swap = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1, good;
	const uint8_t *frame;

	hp_rd_skip(&r, 16);
	link = u32(&r, swap) & 0x0fffffff;
	good = !hp_rd_done(&r) && (swap || magic == 0xa1b2c3d4 || magic == 0xa1b23c4d) &&
	       link_known(link);
	while (good && hp_rd_left(&r)) {
		hp_rd_skip(&r, 8);
		cap = u32(&r, swap);
		hp_rd_skip(&r, 4);
		frame = hp_rd_bytes(&r, cap);
		w.number++;
		if (!frame)
			good = false;
		else if (dissect(frame, cap, link, &w))
			fn(s, &w, arg);
	}
	free(file.p);
	if (!good)
		check(s, false, "missing, damaged or of an unknown kind", "wire.pcap");
	return good;
}
