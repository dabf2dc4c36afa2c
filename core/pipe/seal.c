/* SPDX-License-Identifier: MIT
 *
 * Packets in HIT form are sent as ESP in BEET mode (RFC 7402, RFC 4303).
 *
 * A super-packet is cut into segments that fit the path.  ESP packets of equal length stand back
 * to back in one buffer and are sent in one call: a run.  The packets of a burst share runs.  A
 * run is sent when it is full, when a packet of another kind follows, and at the end of the
 * burst.
 *
 * Other packets that do not fit are sent in fragments, each in an ESP packet of its own whose
 * next header is a fragment header (RFC 8200, section 4.5): NATs and firewalls drop fragments of
 * the outer packet.  Only packets that already have extension headers are left to the outer IP
 * layer.  The same fragment header tells the other end that a packet may be fragmented (RFC 7915,
 * sections 4.1 and 5.1.1).
 */
#include "pipe/seal.h"

#include <errno.h>
#include <string.h>

#include "pipe/area.h"
#include "pipe/outer.h"
#include "pipe/pathmtu.h"
#include "pipe/trace.h"

#define MTU_DEFAULT  1500u
#define MTU_CHECK_MS 1000
/* UDP_SEGMENT's limits; runs without UDP keep them too. */
#define BATCH_PACKETS 64
#define BATCH_BYTES   65000

static unsigned int outer_overhead(const struct hp_path *path)
{
	unsigned int ip = hp_addr_is4(&path->dst) ? 20 : 40;

	return path->dport ? ip + 8 : ip;
}

static unsigned int first_link(struct hp_pipe *pipe, const struct hp_path *path)
{
	unsigned int mtu = pipe->d.ops->link_mtu(pipe->d.ops->ctx, &path->dst);

	if (!mtu)
		mtu = MTU_DEFAULT;
	return mtu > 65535 ? 65535 : mtu;
}

static void find_mtu(struct hp_pipe *pipe, struct hp_pipe_assoc *pa, const struct hp_path *path)
{
	unsigned int low = hp_addr_is4(&path->dst) ? HP_MTU_MIN4 : HP_MTU_MIN6;
	uint64_t now = hp_pipe_now(pipe);
	unsigned int mtu = hp_pipe_pmtu_limit(&pa->pmtu, path, first_link(pipe, path), now);

	pa->cut = mtu < low;
	pa->mtu = pa->cut ? low : mtu;
	pa->mtu_checked_ms = now;
}

unsigned int hp_pipe_max_payload(struct hp_pipe *pipe, struct hp_assoc *a)
{
	struct hp_pipe_assoc *pa = hp_pipe_assoc_area(a);
	struct hp_sa *sa = hp_assoc_sa_out(a);
	const struct hp_path *path = hp_assoc_path(a);
	uint64_t now = hp_pipe_now(pipe);

	if (!pa || !sa)
		return 1200;
	if (pa->mtu && now - pa->mtu_checked_ms < MTU_CHECK_MS)
		return pa->max_payload;
	find_mtu(pipe, pa, path);
	pa->max_payload = hp_esp_max_payload(sa->suite, pa->mtu - outer_overhead(path) -
						     pipe->grows);
	return pa->max_payload;
}

/* ---- the run that is being made */

void hp_pipe_send_run(struct hp_pipe *pipe)
{
	struct hp_outer_run *r = &pipe->run;
	struct hp_outer_run leaving = *r;
	struct hp_pipe_assoc *pa;
	uint32_t lost;
	int err;

	if (!r->n)
		return;
	r->n = 0;
	leaving.tail = (uint32_t)(HP_PACKET_CAP - hp_outer_octets(&leaving));
	err = hp_pipe_outer_send(pipe, &leaving, &lost);
	if (err)
		hp_pipe_drop_count(pipe, err == -EMSGSIZE ? HP_DROP_NARROWED : HP_DROP_SEND, lost);
	/* After the hooks: one may have ended the association. */
	pa = r->assoc ? hp_pipe_assoc_area(r->assoc) : NULL;
	if (err == -EMSGSIZE && pa)
		pa->mtu = 0;
}

void hp_pipe_run_forget(struct hp_pipe *pipe, const struct hp_assoc *a)
{
	if (pipe->run.assoc == a)
		pipe->run.assoc = NULL;
}

static bool same_path(const struct hp_path *a, const struct hp_path *b)
{
	return a->dport == b->dport && a->sport == b->sport && hp_addr_eq(&a->dst, &b->dst) &&
	       hp_addr_eq(&a->src, &b->src);
}

/* Prepares the run for packets of p's kind; sends it first if they differ from those in it. */
static void run_for(struct hp_pipe *pipe, const struct hp_packet *p, struct hp_assoc *a, bool fits)
{
	struct hp_pipe_assoc *pa = hp_pipe_assoc_area(a);
	const struct hp_path *path = hp_assoc_path(a);
	struct hp_outer_run *r = &pipe->run;
	bool df = fits && !(pa && pa->cut);

	if (r->n && r->assoc == a && r->tos == p->tos && r->ttl == p->ttl &&
	    r->df == df && same_path(&r->path, path))
		return;
	hp_pipe_send_run(pipe);
	r->path = *path;
	r->assoc = a;
	r->data = pipe->batch;
	r->tos = p->tos;
	r->ttl = p->ttl;
	r->df = df;
	r->mtu = pa ? pa->mtu : 0;
}

/* May an ESP packet of esp_len octets be added to the run?  Hooks make each longer by up to grows
 * octets. */
static bool run_takes(const struct hp_outer_run *r, size_t esp_len, unsigned int grows)
{
	return !r->n || (r->n < BATCH_PACKETS && r->last == r->seg && esp_len <= r->seg &&
			 (size_t)(r->seg + grows) * r->n + esp_len + grows <= BATCH_BYTES);
}

/* Seals one transport segment into the run.  A segment shorter than the others is the last one of
 * it. */
static int run_add(struct hp_pipe *pipe, struct hp_sa *sa, uint8_t next_header,
		   const uint8_t *payload, size_t len)
{
	struct hp_outer_run *r = &pipe->run;
	size_t at;
	int esp_len;

	if (!run_takes(r, len + hp_esp_overhead(sa->suite, len), pipe->grows))
		hp_pipe_send_run(pipe);
	at = (size_t)r->seg * r->n;
	esp_len = hp_esp_seal_copy(sa, next_header, payload, len, pipe->batch + at,
				   HP_PACKET_CAP - at);
	if (esp_len < 0)
		return esp_len;
	if (!r->n)
		r->seg = (uint32_t)esp_len;
	r->last = (uint32_t)esp_len;
	r->n++;
	return 0;
}

/* ---- fragments */

/* May len octets of p's transport part be sent in one ESP packet, which has room for `room`
 * octets, without a fragment header?  The other end may fragment every packet of up to 1280
 * octets (RFC 7915, section 5.1). */
static bool travels_whole(const struct hp_packet *p, size_t len, unsigned int room)
{
	return len <= room && (p->df || len <= HP_MTU_MIN6 - HP_IP6_HLEN);
}

/* Octets of a packet in each fragment but the last.  No fragment is longer than lowest_ipv6_mtu
 * (RFC 7915, section 4.1). */
static unsigned int step_of(const struct hp_pipe *pipe, unsigned int room)
{
	unsigned int lowest = pipe->conf->translation.lowest_ipv6_mtu - HP_IP6_HLEN;

	return ((room < lowest ? room : lowest) - HP_IP6_FRAGHLEN) & ~7u;
}

/* Seals one transport part of p in fragments.  The eight octets in front of it are overwritten
 * and restored.
 *
 * The lower half of the identification is the IPv4 packet's (RFC 7915, section 4.1).  The upper
 * half, zero in the RFC, distinguishes the packets of several clients, which share one
 * HIT. */
static int run_add_pieces(struct hp_pipe *pipe, const struct hp_packet *p, struct hp_assoc *a,
			  uint8_t *payload, size_t len)
{
	uint32_t id = pipe->xlat.ip_id++ << 16 | (uint16_t)p->frag_id;
	unsigned int step = step_of(pipe, hp_pipe_max_payload(pipe, a));
	uint8_t keep[HP_IP6_FRAGHLEN];
	int err = 0;

	for (size_t off = 0, n; off < len && !err; off += n) {
		uint8_t *at = payload + off - sizeof(keep);

		n = len - off < step ? len - off : step;
		memcpy(keep, at, sizeof(keep));
		hp_ip6_frag_build(at, p->proto, (uint16_t)off, off + n < len, id);
		err = run_add(pipe, hp_assoc_sa_out(a), HP_PROTO_FRAGMENT, at, n + sizeof(keep));
		memcpy(at, keep, sizeof(keep));
	}
	return err;
}

/* ---- packets */

static enum hp_verdict sealed(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a)
{
	struct hp_pipe_assoc *pa = hp_pipe_assoc_area(a);

	uint64_t now = hp_pipe_now(pipe);

	if (pa) {
		pa->packets[HP_OUTBOUND]++;
		pa->octets[HP_OUTBOUND] += p->len;
		hp_pipe_pmtu_sent(&pa->pmtu, hp_assoc_sa_out(a), now);
	}
	pipe->totals.out_packets++;
	pipe->totals.out_bytes += p->len;
	hp_assoc_sent(a, now);
	hp_pipe_note(pipe, p, "out.seal", "sent", hp_assoc_state_name(hp_assoc_state(a)));
	return HP_NEXT;
}

static enum hp_verdict seal_one(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a)
{
	unsigned int room = hp_pipe_max_payload(pipe, a);
	uint8_t *payload = p->data + HP_IP6_HLEN;
	size_t len = p->len - HP_IP6_HLEN;
	bool pieces = p->l4_off == HP_IP6_HLEN && !travels_whole(p, len, room);
	int err;

	if (p->csum_partial && hp_packet_complete_checksum(p))
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_BAD_TRANSPORT);
	run_for(pipe, p, a, pieces || len <= room);
	err = pieces ? run_add_pieces(pipe, p, a, payload, len) :
		       run_add(pipe, hp_assoc_sa_out(a), p->data[6], payload, len);
	if (err)
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_SEAL);
	return sealed(pipe, p, a);
}

/* mss: for TCP; datagrams are cut at gso_size. */
static enum hp_verdict seal_segments(struct hp_pipe *pipe, struct hp_packet *p,
				     struct hp_assoc *a, unsigned int mss)
{
	unsigned int room = hp_pipe_max_payload(pipe, a);
	uint8_t *out = pipe->segment + HP_IP6_FRAGHLEN;
	struct hp_sa *sa = hp_assoc_sa_out(a);
	struct hp_segmenter s;
	int len, err = 0;

	if (hp_segment_init(&s, p, mss))
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_BAD_TRANSPORT);
	run_for(pipe, p, a, true);
	while (!err && (len = hp_segment_next(&s, out, HP_PACKET_CAP - HP_IP6_FRAGHLEN)) > 0)
		err = travels_whole(p, (size_t)len, room) ?
			      run_add(pipe, sa, p->proto, out, (size_t)len) :
			      run_add_pieces(pipe, p, a, out, (size_t)len);
	if (err)
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_SEAL);
	return sealed(pipe, p, a);
}

/* The largest payload of a TCP segment by the peer's MSS and the path. */
static unsigned int tcp_room(struct hp_pipe *pipe, const struct hp_packet *p,
			     struct hp_assoc *a, unsigned int mss)
{
	unsigned int header = (p->data[p->l4_off + 12] >> 4) * 4u;
	unsigned int room = hp_pipe_max_payload(pipe, a);

	room = room > header + 64 ? room - header : 64;
	/* An announced MSS does not count options (RFC 6691). */
	if (mss && mss + 20 > header && mss + 20 - header < room)
		room = mss + 20 - header;
	if (p->gso_size && p->gso_size < room)
		room = p->gso_size;
	return room;
}

static enum hp_verdict seal_tcp(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a,
				unsigned int mss)
{
	unsigned int room, header;

	if (p->len < p->l4_off + (size_t)HP_TCP_HLEN)
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_BAD_TRANSPORT);
	room = tcp_room(pipe, p, a, mss);
	header = (p->data[p->l4_off + HP_TCP_OFF_DOFF] >> 4) * 4u;
	if (p->len - p->l4_off - header <= room)
		return seal_one(pipe, p, a);
	/* Segments of up to 1280 octets need no fragment header to be fragmented later. */
	if (!p->df && room > HP_MTU_MIN6 - HP_IP6_HLEN - header)
		room = HP_MTU_MIN6 - HP_IP6_HLEN - header;
	return seal_segments(pipe, p, a, room);
}

enum hp_verdict hp_pipe_seal(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a,
			     unsigned int mss)
{
	if (!hp_assoc_sa_out(a))
		return hp_pipe_drop(pipe, p, "out.seal", HP_DROP_NO_SA);
	if (p->frag_more || p->frag_off)
		return seal_one(pipe, p, a);
	if (p->proto == HP_PROTO_TCP)
		return seal_tcp(pipe, p, a, mss);
	if (p->proto == HP_PROTO_UDP && p->gso_size)
		return seal_segments(pipe, p, a, p->gso_size);
	return seal_one(pipe, p, a);
}
