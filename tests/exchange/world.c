/* SPDX-License-Identifier: MIT
 *
 * See world.h.
 */
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/registry.h"

static struct hp_key *keys[3][2];

struct hp_key *world_key(enum hp_key_kind kind, int number)
{
	if (!keys[kind][number] &&
	    hp_key_generate(kind, kind == HP_KEY_RSA ? 2048 : 0, &keys[kind][number]))
		abort();
	return keys[kind][number];
}

void world_keys_free(void)
{
	for (int k = 0; k < 3; k++)
		for (int n = 0; n < 2; n++) {
			hp_key_unref(keys[k][n]);
			keys[k][n] = NULL;
		}
}

static uint64_t clock_ms(void *ctx)
{
	return ((struct world *)ctx)->now_us / 1000;
}

static uint64_t clock_us(void *ctx)
{
	return ((struct world *)ctx)->now_us;
}

static int fill(void *ctx, void *buf, size_t len)
{
	struct world *w = ctx;
	uint8_t *p = buf;

	while (len--) {
		w->seed ^= w->seed << 13;
		w->seed ^= w->seed >> 7;
		w->seed ^= w->seed << 17;
		*p++ = (uint8_t)(w->seed >> 32);
	}
	return 0;
}

/* ---- the network */

static void enqueue(struct world *w, const struct packet *p, unsigned late_ms)
{
	struct packet *copy;

	if (w->n_queue == WORLD_QUEUE)
		abort();
	copy = malloc(sizeof(*copy));
	*copy = *p;
	copy->at_ms = w->now_us / 1000 + WORLD_LATENCY_MS + late_ms;
	w->queue[w->n_queue++] = copy;
}

static void keep(struct world *w, const struct packet *p)
{
	if (!w->keep || w->n_kept == 64)
		return;
	w->kept[w->n_kept] = malloc(sizeof(*p));
	*w->kept[w->n_kept++] = *p;
}

static void net_send(void *ctx, const struct hp_path *path, const uint8_t *msg,
		     size_t len)
{
	struct side *s = ctx;
	struct world *w = s->w;
	struct packet p = {.to = !s->at, .len = len}; /* any address is the other's but ours */
	enum fate f;

	if (len > HP_HIP_MAX)
		abort();
	if (hp_addr_eq(&path->dst, &s->addr))
		p.to = s->at;
	s->sent[msg[HP_HIP_OFF_TYPE]]++;
	s->in_udp += path->dport != 0;
	p.src = path->src;
	p.dst = path->dst;
	p.sport = path->sport;
	p.dport = path->dport;
	memcpy(p.msg, msg, len);
	f = w->fate ? w->fate(w, s, &p) : PASS;
	keep(w, &p);
	if (f == LOSE)
		return;
	enqueue(w, &p, f == LATE ? w->late_ms : 0);
	if (f == TWICE)
		enqueue(w, &p, w->late_ms);
}

static int net_source(void *ctx, const struct hp_addr *dst, struct hp_addr *src)
{
	(void)dst;
	*src = ((struct side *)ctx)->addr;
	return 0;
}

/* In the order of sending, as far as they are due. */
static void deliver(struct world *w)
{
	for (size_t i = 0; i < w->n_queue;) {
		struct packet *p = w->queue[i];
		struct hp_path path = {.src = p->dst, .dst = p->src,
				       .sport = p->dport, .dport = p->sport};

		if (p->at_ms > w->now_us / 1000) {
			i++;
			continue;
		}
		memmove(&w->queue[i], &w->queue[i + 1],
			(w->n_queue - i - 1) * sizeof(w->queue[0]));
		w->n_queue--;
		if (w->s[p->to].hip)
			hp_hip_input(w->s[p->to].hip, &path, p->msg, p->len);
		free(p);
	}
}

/* ---- the workers */

static int take_job(void *ctx, struct hp_job *job)
{
	struct world *w = ((struct side *)ctx)->w;

	if (w->n_jobs >= w->max_jobs)
		return -EAGAIN;
	if (!w->slow_jobs) {
		job->run(job);
		job->done(job);
		return 0;
	}
	w->jobs[w->n_jobs].job = job;
	w->jobs[w->n_jobs++].at_ms = w->now_us / 1000 + w->job_delay_ms;
	return 0;
}

static void work(struct world *w, bool all)
{
	for (size_t i = 0; i < w->n_jobs;) {
		struct hp_job *job = w->jobs[i].job;

		if (!all && w->jobs[i].at_ms > w->now_us / 1000) {
			i++;
			continue;
		}
		w->jobs[i] = w->jobs[--w->n_jobs];
		job->run(job);
		job->done(job);
	}
}

/* ---- policy and events */

static int accept_peer(void *ctx, const struct hp_addr *local, const struct hp_addr *peer,
		       const struct hp_path *path)
{
	(void)local;
	(void)peer;
	(void)path;
	return ((struct side *)ctx)->accept_err;
}

static int pin(void *ctx, const struct hp_addr *addr, const struct hp_addr *hit)
{
	struct side *s = ctx;

	(void)addr;
	s->pin_calls++;
	if (hp_addr_is_zero(&s->peer_pin))
		s->peer_pin = *hit;
	return hp_addr_eq(&s->peer_pin, hit) ? 0 : -EACCES;
}

static void tell(struct side *s, struct hp_assoc *a, enum hp_hip_event ev)
{
	struct hp_event_info info = { .event = HP_EVENT_ASSOC_UP, .assoc = a };

	if (ev == HP_HIP_DOWN)
		info.event = HP_EVENT_ASSOC_DOWN;
	else if (ev == HP_HIP_PATH_CHANGED)
		info.event = HP_EVENT_LOCATOR_CHANGED;
	else if (ev != HP_HIP_UP)
		return;
	hp_registry_event(s->registry, &info);
}

static void event(void *ctx, struct hp_assoc *a, enum hp_hip_event ev)
{
	struct side *s = ctx;

	s->events[ev]++;
	if (ev == HP_HIP_FAILED)
		s->error = hp_assoc_error(a);
	if (s->registry)
		tell(s, a, ev);
}

/* ---- life */

void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->now_us = 1000000;
	w->seed = 0x9e3779b97f4a7c15u;
	w->max_jobs = WORLD_QUEUE;
	w->late_ms = 20;
	w->clock = (struct hp_clock){clock_ms, clock_us, w};
	w->rand = (struct hp_rand){fill, w};
	for (int i = 0; i < 2; i++) {
		struct side *s = &w->s[i];

		s->w = w;
		s->at = i;
		s->key = world_key(HP_KEY_P256, i);
		s->di = i ? "server.example" : "client@example";
		hp_hip_config_init(&s->cfg);
		s->cfg.r1_generation = 1;
		/* One group keeps most worlds quick to make. */
		s->cfg.n_dh_groups = 1;
		s->ops = (struct hp_hip_ops){
			.ctx = s,
			.send = net_send,
			.job = take_job,
			.source = net_source,
			.accept = accept_peer,
			.event = event,
			.pin = pin,
		};
		hp_addr_parse(i ? "192.0.2.2" : "192.0.2.1", &s->addr);
	}
	hp_timers_init(&w->timers, clock_ms(w));
}

static void engine(struct world *w, int at)
{
	struct side *s = &w->s[at];

	s->hit = *hp_key_hit(s->key);
	s->hip = hp_hip_new(&s->cfg, &s->ops, &w->clock, &w->rand, &w->timers);
	if (!s->hip || hp_hip_identity_add(s->hip, s->key, 0, s->di))
		abort();
	if (s->made)
		s->made(s);
}

static void engine_end(struct side *s)
{
	hp_hip_free(s->hip);
	s->hip = NULL;
	hp_registry_free(s->registry);
	s->registry = NULL;
}

void world_start(struct world *w)
{
	engine(w, 0);
	engine(w, 1);
	if (w->slow_jobs)
		work(w, true);
}

void world_restart(struct world *w, int at)
{
	engine_end(&w->s[at]);
	w->s[at].cfg.r1_generation++;
	engine(w, at);
}

void world_fini(struct world *w)
{
	for (int i = 0; i < 2; i++)
		engine_end(&w->s[i]);
	work(w, true);
	for (size_t i = 0; i < w->n_queue; i++)
		free(w->queue[i]);
	for (size_t i = 0; i < w->n_kept; i++)
		free(w->kept[i]);
}

void world_run(struct world *w, unsigned ms)
{
	while (ms--) {
		w->now_us += 1000;
		deliver(w);
		work(w, false);
		hp_timers_run(&w->timers, w->now_us / 1000);
	}
}

struct hp_assoc *world_assoc(struct world *w, int at)
{
	return hp_hip_find(w->s[at].hip, &w->s[at].hit, &w->s[!at].hit);
}

bool world_up(struct world *w)
{
	struct hp_assoc *a = world_assoc(w, 0), *b = world_assoc(w, 1);

	return a && b && hp_assoc_sa_out(a) && hp_assoc_sa_out(b);
}

bool world_connect(struct world *w, unsigned ms)
{
	hp_hip_connect(w->s[0].hip, NULL, &w->s[1].hit, &w->s[1].addr, 1);
	while (ms-- && !world_up(w))
		world_run(w, 1);
	return world_up(w);
}

bool world_one_way(struct world *w, int from)
{
	static const char text[] = "across the wire";
	struct hp_assoc *a = world_assoc(w, from), *b = world_assoc(w, !from);
	struct hp_sa *out = a ? hp_assoc_sa_out(a) : NULL, *in;
	uint64_t now = w->now_us / 1000;
	struct hp_esp_opened o;
	uint8_t buf[256];
	int len;

	if (!out)
		return false;
	len = hp_esp_seal_copy(out, 17, (const uint8_t *)text, sizeof(text), buf,
			       sizeof(buf));
	hp_assoc_sent(a, now);
	if (len < 0)
		return false;
	in = hp_sadb_find(hp_hip_sadb(w->s[!from].hip), out->spi);
	if (!in || !b || in->owner != b || hp_esp_open(in, buf, (size_t)len, &o))
		return false;
	hp_assoc_received(b, now);
	return o.len == sizeof(text) && !memcmp(o.payload, text, sizeof(text));
}

bool world_data(struct world *w)
{
	return world_one_way(w, 0) && world_one_way(w, 1);
}

uint64_t world_counted(const struct world *w, int at, enum hp_hip_count c)
{
	return hp_count_get(hp_hip_counters(w->s[at].hip), c);
}
