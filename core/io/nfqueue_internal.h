/* SPDX-License-Identifier: MIT
 *
 * What nfqueue.c and nfverdict.c share.
 */
#ifndef HP_IO_NFQUEUE_INTERNAL_H
#define HP_IO_NFQUEUE_INTERNAL_H

#include "io/nfqueue.h"

#define NFQ_BATCH     64    /* messages read at once */
#define NFQ_BATCH_GSO 6     /* super-packets: what is read stays in the processor's cache */
#define NFQ_SPILL     65536 /* what of a message does not fit a small buffer */
#define VERDICTS_MAX  256
#define ACCEPT_LEN   40 /* netlink header, nfgenmsg, verdict and mark attributes */
#define DROP_LEN     32 /* the same without a mark */

struct nfq_queue {
	struct hp_nfq *nfq;
	struct hp_watch watch;
	int fd;
	uint16_t num;
	bool gso;
	uint8_t *spill;	    /* without gso: NFQ_BATCH pieces, address space until used */
	uint64_t undecided; /* packets the kernel holds for us */
	/* Verdicts not yet sent: accepts as messages, drops as ids. */
	size_t accepts_len;
	unsigned int n_accepts, n_drops;
	uint32_t drops[VERDICTS_MAX];
	uint8_t out[VERDICTS_MAX * (ACCEPT_LEN + DROP_LEN)];
};

struct hp_nfq {
	struct hp_loop *loop;
	struct hp_pool *pool;
	hp_nfq_fn on_burst;
	void *ctx;
	uint32_t mark, mask;
	struct hp_nfq_counts counts;
	struct nfq_queue q[2];
};

/* Gathers a drop for a packet already counted as undecided. */
void nfq_verdict_drop(struct nfq_queue *q, uint32_t id);

#endif
