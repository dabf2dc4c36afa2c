/* SPDX-License-Identifier: MIT
 *
 * The state of a pipeline: its tables, and what it keeps for an association and for a
 * destination.
 */
#ifndef HP_PIPE_STATE_H
#define HP_PIPE_STATE_H

#include "conf/conf.h"
#include "esp/sa.h"
#include "flow/expect.h"
#include "flow/flowdb.h"
#include "flow/hold.h"
#include "flow/mapping.h"
#include "flow/peerdb.h"
#include "flow/policy.h"
#include "hip/hip.h"
#include "pipe/limits.h"
#include "pipe/pipe.h"
#include "plugin/registry.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/timer.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "xlat/coalesce.h"
#include "xlat/reassembly.h"
#include "xlat/segment.h"
#include "xlat/xlat.h"

#include <hipproxy/log.h>
#include <hipproxy/tokens.h>

#define HP_MTU_MIN4  576u /* RFC 791 */
#define HP_MTU_MIN6  ((unsigned int)HP_IP6_MTU_MIN)

struct hp_burst;

/* What ICMP errors have said about an association's path (pathmtu.c). */
struct hp_pipe_pmtu {
	unsigned int mtu;   /* 0: nothing */
	uint64_t until_ms;
	struct hp_addr dst; /* the path that it is about */
	uint16_t dport;
	uint64_t marks[2];  /* outbound sequence numbers of 3 to 6 seconds ago */
	uint64_t mark_ms;   /* when the first one was taken */
};

/* What the pipeline keeps for an association (hp_assoc_udata). */
struct hp_pipe_assoc {
	struct hp_list flows;     /* struct hp_flow.of_assoc */
	struct hp_list waiting;   /* struct hp_pipe_peer.of_assoc */
	uint64_t mtu_checked_ms;
	struct hp_pipe_pmtu pmtu;
	unsigned int mtu;         /* outer path MTU, octets with IP header; 0: not known yet */
	bool cut;                 /* the path is narrower than mtu: routers must fragment */
	unsigned int max_payload; /* largest transport segment that fits one ESP packet */
	uint64_t packets[2], octets[2];
};

/* A backend's answer, while the packets that have waited for it go on. */
struct hp_pipe_backend {
	struct hp_backend_ask ask;
	struct hp_backend_result result;
	int err;
};

/* What the pipeline keeps for an entry of the proxy database (hp_peer.udata). */
struct hp_pipe_peer {
	struct hp_list of_assoc;  /* in hp_pipe_assoc.waiting, or in hp_pipe.ready */
	struct hp_timer timer;    /* packets have been held for too long */
	struct hp_asking asking;  /* a resolver, or (locating) a locator */
	struct hp_addr client;    /* for whom; zero: this host */
	struct hp_peer *peer;
	struct hp_pipe *pipe;
	unsigned int next_resolver, next_locator;
	bool locating;            /* locators are asked; the HIT is known */
	bool located;             /* they have been, since an association was up */
	const char *source;       /* where the HIT comes from, for reports */
	int error;                /* the result of the exchange, while in ready */
	struct hp_addr met_hit;   /* the HIT that the exchange found, or zero, while in ready */
};

/* Which hooks a flow wants; shared by all flows that want the same. */
struct hp_choice {
	struct hp_choice *next;
	uint32_t flow_flags; /* the flow's flags for which it was made */
	struct hp_wanted wanted;
};

/* Scratch buffers for followed flows: a stream's octets held and new, a segment as rewritten, and
 * what a gateway puts in a payload's place. */
enum { HP_PIPE_STREAM_IN, HP_PIPE_STREAM_SENT, HP_PIPE_STREAM_OUT, HP_PIPE_STREAMS };

struct hp_pipe {
	struct hp_pipe_deps d;
	const struct hp_conf *conf;
	struct hp_flowdb *flows;
	struct hp_peerdb *peers;
	struct hp_policy *policy;
	struct hp_reassembly *reasm;
	struct hp_coalesce coalesce;
	struct hp_outer_run run; /* ESP that has not been sent yet; assoc NULL: it has been freed */
	unsigned int grows;      /* octets by which hooks make an ESP packet longer */
	struct hp_burst *burst; /* in hand, innermost; NULL: none */
	struct hp_xlat xlat;
	struct hp_choice *choices;
	struct hp_list backend_waits; /* see backend.c */
	unsigned int n_backend_waits;
	const struct hp_pipe_backend *backend_known;
	struct hp_list ready;   /* struct hp_pipe_peer.of_assoc: their exchange has ended */
	struct hp_timer work;   /* handles ready outside the engine's events */
	/* hp_pipe_released, for resolve.c, which is below it. */
	void (*released)(struct hp_pipe *pipe, struct hp_packet *list);
	/* hp_pipe_inner_again, for backend.c. */
	void (*answered)(struct hp_pipe *pipe, struct hp_packet *list);
	struct hp_tokens icmp_tokens, log_tokens, drop_tokens, cut_tokens;
	struct hp_limit limits[HP_PIPE_LIMIT_MAX];
	struct hp_timer limits_timer; /* while a limit is reached */
	struct hp_pipe_totals totals;
	uint64_t drops[HP_DROP_MAX];
	uint8_t *segment, *batch; /* HP_PACKET_CAP each: one transport segment, a run of ESP */
	uint8_t *stream[HP_PIPE_STREAMS]; /* for followed flows, made when needed (rewrite.c) */
	struct hp_pipe_wishes denied, asked;
	hp_trace_fn trace_fn;
	void *trace_ctx;
	struct hp_addr trace_addr;
};

static inline uint64_t hp_pipe_now(const struct hp_pipe *pipe)
{
	return hp_clock_ms(pipe->d.clock);
}

#endif
