/* SPDX-License-Identifier: MIT
 *
 * TCP header and options (RFC 9293).
 */
#include "wire/tcp.h"

#include "wire/checksum.h"

int hp_tcp_parse(const uint8_t *p, size_t len, struct hp_tcp *out)
{
	struct hp_rd r = hp_rd_init(p, len);
	uint8_t doff;

	out->sport = hp_rd_u16(&r);
	out->dport = hp_rd_u16(&r);
	out->seq = hp_rd_u32(&r);
	out->ack = hp_rd_u32(&r);
	doff = hp_rd_u8(&r) >> 4;
	out->flags = hp_rd_u8(&r);
	out->window = hp_rd_u16(&r);
	out->csum = hp_rd_u16(&r);
	out->urgent = hp_rd_u16(&r);
	out->hlen = (uint8_t)(doff * 4);
	if (hp_rd_done(&r) || out->hlen < HP_TCP_HLEN || out->hlen > len)
		return -EBADMSG;
	return 0;
}

struct hp_tcp_opts hp_tcp_opts_init(const uint8_t *tcp, size_t hlen)
{
	return (struct hp_tcp_opts){ tcp, HP_TCP_HLEN, (uint16_t)hlen, false };
}

bool hp_tcp_opts_next(struct hp_tcp_opts *o, struct hp_tcp_opt *out)
{
	const uint8_t *p;

	while (o->at < o->end && o->tcp[o->at] == HP_TCPOPT_NOP)
		o->at++;
	if (o->bad || o->at >= o->end || o->tcp[o->at] == HP_TCPOPT_END)
		return false;
	p = o->tcp + o->at;
	if (o->end - o->at < 2 || p[1] < 2 || p[1] > o->end - o->at) {
		o->bad = true;
		return false;
	}
	*out = (struct hp_tcp_opt){ p[0], p[1], o->at, p + 2 };
	o->at = (uint16_t)(o->at + p[1]);
	return true;
}

static void note_option(const struct hp_tcp_opt *opt, struct hp_tcp_optinfo *out)
{
	switch (opt->kind) {
	case HP_TCPOPT_MSS:
		if (opt->len == 4)
			out->mss = hp_get16(opt->data);
		break;
	case HP_TCPOPT_WSCALE:
		if (opt->len == 3) {
			out->has_wscale = true;
			out->wscale = opt->data[0];
		}
		break;
	case HP_TCPOPT_SACK_OK:
		out->sack_ok |= opt->len == 2;
		break;
	case HP_TCPOPT_SACK:
		if (opt->len >= 10 && (opt->len - 2) % 8 == 0) {
			out->sack_off = opt->off;
			out->sack_blocks = (uint8_t)((opt->len - 2) / 8);
		}
		break;
	case HP_TCPOPT_TIMESTAMP:
		if (opt->len == 10) {
			out->has_ts = true;
			out->ts_off = opt->off;
			out->ts_val = hp_get32(opt->data);
			out->ts_ecr = hp_get32(opt->data + 4);
		}
		break;
	default:
		break;
	}
}

int hp_tcp_optinfo(const uint8_t *tcp, size_t hlen, struct hp_tcp_optinfo *out)
{
	struct hp_tcp_opts o = hp_tcp_opts_init(tcp, hlen);
	struct hp_tcp_opt opt;

	memset(out, 0, sizeof(*out));
	while (hp_tcp_opts_next(&o, &opt))
		note_option(&opt, out);
	return o.bad ? -EBADMSG : 0;
}

void hp_tcp_sack_get(const uint8_t *opt, unsigned n, uint32_t *left, uint32_t *right)
{
	*left = hp_get32(opt + 2 + 8 * n);
	*right = hp_get32(opt + 6 + 8 * n);
}

/* Overwrites len octets of the header at off and corrects the checksum.  The octets need not
 * lie at an even offset: the sums are taken over whole words around them. */
static void rewrite(uint8_t *tcp, size_t off, const uint8_t *v, size_t len)
{
	size_t first = off & ~(size_t)1, words = (off + len + 1 - first) & ~(size_t)1;
	uint64_t from = hp_csum_add(0, tcp + first, words);

	memcpy(tcp + off, v, len);
	hp_csum_update(tcp + HP_TCP_OFF_CSUM, from, hp_csum_add(0, tcp + first, words));
}

void hp_tcp_sack_set(uint8_t *tcp, uint16_t opt_off, unsigned n, uint32_t left,
		     uint32_t right)
{
	uint8_t v[8];

	hp_put32(v, left);
	hp_put32(v + 4, right);
	rewrite(tcp, opt_off + 2 + 8 * n, v, sizeof(v));
}

bool hp_tcp_mss_clamp(uint8_t *tcp, size_t len, uint16_t max, bool partial)
{
	struct hp_tcp h;
	struct hp_tcp_opts o;
	struct hp_tcp_opt opt;
	uint8_t v[2];

	if (hp_tcp_parse(tcp, len, &h) || !(h.flags & HP_TCP_SYN))
		return false;
	o = hp_tcp_opts_init(tcp, h.hlen);
	while (hp_tcp_opts_next(&o, &opt)) {
		if (opt.kind != HP_TCPOPT_MSS || opt.len != 4 || hp_get16(opt.data) <= max)
			continue;
		hp_put16(v, max);
		if (partial)
			memcpy(tcp + opt.off + 2, v, 2);
		else
			rewrite(tcp, opt.off + 2u, v, 2);
		return true;
	}
	return false;
}
