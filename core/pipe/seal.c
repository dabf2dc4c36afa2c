/* SPDX-License-Identifier: MIT
 *
 * A packet in HIT form leaves as ESP in BEET mode (RFC 7402, 4303).
 *
 * A TCP super-packet is cut into segments that fit the path; equal ESP packets stand back to
 * back in one buffer and are handed over in one call.  Other packets that do not fit leave as
 * one ESP packet that the outer IP layer fragments: BEET has no inner header that could say so.
 */
#include "pipe/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static unsigned int outer_overhead(const struct hp_path *path)
{
	unsigned int ip = hp_addr_is4(&path->dst) ? 20 : 40;

	return path->dport ? ip + 8 : ip;
}

static unsigned int clamp_mtu(const struct hp_path *path, unsigned int mtu)
{
	unsigned int low = hp_addr_is4(&path->dst) ? HP_MTU_MIN4 : HP_MTU_MIN6;

	if (!mtu)
		mtu = HP_MTU_DEFAULT;
	if (mtu > 65535)
		mtu = 65535;
	return mtu < low ? low : mtu;
}

unsigned int hp_pipe_max_payload(struct hp_pipe *pipe, struct hp_assoc *a)
{
	struct hp_pipe_assoc *pa = hp_pipe_assoc_area(a);
	struct hp_sa *sa = hp_assoc_sa_out(a);
	const struct hp_path *path = hp_assoc_path(a);
	uint64_t now = hp_pipe_now(pipe);

	if (!pa || !sa)
		return 1200;
	if (pa->mtu && now - pa->mtu_checked_ms < HP_MTU_CHECK_MS)
		return pa->max_payload;
	pa->mtu = clamp_mtu(path, pipe->d.ops->path_mtu(pipe->d.ops->ctx, &path->dst));
	pa->mtu_checked_ms = now;
	pa->max_payload = hp_esp_max_payload(sa->suite, pa->mtu - outer_overhead(path));
	return pa->max_payload;
}

/* Hands the run over and starts an empty one. */
static int batch_send(struct hp_pipe *pipe, struct hp_assoc *a, struct hp_esp_batch *b)
{
	int err = 0;

	if (b->n)
		err = pipe->d.ops->esp_send(pipe->d.ops->ctx, hp_assoc_path(a), b);
	b->n = 0;
	b->seg = b->last = 0;
	return err;
}

/* One transport segment behind the others in the batch; a shorter one ends the run. */
static int batch_add(struct hp_pipe *pipe, struct hp_sa *sa, struct hp_esp_batch *b,
		     uint8_t next_header, const uint8_t *payload, size_t len)
{
	size_t at = b->n ? (size_t)b->seg * b->n : 0;
	int esp_len;

	esp_len = hp_esp_seal_copy(sa, next_header, payload, len, pipe->batch + at,
				   HP_PACKET_CAP - at);
	if (esp_len < 0)
		return esp_len;
	if (!b->n)
		b->seg = esp_len;
	b->last = esp_len;
	b->n++;
	return 0;
}

static bool batch_full(const struct hp_esp_batch *b)
{
	return b->n >= HP_BATCH_PACKETS || b->last != b->seg ||
	       (size_t)b->seg * (b->n + 1) > HP_BATCH_BYTES;
}

static enum hp_verdict sent(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a,
			    int err)
{
	struct hp_pipe_assoc *pa = hp_pipe_assoc_area(a);

	if (err == -EMSGSIZE) {
		if (pa)
			pa->mtu = 0;
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_TOO_BIG);
	}
	if (err)
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_SEND);
	if (pa) {
		pa->packets[HP_OUTBOUND]++;
		pa->octets[HP_OUTBOUND] += p->len;
	}
	pipe->totals.out_packets++;
	pipe->totals.out_bytes += p->len;
	hp_assoc_sent(a, hp_pipe_now(pipe));
	hp_pipe_note(pipe, p, "out.seal", "sent", hp_assoc_state_name(hp_assoc_state(a)));
	return HP_NEXT;
}

static enum hp_verdict seal_one(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a,
				struct hp_esp_batch *b)
{
	struct hp_sa *sa = hp_assoc_sa_out(a);
	const uint8_t *payload = p->data + 40;
	size_t len = p->len - 40;

	/* RFC 4303 carries whole packets: what does not fit is fragmented outside. */
	if (len > hp_pipe_max_payload(pipe, a))
		b->df = false;
	if (p->csum_partial && hp_packet_complete_checksum(p))
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_BAD_TRANSPORT);
	if (batch_add(pipe, sa, b, p->data[6], payload, len))
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_SEAL);
	return sent(pipe, p, a, batch_send(pipe, a, b));
}

static enum hp_verdict seal_segments(struct hp_pipe *pipe, struct hp_packet *p,
				     struct hp_assoc *a, struct hp_esp_batch *b, unsigned int mss)
{
	struct hp_sa *sa = hp_assoc_sa_out(a);
	struct hp_segmenter s;
	int len, err = 0;

	if (hp_segment_init(&s, p, mss))
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_BAD_TRANSPORT);
	while ((len = hp_segment_next(&s, pipe->segment, HP_PACKET_CAP)) > 0) {
		if (batch_add(pipe, sa, b, IPPROTO_TCP, pipe->segment, len))
			return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_SEAL);
		if (batch_full(b) && (err = batch_send(pipe, a, b)))
			return sent(pipe, p, a, err);
	}
	return sent(pipe, p, a, batch_send(pipe, a, b));
}

/* Payload octets a TCP segment may have: the peer's MSS and the path decide. */
static unsigned int tcp_room(struct hp_pipe *pipe, const struct hp_packet *p,
			     struct hp_assoc *a, unsigned int mss)
{
	unsigned int header = (p->data[p->l4_off + 12] >> 4) * 4u;
	unsigned int room = hp_pipe_max_payload(pipe, a);

	room = room > header + 64 ? room - header : 64;
	/* An announced MSS counts without options (RFC 6691). */
	if (mss && mss + 20 > header && mss + 20 - header < room)
		room = mss + 20 - header;
	if (p->gso_size && p->gso_size < room)
		room = p->gso_size;
	return room;
}

enum hp_verdict hp_pipe_seal(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a,
			     unsigned int mss)
{
	struct hp_esp_batch b = { .data = pipe->batch, .tos = p->tos, .ttl = p->ttl, .df = true };
	unsigned int room;

	if (!hp_assoc_sa_out(a))
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_NO_SA);
	if (p->proto != IPPROTO_TCP || p->frag_more || p->frag_off)
		return seal_one(pipe, p, a, &b);
	if (p->len < p->l4_off + 20u)
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_BAD_TRANSPORT);
	room = tcp_room(pipe, p, a, mss);
	if (p->len - p->l4_off - (p->data[p->l4_off + 12] >> 4) * 4u <= room)
		return seal_one(pipe, p, a, &b);
	return seal_segments(pipe, p, a, &b, room);
}
