/* SPDX-License-Identifier: MIT
 *
 * See lab.h.
 */
#include "lab.h"

#include "flow/policy.h"
#include "pipe/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_CAP (2048 + HP_PACKET_HEADROOM + HP_PACKET_TAILROOM)

/* ---- packets */

static struct hp_packet *packet_new(struct node *n, size_t cap)
{
	struct hp_packet *p;

	if (!n->pool_left)
		return NULL;
	n->pool_left--;
	n->live++;
	p = calloc(1, sizeof(*p));
	p->buf = malloc(cap);
	p->cap = cap;
	p->data = p->buf + HP_PACKET_HEADROOM;
	return p;
}

static void op_put(void *ctx, struct hp_packet *p)
{
	struct node *n = ctx;

	if (!p)
		return;
	n->live--;
	n->pool_left++;
	free(p->buf);
	free(p);
}

static struct hp_packet *op_get(void *ctx)
{
	return packet_new(ctx, SMALL_CAP);
}

static struct hp_packet *move(struct node *n, struct hp_packet *p, size_t cap)
{
	struct hp_packet *q = packet_new(n, cap), keep;

	if (!q)
		return NULL;
	keep = *q;
	*q = *p;
	q->buf = keep.buf;
	q->cap = keep.cap;
	q->data = keep.data;
	memcpy(q->data, p->data, p->len);
	op_put(n, p);
	return q;
}

static struct hp_packet *op_compact(void *ctx, struct hp_packet *p)
{
	struct hp_packet *q = p->len <= 2048 ? move(ctx, p, SMALL_CAP) : NULL;

	return q ? q : p;
}

static struct hp_packet *op_expand(void *ctx, struct hp_packet *p)
{
	return p->cap >= HP_PACKET_CAP ? p : move(ctx, p, HP_PACKET_CAP);
}

/* ---- verdicts */

static void judge(struct node *n, struct hp_packet *p, enum verdict v)
{
	if (!p->queued || n->verdict[p->queue_id] != NONE)
		n->judged_twice = true;
	n->verdict[p->queue_id] = v;
}

static void op_accept(void *ctx, struct hp_packet *p, bool mark)
{
	judge(ctx, p, mark ? MARKED : PASSED);
}

static void op_steal(void *ctx, struct hp_packet *p)
{
	judge(ctx, p, STOLEN);
}

static void op_verdicts(void *ctx)
{
	((struct node *)ctx)->told++;
}

/* ---- ESP */

static void wire_put(struct lab *l, struct wire_esp *e, unsigned late_ms)
{
	if (l->n_wire == LAB_SEEN)
		abort();
	e->at_ms = l->w.now_us / 1000 + WORLD_LATENCY_MS + late_ms;
	l->wire[l->n_wire++] = e;
}

static struct wire_esp *wire_copy(const struct wire_esp *e)
{
	struct wire_esp *c = malloc(sizeof(*c) + e->len);

	memcpy(c, e, sizeof(*c) + e->len);
	return c;
}

static void wire_send(struct lab *l, struct wire_esp *e)
{
	enum fate f = l->esp_fate ? l->esp_fate(l, e) : PASS;

	free(l->last);
	l->last = wire_copy(e);
	if (f == TWICE)
		wire_put(l, wire_copy(e), 0);
	if (f == LOSE)
		free(e);
	else
		wire_put(l, e, f == LATE ? 5 : 0);
}

/* What the kernel would say about an outer packet. */
static int op_outer_send(void *ctx, const struct hp_outer_run *b, uint32_t *lost)
{
	struct node *n = ctx;
	const struct hp_path *path = &b->path;
	size_t head = (hp_addr_is4(&path->dst) ? 20 : 40) + (path->dport ? 8 : 0);

	if (b->kind == HP_OUTER_CONTROL)
		return n->control_send ? n->control_send(n, b) : -EOPNOTSUPP;

	n->esp_batches++;
	n->esp_mtu = b->mtu;
	*lost = b->n;
	if (n->esp_err)
		return n->esp_err;
	for (uint32_t i = 0; i < b->n; i++) {
		size_t len = i + 1 < b->n ? b->seg : b->last;
		struct wire_esp *e;

		if (head + len > n->mtu_outer && b->df) {
			*lost = b->n - i;
			return -EMSGSIZE;
		}
		e = malloc(sizeof(*e) + len);
		*e = (struct wire_esp){ .to = !n->at, .kind = b->kind, .path = *path, .tos = b->tos,
					.ttl = b->ttl, .df = b->df, .len = len };
		memcpy(e->data, b->data + (size_t)i * b->seg, len);
		n->esp_sent++;
		n->esp_cut += head + len > n->mtu_outer;
		if (head + len > n->esp_longest)
			n->esp_longest = head + len;
		n->esp_tos = b->tos;
		n->esp_ttl = b->ttl;
		wire_send(n->lab, e);
	}
	return 0;
}

static void op_control(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len)
{
	struct node *n = ctx;

	hp_hip_input(n->lab->w.s[n->at].hip, path, msg, len);
}

/* The octets are in a piece of memory of their own, so that a sanitizer sees who reads on. */
static struct hp_outer_run arrived(const struct wire_esp *e)
{
	uint8_t *octets = malloc(e->len ? e->len : 1);

	memcpy(octets, e->data, e->len);
	return (struct hp_outer_run){ .kind = e->kind, .data = octets, .n = 1,
				      .seg = (uint32_t)e->len, .last = (uint32_t)e->len,
				      .path = { .src = e->path.dst, .dst = e->path.src,
						.sport = e->path.dport, .dport = e->path.sport },
				      .ttl = e->ttl, .tos = e->tos };
}

static void esp_arrive(struct lab *l, int to, struct hp_outer_run *r, unsigned n)
{
	uint8_t *octets[HP_PIPE_BURST];

	for (unsigned i = 0; i < n; i++)
		octets[i] = r[i].data;
	if (n && l->n[to].pipe)
		hp_pipe_arrived(l->n[to].pipe, r, n);
	for (unsigned i = 0; i < n; i++)
		free(octets[i]);
}

static bool is_due(const struct lab *l, const struct wire_esp *e, int to)
{
	return e->to == to && e->at_ms <= l->w.now_us / 1000;
}

/* As much as a socket gives at once; false: nothing is due. */
static bool deliver(struct lab *l, int to)
{
	struct hp_outer_run r[HP_PIPE_BURST];
	unsigned n = 0;
	size_t kept = 0, i;

	for (i = 0; i < l->n_wire && n < HP_PIPE_BURST; i++) {
		if (is_due(l, l->wire[i], to)) {
			r[n++] = arrived(l->wire[i]);
			free(l->wire[i]);
		} else {
			l->wire[kept++] = l->wire[i];
		}
	}
	memmove(&l->wire[kept], &l->wire[i], (l->n_wire - i) * sizeof(l->wire[0]));
	l->n_wire -= i - kept;
	esp_arrive(l, to, r, n);
	return n;
}

void lab_deliver(struct lab *l)
{
	for (int to = 0; to < 2; to++)
		while (deliver(l, to))
			;
}

void lab_esp(struct lab *l, int to, const uint8_t *data, size_t len)
{
	struct wire_esp *e = malloc(sizeof(*e) + len);
	struct hp_outer_run r;

	*e = (struct wire_esp){ .to = to, .ttl = 60, .len = len };
	e->path.src = l->w.s[!to].addr;
	e->path.dst = l->w.s[to].addr;
	memcpy(e->data, data, len);
	r = arrived(e);
	esp_arrive(l, to, &r, 1);
	free(e);
}

/* ---- the plain side */

static int op_plain_send(void *ctx, struct hp_packet *p)
{
	struct node *n = ctx;
	struct seen s = { .len = p->len, .partial = p->csum_partial, .gso = p->gso_size };

	if (n->plain_err)
		return n->plain_err;
	if (n->lab->discard) {
		n->n_out++;
		return 0;
	}
	if (n->n_out == LAB_SEEN)
		abort();
	s.data = malloc(p->len);
	memcpy(s.data, p->data, p->len);
	seen_read(&s);
	n->out[n->n_out++] = s;
	return 0;
}

const struct seen *lab_out(const struct lab *l, int at, size_t i)
{
	static const uint8_t nothing[60];
	static const struct seen none = { .data = (uint8_t *)nothing, .l4 = nothing,
					  .payload = nothing };

	return i < l->n[at].n_out ? &l->n[at].out[i] : &none;
}

size_t lab_count(const struct lab *l, int at)
{
	return l->n[at].n_out;
}

bool lab_all_right(const struct lab *l, int at)
{
	for (size_t i = 0; i < l->n[at].n_out; i++)
		if (!l->n[at].out[i].right)
			return false;
	return true;
}

void lab_forget(struct lab *l, int at)
{
	struct node *n = &l->n[at];

	for (size_t i = 0; i < n->n_out && !l->discard; i++)
		free(n->out[i].data);
	n->n_out = 0;
	n->esp_sent = n->esp_batches = n->esp_cut = 0;
	n->esp_longest = 0;
}

/* ---- the rest of the world */

static unsigned int op_path_mtu(void *ctx, const struct hp_addr *dst)
{
	const struct node *n = ctx;

	return hp_addr_eq(dst, &n->lab->w.s[!n->at].addr) ? n->mtu_outer : n->mtu_plain;
}

static void op_flow_new(void *ctx, struct hp_flow *f)
{
	(void)f;
	((struct node *)ctx)->flows_new++;
}

static void op_flow_gone(void *ctx, struct hp_flow *f)
{
	(void)f;
	((struct node *)ctx)->flows_gone++;
}

static const struct hp_pipe_ops ops = {
	.accept = op_accept, .steal = op_steal, .verdicts = op_verdicts, .get = op_get, .put = op_put,
	.compact = op_compact, .expand = op_expand, .outer_send = op_outer_send, .control = op_control,
	.plain_send = op_plain_send, .path_mtu = op_path_mtu, .link_mtu = op_path_mtu, .flow_new = op_flow_new,
	.flow_gone = op_flow_gone,
};

static void hip_event(void *ctx, struct hp_assoc *a, enum hp_hip_event ev)
{
	struct side *s = ctx;
	struct node *n = &((struct lab *)(void *)s->w)->n[s->at];

	s->events[ev]++;
	if (ev == HP_HIP_FAILED)
		s->error = hp_assoc_error(a);
	if (n->pipe)
		hp_pipe_assoc_event(n->pipe, a, ev);
}

/* Only the two nodes have HIP: what goes elsewhere meets nobody. */
/* ---- control messages and the hooks of the CTL stages */

static struct node *node_of(void *side)
{
	struct side *s = side;

	return &((struct lab *)(void *)s->w)->n[s->at];
}

static size_t hip_build(void *ctx, const struct hp_hip_built *what, uint8_t *tlvs)
{
	struct node *n = node_of(ctx);

	return n->registry ? hp_pipe_control_build(n->registry, what, tlvs) : 0;
}

static bool hip_authentic(void *ctx, struct hp_assoc *a, const struct hp_path *path,
			  const uint8_t *msg, size_t len)
{
	return hp_pipe_control_shown(node_of(ctx)->registry, HP_STAGE_CTL_AUTH, path, a, msg, len);
}

static bool is_shown(struct lab *l, int at, enum hp_stage stage, const struct packet *p)
{
	struct hp_path path = { .src = p->src, .dst = p->dst };

	if (stage == HP_STAGE_CTL_RX)
		path = (struct hp_path){ .src = p->dst, .dst = p->src };
	return !l->n[at].registry ||
	       hp_pipe_control_shown(l->n[at].registry, stage, &path, NULL, p->msg, p->len);
}

static enum fate hip_fate(struct world *w, const struct side *from, struct packet *p)
{
	struct lab *l = (struct lab *)(void *)w;

	if (!is_shown(l, from->at, HP_STAGE_CTL_OUTER, p) ||
	    !is_shown(l, !from->at, HP_STAGE_CTL_RX, p))
		return LOSE;

	if (!hp_addr_eq(&p->dst, &w->s[0].addr) && !hp_addr_eq(&p->dst, &w->s[1].addr) &&
	    !hp_addr_eq(&p->dst, &l->also))
		return LOSE;
	return l->hip_fate ? l->hip_fate(l, from, p) : PASS;
}

/* ---- configuration */

static void complain(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "configuration: %s\n", text);
}

static void complain_plugin(void *ctx, bool warning, const char *plugin, const char *key,
			    const char *text)
{
	(void)ctx;
	fprintf(stderr, "%s: plugins.%s %s: %s\n", warning ? "warning" : "error", plugin, key, text);
}

struct hp_conf *lab_conf(struct lab *l, int at)
{
	static const char form[] =
		"identities = ( { name = \"a\"; key = \"/k/a.pem\"; } );\n"
		"client = { enabled = true; networks = [ \"10.0.0.0/8\", \"2001:db8:1::/48\" ];"
		" %s };\n%s%s";
	struct hp_conf_report report = { .line = complain };
	const struct node *n = &l->n[at];
	char peer[256] = "", text[4096], hit[HP_ADDR_STRLEN], addr[HP_ADDR_STRLEN];
	struct hp_conf *conf;

	if (!at && !l->stranger)
		snprintf(peer, sizeof(peer),
			 "peers = ( { hit = \"%s\"; addresses = [ \"%s\" ]; serves = "
			 "[ \"203.0.113.0/24\", \"2001:db8:f::/48\" ]; } );\n",
			 hp_addr_format(hp_key_hit(l->w.s[1].key), hit),
			 hp_addr_format(&l->w.s[1].addr, addr));
	snprintf(text, sizeof(text), form, n->client, n->more, peer);
	if (hp_conf_parse(text, &conf, &report))
		abort();
	return conf;
}

/* ---- life */

void lab_init(struct lab *l)
{
	memset(l, 0, sizeof(*l));
	world_init(&l->w);
	l->w.fate = hip_fate;
	for (int i = 0; i < 2; i++) {
		struct node *n = &l->n[i];

		n->lab = l;
		n->at = i;
		n->client = n->more = "";
		n->mtu_outer = n->mtu_plain = 1500;
		n->pool_left = 100000;
		n->ops = ops;
		n->ops.ctx = n;
		l->w.s[i].ops.event = hip_event;
		l->w.s[i].ops.build = hip_build;
		l->w.s[i].ops.authentic = hip_authentic;
	}
}

static uint64_t now_ms(void *ctx)
{
	return ((struct node *)ctx)->lab->w.now_us / 1000;
}

static int settings(void *ctx, const char *plugin, const struct hp_conf_row *rows, size_t bytes,
		    const void **out)
{
	(void)plugin, (void)rows, (void)bytes;
	*out = ((struct node *)ctx)->settings;
	return 0;
}

static int translate(void *ctx, struct hp_packet *p)
{
	return hp_pipe_translate(((struct node *)ctx)->pipe, p);
}

static size_t room(void *ctx, const struct hp_packet *p)
{
	return hp_pipe_room(((struct node *)ctx)->pipe, p);
}

/* ---- descriptors of plugins */

static int fd_add(void *ctx, int fd, unsigned int events, struct hp_plugin_fd *w, void **handle)
{
	struct node *n = ctx;

	for (size_t i = 0; i < LAB_FDS; i++)
		if (!n->fds[i].w) {
			n->fds[i] = (struct lab_fd){ fd, events, w };
			*handle = &n->fds[i];
			return 0;
		}
	return -ENOSPC;
}

static int fd_mod(void *ctx, void *handle, unsigned int events)
{
	(void)ctx;
	((struct lab_fd *)handle)->events = events;
	return 0;
}

static void fd_del(void *ctx, void *handle)
{
	(void)ctx;
	((struct lab_fd *)handle)->w = NULL;
}

static void look_at_fd(struct lab_fd *f)
{
	struct pollfd p = { .fd = f->fd, .events = (short)((f->events & HP_FD_IN ? POLLIN : 0) |
							   (f->events & HP_FD_OUT ? POLLOUT : 0)) };

	if (poll(&p, 1, 0) > 0)
		hp_plugin_fd_event(f->w, (p.revents & POLLIN ? HP_FD_IN : 0u) |
					 (p.revents & POLLOUT ? HP_FD_OUT : 0u) |
					 (p.revents & (POLLERR | POLLHUP) ? HP_FD_ERROR : 0u));
}

static void look_at_fds(struct lab *l)
{
	for (size_t i = 0; i < 2 * (size_t)LAB_FDS; i++)
		if (l->n[i / LAB_FDS].fds[i % LAB_FDS].w)
			look_at_fd(&l->n[i / LAB_FDS].fds[i % LAB_FDS]);
}

static void node_start(struct lab *l, int at)
{
	struct node *n = &l->n[at];
	struct hp_registry_config rc = { .now_ms = now_ms, .report = complain_plugin,
					 .settings = settings, .translate = translate,
					 .room = room, .timers = &l->w.timers, .fd_add = fd_add,
					 .fd_mod = fd_mod, .fd_del = fd_del, .ctx = n };
	struct hp_pipe_deps d = { .hip = l->w.s[at].hip, .clock = &l->w.clock,
				  .rand = &l->w.rand, .timers = &l->w.timers,
				  .ops = &n->ops, .ahead_flows = l->ahead_flows };

	n->conf = lab_conf(l, at);
	n->registry = hp_registry_new(&rc);
	if (hp_pipe_core_hooks(&n->pipe, n->registry) ||
	    (n->plugin && hp_registry_add(n->registry, n->plugin)) ||
	    hp_registry_load(n->registry, NULL, 0) || hp_registry_start(n->registry))
		abort();
	d.conf = n->conf;
	d.registry = n->registry;
	*(at ? &d.host_hit : &d.client_hit) = l->w.s[at].hit;
	if (!hp_addr_is_zero(&n->client_hit))
		d.client_hit = n->client_hit;
	if (!hp_addr_is_zero(&n->host_hit))
		d.host_hit = n->host_hit;
	n->pipe = hp_pipe_new(&d);
	if (!n->pipe)
		abort();
	if (hp_pipe_control_builds(n->registry))
		hp_hip_renew_r1s(l->w.s[at].hip);
}

void lab_start(struct lab *l)
{
	world_start(&l->w);
	node_start(l, 0);
	node_start(l, 1);
}

static void node_stop(struct node *n)
{
	hp_pipe_free(n->pipe);
	n->pipe = NULL;
	hp_registry_free(n->registry);
	n->registry = NULL;
	hp_conf_free(n->conf);
}

void lab_restart(struct lab *l, int at)
{
	world_restart(&l->w, at);
	node_stop(&l->n[at]);
	node_start(l, at);
}

bool lab_renew(struct lab *l, int at)
{
	struct node *n = &l->n[at];
	bool good = !n->judged_twice;

	node_stop(n);
	for (unsigned i = 0; i < n->n_captured; i++)
		good = good && n->verdict[i] != NONE;
	memset(n->verdict, NONE, n->n_captured);
	n->n_captured = 0;
	n->judged_twice = false;
	good = good && !n->live;
	lab_forget(l, at);
	node_start(l, at);
	return good;
}

void lab_reconfigure(struct lab *l)
{
	struct node *n = &l->n[0];
	struct hp_conf *conf = lab_conf(l, 0);
	struct hp_policy *policy = hp_pipe_policy_new(conf);

	if (!policy)
		abort();
	hp_policy_free(hp_pipe_reconfigure(n->pipe, conf, policy));
	hp_conf_free(n->conf);
	n->conf = conf;
}

static bool node_fini(struct node *n)
{
	bool good = !n->judged_twice;

	node_stop(n);
	lab_forget(n->lab, n->at);
	for (unsigned i = 0; i < n->n_captured; i++)
		good = good && n->verdict[i] != NONE;
	return good && !n->live;
}

/* In the daemon's order: the engine first. */
bool lab_fini(struct lab *l)
{
	bool good;

	world_fini(&l->w);
	good = node_fini(&l->n[0]);
	good = node_fini(&l->n[1]) && good;
	for (size_t i = 0; i < l->n_wire; i++)
		free(l->wire[i]);
	free(l->last);
	return good;
}

void lab_run(struct lab *l, unsigned ms)
{
	while (ms--) {
		world_run(&l->w, 1);
		look_at_fds(l);
		lab_deliver(l);
	}
}

/* ---- in */

static struct hp_packet *take(struct node *n, struct hp_packet *model)
{
	size_t cap = HP_PACKET_HEADROOM + model->len + HP_PACKET_TAILROOM;
	struct hp_packet *p;

	if (n->lab->pool_sized)
		cap = model->len <= 2048 ? SMALL_CAP : HP_PACKET_CAP;
	p = packet_new(n, cap);
	if (!p) { /* as the kernel does when nobody reads: lost */
		test_packet_free(model);
		return NULL;
	}
	memcpy(p->data, model->data, model->len);
	p->len = model->len;
	p->gso = model->gso;
	p->gso_size = model->gso_size;
	p->csum_partial = model->csum_partial;
	test_packet_free(model);
	return p;
}

unsigned lab_receive(struct lab *l, struct hp_packet *model)
{
	struct node *n = &l->n[0];
	struct hp_packet *p = take(n, model);
	unsigned id = n->n_captured++;

	if (id >= LAB_CAPTURED || l->n_burst == LAB_BURST)
		abort();
	if (!p || l->routed)
		n->verdict[id] = STOLEN;
	if (!p)
		return id;
	p->queued = !l->routed;
	p->queue_id = id;
	l->burst[l->n_burst++] = p;
	return id;
}

struct array {
	struct hp_packets packets; /* first */
	struct hp_packet *const *p;
	unsigned n;
};

static struct hp_packet *next(struct hp_packets *self)
{
	struct array *a = (struct array *)(void *)self;

	return a->n ? (a->n--, *a->p++) : NULL;
}

void lab_routed(struct lab *l, int at, struct hp_packet *const *p, unsigned n)
{
	struct array a = { { next }, p, n };

	hp_pipe_local(l->n[at].pipe, &a.packets);
}

void lab_end_burst(struct lab *l)
{
	unsigned n = l->n_burst;

	l->n_burst = 0;
	if (l->routed)
		lab_routed(l, 0, l->burst, n);
	else
		hp_pipe_captured(l->n[0].pipe, l->burst, n);
}

unsigned lab_capture(struct lab *l, struct hp_packet *model)
{
	unsigned id = lab_receive(l, model);

	lab_end_burst(l);
	return id;
}

void lab_local(struct lab *l, int at, struct hp_packet *model)
{
	struct hp_packet *p = take(&l->n[at], model);

	if (p)
		lab_routed(l, at, &p, 1);
}

enum verdict lab_verdict(const struct lab *l, unsigned id)
{
	return (enum verdict)l->n[0].verdict[id];
}

uint64_t lab_drops(const struct lab *l, int at, enum hp_drop_reason r)
{
	return hp_pipe_drops(l->n[at].pipe)[r];
}

uint64_t lab_drops_all(const struct lab *l, int at)
{
	uint64_t sum = 0;

	for (int r = 0; r < HP_DROP_MAX; r++)
		sum += hp_pipe_drops(l->n[at].pipe)[r];
	return sum;
}
