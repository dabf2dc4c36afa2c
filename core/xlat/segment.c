/* SPDX-License-Identifier: MIT
 *
 * Cutting super-packets: see segment.h.
 */
#include "xlat/segment.h"

#include <errno.h>
#include <string.h>

#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "wire/udp.h"
#include "xlat/xlat.h"

static int init_tcp(struct hp_segmenter *s, const struct hp_packet *p, size_t mss, size_t len)
{
	struct hp_tcp tcp;

	if (!mss || hp_tcp_parse(s->l4, len, &tcp))
		return -EBADMSG;
	s->hlen = tcp.hlen;
	s->seq = tcp.seq;
	s->flags = tcp.flags;
	s->mss = (uint32_t)(mss > UINT16_MAX ? UINT16_MAX : mss);
	if (p->gso_size && p->gso_size < s->mss)
		s->mss = p->gso_size;
	return 0;
}

static int init_other(struct hp_segmenter *s, const struct hp_packet *p, size_t len)
{
	int off = hp_proto_csum_off(p->proto);

	if (p->proto == HP_PROTO_UDP)
		s->hlen = HP_UDP_HLEN;
	else if (off >= 0)
		s->hlen = 4;
	else if (p->csum_partial)
		return -EBADMSG;
	if (len < s->hlen)
		return -EBADMSG;
	s->mss = p->proto == HP_PROTO_UDP && p->gso_size ? p->gso_size : UINT16_MAX;
	return 0;
}

int hp_segment_init(struct hp_segmenter *s, const struct hp_packet *p, size_t mss)
{
	size_t len = p->len - p->l4_off;
	int err;

	if (p->len < p->l4_off)
		return -EBADMSG;
	*s = (struct hp_segmenter){ .l4 = p->data + p->l4_off, .proto = p->proto };
	if (p->proto == HP_PROTO_TCP)
		err = init_tcp(s, p, mss, len);
	else
		err = init_other(s, p, len);
	if (err)
		return err;
	s->left = (uint32_t)(len - s->hlen);
	s->cut = s->left > s->mss;
	s->verbatim = !s->cut && !p->csum_partial;
	if (p->proto != HP_PROTO_ICMP)
		s->sum_fixed = hp_csum_pseudo(&p->src, &p->dst, p->proto, 0);
	return 0;
}

/* RFC 9293, 3.1: the urgent pointer counts from the segment's own sequence number. */
static uint8_t urgent_edit(const struct hp_segmenter *s, uint8_t *out, uint8_t flags)
{
	uint16_t urgent = hp_get16(out + HP_TCP_OFF_URG);

	if (!(flags & HP_TCP_URG))
		return flags;
	if (urgent <= s->at) {
		hp_put16(out + HP_TCP_OFF_URG, 0);
		return flags & (uint8_t)~HP_TCP_URG;
	}
	hp_put16(out + HP_TCP_OFF_URG, (uint16_t)(urgent - s->at));
	return flags;
}

/* What differs from segment to segment in the header at out; its checksum is zero then. */
static void head_edit(const struct hp_segmenter *s, uint8_t *out, uint32_t n)
{
	uint8_t off = (uint8_t)hp_proto_csum_off(s->proto);
	uint8_t flags = s->flags;

	hp_put16(out + off, 0);
	if (s->proto == HP_PROTO_UDP)
		hp_put16(out + 4, (uint16_t)(HP_UDP_HLEN + n));
	if (s->proto != HP_PROTO_TCP)
		return;
	hp_put32(out + HP_TCP_OFF_SEQ, s->seq + s->at);
	if (s->left > n)
		flags &= (uint8_t)~(HP_TCP_FIN | HP_TCP_PSH);
	if (s->at)
		flags = urgent_edit(s, out, flags & (uint8_t)~HP_TCP_CWR); /* RFC 3168, 6.1.2: once */
	out[HP_TCP_OFF_FLAGS] = flags;
}

/* sum: over the payload. */
static void head_checksum(const struct hp_segmenter *s, uint8_t *out, uint32_t n, uint64_t sum)
{
	uint16_t csum;

	sum = hp_csum_add(sum, out, s->hlen);
	if (s->proto != HP_PROTO_ICMP)
		sum = hp_csum_add32(sum, s->hlen + n);
	csum = hp_csum_finish(sum);
	if (!csum && s->proto == HP_PROTO_UDP)
		csum = 0xffff;
	hp_put16(out + hp_proto_csum_off(s->proto), csum);
}

int hp_segment_next(struct hp_segmenter *s, uint8_t *out, size_t cap)
{
	uint32_t n = s->left < s->mss ? s->left : s->mss;
	const uint8_t *payload = s->l4 + s->hlen + s->at;

	if (s->ended)
		return 0;
	if (cap < s->hlen + n)
		return -ENOBUFS;
	memcpy(out, s->l4, s->hlen);
	if (s->verbatim) {
		memcpy(out + s->hlen, payload, n);
	} else {
		head_edit(s, out, n);
		head_checksum(s, out, n,
			      hp_csum_copy(s->sum_fixed, out + s->hlen, payload, n));
	}
	s->at += n;
	s->left -= n;
	s->ended = !s->left;
	return (int)(s->hlen + n);
}
