/* SPDX-License-Identifier: MIT
 *
 * Bare acknowledgements of one batch: the last one says it all.
 *
 * A host that receives super-packets acknowledges each by itself, and they come here many at a
 * time.  Of those that were received together only the last goes on (ACK filtering, RFC 3449,
 * section 5.2.2; receive segment coalescing in network cards does the same).  It is a rule for
 * what carries nothing else: no payload, no flag but ACK, no option but time stamps, a higher
 * number than the one before.  So duplicates, SACK, ECN echo and window updates all arrive.
 * Nothing is held beyond the end of the batch, and nothing overtakes within a flow.
 */
#include "pipe/acks.h"

#include <string.h>

#include "pipe/outbound.h"
#include "pipe/trace.h"
#include "pipe/verdict.h"

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
	       hp_packet_checksum_ok(p); /* else its receiver would have neither */
}

static struct hp_packet **slot_of(struct hp_pipe *pipe, const struct hp_packet *p)
{
	for (unsigned int i = 0; i < HP_ACK_SLOTS; i++)
		if (pipe->acks[i] && same_flow(pipe->acks[i], p))
			return &pipe->acks[i];
	return NULL;
}

static void leave(struct hp_pipe *pipe, struct hp_packet **slot)
{
	struct hp_packet *p = *slot;

	*slot = NULL;
	pipe->n_acks--;
	hp_pipe_outbound_soon(pipe, p);
}

static void hold(struct hp_pipe *pipe, struct hp_packet *p)
{
	struct hp_packet **slot = NULL;

	for (unsigned int i = 0; i < HP_ACK_SLOTS && !slot; i++)
		if (!pipe->acks[i])
			slot = &pipe->acks[i];
	if (!slot) {
		slot = &pipe->acks[ack_of(p) % HP_ACK_SLOTS];
		leave(pipe, slot);
	}
	*slot = p;
	pipe->n_acks++;
}

bool hp_pipe_hold_ack(struct hp_pipe *pipe, struct hp_packet *p)
{
	bool bare = p->proto == HP_PROTO_TCP && is_bare(p);
	struct hp_packet **slot;

	if (!bare && (!pipe->n_acks || p->proto != HP_PROTO_TCP))
		return false;
	slot = slot_of(pipe, p);
	if (slot && bare && supersedes(*slot, p)) {
		hp_pipe_conclude(pipe, *slot,
				 hp_pipe_drop(pipe, *slot, "out.ack", HP_DROP_ACK_INCLUDED));
		*slot = p;
		return true;
	}
	if (slot)
		leave(pipe, slot);
	if (bare)
		hold(pipe, p);
	return bare;
}

void hp_pipe_acks_leave(struct hp_pipe *pipe)
{
	for (unsigned int i = 0; pipe->n_acks && i < HP_ACK_SLOTS; i++)
		if (pipe->acks[i])
			leave(pipe, &pipe->acks[i]);
}

void hp_pipe_acks_free(struct hp_pipe *pipe)
{
	for (unsigned int i = 0; i < HP_ACK_SLOTS; i++)
		if (pipe->acks[i])
			hp_pipe_conclude(pipe, pipe->acks[i],
					 hp_pipe_drop(pipe, pipe->acks[i], "out.ack",
						      HP_DROP_CLOSED));
	memset(pipe->acks, 0, sizeof(pipe->acks));
	pipe->n_acks = 0;
}
