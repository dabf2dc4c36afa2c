/* SPDX-License-Identifier: MIT
 *
 * ESP over IPv6 in fragments that fit the path (RFC 8200, section 4.5; see raw.h).
 *
 * The kernel fragments what its own MTU of the path can't carry, and that is not believed.
 */
#include "io/raw_internal.h"

#include <errno.h>
#include <string.h>

#include <hipproxy/checksum.h>

#include "wire/ip.h"
#include "wire/udp.h"

#define PIECE_MAX 65535

/* One packet that leaves in pieces. */
struct cutter {
	struct raw_family *family;
	struct sockaddr_in6 to;
	struct hp_ip_head head;
	unsigned int mtu;
	const uint8_t *payload; /* what follows the IP header */
	uint32_t len;
};

static int send_octets(const struct cutter *c, const uint8_t *p, size_t len)
{
	return sendto(c->family->whole, p, len, MSG_DONTWAIT, (const struct sockaddr *)&c->to,
		      sizeof(c->to)) < 0 ? errno : 0;
}

static int send_whole(struct cutter *c, uint8_t *buf)
{
	c->head.payload_len = (uint16_t)c->len;
	hp_ip6_build(buf, &c->head);
	memcpy(buf + HP_IP6_HLEN, c->payload, c->len);
	return send_octets(c, buf, HP_IP6_HLEN + c->len);
}

static int send_piece(struct cutter *c, uint8_t *buf, uint32_t id, uint32_t off, uint32_t n)
{
	struct hp_ip_head h = c->head;

	h.proto = HP_PROTO_FRAGMENT;
	h.payload_len = (uint16_t)(HP_IP6_FRAGHLEN + n);
	hp_ip6_build(buf, &h);
	hp_ip6_frag_build(buf + HP_IP6_HLEN, c->head.proto, (uint16_t)off, off + n < c->len, id);
	memcpy(buf + HP_IP6_HLEN + HP_IP6_FRAGHLEN, c->payload + off, n);
	return send_octets(c, buf, HP_IP6_HLEN + HP_IP6_FRAGHLEN + n);
}

static int send_packet(struct cutter *c)
{
	uint32_t step = (c->mtu - HP_IP6_HLEN - HP_IP6_FRAGHLEN) & ~7u;
	struct hp_raw *raw = c->family->raw;
	uint8_t *buf = raw->pieces;
	uint32_t id;
	int err = 0;

	if (c->len + HP_IP6_HLEN <= c->mtu)
		return send_whole(c, buf);
	id = raw->piece_id++;
	for (uint32_t off = 0; !err && off < c->len; off += step)
		err = send_piece(c, buf, id, off, c->len - off < step ? c->len - off : step);
	return err;
}

/* Where UDP's header is built, with the packet behind it. */
static uint8_t *udp_room(struct hp_raw *raw)
{
	return raw->pieces + RAW_PIECES / 2;
}

static void in_udp(struct cutter *c, const struct hp_path *path, const uint8_t *data, uint32_t len)
{
	uint8_t *p = udp_room(c->family->raw);
	uint16_t sum;

	hp_udp_build(p, path->sport, path->dport, (uint16_t)len);
	memcpy(p + HP_UDP_HLEN, data, len);
	c->payload = p;
	c->len = HP_UDP_HLEN + len;
	sum = hp_csum_l4(&path->src, &path->dst, HP_PROTO_UDP, p, c->len);
	/* RFC 8200, section 8.1: zero is not sent. */
	hp_put16(p + HP_UDP_OFF_CSUM, sum ? sum : 0xffff);
}

int hp_raw_pieces_send(struct hp_raw *raw, const struct hp_path *path,
		       const struct hp_raw_run *run, unsigned int mtu, uint32_t *lost)
{
	struct cutter c = {
		.family = &raw->v6,
		.to = {.sin6_family = AF_INET6},
		.head = {.src = path->src, .dst = path->dst, .tos = run->tos,
			 .proto = path->dport ? HP_PROTO_UDP : HP_PROTO_ESP,
			 .ttl = run->ttl ? run->ttl : 64},
		.mtu = mtu < HP_IP6_MTU_MIN ? HP_IP6_MTU_MIN : mtu,
	};
	int first = 0;

	*lost = run->n;
	if (hp_addr_is_zero(&path->src) || raw->v6.whole < 0)
		return -EADDRNOTAVAIL;
	memcpy(&c.to.sin6_addr, path->dst.b, 16);
	for (uint32_t i = 0; i < run->n; i++) {
		const uint8_t *data = run->data + (size_t)i * run->seg;
		uint32_t len = i + 1 < run->n ? run->seg : run->last;
		int err = len > PIECE_MAX - HP_UDP_HLEN ? EMSGSIZE : 0;

		c.payload = data;
		c.len = len;
		if (!err && path->dport)
			in_udp(&c, path, data, len);
		if (!err)
			err = send_packet(&c);
		*lost -= !err;
		first = first ? first : err;
	}
	raw->counts.esp_out += run->n - *lost;
	raw->counts.errors += first && first != EMSGSIZE ? *lost : 0;
	return -first;
}
