/* SPDX-License-Identifier: MIT
 *
 * The event loop (see loop.h).
 */
#include "io/loop.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define BRISK	   2 /* one may be the answer to what was just sent: that is no train */
#define LOOKS_MAX  1000 /* without sleeping, also by a clock that stands still */
#define SOON_US	   10	/* what comes later was waited for */
#define SPANS	   6	/* of the last minute */
#define SPAN_MS	   10000

struct signal_slot {
	void (*fn)(void *ctx, int signo);
	void *ctx;
};

struct hp_loop {
	struct hp_timers *timers;
	const struct hp_clock *clock;
	int epfd, sigfd;
	bool stop;
	uint64_t now_ms;
	unsigned int poll_us; /* see hp_loop_busy_poll */
	unsigned int brisk;   /* how many events in a row were not long in coming */
	bool quiet;	      /* see hp_loop_quiet */
	struct hp_clock round; /* see hp_loop_clock */
	struct hp_flush *flushes;
	struct hp_watch sigwatch;
	sigset_t sigset;
	struct signal_slot signals[64 + 1];
	/* Events of the round in hand; those of a deleted watch are struck out. */
	struct epoll_event events[EVENTS_MAX];
	int n_events;
	uint64_t rounds, span; /* span: number of the one in hand, since the clock's zero */
	uint32_t worst_us;
	uint32_t spans_us[SPANS]; /* the worst of each */
};

static uint64_t round_ms(void *ctx)
{
	const struct hp_loop *loop = ctx;

	return loop->now_ms;
}

static uint64_t exact_us(void *ctx)
{
	const struct hp_loop *loop = ctx;

	return hp_clock_us(loop->clock);
}

struct hp_loop *hp_loop_new(struct hp_timers *timers, const struct hp_clock *clock)
{
	struct hp_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->timers = timers;
	loop->clock = clock;
	loop->now_ms = hp_clock_ms(clock);
	loop->span = loop->now_ms / SPAN_MS;
	loop->round = (struct hp_clock){round_ms, exact_us, loop};
	loop->sigfd = -1;
	sigemptyset(&loop->sigset);
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epfd < 0) {
		free(loop);
		return NULL;
	}
	return loop;
}

void hp_loop_free(struct hp_loop *loop)
{
	if (!loop)
		return;
	hp_loop_del(loop, &loop->sigwatch);
	if (loop->sigfd >= 0) {
		close(loop->sigfd);
		pthread_sigmask(SIG_UNBLOCK, &loop->sigset, NULL);
	}
	close(loop->epfd);
	free(loop);
}

int hp_loop_add(struct hp_loop *loop, struct hp_watch *w, int fd, uint32_t events,
		void (*fn)(void *ctx, uint32_t events), void *ctx)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	if (w->added)
		return -EEXIST;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev))
		return -errno;
	w->fd = fd;
	w->fn = fn;
	w->ctx = ctx;
	w->added = true;
	return 0;
}

int hp_loop_mod(struct hp_loop *loop, struct hp_watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	if (!w->added)
		return -ENOENT;
	return epoll_ctl(loop->epfd, EPOLL_CTL_MOD, w->fd, &ev) ? -errno : 0;
}

void hp_loop_del(struct hp_loop *loop, struct hp_watch *w)
{
	int i;

	if (!w->added)
		return;
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, w->fd, NULL);
	w->added = false;
	for (i = 0; i < loop->n_events; i++) {
		if (loop->events[i].data.ptr == w)
			loop->events[i].data.ptr = NULL;
	}
}

void hp_loop_flush_add(struct hp_loop *loop, struct hp_flush *f, void (*fn)(void *ctx),
		       void *ctx)
{
	struct hp_flush **at = &loop->flushes;

	while (*at)
		at = &(*at)->next;
	*f = (struct hp_flush){.fn = fn, .ctx = ctx};
	*at = f;
}

void hp_loop_flush_del(struct hp_loop *loop, struct hp_flush *f)
{
	struct hp_flush **at = &loop->flushes;

	while (*at && *at != f)
		at = &(*at)->next;
	if (*at)
		*at = f->next;
}

static void signals_read(void *ctx, uint32_t events)
{
	struct hp_loop *loop = ctx;
	struct signalfd_siginfo info;
	struct signal_slot *s;

	while (read(loop->sigfd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo > 64)
			continue;
		s = &loop->signals[info.ssi_signo];
		if (s->fn)
			s->fn(s->ctx, (int)info.ssi_signo);
	}
}

static int signals_watch(struct hp_loop *loop)
{
	int fd = signalfd(loop->sigfd, &loop->sigset, SFD_NONBLOCK | SFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (loop->sigfd >= 0)
		return 0;
	loop->sigfd = fd;
	return hp_loop_add(loop, &loop->sigwatch, fd, EPOLLIN, signals_read, loop);
}

int hp_loop_signal(struct hp_loop *loop, int signo, void (*fn)(void *ctx, int signo),
		   void *ctx)
{
	sigset_t one;

	if (signo < 1 || signo > 64)
		return -EINVAL;
	sigemptyset(&one);
	sigaddset(&one, signo);
	loop->signals[signo] = (struct signal_slot){fn, ctx};
	if (fn)
		sigaddset(&loop->sigset, signo);
	else
		sigdelset(&loop->sigset, signo);
	if (pthread_sigmask(fn ? SIG_BLOCK : SIG_UNBLOCK, &one, NULL))
		return -EINVAL;
	return signals_watch(loop);
}

static int wait_ms(const struct hp_loop *loop, int max_wait_ms)
{
	int next = hp_timers_next(loop->timers, hp_clock_ms(loop->clock));

	if (next < 0)
		return max_wait_ms;
	return max_wait_ms >= 0 && max_wait_ms < next ? max_wait_ms : next;
}

static void dispatch(struct hp_loop *loop)
{
	struct hp_watch *w;
	int i;

	for (i = 0; i < loop->n_events; i++) {
		w = loop->events[i].data.ptr;
		if (w)
			w->fn(w->ctx, loop->events[i].events);
	}
	loop->n_events = 0;
}

void hp_loop_busy_poll(struct hp_loop *loop, unsigned int us)
{
	loop->poll_us = us;
}

static int look(struct hp_loop *loop, int timeout_ms)
{
	return epoll_wait(loop->epfd, loop->events, EVENTS_MAX, timeout_ms);
}

/* Looks for poll_us; the events, 0 if none came. */
static int look_busily(struct hp_loop *loop)
{
	uint64_t end = hp_clock_us(loop->clock) + loop->poll_us;
	int n, tries = LOOKS_MAX;

	do {
		sched_yield();
		n = look(loop, 0);
		if (n)
			return n;
	} while (--tries && hp_clock_us(loop->clock) < end);
	loop->brisk = 0;
	return 0;
}

static int wait_for_events(struct hp_loop *loop, int timeout_ms)
{
	uint64_t since, took;
	int n = 0;

	loop->quiet = false;
	if (timeout_ms && loop->poll_us && loop->brisk >= BRISK)
		n = look_busily(loop);
	if (n)
		return n;
	since = hp_clock_us(loop->clock);
	n = look(loop, timeout_ms);
	took = hp_clock_us(loop->clock) - since;
	loop->quiet = took >= SOON_US;
	loop->brisk = n > 0 && took < loop->poll_us ? loop->brisk + 1 : 0;
	return n;
}

/* Spans that went by without a round have no worst one. */
static void spans_move(struct hp_loop *loop)
{
	uint64_t now = loop->now_ms / SPAN_MS;

	if (now - loop->span > SPANS)
		loop->span = now - SPANS;
	while (loop->span < now)
		loop->spans_us[++loop->span % SPANS] = 0;
}

static void round_took(struct hp_loop *loop, uint64_t us)
{
	uint32_t took = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
	uint32_t *worst;

	loop->rounds++;
	spans_move(loop);
	worst = &loop->spans_us[loop->span % SPANS];
	if (took > *worst)
		*worst = took;
	if (took > loop->worst_us)
		loop->worst_us = took;
}

struct hp_loop_stalls hp_loop_stalls(struct hp_loop *loop)
{
	struct hp_loop_stalls s = { loop->rounds, loop->worst_us, 0 };

	spans_move(loop);
	for (int i = 0; i < SPANS; i++)
		if (loop->spans_us[i] > s.recent_worst_us)
			s.recent_worst_us = loop->spans_us[i];
	return s;
}

int hp_loop_once(struct hp_loop *loop, int max_wait_ms)
{
	struct hp_flush *f, *next;
	uint64_t since;
	int n;

	n = wait_for_events(loop, wait_ms(loop, max_wait_ms));
	if (n < 0 && errno != EINTR)
		return -errno;
	since = hp_clock_us(loop->clock);
	loop->n_events = n < 0 ? 0 : n;
	loop->now_ms = hp_clock_ms(loop->clock);
	dispatch(loop);
	loop->now_ms = hp_clock_ms(loop->clock);
	hp_timers_run(loop->timers, loop->now_ms);
	for (f = loop->flushes; f; f = next) {
		next = f->next;
		f->fn(f->ctx);
	}
	round_took(loop, hp_clock_us(loop->clock) - since);
	return 0;
}

int hp_loop_run(struct hp_loop *loop)
{
	int err = 0;

	loop->stop = false;
	while (!loop->stop && !err)
		err = hp_loop_once(loop, -1);
	return err;
}

void hp_loop_stop(struct hp_loop *loop)
{
	loop->stop = true;
}

uint64_t hp_loop_now(const struct hp_loop *loop)
{
	return loop->now_ms;
}

bool hp_loop_quiet(const struct hp_loop *loop)
{
	return loop->quiet;
}

const struct hp_clock *hp_loop_clock(const struct hp_loop *loop)
{
	return &loop->round;
}
