/* SPDX-License-Identifier: MIT
 *
 * Captured packets by NFQUEUE.
 *
 * Two kernel queues belong together: queue for TCP, where super-packets come whole
 * (NFQA_CFG_F_GSO), and queue + 1 for everything else, which the kernel has cut into
 * packets that fit the link.  Verdicts are gathered and sent in one system call, after each
 * burst and by hp_nfq_flush.
 *
 * Every packet given to on_burst needs exactly one verdict, by its queue_num and
 * queue_id, at any later time; until then the kernel keeps its copy.  hp_nfq_accept lets
 * the kernel's copy go on, hp_nfq_drop makes the kernel forget it (dropped, or taken over
 * by us).  Verdicts do not touch the hp_packet itself.
 */
#ifndef HP_IO_NFQUEUE_H
#define HP_IO_NFQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/packet.h>

#include "io/err.h"
#include "io/loop.h"
#include "io/pool.h"

struct hp_nfq;

struct hp_nfq_cfg {
	uint16_t queue;	     /* and queue + 1: at most 65534 */
	uint32_t max_len;    /* packets waiting in the kernel, each queue; 0: 16384 */
	bool fail_open;	     /* a full queue lets packets pass instead of dropping them */
	uint32_t mark, mask; /* accept with mark sets these bits of the packet's mark */
};

/* n packets that were received together, the callee's.  Of each: data .. len is the IP packet,
 * not dissected yet, with at least 128 octets of headroom.  queued, queue_num, queue_id, gso
 * (gso_size stays 0: NFQUEUE does not tell) and csum_partial are set, dir is HP_OUTBOUND. */
typedef void (*hp_nfq_fn)(void *ctx, struct hp_packet *const *p, unsigned int n);

struct hp_nfq_counts {
	uint64_t packets, accepted, dropped;
	uint64_t no_buffer; /* dropped because the pool was empty */
	uint64_t malformed; /* messages without a payload we can use; dropped */
	uint64_t cut;	    /* dropped because the kernel's copy was longer than ours */
	uint64_t errors;    /* verdicts the kernel refused, receive errors */
	uint64_t undecided; /* waiting for a verdict now */
};

/* 0 and *out, or -errno with a sentence in err: no CAP_NET_ADMIN, another program has the
 * queue, no NFQUEUE in the kernel. */
int hp_nfq_open(struct hp_loop *loop, struct hp_pool *pool, const struct hp_nfq_cfg *cfg,
		hp_nfq_fn on_burst, void *ctx, struct hp_nfq **out,
		struct hp_io_err *err);
/* The kernel drops what is still undecided (or lets it pass, with rules that bypass). */
void hp_nfq_close(struct hp_nfq *nfq);

/* mark: the rest of the connection shall not be captured either. */
void hp_nfq_accept(struct hp_nfq *nfq, const struct hp_packet *p, bool mark);
void hp_nfq_drop(struct hp_nfq *nfq, const struct hp_packet *p);
/* Sends the verdicts that are gathered. */
void hp_nfq_flush(struct hp_nfq *nfq);

struct hp_nfq_counts hp_nfq_counts(const struct hp_nfq *nfq);

#endif
