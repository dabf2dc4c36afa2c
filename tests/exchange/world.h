/* SPDX-License-Identifier: MIT
 *
 * Two engines in one process: a clock that only tests move, repeatable randomness, a
 * network that loses, repeats, delays and alters as a test says, and workers that take
 * their time.
 */
#ifndef HP_EXCHANGE_WORLD_H
#define HP_EXCHANGE_WORLD_H

#include "hip/hip.h"
#include "wire/hip.h"

#define WORLD_LATENCY_MS 1
#define WORLD_QUEUE	 4096

struct world;
struct hp_registry;

struct side {
	struct world *w;
	int at; /* 0 or 1 */
	struct hp_hip *hip;
	struct hp_hip_config cfg;
	struct hp_hip_ops ops;
	struct hp_key *key;
	struct hp_addr addr, hit, peer_pin;
	const char *di;
	int accept_err, pin_calls;
	unsigned events[HP_HIP_EVENTS];
	int error;	    /* of the last failure */
	unsigned sent[256]; /* by packet type */
	unsigned in_udp;    /* of them, those in UDP */
	/* A plugin beside the engine, of whoever sets `made` (nat.h): called for each new engine. */
	void (*made)(struct side *s);
	struct hp_registry *registry; /* is told of events, and freed behind the engine */
};

enum fate { PASS, LOSE, TWICE, LATE };

struct packet {
	int to;
	uint64_t at_ms;
	size_t len;
	struct hp_addr src, dst;
	uint16_t sport, dport; /* 0: native */
	uint8_t msg[HP_HIP_MAX];
};

struct world {
	struct side s[2];
	uint64_t now_us;
	struct hp_clock clock;
	struct hp_timers timers;
	struct hp_rand rand;
	uint64_t seed;
	/* What becomes of a message; may alter it.  NULL: all pass. */
	enum fate (*fate)(struct world *w, const struct side *from, struct packet *p);
	void *arg;
	unsigned count;	  /* for fate */
	unsigned late_ms; /* what LATE means, and how much later the second one of TWICE is */
	struct packet *queue[WORLD_QUEUE];
	size_t n_queue;
	bool slow_jobs; /* jobs wait in the queue below */
	unsigned job_delay_ms;
	struct {
		struct hp_job *job;
		uint64_t at_ms;
	} jobs[WORLD_QUEUE];
	size_t n_jobs, max_jobs;
	struct packet *kept[64]; /* world_keep: copies of what was sent */
	size_t n_kept;
	bool keep;
};

/* Keys are made once and shared by all worlds.  kind and number (0, 1). */
struct hp_key *world_key(enum hp_key_kind kind, int number);
void world_keys_free(void);

void world_init(struct world *w);
/* Engines with what s[].cfg and s[].key say (world_init fills defaults: P-256 each). */
void world_start(struct world *w);
void world_restart(struct world *w, int at);
void world_fini(struct world *w);
void world_run(struct world *w, unsigned ms);
/* s[0] connects to s[1]; runs until both ends stand or ms are over.  True: both do. */
bool world_connect(struct world *w, unsigned ms);
struct hp_assoc *world_assoc(struct world *w, int at);
bool world_up(struct world *w);
/* One packet in each direction, sealed and opened. */
bool world_data(struct world *w);
/* Sealed by `from`, opened by the other, and both told. */
bool world_one_way(struct world *w, int from);
uint64_t world_counted(const struct world *w, int at, enum hp_hip_count c);

#endif
