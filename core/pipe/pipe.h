/* SPDX-License-Identifier: MIT
 *
 * The pipeline: what happens to a packet between the plain side and the HIP side.
 *
 *	captured (legacy host -> HIP)   policy, proxy database, flow, hooks, translation, ESP
 *	esp      (HIP -> anywhere)      SA, open, flow, hooks, translation, TUN; or host role
 *	local    (this host -> HIP)     packets read from the TUN device, addressed by HITs
 *
 * The pipeline makes no system call: struct hp_pipe_ops does.  It is single threaded.
 */
#ifndef HP_PIPE_PIPE_H
#define HP_PIPE_PIPE_H

#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/assoc.h>
#include <hipproxy/outer.h>
#include <hipproxy/packet.h>

#include "esp/arrived.h"
#include "pipe/drop.h"

struct hp_conf;
struct hp_hip;
struct hp_registry;
struct hp_clock;
struct hp_rand;
struct hp_timers;
struct hp_flow;
struct hp_flow_key;
struct hp_flowdb;
struct hp_peerdb;
struct hp_peer;
struct hp_policy;
struct hp_quote;
struct hp_pipe;

struct hp_pipe_ops {
	void *ctx;
	/* Verdict for a captured packet; mark: let the whole connection pass from now on. */
	void (*accept)(void *ctx, struct hp_packet *p, bool mark);
	/* The captured packet is ours now: the kernel discards its copy. */
	void (*steal)(void *ctx, struct hp_packet *p);
	/* The end of a burst: the verdicts given so far are to be sent. */
	void (*verdicts)(void *ctx);
	/* Packets come from and go back to the pool.  get returns NULL when it is empty. */
	struct hp_packet *(*get)(void *ctx);
	void (*put)(void *ctx, struct hp_packet *p);
	/* For a packet that will be held: the same packet, perhaps in a smaller buffer. */
	struct hp_packet *(*compact)(void *ctx, struct hp_packet *p);
	/* For a packet that will grow: the same packet in a buffer of HP_PACKET_CAP octets.
	 * NULL: there is none, and p is as it was. */
	struct hp_packet *(*expand)(void *ctx, struct hp_packet *p);
	/* A run of ESP or a HIP message for the net.  0: all are sent.  Otherwise the first packet's
	 * -errno (-EMSGSIZE: the path has become narrower), and *lost says how many were not sent. */
	int (*outer_send)(void *ctx, const struct hp_outer_run *r, uint32_t *lost);
	/* A HIP message has arrived; path->src is this host. */
	void (*control)(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len);
	/* A plain packet for the kernel to route or deliver.  0 or -errno; p is only borrowed. */
	int (*plain_send)(void *ctx, struct hp_packet *p);
	/* Path MTU towards a plain address as the kernel has it, octets with IP header; 0 if
	 * unknown. */
	unsigned int (*path_mtu)(void *ctx, const struct hp_addr *dst);
	/* MTU of the first link towards an outer address, whatever ICMP errors said; 0 if unknown. */
	unsigned int (*link_mtu)(void *ctx, const struct hp_addr *dst);
	/* Is addr one of a pool whose packets are routed to the TUN device?  May be NULL. */
	bool (*in_pool)(void *ctx, const struct hp_addr *addr);
	/* A destination's HIT has become known without the configuration, or is known no longer.
	 * May be NULL. */
	void (*learned)(void *ctx, const struct hp_addr *addr, bool known);
	/* A flow has been made, or is about to be freed.  May be NULL. */
	void (*flow_new)(void *ctx, struct hp_flow *f);
	void (*flow_gone)(void *ctx, struct hp_flow *f);
	/* A limit, by its setting, is reached, first by who (NULL: nobody in particular), or is so
	 * no longer.  May be NULL. */
	void (*limit)(void *ctx, const char *setting, const struct hp_addr *who, bool reached);
	/* A packet was dropped: denied by rules, forged or replayed.  May be NULL. */
	void (*alarm)(void *ctx, const struct hp_packet *p, enum hp_drop_reason r);
};

struct hp_pipe_deps {
	const struct hp_conf *conf;
	struct hp_hip *hip;
	struct hp_registry *registry;
	const struct hp_clock *clock;
	const struct hp_rand *rand;
	struct hp_timers *timers;
	const struct hp_pipe_ops *ops;
	struct hp_addr client_hit; /* the identity that stands for legacy clients; zero: none */
	struct hp_addr host_hit;   /* of the host role; zero: none */
	bool join_udp;             /* plain_send takes datagrams in super-packets */
	/* From so many flows on, the flows of a burst are fetched from memory before it is
	 * processed.  Fewer flows stay in the processor's caches. */
	uint32_t ahead_flows;
};

#define HP_PIPE_AHEAD_FLOWS 10000u /* about as many as a second-level cache holds */

/* The pipeline borrows everything in deps.  NULL and errno when memory is out. */
struct hp_pipe *hp_pipe_new(const struct hp_pipe_deps *deps);
void hp_pipe_free(struct hp_pipe *pipe);

/* The rules of a configuration; NULL when memory is out. */
struct hp_policy *hp_pipe_policy_new(const struct hp_conf *conf);
/* After a reload: policy (taken over), peers and limits follow; flows and associations stay.  From
 * here on the old configuration is not looked at any more.  The policy of before, the caller's. */
struct hp_policy *hp_pipe_reconfigure(struct hp_pipe *pipe, const struct hp_conf *conf,
				      struct hp_policy *policy);

/* A flow from before the start, with the same ports; it has no association yet.  NULL: there is
 * no room, or another flow has the same name. */
struct hp_flow *hp_pipe_flow_restore(struct hp_pipe *pipe, const struct hp_flow_key *key,
				     bool outbound);

/* The flow is denied from now on: its ends are told, and its packets are dropped. */
void hp_pipe_cut(struct hp_pipe *pipe, struct hp_flow *f);
/* The same once more for a flow that is cut: a segment may have been lost. */
void hp_pipe_cut_tell(struct hp_pipe *pipe, const struct hp_flow *f);

/* hp_packet_translate: between legacy form and HIT form by p->flow and p->dir. */
int hp_pipe_translate(struct hp_pipe *pipe, struct hp_packet *p);
/* hp_packet_room. */
size_t hp_pipe_room(struct hp_pipe *pipe, const struct hp_packet *p);

/* Packets that were received together are handed in together.  When the call returns, all of them
 * have been sent or dropped, except held packets and fragments.  They are processed in groups of so
 * many packets or octets, which stay in the processor's caches. */
#define HP_PIPE_BURST	     64
#define HP_PIPE_BURST_OCTETS 60000 /* a large super-packet is a group by itself */

/* Packets that are received one by one while the burst is processed: next gives the next one, NULL
 * if there is no other.  So what was read last is still in the cache when it is processed. */
struct hp_packets {
	struct hp_packet *(*next)(struct hp_packets *self);
};

/* Captured packets; packets that the kernel has routed to the TUN device.  Both are taken over. */
void hp_pipe_captured(struct hp_pipe *pipe, struct hp_packet *const *p, unsigned int n);
void hp_pipe_local(struct hp_pipe *pipe, struct hp_packets *from);
/* n runs from the net, HIP messages as runs of one: they meet IN_OUTER.  Hooks may write to their
 * octets. */
void hp_pipe_arrived(struct hp_pipe *pipe, struct hp_outer_run *r, unsigned int n);
/* A HIP message for the net: meets OUT_OUTER.  0 or -errno. */
int hp_pipe_control_send(struct hp_pipe *pipe, const struct hp_path *path, const uint8_t *msg,
			 size_t len);
/* n runs of ESP packets, behind IN_OUTER, in buffers of the caller's, which are only read. */
void hp_pipe_esp_arrived(struct hp_pipe *pipe, const struct hp_esp_arrived *r, unsigned int n);
/* An ICMP error says that the quoted packet of ours was too long for a link with this MTU (IPv4:
 * 0, not given).  It is believed only if such a packet was sent recently. */
void hp_pipe_too_big(struct hp_pipe *pipe, const struct hp_quote *q, uint32_t mtu);

/* An event of the HIP engine (enum hp_hip_event).  Engine event handlers must not call the
 * engine: held packets are released from a timer. */
void hp_pipe_assoc_event(struct hp_pipe *pipe, struct hp_assoc *a, int event);

enum { HP_FLUSH_PEERS = 1, HP_FLUSH_FLOWS = 2 };
/* Forgets destinations, flows or both; held packets are dropped. */
void hp_pipe_forget(struct hp_pipe *pipe, unsigned int what);

struct hp_pipe_totals {
	uint64_t out_packets, out_bytes; /* legacy and local -> HIP, inner octets */
	uint64_t in_packets, in_bytes;
	uint64_t passed;                 /* handed back to the kernel */
	uint64_t narrowed, pmtu_ignored; /* ICMP errors about paths: believed, or not */
};

const struct hp_pipe_totals *hp_pipe_totals(const struct hp_pipe *pipe);
const uint64_t *hp_pipe_drops(const struct hp_pipe *pipe); /* [HP_DROP_MAX] */
struct hp_flowdb *hp_pipe_flowdb(struct hp_pipe *pipe);
struct hp_reassembly;
const struct hp_reassembly *hp_pipe_reassembly(const struct hp_pipe *pipe);
struct hp_peerdb *hp_pipe_peerdb(struct hp_pipe *pipe);
const struct hp_policy *hp_pipe_policy(const struct hp_pipe *pipe);
/* Where the entry's HIT comes from: "configuration", a resolver's name, "opportunistic", or "". */
const char *hp_pipe_peer_source(const struct hp_peer *e);
/* Is its HIT known by other means than the configuration? */
bool hp_pipe_peer_learned(const struct hp_peer *e);
/* What an association carried: inner packets and octets by enum hp_direction, and the MTU. */
void hp_pipe_assoc_stats(struct hp_assoc *a, uint64_t packets[2], uint64_t octets[2],
			 unsigned int *mtu);
/* Does it have flows? */
bool hp_pipe_assoc_in_use(const struct hp_assoc *a);
/* What peers wanted lately: the last HP_PIPE_WISHES different ones. */
#define HP_PIPE_WISHES 8
struct hp_pipe_wish {
	struct hp_addr local_hit, peer_hit;
	uint8_t proto;
	uint16_t port;    /* of local_hit */
	uint64_t last_ms; /* 0: unused */
};
struct hp_pipe_wishes {
	struct hp_pipe_wish at[HP_PIPE_WISHES];
};
/* Connections that access rules denied. */
const struct hp_pipe_wishes *hp_pipe_denied(const struct hp_pipe *pipe);
/* TCP connections that peers began with applications of this host. */
const struct hp_pipe_wishes *hp_pipe_asked(const struct hp_pipe *pipe);

/* Connections of an association in which only one end sends. */
struct hp_pipe_silence {
	unsigned int flows;         /* how many were examined */
	unsigned int waiting;       /* begun here, the peer has not answered */
	const struct hp_flow *deaf; /* begun by the peer, its server has not answered; NULL: none */
};
/* Examines *budget connections at most, and subtracts their number from it. */
void hp_pipe_assoc_silence(struct hp_assoc *a, unsigned int *budget, struct hp_pipe_silence *out);
/* The core's own steps, named so that plugins can order themselves around them; to be called
 * before hp_registry_load. */
int hp_pipe_core_hooks(struct hp_pipe **slot, struct hp_registry *reg);

/* Tracing: every verdict about packets from or to addr is told to fn; NULL stops it. */
struct hp_trace_line {
	uint64_t t_us;
	const char *stage, *hook, *verdict, *reason;
	char packet[160];
};
typedef void (*hp_trace_fn)(void *ctx, const struct hp_trace_line *line);
void hp_pipe_trace(struct hp_pipe *pipe, const struct hp_addr *addr, hp_trace_fn fn, void *ctx);

#endif
