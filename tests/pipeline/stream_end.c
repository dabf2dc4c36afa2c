/* SPDX-License-Identifier: MIT
 *
 * The endpoints of stream.h: enough of TCP to send and to receive, and to note what a receiver
 * may never see.
 */
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIN 1
#define SYN 2
#define RST 4
#define PSH 8
#define ACK 16
#define URG 32

#define RTO_ROUNDS   24u
#define PROBE_ROUNDS 10u

/* ---- segments out */

/* What a segment says. */
struct segment {
	uint32_t from, len; /* offsets of the stream */
	uint8_t flags;
	const uint8_t *data;
	unsigned gso;
};

static uint32_t isn_of(const struct stream *s, int at)
{
	return s->e[at].iss;
}

/* Octets that have come without those before them: the next ones from *at on. */
static bool island(const struct stream_end *e, uint32_t *at, uint32_t *end)
{
	while (*at < e->high && !e->have[*at])
		++*at;
	if (*at >= e->high)
		return false;
	for (*end = *at; *end < e->high && e->have[*end]; ++*end)
		;
	return true;
}

static size_t put_sack(const struct stream *s, struct stream_end *e, uint8_t *to)
{
	unsigned n = 0, most = s->plan.stamps ? 3 : 4;
	uint32_t at = e->rcv, end;

	if (e->dup_to > e->dup_from) { /* RFC 2883 */
		hp_put32(to + 4, e->irs + 1 + e->dup_from);
		hp_put32(to + 8, e->irs + 1 + e->dup_to);
		e->dup_from = e->dup_to = 0;
		n = 1;
	}
	for (; n < most && island(e, &at, &end); at = end, n++) {
		hp_put32(to + 4 + 8 * n, e->irs + 1 + at);
		hp_put32(to + 8 + 8 * n, e->irs + 1 + end);
	}
	if (!n)
		return 0;
	to[0] = to[1] = 1;
	to[2] = 5;
	to[3] = (uint8_t)(2 + 8 * n);
	return 4 + 8 * n;
}

static size_t put_options(struct stream *s, struct stream_end *e, uint8_t flags, uint8_t *to)
{
	size_t n = 0;

	if (flags & SYN) {
		hp_put32(to, 0x02040000u | e->mss);
		n = 4;
		if (s->plan.sack) {
			hp_put32(to + n, 0x01010402u);
			n += 4;
		}
	}
	if (s->plan.stamps) {
		hp_put32(to + n, 0x0101080au);
		e->ts_sent = 1000000u + (uint32_t)s->round;
		hp_put32(to + n + 4, e->ts_sent);
		hp_put32(to + n + 8, e->ts_recent);
		n += 12;
	}
	if (s->plan.sack && !(flags & (SYN | RST)))
		n += put_sack(s, e, to + n);
	return n;
}

/* Windows are never taken back (RFC 9293, 3.8.6). */
static uint16_t window(struct stream *s, struct stream_end *e)
{
	uint32_t most = s->plan.window[!e->at], want = most - stream_roll(s, most + 1);

	if (stream_chance(s, 50))
		want = 0;
	if (s->round > STREAM_CALM)
		want = most;
	if (e->rcv + want > e->edge)
		e->edge = e->rcv + want;
	e->last_wnd = e->edge - e->rcv;
	s->zero_windows += !e->last_wnd;
	return (uint16_t)(e->last_wnd > 65535 ? 65535 : e->last_wnd);
}

static struct hp_packet *packet_new(size_t len)
{
	struct hp_packet *p = calloc(1, sizeof(*p));

	p->buf = malloc(len);
	p->cap = p->len = len;
	p->data = p->buf;
	return p;
}

static struct hp_packet *ip_head(const struct stream_end *e, size_t l4_len, uint8_t **l4)
{
	bool v4 = hp_addr_is4(&e->self);
	struct hp_packet *p = packet_new((v4 ? 20 : 40) + l4_len);
	uint8_t *d = p->data;

	memset(d, 0, p->len);
	*l4 = d + (v4 ? 20 : 40);
	if (v4) {
		d[0] = 0x45;
		d[6] = 0x40;
		d[8] = 64;
		d[9] = 6;
		memcpy(d + 12, e->self.b + 12, 4);
		memcpy(d + 16, e->peer.b + 12, 4);
	} else {
		d[0] = 0x60;
		d[6] = 6;
		d[7] = 64;
		memcpy(d + 8, e->self.b, 16);
		memcpy(d + 24, e->peer.b, 16);
	}
	return p;
}

static void emit(struct stream *s, int at, const struct segment *g)
{
	struct stream_end *e = &s->e[at];
	uint8_t opts[40], *tcp, flags = g->flags;
	size_t n_opts = put_options(s, e, flags, opts);
	struct hp_packet *p = ip_head(e, 20 + n_opts + g->len, &tcp);

	if (s->loud)
		printf("%6lu %d sends flags %02x seq %d+%u ack %d\n", (unsigned long)s->round, at,
		       flags, (int)g->from, g->len, (int)e->rcv);
	hp_put16(tcp, e->sport);
	hp_put16(tcp + 2, e->dport);
	hp_put32(tcp + 4, isn_of(s, at) + (flags & SYN ? 0 : 1) + g->from);
	if (flags & ACK)
		hp_put32(tcp + 8, e->irs + 1 + e->rcv);
	tcp[12] = (uint8_t)((20 + n_opts) / 4 << 4);
	if (e->urgent > g->from && e->urgent <= g->from + 65535 && g->len && !g->gso) {
		flags |= URG;
		hp_put16(tcp + 18, (uint16_t)(e->urgent - g->from));
	}
	tcp[13] = flags;
	hp_put16(tcp + 14, window(s, e));
	memcpy(tcp + 20, opts, n_opts);
	if (g->len)
		memcpy(tcp + 20 + n_opts, g->data, g->len);
	test_seal_checksums(p);
	if (g->gso) {
		size_t head = (size_t)(tcp - p->data);

		hp_put16(tcp + 16, 0);
		hp_put16(tcp + 16, (uint16_t)test_l4_sum(
				head == 20 ? p->data + 12 : p->data + 8, head == 20 ? 8 : 32, 6,
				NULL, 0));
		p->csum_partial = p->gso = true;
		s->supers++;
	}
	p->gso_size = (uint16_t)g->gso;
	if (g->gso) { /* the sum over the pseudo header, with the length */
		size_t head = (size_t)(tcp - p->data), l4 = p->len - head;
		uint8_t tail[4] = { (uint8_t)(l4 >> 8), (uint8_t)l4, 0, 6 };
		uint32_t sum = test_sum16(0, p->data + (head == 20 ? 12 : 8), head == 20 ? 8 : 32);

		hp_put16(tcp + 16, (uint16_t)test_sum16(sum, tail, 4));
	}
	if (e->rcv || flags & ACK)
		e->ack_due = false;
	stream_send(s, false, p);
}

static void send_range(struct stream *s, int at, uint32_t from, uint32_t n, bool fin, unsigned gso)
{
	struct stream_end *e = &s->e[at];
	struct segment g = { .from = from, .len = n, .flags = ACK, .data = e->text + from,
			     .gso = n > gso ? gso : 0 };
	uint32_t end = from + n + fin;

	if (fin)
		g.flags |= FIN;
	if (n && stream_chance(s, 500))
		g.flags |= PSH;
	if (end > e->nxt)
		e->nxt = end;
	if (end > e->top)
		e->top = end;
	emit(s, at, &g);
}

static void send_syn(struct stream *s, int at)
{
	struct segment g = { .flags = at ? SYN | ACK : SYN };

	s->e[at].quiet_since = s->round;
	emit(s, at, &g);
}

/* ---- segments in */

struct got {
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window, urgent, mss;
	const uint8_t *data, *sack;
	uint32_t len;
	unsigned n_sack;
	bool stamped;
	uint32_t ts_val, ts_ecr;
};

static void read_options(struct got *g, const uint8_t *tcp, size_t hlen)
{
	for (size_t i = 20; i + 1 < hlen && tcp[i];) {
		if (tcp[i] == 1) {
			i++;
			continue;
		}
		if (tcp[i] == 2)
			g->mss = hp_get16(tcp + i + 2);
		if (tcp[i] == 5) {
			g->sack = tcp + i + 2;
			g->n_sack = (tcp[i + 1] - 2u) / 8;
		}
		if (tcp[i] == 8) {
			g->stamped = true;
			g->ts_val = hp_get32(tcp + i + 2);
			g->ts_ecr = hp_get32(tcp + i + 6);
		}
		if (tcp[i + 1] < 2)
			abort();
		i += tcp[i + 1];
	}
}

/* Offsets of the peer's stream as it comes here. */
static void take_octets(struct stream *s, int at, const struct got *g, uint32_t off)
{
	struct stream_end *e = &s->e[at];

	for (uint32_t i = 0; i < g->len; i++) {
		uint32_t n = off + i;

		if ((int32_t)n < 0 || n < e->rcv || n >= e->edge)
			continue;
		if (n >= STREAM_OUT) {
			stream_wrong(s, "more octets come than can be right");
			return;
		}
		if (e->have[n] && e->got[n] != g->data[i])
			stream_wrong(s, "a retransmission has other octets");
		e->have[n] = true;
		e->got[n] = g->data[i];
		if (n >= e->high)
			e->high = n + 1;
	}
}

static void take_data(struct stream *s, int at, const struct got *g)
{
	struct stream_end *e = &s->e[at];
	uint32_t off = g->seq - e->irs - 1, end = off + g->len;

	if (g->len || g->flags & FIN)
		e->ack_due = true;
	if (g->len && (int32_t)end <= (int32_t)e->rcv && (int32_t)off >= 0 && s->plan.sack) {
		e->dup_from = off;
		e->dup_to = end;
	}
	/* The place is known once the octets before it are, and it matters until they have arrived. */
	if (g->flags & URG && g->urgent <= g->len && (int32_t)(off + g->urgent - e->rcv) > 0)
		e->urgent_at = off + g->urgent;
	take_octets(s, at, g, off);
	if (g->flags & FIN) {
		STREAM_HOLDS(s, e->fin_at < 0 || e->fin_at == (int64_t)end);
		e->fin_at = end;
	}
	while (e->have[e->rcv])
		e->rcv++;
	if (e->fin_at >= 0 && e->rcv > e->fin_at + 1)
		stream_wrong(s, "octets come behind the FIN");
	if (e->fin_at == e->rcv)
		e->rcv++;
	if (!g->len && !(g->flags & (FIN | SYN | RST)) && off != e->rcv && (int32_t)off < (int32_t)e->rcv)
		e->ack_due = true; /* a keep-alive, RFC 9293, 3.8.4 */
}

static void take_sack(struct stream *s, int at, const struct got *g)
{
	struct stream_end *e = &s->e[at];

	for (unsigned i = 0; i < g->n_sack; i++) {
		uint32_t from = hp_get32(g->sack + 8 * i) - e->iss - 1;
		uint32_t to = hp_get32(g->sack + 8 * i + 4) - e->iss - 1;

		s->sacks++;
		STREAM_HOLDS(s, (int32_t)(to - from) >= 0 && (int32_t)to <= (int32_t)e->top);
		if ((int32_t)from < 0 || from < g->ack - e->iss - 1 || from == to || s->why)
			continue; /* a duplicate is reported */
		if (!stream_may_sack(s, at, from, to))
			stream_wrong(s, "SACK covers what has not arrived");
		for (uint32_t n = from; n < to; n++)
			e->sacked[n] = true;
	}
}

static void take_ack(struct stream *s, int at, const struct got *g)
{
	struct stream_end *e = &s->e[at];
	uint32_t ack = g->ack - e->iss - 1;

	if ((int32_t)ack < 0)
		return;
	e->up = true;
	if ((int32_t)(ack - e->top) > 0) {
		stream_wrong(s, "an acknowledgement of what was not sent");
		return;
	}
	if (ack > e->una && !stream_may_ack(s, at, ack))
		stream_wrong(s, "an acknowledgement of what has not arrived");
	if (ack >= e->una) {
		e->peer_wnd = g->window;
		if (ack > e->una)
			e->quiet_since = s->round;
		e->una = ack;
		if (e->nxt < ack)
			e->nxt = ack;
	}
	take_sack(s, at, g);
}

static void take_stamps(struct stream *s, int at, const struct got *g)
{
	struct stream_end *e = &s->e[at], *peer = &s->e[!at];

	STREAM_HOLDS(s, g->stamped == s->plan.stamps || g->flags & RST);
	if (!g->stamped)
		return;
	/* Only what the peer said can be told. */
	STREAM_HOLDS(s, g->ts_val >= 1000000u && g->ts_val <= peer->ts_sent);
	STREAM_HOLDS(s, !g->ts_ecr || g->ts_ecr <= e->ts_sent);
	if (g->ts_val > e->ts_recent)
		e->ts_recent = g->ts_val;
}

static void take_syn(struct stream *s, int at, const struct got *g)
{
	struct stream_end *e = &s->e[at];

	STREAM_HOLDS(s, g->seq == s->e[!at].iss);
	e->irs = g->seq;
	if (g->mss && g->mss < e->mss)
		s->plan.cut[at] = s->plan.cut[at] < g->mss ? s->plan.cut[at] : g->mss;
	s->plan.mss[!at] = g->mss ? g->mss : 536;
	if (at && !e->up && !e->rcv)
		send_syn(s, at);
	else
		e->ack_due = true;
}

static bool parse(struct stream *s, int at, const struct hp_packet *p, struct got *g)
{
	struct seen n = { .data = p->data, .len = p->len, .partial = p->csum_partial,
			  .gso = p->gso_size };
	struct stream_end *e = &s->e[at];
	size_t hlen;

	seen_read(&n);
	STREAM_HOLDS(s, n.right && n.proto == 6 && (!n.partial || n.gso || p->gso));
	if (s->why)
		return false;
	hlen = n.l4_len - n.payload_len;
	*g = (struct got){ .seq = hp_get32(n.l4 + 4), .ack = hp_get32(n.l4 + 8),
			   .flags = n.l4[13], .window = hp_get16(n.l4 + 14),
			   .urgent = hp_get16(n.l4 + 18), .data = n.payload,
			   .len = (uint32_t)n.payload_len };
	read_options(g, n.l4, hlen);
	STREAM_HOLDS(s, (n.gso ? n.gso : n.payload_len) + hlen <= e->mss + 20u);
	if (!e->sport) { /* the legacy client's address is not known to the host */
		e->sport = n.dport;
		e->dport = n.sport;
		e->self = n.dst;
		e->peer = n.src;
	}
	STREAM_HOLDS(s, n.sport == e->dport && n.dport == e->sport &&
		     hp_addr_eq(&n.src, &e->peer) && hp_addr_eq(&n.dst, &e->self));
	return !s->why;
}

static void trace(const struct stream *s, const char *what, int at, const struct got *g)
{
	const struct stream_end *e = &s->e[at];

	printf("%6lu %d %s flags %02x seq %d+%u ack %d wnd %u urg %u sacks %u\n",
	       (unsigned long)s->round, at, what, g->flags, (int)(g->seq - s->e[!at].iss - 1),
	       g->len, (int)(g->ack - e->iss - 1), g->window, g->urgent, g->n_sack);
}

void stream_end_take(struct stream *s, int at, const struct hp_packet *p)
{
	struct stream_end *e = &s->e[at];
	struct got g;

	if (!parse(s, at, p, &g))
		return;
	if (s->loud)
		trace(s, "takes", at, &g);
	take_stamps(s, at, &g);
	if (g.flags & RST) {
		e->reset_at = (int32_t)(g.seq - s->e[!at].iss - 1);
		return;
	}
	if (g.flags & SYN) {
		take_syn(s, at, &g);
		if (!at)
			take_ack(s, at, &g);
		e->peer_wnd = g.window;
		return;
	}
	if (g.flags & ACK)
		take_ack(s, at, &g);
	if (!s->why)
		take_data(s, at, &g);
}

/* ---- what an endpoint does in a round */

static bool all_sent(const struct stream_end *e)
{
	return e->nxt > e->len;
}

static bool may_close(const struct stream *s, int at)
{
	return !s->plan.reset && (s->e[at].closing || s->e[!at].una > s->e[!at].len);
}

/* n octets from una on that are still missing; sometimes across what has been acknowledged by
 * SACK. */
static void retransmit(struct stream *s, int at)
{
	struct stream_end *e = &s->e[at];
	uint32_t from = e->una, n, most = s->plan.cut[at];

	if (s->plan.trust_sack)
		while (from < e->nxt && e->sacked[from])
			from++;
	else
		memset(e->sacked, 0, sizeof(e->sacked));
	if (from >= e->nxt)
		from = e->una;
	n = e->nxt - from;
	if (from + n > e->len)
		n = e->len > from ? e->len - from : 0;
	if (n > most)
		n = most - stream_roll(s, most / 2 + 1);
	if (s->plan.trust_sack)
		for (uint32_t i = 1; i < n; i++)
			if (e->sacked[from + i])
				n = i;
	s->retransmitted++;
	e->quiet_since = s->round;
	send_range(s, at, from, n, from + n == e->len && e->nxt > e->len, 0);
}

/* Some octets once more, with boundaries of their own. */
static void repeat(struct stream *s, int at)
{
	struct stream_end *e = &s->e[at];
	uint32_t data = e->top < e->len ? e->top : e->len, low, from, n;

	low = e->una > 600 ? e->una - 600 : 0;
	if (!data || low >= data)
		return;
	from = data - 1 - stream_roll(s, data - low);
	n = 1 + stream_roll(s, data - from);
	if (n > s->plan.cut[at])
		n = s->plan.cut[at];
	s->retransmitted++;
	send_range(s, at, from, n, from + n == e->len && e->top > e->len && stream_chance(s, 500),
		   0);
}

static void send_new(struct stream *s, int at)
{
	struct stream_end *e = &s->e[at];
	uint32_t right = e->una + e->peer_wnd, n = s->plan.cut[at], left;
	bool super = s->plan.super && stream_chance(s, 300), fin;

	n -= stream_roll(s, n);
	if (super)
		n = s->plan.cut[at] * (2 + stream_roll(s, 6));
	left = e->len > e->nxt ? e->len - e->nxt : 0;
	if (n > left)
		n = left;
	if (s->plan.nagle && e->una < e->nxt && n < s->plan.cut[at])
		return; /* RFC 9293, 3.7.4 */
	if (e->nxt + n > right)
		n = right > e->nxt ? right - e->nxt : 0;
	fin = e->nxt + n == e->len && may_close(s, at) && (n < left || stream_chance(s, 600) || !n);
	if (n || fin) {
		if (e->una == e->nxt)
			e->quiet_since = s->round;
		send_range(s, at, e->nxt, n, fin, s->plan.cut[at]);
	}
}

/* The octet before the next one, or nothing, from there (RFC 9293, 3.8.4). */
static void keep_alive(struct stream *s, int at)
{
	static const uint8_t garbage = 'g';
	struct stream_end *e = &s->e[at];
	struct segment g = { .from = e->nxt - 1, .len = stream_roll(s, 2), .flags = ACK,
			     .data = &garbage };

	if (e->una == e->nxt && e->nxt <= e->len && !e->urgent)
		emit(s, at, &g);
}

static void probe_window(struct stream *s, int at)
{
	struct stream_end *e = &s->e[at];

	e->quiet_since = s->round;
	if (e->nxt < e->len)
		send_range(s, at, e->nxt, 1, false, 0);
	else
		send_range(s, at, e->nxt, 0, may_close(s, at), 0);
}

static void acknowledge(struct stream *s, int at)
{
	struct stream_end *e = &s->e[at];
	struct segment g = { .from = e->nxt, .flags = ACK };

	/* A window that opens is told (RFC 9293, 3.8.6.2.2); the probes would ask for it. */
	if (e->ack_due ? stream_chance(s, 600) || s->round >= e->ack_at :
			 e->last_wnd == 0 && stream_chance(s, 200))
		emit(s, at, &g);
	else if (!e->ack_due)
		e->ack_at = s->round + 8;
}

void stream_end_act(struct stream *s, int at)
{
	struct stream_end *e = &s->e[at];
	uint64_t quiet = s->round - e->quiet_since;

	if (!e->up) {
		if (quiet > RTO_ROUNDS && (!at || e->sport))
			send_syn(s, at);
		return;
	}
	if (e->una < e->nxt && quiet > RTO_ROUNDS)
		retransmit(s, at);
	else if (stream_chance(s, s->plan.again))
		repeat(s, at);
	if (stream_chance(s, s->plan.probe))
		keep_alive(s, at);
	if (!all_sent(e) && !stream_chance(s, 300))
		send_new(s, at);
	if (!all_sent(e) && e->una == e->nxt && quiet > PROBE_ROUNDS && !e->peer_wnd)
		probe_window(s, at);
	acknowledge(s, at);
}

bool stream_end_done(const struct stream *s, int at)
{
	const struct stream_end *e = &s->e[at];

	return e->up && e->una >= e->len + !s->plan.reset;
}

void stream_end_reset(struct stream *s, int at)
{
	struct segment g = { .from = s->e[at].nxt, .flags = RST | ACK };

	emit(s, at, &g);
}

void stream_end_init(struct stream *s, int at)
{
	struct stream_end *e = &s->e[at];

	memset(e, 0, sizeof(*e));
	e->at = at;
	e->len = s->plan.len[at];
	e->mss = s->plan.mss[at];
	e->fin_at = e->reset_at = e->urgent_at = -1;
	e->iss = stream_chance(s, 500) ? 0u - stream_roll(s, 4000) : stream_roll(s, UINT32_MAX);
	for (uint32_t i = 0; i < e->len; i++)
		e->text[i] = (uint8_t)((i * 2654435761u ^ (uint32_t)s->seed * 97u ^ (unsigned)at) >> 11);
	if (s->plan.urgent && e->len)
		e->urgent = 1 + stream_roll(s, e->len);
	e->closing = !at || stream_chance(s, 500);
	e->edge = e->last_wnd = s->plan.window[!at];
}
