/* SPDX-License-Identifier: MIT
 *
 * What the files of core/pipe share.
 */
#ifndef HP_PIPE_INTERNAL_H
#define HP_PIPE_INTERNAL_H

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

#define HP_MTU_DEFAULT  1500u
#define HP_MTU_MIN4     576u  /* RFC 791 */
#define HP_MTU_LEAST4   68u   /* RFC 791: what every link carries */
#define HP_MTU_MIN6     ((unsigned int)HP_IP6_MTU_MIN)
#define HP_MTU_CHECK_MS 1000
/* UDP_SEGMENT's limits, which native runs keep too. */
#define HP_BATCH_PACKETS 64
#define HP_BATCH_BYTES   65000
#define HP_ACK_SLOTS    8
#define HP_PEER_RETRY_MS 3000 /* a known HIP peer that did not answer is tried again after */

/* What ICMP errors have said of an association's path (pathmtu.c). */
struct hp_pipe_pmtu {
	unsigned int mtu;  /* 0: nothing */
	uint64_t until_ms;
	struct hp_addr dst; /* the path it is of */
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
	unsigned int mtu;         /* outer path MTU, octets with IP header; 0: ask */
	bool cut;                 /* the path is narrower than mtu: routers must fragment */
	unsigned int max_payload; /* largest transport segment that fits one ESP packet */
	uint64_t packets[2], octets[2];
};

/* What the pipeline keeps for an entry of the proxy database (hp_peer.udata). */
struct hp_pipe_peer {
	struct hp_list of_assoc;  /* in hp_pipe_assoc.waiting, or in hp_pipe.ready */
	struct hp_timer timer;    /* holding has lasted too long */
	struct hp_resolve_ticket ticket;
	struct hp_service_ref asked; /* whose answer is awaited; service NULL: nobody's */
	struct hp_peer *peer;
	struct hp_pipe *pipe;
	unsigned int next_resolver;
	const char *source;       /* who said so, for reports */
	int error;                /* what the exchange gave, while in ready */
	struct hp_addr met_hit;   /* the HIT it met, zero if none, while in ready */
};

/* Which hooks a flow wants; shared by all flows that want the same. */
struct hp_choice {
	struct hp_choice *next;
	uint32_t flow_flags; /* the marks it was made for */
	struct hp_wanted wanted;
};

/* ESP packets to one place that have not left yet. */
struct hp_pipe_run {
	struct hp_esp_batch b;
	struct hp_path path;
	struct hp_assoc *assoc; /* borrowed; NULL: gone meanwhile */
};

/* Packets whose flows are being fetched from memory (ahead.c), in the order in which they came. */
#define HP_AHEAD_SLOTS (2 * HP_FLOW_AHEAD)

struct hp_ahead {
	struct hp_ahead_packet {
		struct hp_packet *p;
		uint32_t hash;
	} at[HP_AHEAD_SLOTS];
	unsigned int first, n, fetched;
};

struct hp_pipe {
	struct hp_pipe_deps d;
	const struct hp_conf *conf;
	struct hp_flowdb *flows;
	struct hp_peerdb *peers;
	struct hp_policy *policy;
	struct hp_reassembly *reasm;
	struct hp_coalesce coalesce;
	struct hp_pipe_run run;
	struct hp_ahead ahead[2]; /* by enum hp_direction */
	struct hp_packet *acks[HP_ACK_SLOTS]; /* see acks.c */
	unsigned int n_acks;
	struct hp_xlat xlat;
	struct hp_choice *choices;
	struct hp_list ready;   /* struct hp_pipe_peer.of_assoc: their exchange has ended */
	struct hp_timer work;   /* looks after ready, outside the engine's events */
	struct hp_tokens icmp_tokens, log_tokens, drop_tokens, cut_tokens;
	struct hp_limit limits[HP_PIPE_LIMIT_MAX];
	struct hp_timer limits_timer; /* while one of them bites */
	struct hp_pipe_totals totals;
	uint64_t drops[HP_DROP_MAX];
	uint8_t *segment, *batch; /* HP_PACKET_CAP each: one transport segment, a run of ESP */
	uint8_t *stream[2];       /* the same: a stream as it came and as it goes (l7.c) */
	struct hp_pipe_wishes denied, asked;
	hp_trace_fn trace_fn;
	void *trace_ctx;
	struct hp_addr trace_addr;
};

static inline uint64_t hp_pipe_now(const struct hp_pipe *pipe)
{
	return hp_clock_ms(pipe->d.clock);
}

/* Counts the reason, traces it, gives HP_DROP. */
enum hp_verdict hp_pipe_drop(struct hp_pipe *pipe, const struct hp_packet *p, const char *stage,
			     enum hp_drop_reason r);
/* Traces a verdict that is not a drop. */
void hp_pipe_note(struct hp_pipe *pipe, const struct hp_packet *p, const char *stage,
		  const char *verdict, const char *reason);
/* The same, naming the hook that gave the verdict. */
void hp_pipe_note_hook(struct hp_pipe *pipe, const struct hp_packet *p, const char *stage,
		       const char *hook, const char *verdict, const char *reason);
/* Ends the packet's way: kernel verdict where one is due, and back to the pool. */
void hp_pipe_conclude(struct hp_pipe *pipe, struct hp_packet *p, enum hp_verdict v);
/* The kernel's copy is discarded; from here the packet is only ours. */
void hp_pipe_steal(struct hp_pipe *pipe, struct hp_packet *p);

/* Fragments carry no ports: they are put together first.  p itself if it is none; NULL: p is
 * kept, more is to come, or it was dropped. */
struct hp_packet *hp_pipe_whole(struct hp_pipe *pipe, struct hp_packet *p, const char *stage);

/* HP_NEXT, or a drop of which the sender was told: p has a source route or routing header with
 * places left. */
enum hp_verdict hp_pipe_look_at_route(struct hp_pipe *pipe, const struct hp_packet *p,
				      const char *stage);
static inline enum hp_verdict hp_pipe_route_ended(struct hp_pipe *pipe, const struct hp_packet *p,
						  const char *stage)
{
	if (p->l4_off == (p->family == 4 ? HP_IP4_HLEN : HP_IP6_HLEN))
		return HP_NEXT;
	return hp_pipe_look_at_route(pipe, p, stage);
}

/* Tells plugins. */
void hp_pipe_flow_made(struct hp_pipe *pipe, struct hp_flow *f);

/* emit.c: towards the plain side.  plain borrows p; emit takes it over. */
void hp_pipe_plain(struct hp_pipe *pipe, struct hp_packet *p);
void hp_pipe_emit(struct hp_pipe *pipe, struct hp_packet *p);
/* Would p, in HIT form, fit on the way to the flow's legacy host?  If not, the peer is told. */
enum hp_verdict hp_pipe_fits_legacy(struct hp_pipe *pipe, struct hp_packet *p,
				    struct hp_flow *f);

/* inbound.c: a packet out of ESP, in HIT form, assoc set; ctx is the pipe.  named: at
 * once; hash: hp_pipe_name. */
void hp_pipe_inner(void *ctx, struct hp_packet *p);
void hp_pipe_inner_named(struct hp_pipe *pipe, struct hp_packet *p, uint32_t hash);

/* events.c: the association's area, made when needed; NULL when memory is out. */
struct hp_pipe_assoc *hp_pipe_assoc_area(struct hp_assoc *a);

/* outbound.c: what follows for a dissected packet, also for one that was held.  Takes the packet
 * over.  soon: at the latest with hp_pipe_flush.  named: a legacy host's; hash: hp_pipe_name. */
void hp_pipe_outbound(struct hp_pipe *pipe, struct hp_packet *p);
void hp_pipe_outbound_soon(struct hp_pipe *pipe, struct hp_packet *p);
void hp_pipe_outbound_named(struct hp_pipe *pipe, struct hp_packet *p, uint32_t hash);
/* pipe.c: logs, not too often, that no port was free for p's connection. */
void hp_pipe_ports_used(struct hp_pipe *pipe, const struct hp_packet *p, const char *what);

/* 0: not TCP, or cut. */
static inline uint8_t hp_pipe_tcp_flags(const struct hp_packet *p)
{
	if (p->proto != HP_PROTO_TCP || p->len < p->l4_off + (size_t)HP_TCP_HLEN)
		return 0;
	return p->data[p->l4_off + HP_TCP_OFF_FLAGS];
}

/* Ports as flows' keys have them: ICMP echo names the conversation by one identifier. */
static inline uint16_t hp_pipe_far_port(const struct hp_packet *p)
{
	return p->proto == HP_PROTO_ICMP || p->proto == HP_PROTO_ICMP6 ? 0 : p->dport;
}

static inline uint16_t hp_pipe_peer_port(const struct hp_packet *p)
{
	return p->proto == HP_PROTO_ICMP6 ? 0 : p->sport;
}

/* ahead.c: the packet goes on when its flow has been fetched from memory, in order, at the latest
 * with leave: by outbound_named or inner_named.  forget: those of this association are dropped; how
 * many.  name: the hash of p's flow's name on the side from which p comes. */
uint32_t hp_pipe_name(const struct hp_pipe *pipe, enum hp_direction dir,
		      const struct hp_packet *p);
void hp_pipe_ahead(struct hp_pipe *pipe, enum hp_direction dir, struct hp_packet *p);
void hp_pipe_ahead_leave(struct hp_pipe *pipe);
unsigned int hp_pipe_ahead_forget(struct hp_pipe *pipe, const struct hp_assoc *assoc);
void hp_pipe_ahead_free(struct hp_pipe *pipe);
/* acks.c: bare acknowledgements on their way out.  hold: true and p is kept, until it leaves by
 * hp_pipe_outbound_soon or is dropped because the next one includes it; false: p goes on, after what
 * was kept of its flow.  leave: all that is kept goes on. */
bool hp_pipe_hold_ack(struct hp_pipe *pipe, struct hp_packet *p);
void hp_pipe_acks_leave(struct hp_pipe *pipe);
void hp_pipe_acks_free(struct hp_pipe *pipe);
/* Source is a HIT of ours: it came from an application on this host. */
bool hp_pipe_is_local(const struct hp_pipe *pipe, const struct hp_packet *p);

/* seal.c: HIT-form packet into ESP packets on the association's path.  mss: the peer's MSS, 0
 * unknown.  HP_NEXT: sent. */
enum hp_verdict hp_pipe_seal(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a,
			     unsigned int mss);
/* What is in the run leaves. */
void hp_pipe_send_run(struct hp_pipe *pipe);
/* The association is about to be freed. */
void hp_pipe_run_forget(struct hp_pipe *pipe, const struct hp_assoc *a);
unsigned int hp_pipe_max_payload(struct hp_pipe *pipe, struct hp_assoc *a);

/* pathmtu.c.  sent: what sa sealed last leaves now.  new_keys: its numbers begin anew.  limit: the
 * MTU of this path, if that of its first link is link. */
void hp_pipe_pmtu_sent(struct hp_pipe_pmtu *p, const struct hp_sa *sa, uint64_t now_ms);
void hp_pipe_pmtu_new_keys(struct hp_pipe_pmtu *p);
unsigned int hp_pipe_pmtu_limit(const struct hp_pipe_pmtu *p, const struct hp_path *path,
				unsigned int link, uint64_t now_ms);

/* related.c: the flow an ICMP error is about, NULL if p is no error or about none: from the legacy
 * side; from a peer, in HIT form. */
struct hp_flow *hp_pipe_related_legacy(struct hp_pipe *pipe, const struct hp_packet *p);
struct hp_flow *hp_pipe_related_hit(struct hp_pipe *pipe, const struct hp_packet *p);
/* Of ICMP only echo requests begin a flow. */
bool hp_pipe_may_begin(const struct hp_packet *p);

/* expected.c: connections that flows have announced.  in: from a peer; HP_NEXT: *f is its flow,
 * NULL if nobody expects it.  out: from a legacy host; true: *e says which association it belongs
 * to, and is used up. */
enum hp_verdict hp_pipe_expected_in(struct hp_pipe *pipe, struct hp_packet *p,
				    struct hp_flow **f);
bool hp_pipe_expected_out(struct hp_pipe *pipe, const struct hp_packet *p,
			  struct hp_expect *e);

/* filter.c: answered: a peer's datagram without a flow of its own; HP_NEXT: *f is the flow by which
 * a legacy host has asked for it, NULL if there is none or the setting forbids it.  local_sends: an
 * application on this host has sent p.  unwanted: why nobody takes p. */
enum hp_verdict hp_pipe_answered(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow **f);
void hp_pipe_local_sends(struct hp_pipe *pipe, const struct hp_packet *p);
enum hp_drop_reason hp_pipe_unwanted(const struct hp_pipe *pipe, const struct hp_packet *p);

/* l7.c: the core step that rewrites streams somebody follows (hipproxy/l7.h). */
enum hp_verdict hp_pipe_seqadj(struct hp_instance *self, struct hp_packet *p);

/* hosting.c: legacy servers behind Host Identities of ours.  peer_begun: a peer's packet without
 * a flow; HP_NEXT: *f is its flow, NULL if its HIT is of no service.  pool_client: p goes to an
 * address that stands for a peer; 0 and *ask, or -ENOENT. */
enum hp_verdict hp_pipe_peer_begun(struct hp_pipe *pipe, struct hp_packet *p,
				   struct hp_flow **f);
int hp_pipe_pool_client(struct hp_pipe *pipe, const struct hp_packet *p,
			struct hp_backend_ask *ask);
/* Tells plugins, the daemon, and binds: the end of making a flow. */
void hp_pipe_flow_begins(struct hp_pipe *pipe, struct hp_flow *f, struct hp_assoc *a,
			 struct hp_pipe_assoc *pa);

/* resolve.c: finds the association to dst, a legacy address or a HIT, beginning to look for one
 * if there is none.  HP_NEXT: *a may carry data; HP_PASS: dst has no HIP; HP_TAKEN: p is held
 * (or was, and has been dropped). */
struct hp_ask {
	const struct hp_addr *local_hit, *dst;
	bool background; /* while nothing is known: HP_PASS */
	uint16_t peer_port; /* of a flow to be made, if not the destination's; else 0 */
};
enum hp_verdict hp_pipe_resolve(struct hp_pipe *pipe, struct hp_packet *p,
				const struct hp_ask *q, struct hp_assoc **a);
/* Does the configuration name a peer for dst? */
bool hp_pipe_is_configured(const struct hp_pipe *pipe, const struct hp_addr *dst);
void hp_pipe_peer_gone(void *ctx, struct hp_peer *e);
/* The association has come up (err 0) or has failed: whoever waits for it is told later. */
void hp_pipe_wake(struct hp_pipe *pipe, struct hp_pipe_assoc *pa, struct hp_assoc *a, int err);
void hp_pipe_work(struct hp_timer *t);
/* limits.c: so many of so much, at least a few. */
uint32_t hp_pipe_share(uint32_t percent, uint32_t of);
#define HP_PIPE_PORTS (65536 - 1024) /* that connections to one service can have */
/* A limit was reached, by who (may be NULL). */
void hp_pipe_limited(struct hp_pipe *pipe, enum hp_pipe_limit which, const struct hp_addr *who);
void hp_pipe_limits_look(struct hp_timer *t);
/* hp_flow_add has refused p with err: told as a limit; why p is dropped. */
enum hp_drop_reason hp_pipe_flow_refused(struct hp_pipe *pipe, const struct hp_packet *p, int err);

/* icmp.c: the one exit for ICMP errors; rate-limited. */
void hp_pipe_icmp_prohibited(struct hp_pipe *pipe, const struct hp_packet *p);
void hp_pipe_icmp_unreachable(struct hp_pipe *pipe, const struct hp_packet *p);
/* Nothing here carries p's protocol; port_peer: nobody here takes the datagram of a HIP peer. */
void hp_pipe_icmp_protocol(struct hp_pipe *pipe, const struct hp_packet *p);
void hp_pipe_icmp_protocol_peer(struct hp_pipe *pipe, const struct hp_packet *p);
void hp_pipe_icmp_port_peer(struct hp_pipe *pipe, const struct hp_packet *p);
/* refuse.c: tells the peer that nobody takes p, in HIT form and of p->assoc. */
void hp_pipe_refuse_peer(struct hp_pipe *pipe, const struct hp_packet *p);
/* cut.c: p belongs to a flow that is cut. */
enum hp_verdict hp_pipe_cut_packet(struct hp_pipe *pipe, struct hp_packet *p,
				   const struct hp_flow *f);
void hp_pipe_icmp_too_big(struct hp_pipe *pipe, const struct hp_packet *p, unsigned int mtu);
void hp_pipe_icmp_ttl(struct hp_pipe *pipe, const struct hp_packet *p);
/* p's source route has places left.  To a client, or through p->assoc to a peer. */
void hp_pipe_icmp_route(struct hp_pipe *pipe, const struct hp_packet *p);
/* To the HIP peer that sent p (HIT form, p->assoc set), through its association. */
void hp_pipe_icmp_too_big_peer(struct hp_pipe *pipe, const struct hp_packet *p,
			       unsigned int mtu);

/* wanted.c: p is a peer's, in HIT form. */
void hp_pipe_wish(struct hp_pipe_wishes *w, const struct hp_packet *p, uint64_t now_ms);

/* hooks.c */
/* The hooks of a stage that p's flow subscribed to, core steps among them. */
enum hp_verdict hp_pipe_hooks(struct hp_pipe *pipe, struct hp_packet *p, enum hp_stage stage);
/* The same before there is a flow: matched packet by packet. */
enum hp_verdict hp_pipe_hooks_early(struct hp_pipe *pipe, struct hp_packet *p,
				    enum hp_stage stage);
/* Has the core or a plugin a translation for this protocol? */
bool hp_pipe_maps(const struct hp_pipe *pipe, uint8_t proto);
void hp_pipe_choices_free(struct hp_pipe *pipe);

#endif
