/* SPDX-License-Identifier: MIT
 *
 * Verdicts for captured packets (see nfqueue.h), gathered and sent in one call.
 *
 * NFQNL_MSG_VERDICT_BATCH settles every packet up to an id, so it serves for drops only
 * when nothing else waits in the queue, and after the accepts have gone.
 */
#include "io/nfqueue_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include <hipproxy/log.h>

struct verdict_msg {
	struct nlmsghdr h;
	struct nfgenmsg g;
	struct nlattr verdict_attr;
	struct nfqnl_msg_verdict_hdr verdict;
};

struct mark_attr {
	struct nlattr attr;
	uint32_t mark_be;
};

_Static_assert(sizeof(struct verdict_msg) == DROP_LEN, "no padding");
_Static_assert(sizeof(struct verdict_msg) + sizeof(struct mark_attr) == ACCEPT_LEN,
	       "no padding");

/* Writes one message with room for extra octets behind it; the octets written. */
static size_t verdict_put(uint8_t *at, uint16_t queue, uint16_t type, uint32_t verdict,
			  uint32_t id, size_t extra)
{
	struct verdict_msg m = {
		.h = {.nlmsg_len = (uint32_t)(sizeof(m) + extra),
		      .nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | type,
		      .nlmsg_flags = NLM_F_REQUEST},
		.g = {.nfgen_family = AF_UNSPEC,
		      .version = NFNETLINK_V0,
		      .res_id = htons(queue)},
		.verdict_attr = {.nla_len = sizeof(struct nlattr) + sizeof(m.verdict),
				 .nla_type = NFQA_VERDICT_HDR},
		.verdict = {.verdict = htonl(verdict), .id = htonl(id)},
	};

	memcpy(at, &m, sizeof(m));
	return sizeof(m);
}

static size_t mark_put(uint8_t *at, uint32_t mark)
{
	struct mark_attr a = {
		.attr = {.nla_len = sizeof(a), .nla_type = NFQA_MARK},
		.mark_be = htonl(mark),
	};

	memcpy(at, &a, sizeof(a));
	return sizeof(a);
}

/* Appends the drops to the accepts; the octets to send. */
static size_t drops_put(struct nfq_queue *q)
{
	size_t len = q->accepts_len;
	uint32_t last;
	unsigned int i;

	if (!q->n_drops)
		return len;
	if (!q->undecided) {
		for (last = q->drops[0], i = 1; i < q->n_drops; i++) {
			if ((int32_t)(q->drops[i] - last) > 0)
				last = q->drops[i];
		}
		return len + verdict_put(q->out + len, q->num, NFQNL_MSG_VERDICT_BATCH,
					 NF_DROP, last, 0);
	}
	for (i = 0; i < q->n_drops; i++)
		len += verdict_put(q->out + len, q->num, NFQNL_MSG_VERDICT, NF_DROP,
				   q->drops[i], 0);
	return len;
}

static void queue_flush(struct nfq_queue *q)
{
	static struct hp_tokens limit = HP_TOKENS(1, 5);
	size_t len;
	ssize_t n;

	if (!q->n_accepts && !q->n_drops)
		return;
	len = drops_put(q);
	do {
		n = send(q->fd, q->out, len, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		q->nfq->counts.errors++;
		hp_log_limited(&limit, HP_LOG_IO, HP_LOG_ERROR,
			       "NFQUEUE %u: verdicts: %s", q->num, strerror(errno));
	}
	q->n_accepts = q->n_drops = 0;
	q->accepts_len = 0;
}

void nfq_verdict_drop(struct nfq_queue *q, uint32_t id)
{
	if (q->n_drops == VERDICTS_MAX)
		queue_flush(q);
	q->undecided--;
	q->drops[q->n_drops++] = id;
}

static void verdict_accept(struct nfq_queue *q, uint32_t id, const uint32_t *mark)
{
	if (q->n_accepts == VERDICTS_MAX)
		queue_flush(q);
	q->undecided--;
	q->accepts_len += verdict_put(q->out + q->accepts_len, q->num, NFQNL_MSG_VERDICT,
				      NF_ACCEPT, id, mark ? sizeof(struct mark_attr) : 0);
	if (mark)
		q->accepts_len += mark_put(q->out + q->accepts_len, *mark);
	q->n_accepts++;
}

static struct nfq_queue *queue_of(struct hp_nfq *nfq, const struct hp_packet *p)
{
	if (!p->queued)
		return NULL;
	if (p->queue_num == nfq->q[0].num)
		return &nfq->q[0];
	return p->queue_num == nfq->q[1].num ? &nfq->q[1] : NULL;
}

void hp_nfq_accept(struct hp_nfq *nfq, const struct hp_packet *p, bool mark)
{
	struct nfq_queue *q = queue_of(nfq, p);
	uint32_t bits = (hp_pool_kmark(p) & ~nfq->mask) | (nfq->mark & nfq->mask);

	if (!q)
		return;
	nfq->counts.accepted++;
	verdict_accept(q, p->queue_id, mark ? &bits : NULL);
}

void hp_nfq_drop(struct hp_nfq *nfq, const struct hp_packet *p)
{
	struct nfq_queue *q = queue_of(nfq, p);

	if (!q)
		return;
	nfq->counts.dropped++;
	nfq_verdict_drop(q, p->queue_id);
}

void hp_nfq_flush(struct hp_nfq *nfq)
{
	queue_flush(&nfq->q[0]);
	queue_flush(&nfq->q[1]);
}
