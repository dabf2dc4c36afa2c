/* SPDX-License-Identifier: MIT
 *
 * A TCP connection whose payload a stream function changes on the way: two endpoints that are
 * models, the pipelines of lab.h between them, and an oracle.
 *
 *	end 0 (legacy client) == hop == node 0 (rewrites) == ESP == node 1 == hop == end 1
 *
 * Each hop loses, repeats and reorders packets.  The oracle knows which octets the function used
 * and what it put in their place.  From this it knows the stream that each receiver must get, and
 * what may be acknowledged to each sender at any time.  It shares no code with core/flow/seqadj.c
 * and core/pipe/l7.c.
 *
 * All decisions are dice: either a seeded generator, or the octets of a script (for a fuzzer); a
 * script that is used up gives an undisturbed network.
 */
#ifndef HP_PIPELINE_STREAM_H
#define HP_PIPELINE_STREAM_H

#include "lab.h"

#define STREAM_MAX  12000u  /* octets of one direction as sent */
#define STREAM_OUT  120000u /* and as received */
#define STREAM_MAP  4096u
#define STREAM_HOP  512u
#define STREAM_CALM 1500u   /* rounds after which nothing is lost any more */
#define STREAM_ENDS 9000u   /* rounds after which the transfer must have ended */

struct stream;

/* ---- what a run is like */

struct stream_plan {
	bool v6, routed, stamps, sack, trust_sack, urgent, super, nagle, reset, refused_acks;
	unsigned lose, repeat, delay;   /* chances in 1000 */
	unsigned again;                 /* chance of an unneeded retransmission in a round */
	unsigned probe;                 /* chance of a keep-alive in a round */
	unsigned len[2];                /* octets of each direction */
	unsigned cut[2];                /* octets of a segment, at most */
	unsigned window[2];             /* of the receiver of each direction, at most */
	unsigned mss[2];                /* that each end announces */
	unsigned open;                  /* chance in 1000 that a direction becomes transparent */
	unsigned kinds[2];              /* which of enum stream_kind occur, bits */
};

/* What the function does with a token. */
enum stream_kind {
	STREAM_PLAIN,    /* each octet is used at once */
	STREAM_KEEP,     /* a whole token is awaited and kept */
	STREAM_LOOK,     /* more than the token is awaited */
	STREAM_SAME,     /* replaced by as many octets */
	STREAM_GROW,
	STREAM_SHRINK,
	STREAM_VANISH,
	STREAM_LONG,     /* a token that is perhaps longer than what is held */
	STREAM_SILENT,   /* never answers */
	STREAM_KINDS
};

/* ---- the oracle of one direction */

/* The sender's octets from..to are the receiver's out_from..out_to. */
struct stream_map {
	uint32_t from, to, out_from, out_to;
	bool same; /* octet by octet */
};

struct stream_oracle {
	struct stream_map map[STREAM_MAP];
	unsigned n;
	uint32_t cursor, pending; /* the next octet to be offered; offered but not used */
	uint32_t seen;            /* what the step has been given in order while transparent */
	uint32_t segment;         /* end of the segment that is being looked at */
	bool open, was_open;
	bool shows_fin;           /* this segment ends the stream: what is left over passes */
	uint32_t out_len;
	uint8_t out[STREAM_OUT];
	/* Octets held: before what may they be acknowledged, once the receiver has that much. */
	struct stream_held { uint32_t out, upto; } held[STREAM_MAP];
	unsigned n_held;
};

/* ---- an endpoint */

struct stream_end {
	int at;
	bool up, closing;
	/* Sending; offsets from the first octet, the FIN is the octet behind the last. */
	uint32_t iss, len;
	uint32_t una, nxt, top, peer_wnd, urgent;
	unsigned mss;
	uint64_t quiet_since;
	uint8_t text[STREAM_MAX + 1];
	bool sacked[STREAM_MAX + 2];
	/* Receiving. */
	uint32_t irs, rcv, high, edge, last_wnd;
	int64_t fin_at, reset_at, urgent_at;
	uint8_t got[STREAM_OUT + 2];
	bool have[STREAM_OUT + 2];
	bool ack_due;
	uint64_t ack_at;
	uint32_t dup_from, dup_to;
	uint32_t ts_recent, ts_sent, ts_got;
	struct hp_addr self, peer;
	uint16_t sport, dport;
};

/* A packet on a hop. */
struct stream_hop {
	bool to_end;
	uint64_t due;
	struct hp_packet *p;
};

struct stream {
	struct lab *lab;
	struct stream_plan plan;
	const uint8_t *script;  /* NULL: the generator */
	size_t script_left;
	uint64_t state, seed;
	uint64_t round;
	const char *why;        /* what was found wrong first */
	bool loud;
	bool unchecked;         /* the function answers at random; no endpoint, no oracle */
	struct hp_flow *flow;
	struct hp_instance *self;
	struct stream_oracle o[2]; /* by enum hp_direction, which is the sending end's number */
	struct stream_end e[2];
	struct stream_hop hop[STREAM_HOP];
	unsigned n_hop;
	/* What happened, so that tests can see that it did. */
	unsigned long calls, held, replaced, skipped, opened, retransmitted, sacks, resets, urgents,
		zero_windows, supers;
};

/* A number below sides; 0 when a script is used up. */
uint32_t stream_roll(struct stream *s, uint32_t sides);
/* True in so many cases of 1000; false when a script is used up. */
bool stream_chance(struct stream *s, unsigned per_mille);
/* Notes that something is wrong; the first one stays. */
void stream_wrong(struct stream *s, const char *why);
#define STREAM_HOLDS(s, x) do { if (!(x)) stream_wrong(s, #x); } while (0)

/* stream_follow.c: the function and the oracle */
extern const struct hp_plugin stream_plugin;
void stream_follow_reset(struct stream *s);
void stream_transparent(struct stream *s, enum hp_direction dir, bool on);
/* May the sender of dir be told that all before offset ack has arrived, or from..to (SACK)? */
bool stream_may_ack(const struct stream *s, int dir, uint32_t ack);
bool stream_may_sack(const struct stream *s, int dir, uint32_t from, uint32_t to);
/* Where the receiver's octet is that stands for this boundary: lowest and highest place. */
void stream_place(const struct stream_oracle *o, uint32_t at, uint32_t *low, uint32_t *high);
/* What the function never answered has passed unchanged. */
void stream_finish(struct stream *s, int dir);

/* stream_end.c: the endpoints */
void stream_end_init(struct stream *s, int at);
void stream_end_take(struct stream *s, int at, const struct hp_packet *p);
void stream_end_act(struct stream *s, int at);
/* A reset from the end of what was sent. */
void stream_end_reset(struct stream *s, int at);
bool stream_end_done(const struct stream *s, int at);

/* stream.c: a whole run */
void stream_send(struct stream *s, bool to_end, struct hp_packet *p);
/* A plan by dice. */
void stream_plan(struct stream *s);
/* The lab is started, its node 0 has stream_plugin.  NULL, or what is wrong. */
const char *stream_run(struct stream *s);

#endif
