/* SPDX-License-Identifier: MIT
 *
 * Path MTU discovery for each association (RFC 1191, RFC 8201).
 *
 * An ICMP error is believed only if it quotes a packet that was sent recently: addresses, ports,
 * SPI and sequence number (RFC 8201, section 4: "validate the payload"; RFC 5927 explains the
 * attacks).  It changes the MTU of that association on that path and nothing else.  The kernel's
 * own path MTU is not used: every ICMP error changes it.
 */
#include "pipe/pathmtu.h"

#include <string.h>

#include "pipe/area.h"
#include "wire/quote.h"

#define AGE_MS  600000 /* RFC 1191, section 6.3, RFC 8201, section 5.3: ten minutes */
#define MTU_LEAST4 68u /* RFC 791: what every link carries */
#define MARK_MS 3000 /* a packet counts as recent for so long at least, and at most for twice that */

/* RFC 1191, section 7.1. */
static const uint16_t plateaus[] = { 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68 };

/* ---- which packets are recent */

void hp_pipe_pmtu_sent(struct hp_pipe_pmtu *p, const struct hp_sa *sa, uint64_t now_ms)
{
	if (now_ms - p->mark_ms < MARK_MS)
		return;
	p->marks[1] = p->marks[0];
	p->marks[0] = sa->seq;
	p->mark_ms = now_ms;
}

static bool is_recent(const struct hp_pipe_pmtu *p, const struct hp_sa *sa, uint32_t seq)
{
	uint32_t ago = (uint32_t)sa->seq - seq;

	return ago < sa->seq - p->marks[1];
}

/* ---- an error */

static bool is_of_path(const struct hp_quote *q, const struct hp_path *path)
{
	if (!hp_addr_is_zero(&path->src) && !hp_addr_eq(&path->src, &q->src))
		return false;
	return q->dport == path->dport && (!path->dport || q->sport == path->sport);
}

/* Old routers give no MTU (RFC 1191, section 5): the next plateau below the packet's size is
 * used. */
static unsigned int plateau_below(uint32_t len)
{
	for (size_t i = 0; i < sizeof(plateaus) / sizeof(plateaus[0]); i++)
		if (plateaus[i] < len)
			return plateaus[i];
	return 0;
}

/* The MTU that the error means.  0: no link can have it, or the packet would have fitted. */
static unsigned int meant(const struct hp_quote *q, uint32_t mtu)
{
	bool v4 = hp_addr_is4(&q->dst);

	if (v4 && !mtu)
		mtu = plateau_below(q->total_len);
	if (mtu < (v4 ? MTU_LEAST4 : HP_MTU_MIN6) || mtu >= q->total_len)
		return 0;
	return mtu;
}

static bool holds(const struct hp_pipe_pmtu *p, const struct hp_path *path, uint64_t now_ms)
{
	return p->mtu && now_ms < p->until_ms && p->dport == path->dport &&
	       hp_addr_eq(&p->dst, &path->dst);
}

static void narrow(struct hp_pipe *pipe, struct hp_assoc *a, struct hp_pipe_assoc *pa,
		   unsigned int mtu)
{
	const struct hp_path *path = hp_assoc_path(a);
	struct hp_log_about about = { .limit = &pipe->log_tokens, .peer = hp_assoc_peer_hit(a),
				      .peer_at = &path->dst, .reason = "path-mtu" };
	char text[HP_ADDR_STRLEN];

	pa->pmtu.mtu = mtu;
	pa->pmtu.until_ms = hp_pipe_now(pipe) + AGE_MS;
	pa->pmtu.dst = path->dst;
	pa->pmtu.dport = path->dport;
	pa->mtu = 0;
	pipe->totals.narrowed++;
	hp_log_about(HP_LOG_PIPE, HP_LOG_INFO, &about, "the path to %s has an MTU of %u",
		     hp_addr_format(&path->dst, text), mtu);
}

/* An MTU that is not less than the one in use changes nothing (RFC 8201, section 4). */
void hp_pipe_too_big(struct hp_pipe *pipe, const struct hp_quote *q, uint32_t mtu)
{
	struct hp_assoc *a = hp_hip_by_spi_out(pipe->d.hip, q->spi, &q->dst);
	struct hp_pipe_assoc *pa = a ? hp_pipe_assoc_area(a) : NULL;
	struct hp_sa *sa = pa ? hp_assoc_sa_out(a) : NULL;
	unsigned int to = meant(q, mtu);

	if (!sa || sa->spi != q->spi || !to || !is_of_path(q, hp_assoc_path(a)) ||
	    !is_recent(&pa->pmtu, sa, q->seq)) {
		pipe->totals.pmtu_ignored++;
		return;
	}
	if (holds(&pa->pmtu, hp_assoc_path(a), hp_pipe_now(pipe)) && to >= pa->pmtu.mtu)
		return;
	narrow(pipe, a, pa, to);
}

/* ---- what follows */

unsigned int hp_pipe_pmtu_limit(const struct hp_pipe_pmtu *p, const struct hp_path *path,
				unsigned int link, uint64_t now_ms)
{
	return holds(p, path, now_ms) && p->mtu < link ? p->mtu : link;
}

void hp_pipe_pmtu_new_keys(struct hp_pipe_pmtu *p)
{
	p->marks[0] = p->marks[1] = 0;
	p->mark_ms = 0;
}
