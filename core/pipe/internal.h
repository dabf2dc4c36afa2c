/* SPDX-License-Identifier: MIT
 *
 * What the files of core/pipe share.
 */
#ifndef HP_PIPE_INTERNAL_H
#define HP_PIPE_INTERNAL_H

#include "conf/conf.h"
#include "esp/sa.h"
#include "flow/flowdb.h"
#include "flow/hold.h"
#include "flow/peerdb.h"
#include "flow/policy.h"
#include "hip/hip.h"
#include "pipe/pipe.h"
#include "plugin/registry.h"
#include "util/clock.h"
#include "util/timer.h"
#include "util/tokens.h"
#include "xlat/coalesce.h"
#include "xlat/reassembly.h"
#include "xlat/segment.h"
#include "xlat/xlat.h"

#include <hipproxy/log.h>

/* RFC 8200, 5: no IPv6 path is narrower; RFC 791's 576 for IPv4. */
#define HP_MTU_DEFAULT 1500u
#define HP_MTU_MIN4    576u
#define HP_MTU_MIN6    1280u
#define HP_MTU_CHECK_MS 1000
/* UDP_SEGMENT's limits, which sendmsg batches keep too. */
#define HP_BATCH_PACKETS 64
#define HP_BATCH_BYTES   65000

/* What the pipeline keeps for an association (hp_assoc_udata). */
struct hp_pipe_assoc {
	uint64_t mtu_checked_ms;
	unsigned int mtu;         /* outer path MTU, octets with IP header */
	unsigned int max_payload; /* largest transport segment that fits one ESP packet */
};

struct hp_pipe {
	struct hp_pipe_deps d;
	const struct hp_conf *conf;
	struct hp_flowdb *flows;
	struct hp_peerdb *peers;
	struct hp_policy *policy;
	struct hp_reassembly *reasm;
	struct hp_coalesce *coalesce;
	struct hp_addr client_hit, host_hit;
	bool client_on, host_on;
	struct hp_tokens icmp_tokens;
	struct hp_tokens log_tokens;
	struct hp_pipe_totals totals;
	uint64_t drops[HP_DROP_MAX];
	uint8_t *segment, *batch; /* 64 KB each: one transport segment, one run of ESP packets */
	/* trace */
	hp_trace_fn trace_fn;
	void *trace_ctx;
	struct hp_addr trace_addr;
	const char *stage; /* where the packet in hand is, for the trace */
};

static inline uint64_t hp_pipe_now(const struct hp_pipe *pipe)
{
	return hp_clock_ms(pipe->d.clock);
}

/* Counts the reason, traces it, gives HP_DROP.  p may be NULL. */
enum hp_verdict hp_pipe_drop(struct hp_pipe *pipe, struct hp_packet *p, enum hp_drop_reason r);
/* Traces a verdict that is not a drop. */
void hp_pipe_note(struct hp_pipe *pipe, const struct hp_packet *p, const char *hook,
		  const char *verdict, const char *reason);

/* Ends the packet's way: kernel verdict where one is due, and back to the pool. */
void hp_pipe_conclude(struct hp_pipe *pipe, struct hp_packet *p, enum hp_verdict v);
/* The kernel's copy is discarded; from here the packet is only ours. */
void hp_pipe_steal(struct hp_pipe *pipe, struct hp_packet *p);

/* outbound.c: flow lookup and all that follows for a captured packet already dissected. */
enum hp_verdict hp_pipe_outbound(struct hp_pipe *pipe, struct hp_packet *p);
/* seal.c: HIT-form packet into ESP packets on the association's path. */
enum hp_verdict hp_pipe_seal(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a,
			     unsigned int mss);
unsigned int hp_pipe_max_payload(struct hp_pipe *pipe, struct hp_assoc *a);
void hp_pipe_mtu_stale(struct hp_assoc *a);

/* resolve.c: what is known about a destination, starting to find out if nothing is. */
enum hp_verdict hp_pipe_resolve(struct hp_pipe *pipe, struct hp_packet *p, bool background,
				struct hp_peer **out);

/* icmp.c: the one exit for ICMP errors towards the plain side; rate-limited. */
void hp_pipe_icmp_prohibited(struct hp_pipe *pipe, const struct hp_packet *p);
void hp_pipe_icmp_unreachable(struct hp_pipe *pipe, const struct hp_packet *p);
void hp_pipe_icmp_too_big(struct hp_pipe *pipe, const struct hp_packet *p, unsigned int mtu);

/* hooks.c: runs the plugin hooks of a stage that the flow subscribed to. */
enum hp_verdict hp_pipe_hooks(struct hp_pipe *pipe, struct hp_packet *p, enum hp_stage stage);

#endif
