/* SPDX-License-Identifier: MIT
 *
 * Flow database: every transport conversation that crosses between the plain side and HIP.
 *
 * Both names of a flow (see <hipproxy/flow.h>) find it in constant time by a keyed hash, also
 * many at a time, so that caches are filled for one packet while others are worked on.  When
 * two legacy hosts would look the same to a peer, one gets another port on the HIT side (RFC
 * 6056 style random choice).  Flows expire through a wheel of one-second buckets that is only
 * looked at lazily, so that a packet costs no timer operation and a million flows no heap.
 * One thread; no I/O.
 */
#ifndef HP_FLOW_FLOWDB_H
#define HP_FLOW_FLOWDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/flow.h>
#include <hipproxy/packet.h>

#include "util/clock.h"
#include "util/hash.h"
#include "util/list.h"
#include "util/timer.h"

enum hp_flow_state {
	HP_FLOW_NEW,         /* only one side has sent */
	HP_FLOW_ESTABLISHED, /* both sides have sent; TCP: and the handshake is through */
	HP_FLOW_CLOSING,     /* TCP: a FIN from both sides, or a RST */
	HP_FLOW_STATES
};

/* What went by in one direction. */
struct hp_flow_way {
	uint64_t octets; /* of inner IP packets */
	uint64_t packets : 48;
	uint64_t mss : 16; /* that its sender announced, 0: not seen */
};

/* Three cache lines: the addresses; what every packet needs besides; the rest. */
struct hp_flow {
	struct hp_flow_key key;
	uint8_t state : 2;           /* enum hp_flow_state */
	uint8_t fin_seen : 2;        /* bit: 1 << enum hp_direction */
	uint8_t tcp_seen : 2;        /* bit: a segment other than SYN came, by direction */
	bool outbound : 1;
	bool announced : 1;          /* connections: there may be expectations of it */
	bool mapped : 1;             /* UDP: it counts in its mapping (flow/mapping.h) */
	bool grouped : 1;            /* UDP: it is in a group of flows */
	bool other_port : 1;         /* UDP: the peer has answered from another port */
	bool expected : 1;           /* another flow announced it: rules say nothing of it */
	bool cut : 1;                /* carries nothing any more, see hp_flow_cut */
	uint16_t legacy_mtu;         /* towards the legacy host, 0: unknown */
	uint16_t legacy_mtu_s;       /* when that was asked; low half of the clock's seconds */
	uint32_t flags;              /* marks for hooks' matches */
	uint32_t expires_s, wheel_s; /* seconds since the database was made */
	uint32_t number;             /* in the database's slab */
	struct hp_assoc *assoc;      /* borrowed; NULL while there is none */
	void *hooks;                 /* the pipeline's; not owned */
	struct hp_flowdb *db;
	union {
		struct hp_seqadj *seqadj; /* TCP: owned; NULL: payload is nobody's business */
		struct {
			uint32_t next, before; /* UDP: numbers in its group; 0: none */
		} group;
	};
	struct hp_flow_way way[2];   /* by enum hp_direction */
	struct hp_list of_assoc;     /* in its association's list, or alone */
	uint32_t later, sooner;      /* numbers of its neighbours in the wheel, 0: none */
	uint32_t serial;             /* tells it from others that had or will have its number */
	uint32_t state_slot;         /* the daemon's record of it; 0: none */
};

_Static_assert(sizeof(struct hp_flow) == 192, "a flow is three cache lines");

struct hp_flow_timeouts { /* seconds */
	uint32_t tcp_syn;         /* handshake not through; RFC 5382, REQ-5 */
	uint32_t tcp_established; /* at least 2 h 4 min; RFC 5382, REQ-5 */
	uint32_t tcp_closing;     /* at least 4 min; RFC 5382, REQ-5 */
	uint32_t udp_unreplied;   /* at least 2 min; RFC 4787, REQ-5 */
	uint32_t udp;             /* 5 min recommended; RFC 4787, REQ-5 */
	uint32_t icmp;            /* at least 60 s; RFC 5508, REQ-2 */
	uint32_t other;
};

/* 120, 7440, 240, 120, 300, 60 and 300 seconds. */
extern const struct hp_flow_timeouts hp_flow_timeouts_default;

struct hp_flowdb_config {
	size_t limit;                /* most flows, above 0 */
	struct hp_flow_shares {
		uint32_t client; /* flows that one legacy host may have; 0: all */
		uint32_t peer;   /* flows that one HIP peer may have begun; 0: all */
		uint32_t port;   /* of them to one service, where they need ports; 0: all */
	} share;                     /* flows that have ended are not counted */
	size_t area_bytes;           /* plugins' areas in each flow, all together */
	struct hp_flow_timeouts timeouts;
	struct hp_hash_key hash_key; /* random; also the seed of port choice */
	void *ctx;
	/* A flow is about to be freed: expired, or removed by hp_flow_del.  May be NULL. */
	void (*gone)(void *ctx, struct hp_flow *f);
	/* Where in the area self's part begins, octets; SIZE_MAX if it has none.  May be NULL. */
	size_t (*area_offset)(void *ctx, const struct hp_plugin *self);
	/* Can packets of this protocol, which has no ports, have flows?  NULL: no. */
	bool (*carries)(void *ctx, uint8_t proto);
};

enum hp_flow_counter {
	HP_FLOWC_ADDED,
	HP_FLOWC_EXPIRED,
	HP_FLOWC_DELETED,
	HP_FLOWC_LIMIT,      /* refused: table full */
	HP_FLOWC_EVICTED,    /* had ended, or was never answered: the table was full */
	HP_FLOWC_SHARE,      /* refused: its client has its share of the table */
	HP_FLOWC_PORT_SHARE, /* refused: its client has its share of the service's ports */
	HP_FLOWC_TRANSLATED, /* got another port than the first host chose */
	HP_FLOWC_TAKEN_OVER, /* had ended: another flow got its port */
	HP_FLOWC_NO_PORT,    /* refused: every port in use */
	HP_FLOWC_NO_MEMORY,
	HP_FLOWC_MAX
};

struct hp_flowdb;
struct hp_expect_db;

/* Borrows timers and clock, copies cfg.  NULL and errno when memory is out. */
struct hp_flowdb *hp_flowdb_new(const struct hp_flowdb_config *cfg, struct hp_timers *timers,
				const struct hp_clock *clock);
/* Frees all flows (gone is told) and the database.  NULL is fine. */
void hp_flowdb_free(struct hp_flowdb *db);
/* New limit and timeouts; flows that exist stay, their next packet takes the new timeouts. */
void hp_flowdb_reconfigure(struct hp_flowdb *db, size_t limit,
			   const struct hp_flow_shares *share,
			   const struct hp_flow_timeouts *t);
size_t hp_flowdb_count(const struct hp_flowdb *db);
/* Flows that a legacy host or a HIP peer has begun and that have not ended; it may be said to have a
 * few more (util/sketch.h). */
uint32_t hp_flowdb_client_count(const struct hp_flowdb *db, const struct hp_addr *client);
/* HP_FLOWC_MAX values. */
const uint64_t *hp_flowdb_counters(const struct hp_flowdb *db);
const char *hp_flow_counter_name(enum hp_flow_counter c);
const char *hp_flow_state_name(enum hp_flow_state s);
/* Calls fn until it returns non-zero, and returns that.  fn may delete that flow, no other. */
int hp_flowdb_each(struct hp_flowdb *db, int (*fn)(struct hp_flow *f, void *arg), void *arg);
/* The same in many steps, between which flows may come and go: the first flow that stands not before
 * *at, which is moved behind it; begin with 0.  A flow keeps its place, so what is there from the
 * first step to the last is met once.  NULL at the end. */
struct hp_flow *hp_flowdb_walk(struct hp_flowdb *db, uint32_t *at);
/* How many places there are: *at above stays below. */
uint32_t hp_flowdb_places(const struct hp_flowdb *db);
/* Deletes all. */
void hp_flowdb_flush(struct hp_flowdb *db);

/* Connections that flows of this database announced. */
struct hp_expect_db *hp_flowdb_expect(struct hp_flowdb *db);

/* A packet src:sport -> dst:dport from the legacy side.  NULL if there is none. */
struct hp_flow *hp_flow_find_legacy(struct hp_flowdb *db, uint8_t proto,
				    const struct hp_addr *src, uint16_t sport,
				    const struct hp_addr *dst, uint16_t dport);
/* A packet from peer_hit:peer_port to local_hit:local_port. */
struct hp_flow *hp_flow_find_hit(struct hp_flowdb *db, uint8_t proto,
				 const struct hp_addr *local_hit, uint16_t local_port,
				 const struct hp_addr *peer_hit, uint16_t peer_port);

/* The same in three steps, for packets that come many at a time: what one lookup needs is
 * fetched from memory while others are prepared.  First each packet is hashed, and the way to
 * its flow begins to be fetched.  When HP_FLOW_AHEAD more are hashed its flow begins to be
 * fetched.  When the batch is through, all are found, one by one.  Each step works without the
 * one before, only slower, and flows may come and go in between. */
#define HP_FLOW_AHEAD 8u
uint32_t hp_flow_hash_legacy(const struct hp_flowdb *db, uint8_t proto,
			     const struct hp_addr *src, uint16_t sport,
			     const struct hp_addr *dst, uint16_t dport);
uint32_t hp_flow_hash_hit(const struct hp_flowdb *db, uint8_t proto,
			  const struct hp_addr *local_hit, uint16_t local_port,
			  const struct hp_addr *peer_hit, uint16_t peer_port);
void hp_flow_fetch_legacy(const struct hp_flowdb *db, uint32_t hash);
void hp_flow_fetch_hit(const struct hp_flowdb *db, uint32_t hash);
/* hash: of this very name. */
struct hp_flow *hp_flow_find_legacy_hashed(struct hp_flowdb *db, uint32_t hash, uint8_t proto,
					   const struct hp_addr *src, uint16_t sport,
					   const struct hp_addr *dst, uint16_t dport);
struct hp_flow *hp_flow_find_hit_hashed(struct hp_flowdb *db, uint32_t hash, uint8_t proto,
					const struct hp_addr *local_hit, uint16_t local_port,
					const struct hp_addr *peer_hit, uint16_t peer_port);

/* Makes a flow in state NEW.  outbound: key->local_port is chosen here (legacy_port if it is
 * free on the HIT side, else another of the same range and, for UDP, if possible, parity); UDP: the
 * one that legacy_port has already (flow/mapping.h); else key->far_port is chosen likewise from
 * peer_port.  Where no port is free a flow that has ended
 * is deleted and gives up its own; the same where the table is full, where one that nobody has
 * answered does too.  ICMP: identifiers are the ports.
 * 0; -EEXIST: a flow of this name is there; -EADDRINUSE: no free port; -ENOBUFS: table full;
 * -EDQUOT: the client has its share of the table; -EUSERS: it has its share of the service's
 * ports; -ENOMEM.  The database owns *out. */
int hp_flow_add(struct hp_flowdb *db, const struct hp_flow_key *key, bool outbound,
		struct hp_flow **out);
/* As hp_flow_add with all ports as they are in key; -EEXIST also for the other name. */
int hp_flow_restore(struct hp_flowdb *db, const struct hp_flow_key *key, bool outbound,
		    struct hp_flow **out);
void hp_flow_del(struct hp_flow *f);
/* Do flows of this protocol have ports or identifiers?  Others are told apart by addresses alone. */
bool hp_flow_has_ports(uint8_t proto);

/* The flow belongs to this association: assoc is what hp_flow_assoc gives, list (the caller's,
 * initialised; must outlive the binding) makes the association's flows iterable with
 * HP_LIST_EACH_SAFE and hp_flow_of.  Both NULL: no association. */
void hp_flow_bind(struct hp_flow *f, struct hp_assoc *assoc, struct hp_list *list);
static inline struct hp_flow *hp_flow_of(struct hp_list *node)
{
	return HP_CONTAINER(node, struct hp_flow, of_assoc);
}

/* Accounts for a packet of len octets and moves state and expiry on.  tcp_flags: 0 if the
 * protocol is not TCP. */
void hp_flow_track(struct hp_flow *f, enum hp_direction dir, uint8_t tcp_flags, size_t len);
/* Does a packet with these flags begin a new connection on the ports of f, which has ended?  Then
 * f must be deleted: nothing that belonged to the old connection is of the new one. */
bool hp_flow_begins_anew(const struct hp_flow *f, uint8_t tcp_flags);
/* The flow carries nothing any more; it stays as long as one that has ended. */
void hp_flow_cut(struct hp_flow *f);
/* Milliseconds until it expires if nothing more comes. */
uint64_t hp_flow_left_ms(const struct hp_flow *f);
/* Milliseconds since its last packet, to the second. */
uint64_t hp_flow_idle_ms(const struct hp_flow *f);

/* The areas of all plugins, area_bytes octets aligned for any type; NULL if there are none. */
void *hp_flow_areas(struct hp_flow *f);

#endif
