/* SPDX-License-Identifier: MIT
 *
 * The event loop: descriptors (epoll), timers, signals (signalfd), and a call at the end
 * of each round for whoever batches.
 *
 * One round: wait; callbacks of ready descriptors; due timers; flush calls, in the order
 * they were added.  Everything runs on the thread that called hp_loop_run.
 */
#ifndef HP_IO_LOOP_H
#define HP_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "util/clock.h"
#include "util/timer.h"

struct hp_loop;

/* How long the loop stood still for everything else: from the end of waiting to the end of the
 * round. */
struct hp_loop_stalls {
	uint64_t rounds;
	uint32_t worst_us;        /* since the start */
	uint32_t recent_worst_us; /* in the last minute, to ten seconds */
};

/* A descriptor being watched; embedded in the owner's structure, zeroed before first use.
 */
struct hp_watch {
	int fd;
	bool added;
	/* events: EPOLLIN and so on, level-triggered.  May delete any watch, itself
	 * included. */
	void (*fn)(void *ctx, uint32_t events);
	void *ctx;
};

/* A call at the end of each round in which something happened; embedded like a watch. */
struct hp_flush {
	void (*fn)(void *ctx);
	void *ctx;
	struct hp_flush *next;
};

/* Borrows timers and clock until hp_loop_free.  NULL with errno. */
struct hp_loop *hp_loop_new(struct hp_timers *timers, const struct hp_clock *clock);
/* Watches and flushes must be gone; signals are unblocked again. */
void hp_loop_free(struct hp_loop *loop);

/* w->fn and w->ctx are set by the call; w stays the caller's and in place until deleted.
 * The descriptor stays the caller's.  0 or -errno. */
int hp_loop_add(struct hp_loop *loop, struct hp_watch *w, int fd, uint32_t events,
		void (*fn)(void *ctx, uint32_t events), void *ctx);
int hp_loop_mod(struct hp_loop *loop, struct hp_watch *w, uint32_t events);
/* Harmless for a watch that was never added.  Call it before closing the descriptor. */
void hp_loop_del(struct hp_loop *loop, struct hp_watch *w);

void hp_loop_flush_add(struct hp_loop *loop, struct hp_flush *f, void (*fn)(void *ctx),
		       void *ctx);
void hp_loop_flush_del(struct hp_loop *loop, struct hp_flush *f);

/* Blocks signo in this thread (so call it before threads are started) and delivers it to
 * fn on the loop; one fn a signal, fn NULL takes it back.  0 or -errno. */
int hp_loop_signal(struct hp_loop *loop, int signo, void (*fn)(void *ctx, int signo),
		   void *ctx);

/* While events follow each other within us microseconds, looks for the next one without sleeping
 * for so long: being woken costs more.  Other programs that want the processor get it.  0, as at
 * first: always sleeps. */
void hp_loop_busy_poll(struct hp_loop *loop, unsigned int us);

/* Until hp_loop_stop.  0, or -errno when waiting itself fails. */
int hp_loop_run(struct hp_loop *loop);
/* One round, waiting at most max_wait_ms (-1: for as long as it takes).  0 or -errno. */
int hp_loop_once(struct hp_loop *loop, int max_wait_ms);
/* The round in hand is finished, with its flush. */
void hp_loop_stop(struct hp_loop *loop);
/* The events in hand had to be waited for: one packet is more likely than a train. */
bool hp_loop_quiet(const struct hp_loop *loop);
struct hp_loop_stalls hp_loop_stalls(struct hp_loop *loop);
/* Milliseconds of the clock at the beginning of this round. */
uint64_t hp_loop_now(const struct hp_loop *loop);
/* A clock whose milliseconds are those of hp_loop_now: for whoever asks with every packet.  Its
 * microseconds are exact.  The loop's. */
const struct hp_clock *hp_loop_clock(const struct hp_loop *loop);

#endif
