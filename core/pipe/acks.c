/* SPDX-License-Identifier: MIT
 *
 * Bare acknowledgements of one burst: the last one includes the others.
 *
 * A host that receives super-packets acknowledges each of them, and many acknowledgements
 * arrive together.  Of these only the last is forwarded (ACK filtering, RFC 3449, section 5.2.2;
 * receive segment coalescing in network cards does the same).  This holds only for segments that
 * carry nothing else: no payload, no flag but ACK, no option but time stamps, a higher number
 * than the one before.  So duplicates, SACK, ECN echo and window updates all arrive.  The order
 * within a flow does not change.
 */
#include "pipe/acks.h"

#include <string.h>

#include "pipe/trace.h"
#include "pipe/verdict.h"

#define FLOWS 8 /* whose latest acknowledgement is remembered */

/* The latest packet of each flow, if it was a bare acknowledgement: its place in the burst. */
struct latest {
	unsigned int at[FLOWS], n, victim;
};

/* NOP, NOP, time stamp of 10 octets (RFC 7323, appendix A): how all hosts write it. */
static const uint8_t stamp[] = { HP_TCPOPT_NOP, HP_TCPOPT_NOP, HP_TCPOPT_TIMESTAMP, 10 };

static const uint8_t *tcp_of(const struct hp_packet *p)
{
	return p->data + p->l4_off;
}

static uint32_t ack_of(const struct hp_packet *p)
{
	return hp_get32(tcp_of(p) + HP_TCP_OFF_ACK);
}

static bool is_bare(const struct hp_packet *p)
{
	size_t len = p->len - p->l4_off;
	const uint8_t *tcp = tcp_of(p);

	if (p->len < p->l4_off + (size_t)HP_TCP_HLEN || p->frag_off || p->frag_more ||
	    tcp[HP_TCP_OFF_FLAGS] != HP_TCP_ACK || (tcp[HP_TCP_OFF_DOFF] >> 4) * 4u != len)
		return false;
	return len == HP_TCP_HLEN ||
	       (len == HP_TCP_HLEN + 12 && !memcmp(tcp + HP_TCP_HLEN, stamp, sizeof(stamp)));
}

static bool same_flow(const struct hp_packet *a, const struct hp_packet *b)
{
	return a->sport == b->sport && a->dport == b->dport && hp_addr_eq(&a->src, &b->src) &&
	       hp_addr_eq(&a->dst, &b->dst);
}

static bool supersedes(const struct hp_packet *old, const struct hp_packet *p)
{
	return old->tos == p->tos && old->ttl == p->ttl && old->tun == p->tun &&
	       old->len == p->len && hp_seq_before(ack_of(old), ack_of(p)) &&
	       !memcmp(tcp_of(old) + HP_TCP_OFF_SEQ, tcp_of(p) + HP_TCP_OFF_SEQ, 4) &&
	       hp_packet_checksum_ok(p); /* otherwise the receiver would get neither of them */
}

/* Its place in l, or l->n. */
static unsigned int find(const struct latest *l, const struct hp_burst *b,
			 const struct hp_packet *p)
{
	unsigned int i = 0;

	while (i < l->n && !same_flow(b->at[l->at[i]].p, p))
		i++;
	return i;
}

/* Packet i is the latest of a flow that is not in l. */
static void remember(struct latest *l, unsigned int i)
{
	if (l->n < FLOWS)
		l->at[l->n++] = i;
	else
		l->at[l->victim++ % FLOWS] = i;
}

static void forget(struct latest *l, unsigned int which)
{
	l->at[which] = l->at[--l->n];
}

static void drop_included(struct hp_pipe *pipe, struct hp_burst *b, unsigned int i)
{
	struct hp_packet *p = hp_burst_take(b, i);

	b->gaps = true;
	hp_pipe_conclude(pipe, p, hp_pipe_drop(pipe, p, "out.ack", HP_DROP_ACK_INCLUDED));
}

/* Packet i is TCP. */
static void look(struct hp_pipe *pipe, struct hp_burst *b, struct latest *l, unsigned int i)
{
	const struct hp_packet *p = b->at[i].p;
	bool bare = is_bare(p);
	unsigned int which;

	if (!bare && !l->n)
		return;
	which = find(l, b, p);
	if (which == l->n) {
		if (bare)
			remember(l, i);
	} else if (!bare) {
		forget(l, which);
	} else {
		if (supersedes(b->at[l->at[which]].p, p))
			drop_included(pipe, b, l->at[which]);
		l->at[which] = i;
	}
}

void hp_burst_drop_acks(struct hp_pipe *pipe, struct hp_burst *b)
{
	struct latest l = { .n = 0 };

	if (b->n < 2)
		return;
	for (unsigned int i = 0; i < b->n; i++)
		if (b->at[i].p->proto == HP_PROTO_TCP)
			look(pipe, b, &l, i);
	hp_burst_close_up(b);
}
