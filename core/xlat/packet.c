/* SPDX-License-Identifier: MIT
 *
 * Packet edges, dissection (see <hipproxy/packet.h>) and transport checksums of packets.
 */
#include <errno.h>

#include <hipproxy/packet.h>

#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "wire/udp.h"
#include "xlat/xlat.h"

uint8_t *hp_packet_push(struct hp_packet *p, size_t n)
{
	if (n > (size_t)(p->data - p->buf))
		return NULL;
	p->data -= n;
	p->len += n;
	return p->data;
}

uint8_t *hp_packet_pull(struct hp_packet *p, size_t n)
{
	if (n > p->len)
		return NULL;
	p->data += n;
	p->len -= n;
	return p->data;
}

int hp_packet_dissect(struct hp_packet *p)
{
	struct hp_ip ip;

	if (hp_ip_parse(p->data, p->len, &ip))
		return -EBADMSG;
	p->len = ip.total_len; /* link layer padding goes */
	p->src = ip.src;
	p->dst = ip.dst;
	p->family = ip.family;
	p->proto = ip.proto;
	p->ttl = ip.ttl;
	p->tos = ip.tos;
	p->l4_off = ip.l4_off;
	p->sport = ip.sport;
	p->dport = ip.dport;
	p->frag_id = ip.frag_id;
	p->frag_off = ip.frag_off;
	p->frag_more = ip.frag_more;
	/* RFC 7915, 5.1.1: a fragment header clears DF, an atomic fragment's too (RFC 6946). */
	p->df = ip.df && !ip.frag_hdr_off;
	return 0;
}

size_t hp_packet_transport_len(const struct hp_packet *p)
{
	size_t all = p->len - p->l4_off, one = p->gso_size;

	if (!one || p->len < p->l4_off + (size_t)HP_TCP_HLEN)
		return all;
	one += p->proto == HP_PROTO_TCP ? (p->data[p->l4_off + HP_TCP_OFF_DOFF] >> 4) * 4u :
					  HP_UDP_HLEN;
	return one < all ? one : all;
}

int hp_proto_csum_off(uint8_t proto)
{
	switch (proto) {
	case HP_PROTO_TCP:
		return HP_TCP_OFF_CSUM;
	case HP_PROTO_UDP:
		return HP_UDP_OFF_CSUM;
	case HP_PROTO_ICMP:
	case HP_PROTO_ICMP6:
		return 2;
	default:
		return -1;
	}
}

/* Sum of the pseudo header that proto's checksum covers: ICMP's covers none. */
static uint64_t pseudo_of(const struct hp_packet *p, size_t l4_len)
{
	if (p->proto == HP_PROTO_ICMP)
		return 0;
	return hp_csum_pseudo(&p->src, &p->dst, p->proto, (uint32_t)l4_len);
}

int hp_packet_complete_checksum(struct hp_packet *p)
{
	int off = hp_proto_csum_off(p->proto);
	uint8_t *l4 = p->data + p->l4_off;
	size_t l4_len;
	uint16_t sum;

	if (!p->csum_partial)
		return 0;
	if (off < 0 || p->len < p->l4_off + (size_t)off + 2)
		return -EBADMSG;
	l4_len = p->len - p->l4_off;
	hp_put16(l4 + off, 0);
	sum = hp_csum_finish(hp_csum_add(pseudo_of(p, l4_len), l4, l4_len));
	if (!sum && p->proto == HP_PROTO_UDP)
		sum = 0xffff; /* RFC 768: zero means none */
	hp_put16(l4 + off, sum);
	p->csum_partial = false;
	return 0;
}

bool hp_packet_checksum_ok(const struct hp_packet *p)
{
	int off = hp_proto_csum_off(p->proto);
	const uint8_t *l4 = p->data + p->l4_off;
	size_t l4_len;

	if (off < 0 || p->frag_off || p->frag_more || p->len < p->l4_off + (size_t)off + 2)
		return false;
	if (p->csum_partial)
		return true;
	if (p->proto == HP_PROTO_UDP && p->family == 4 && !hp_get16(l4 + off))
		return true;
	l4_len = p->len - p->l4_off;
	return !hp_csum_finish(hp_csum_add(pseudo_of(p, l4_len), l4, l4_len));
}
