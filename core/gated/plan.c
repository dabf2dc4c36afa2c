/* SPDX-License-Identifier: MIT
 *
 * What is to be kept closed: from the configuration and from what hipproxyd says, or from the file of
 * the last good plan.
 */
#include "gated/gated.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_MAX (16u << 20) /* octets: some hundred thousand prefixes */
#define STORE_MS  1000

void hp_gated_lists_free(struct hp_gated_lists *l)
{
	hp_gate_prefixes_free(&l->pools);
	hp_gate_prefixes_free(&l->hosted);
	hp_gate_prefixes_free(&l->masquerade);
	hp_gate_prefixes_free(&l->addresses);
	hp_gate_prefixes_free(&l->learned);
}

/* ---- the configuration */

static void complain(void *ctx, const char *text)
{
	struct hp_io_err *e = ctx;

	if (!e->text[0])
		snprintf(e->text, sizeof(e->text), "%s", text);
	hp_log(HP_LOG_CONF, HP_LOG_ERROR, "%s", text);
}

int hp_gated_load(struct hp_gated *g, struct hp_conf **out, struct hp_io_err *e)
{
	struct hp_conf_report report = { .line = complain, .ctx = e };

	e->text[0] = '\0';
	return hp_conf_load(g->conf_path, out, &report);
}

static int name_one(void *ctx, const char *text)
{
	struct hp_prefix p;

	return hp_prefix_parse(text, &p) ? 0 : hp_gate_prefix_add(ctx, &p);
}

int hp_gated_named(const struct hp_conf *conf, struct hp_gate_prefixes *out)
{
	out->n = 0;
	return hp_conf_plugin_strings(conf, name_one, out);
}

/* ---- the plan */

/* Configured peers, by what they serve or by their addresses. */
static int peers(const struct hp_conf_peers *peers, struct hp_gate_prefixes *to)
{
	int err = 0;

	for (size_t i = 0; !err && i < peers->n; i++) {
		const struct hp_conf_peer *p = &peers->at[i];

		err = hp_gate_prefixes_add(to, p->serves.at, p->serves.n);
		for (size_t k = 0; !err && !p->serves.n && k < p->addresses.n; k++) {
			struct hp_prefix host = { .addr = p->addresses.at[k], .bits = 128 };

			err = hp_gate_prefix_add(to, &host);
		}
	}
	return err;
}

static void policies(const struct hp_conf_rules *from, struct hp_gate_plan *to)
{
	for (; to->n_rules < from->n && to->n_rules < HP_GATE_RULES_MAX; to->n_rules++) {
		const struct hp_conf_rule *r = &from->at[to->n_rules];

		to->rules[to->n_rules] = (struct hp_gate_policy){
			.client = r->client,
			.destination = r->destination,
			.port_min = r->ports.min,
			.port_max = r->ports.max,
			.proto = (uint8_t)r->proto,
			.action = (enum hp_gate_action)r->action,
		};
	}
}

/* Does a connection that began in the clear stay so when its destination becomes known? */
static bool plain_goes_on(const struct hp_conf_client *c)
{
	bool background = c->probe == HP_CONF_PROBE_BACKGROUND;

	for (size_t i = 0; i < c->rules.n; i++)
		background |= c->rules.at[i].probe == HP_CONF_PROBE_BACKGROUND;
	return background || c->begun_plain == HP_CONF_PLAIN_UNTIL_END;
}

static int interfaces(const struct hp_conf_strings *from, struct hp_gate_plan *to,
		      struct hp_io_err *e)
{
	if (from->n > HP_GATE_INTERFACES)
		return hp_io_fail(e, -E2BIG, "client.interfaces: at most %d", HP_GATE_INTERFACES);
	for (; to->n_interfaces < from->n; to->n_interfaces++)
		snprintf(to->interfaces[to->n_interfaces], HP_GATE_DEVNAME, "%s",
			 from->at[to->n_interfaces]);
	return 0;
}

static void values(const struct hp_conf *conf, struct hp_gate_plan *p)
{
	const struct hp_conf_client *c = &conf->client;

	snprintf(p->tun, sizeof(p->tun), "%s", conf->tun.name);
	p->mtu = conf->tun.mtu;
	p->clients = c->enabled;
	p->hits = conf->host.enabled;
	p->block_unknown = c->unknown == HP_CONF_UNKNOWN_BLOCK;
	p->stays_open = c->on_failure == HP_CONF_FAIL_OPEN;
	if (c->enabled && hp_conf_discovers(conf) && plain_goes_on(c)) {
		p->mark = c->mark;
		p->mask = c->mark_mask;
	}
	policies(&c->rules, p);
}

int hp_gated_plan(struct hp_gated *g, struct hp_gate_plan *out, struct hp_io_err *e)
{
	const struct hp_conf_client *c = &g->conf->client;
	const struct hp_gated_lists *l = &g->now;
	struct hp_gate_plan p = { 0 };
	int err = interfaces(&c->interfaces, &p, e);

	if (err)
		return err;
	values(g->conf, &p);
	err = peers(&g->conf->peers, &p.protected);
	if (!err)
		err = hp_gate_prefixes_add(&p.networks, c->networks.at, c->networks.n);
	if (!err)
		err = hp_gate_prefixes_add(&p.hip_hosts, c->hip_hosts.at, c->hip_hosts.n);
	if (!err)
		err = hp_gate_prefixes_add(&p.pools, l->pools.at, l->pools.n);
	if (!err)
		err = hp_gate_prefixes_add(&p.hosted, l->hosted.at, l->hosted.n);
	if (!err)
		err = hp_gate_prefixes_add(&p.learned, l->learned.at, l->learned.n);
	if (err) {
		hp_gate_plan_free(&p);
		return hp_io_fail(e, err, "gate: out of memory");
	}
	*out = p;
	return 0;
}

/* ---- the file */

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	struct stat st;

	if (!f)
		return NULL;
	errno = EFBIG;
	if (!fstat(fileno(f), &st) && S_ISREG(st.st_mode) && st.st_size < STORE_MAX)
		text = calloc(1, (size_t)st.st_size + 1);
	if (text && fread(text, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

bool hp_gated_restore(struct hp_gated *g, struct hp_gate_plan *out)
{
	char *text = read_file(g->store);
	unsigned int line;
	int err;

	if (!text) {
		if (errno != ENOENT)
			hp_log(HP_LOG_CORE, HP_LOG_ERROR, "%s: can't be read: %s", g->store,
			       strerror(errno));
		return false;
	}
	err = hp_gate_plan_parse(text, out, &line);
	if (err)
		hp_log(HP_LOG_CORE, HP_LOG_ERROR, "%s:%u: %s; the file is not used", g->store, line,
		       err == -ENOMEM ? "out of memory" : "not as hipproxy-gate has written it");
	g->stored = err ? NULL : text;
	if (err)
		free(text);
	return !err;
}

/* What the settings of plugins still name; what was learned, if something still may be. */
static int take_lists(struct hp_gated *g, const struct hp_gate_plan *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->pools.n + p->hosted.n; i++) {
		bool pool = i < p->pools.n;
		const struct hp_prefix *at = pool ? &p->pools.at[i] : &p->hosted.at[i - p->pools.n];

		for (size_t k = 0; k < g->named.n; k++)
			if (g->named.at[k].bits == at->bits &&
			    hp_addr_eq(&g->named.at[k].addr, &at->addr)) {
				err = hp_gate_prefix_add(pool ? &g->now.pools : &g->now.hosted, at);
				break;
			}
	}
	for (size_t i = 0; err >= 0 && hp_conf_discovers(g->conf) && i < p->learned.n; i++)
		err = hp_gate_prefix_insert(&g->now.learned, &p->learned.at[i]);
	return err < 0 ? err : 0;
}

int hp_gated_begin(struct hp_gated *g)
{
	struct hp_gate_plan last;
	struct hp_io_err e = { "" };
	bool has_last = hp_gated_restore(g, &last);
	int err;

	if (hp_gated_load(g, &g->conf, &e)) {
		hp_log(HP_LOG_CONF, HP_LOG_ERROR, "%s: has errors: %s", g->conf_path, has_last ?
		       "what was closed by the last good one is kept closed" :
		       "nothing is closed, for there has been no good one yet");
		if (has_last)
			g->plan = last;
		return 0;
	}
	err = hp_gated_named(g->conf, &g->named);
	if (!err && has_last)
		err = take_lists(g, &last);
	if (has_last)
		hp_gate_plan_free(&last);
	return err ? err : hp_gated_plan(g, &g->plan, &e);
}

/* One that is cut in the middle must never stand there: it is complete on the disk before it takes
 * the name. */
static int write_file(const char *path, const char *text)
{
	char temporary[4096];
	size_t len = strlen(text);
	int fd, err = 0;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	for (size_t at = 0; !err && at < len;) {
		ssize_t n = write(fd, text + at, len - at);

		if (n < 0 && errno != EINTR)
			err = -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		unlink(temporary);
	return err;
}

/* The new name is on the disk, too. */
static void sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

static void make_folder(const char *path)
{
	char *copy = strdup(path);

	if (copy)
		mkdir(dirname(copy), 0700);
	free(copy);
}

void hp_gated_store(struct hp_gated *g)
{
	char *text = hp_gate_plan_text(&g->plan);
	int err = text ? 0 : -ENOMEM;

	hp_timer_cancel(&g->timers, &g->store_timer);
	if (text && g->stored && !strcmp(text, g->stored)) {
		free(text);
		return;
	}
	if (!err) {
		make_folder(g->store);
		err = write_file(g->store, text);
	}
	if (err) {
		hp_log(HP_LOG_CORE, HP_LOG_ERROR, "%s: can't be written: %s: after a restart of the "
		       "machine, a wrong configuration would leave what is new here open", g->store,
		       strerror(-err));
		free(text);
		return;
	}
	sync_folder(g->store);
	free(g->stored);
	g->stored = text;
}

void hp_gated_store_later(struct hp_gated *g)
{
	if (!hp_timer_armed(&g->store_timer))
		hp_timer_set(&g->timers, &g->store_timer, hp_clock_ms(&g->clock) + STORE_MS);
}

void hp_gated_unstore(struct hp_gated *g)
{
	hp_timer_cancel(&g->timers, &g->store_timer);
	free(g->stored);
	g->stored = NULL;
	if (unlink(g->store) && errno != ENOENT)
		hp_log(HP_LOG_CORE, HP_LOG_ERROR, "%s: can't be removed: %s", g->store,
		       strerror(errno));
}
