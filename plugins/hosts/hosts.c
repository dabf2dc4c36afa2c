/* SPDX-License-Identifier: MIT
 *
 * hosts: answers from a file whose HIT is at an address (RFC 7401, section 3.2 leaves the
 * source of this knowledge open).
 *
 * The file is looked at when a question comes, at most once a second, and read again when it
 * is another one or has changed.  A file with a mistake is told of and the old content stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hipproxy/plugin.h>

#include "table.h"

#define FILE_MAX (64u << 20) /* octets */
#define LOOK_MS 1000

/* ---- settings */

struct settings {
	const char *file;
	uint32_t ttl_s;
};

static const struct hp_conf_row schema[] = {
	{ "file", HP_CONF_STRING, HP_CONF_ABSOLUTE, HP_CONF_AT(struct settings, file), 1, 4095,
	  "/etc/hipproxy/hosts", .help = "file of HITs and addresses" },
	{ "ttl_s", HP_CONF_INT, 0, HP_CONF_AT(struct settings, ttl_s), 0, 604800, "60",
	  .help = "how long an answer is remembered; 0: client.positive_lifetime_s" },
	HP_CONF_END
};

/* ---- counters */

enum { FOUND, UNKNOWN, READS, FAILED };

static const struct hp_counter counters[] = {
	[FOUND] = { "found", "addresses that were in the file" },
	[UNKNOWN] = { "unknown", "addresses that were not" },
	[READS] = { "reads", "times the file was read" },
	[FAILED] = { "failed", "times it could not be read or had a mistake" },
	{ NULL, NULL }
};

/* ---- state */

struct state {
	struct hosts_table *table; /* NULL: no file yet */
	struct stat seen;          /* the file that was read or refused last */
	uint64_t next_look_ms;
	int seen_errno;            /* why there was none */
};

/* ---- helpers */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* All of the open file, malloc'ed. */
static char *slurp(int fd, size_t len)
{
	char *text = malloc(len + 1);
	size_t at = 0;

	while (text && at < len) {
		ssize_t n = read(fd, text + at, len - at);

		if (n <= 0) {
			free(text);
			return NULL;
		}
		at += (size_t)n;
	}
	return text;
}

/* What is wrong in the file. */
struct mistake {
	const char *why;
	size_t line; /* 0: none */
};

static int read_table(const char *file, struct stat *st, struct hosts_table **out,
		      struct mistake *m)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;
	char *text = NULL;

	m->line = 0;
	if (fd < 0 || fstat(fd, st) < 0)
		err = -errno;
	else if (!S_ISREG(st->st_mode) || (uint64_t)st->st_size > FILE_MAX)
		err = -EFBIG;
	else
		err = (text = slurp(fd, (size_t)st->st_size)) ? 0 : -EIO;
	if (!err)
		err = hosts_table_parse(text, (size_t)st->st_size, out, &m->line, &m->why);
	free(text);
	if (fd >= 0)
		close(fd);
	return err;
}

/* Reads the file; on success the new table replaces the old one. */
static int refresh(struct hp_instance *self, struct state *s, const char *file)
{
	struct hosts_table *table = NULL;
	struct stat st = { 0 };
	struct mistake m;
	int err = read_table(file, &st, &table, &m);

	s->seen = st;
	hp_count(&self->counters, err ? FAILED : READS);
	if (err == -EINVAL)
		hp_log(HP_LOG_PLUGIN, HP_LOG_ERROR, "hosts: %s:%zu: %s", file, m.line, m.why);
	else if (err && err != s->seen_errno)
		hp_log(HP_LOG_PLUGIN, HP_LOG_ERROR, "hosts: %s: %s", file, strerror(-err));
	s->seen_errno = err;
	if (err)
		return err;
	hosts_table_free(s->table);
	s->table = table;
	hp_log(HP_LOG_PLUGIN, HP_LOG_INFO, "hosts: %s: %zu hosts", file,
	       hosts_table_count(table));
	return 0;
}

static void look(struct hp_instance *self, struct state *s)
{
	const struct settings *set = self->settings;
	uint64_t now = hp_instance_now(self);
	struct stat st = { 0 };

	if (now < s->next_look_ms)
		return;
	s->next_look_ms = now + LOOK_MS;
	if (stat(set->file, &st) < 0 && s->seen_errno == -errno)
		return;
	if (!is_same_file(&st, &s->seen))
		refresh(self, s, set->file);
}

/* ---- service */

static int resolve(struct hp_instance *self, const struct hp_resolve_ask *ask,
		   struct hp_ticket ticket, struct hp_resolve_result *out)
{
	const struct settings *set = self->settings;
	struct state *s = self->state;
	const struct hosts_host *host;

	look(self, s);
	host = s->table ? hosts_table_find(s->table, &ask->dst) : NULL;
	hp_count(&self->counters, host ? FOUND : UNKNOWN);
	if (!host)
		return -ENOENT;
	*out = (struct hp_resolve_result){ .hit = host->hit, .n = host->n,
					   .ttl_s = set->ttl_s };
	_Static_assert(HOSTS_ADDRS <= HP_RESOLVE_ADDRS, "all addresses fit");
	memcpy(out->locators, host->addrs, host->n * sizeof(*host->addrs));
	return 0;
}

static const struct hp_resolver_service resolvers[] = {
	{ .name = "hosts", .help = "a file like /etc/hosts", .ask = resolve },
	{ .name = NULL }
};

/* ---- life */

/* A file that is not there yet is no error: it may come later. */
static int check(struct hp_instance *self, const void *settings)
{
	const struct settings *set = settings;
	struct hosts_table *table = NULL;
	struct stat st;
	struct mistake m;
	int err = read_table(set->file, &st, &table, &m);

	if (!err)
		hosts_table_free(table);
	if (!err || err == -ENOENT)
		return 0;
	if (err == -EINVAL)
		return hp_settings_complain(self, "file", "%s:%zu: %s", set->file, m.line, m.why);
	if (err == -EFBIG)
		return hp_settings_complain(self, "file", "%s: expected a regular file of at most "
					    "64 MB", set->file);
	return hp_settings_complain(self, "file", "%s: %s", set->file, strerror(-err));
}

static int start(struct hp_instance *self)
{
	const struct settings *set = self->settings;
	struct state *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	err = refresh(self, s, set->file);
	if (err && err != -ENOENT) {
		free(s);
		return err;
	}
	self->state = s;
	return 0;
}

static int reload(struct hp_instance *self, const void *settings)
{
	const struct settings *set = settings;
	struct state *s = self->state;
	int err = refresh(self, s, set->file);

	s->next_look_ms = 0;
	if (err != -ENOENT)
		return err;
	hosts_table_free(s->table);
	s->table = NULL;
	return 0;
}

static void stop(struct hp_instance *self)
{
	struct state *s = self->state;

	hosts_table_free(s->table);
	free(s);
}

HP_PLUGIN(hosts) = {
	HP_PLUGIN_HEAD,
	.name = "hosts",
	.version = "1",
	.summary = "knows HITs from a hosts-style file",
	.schema = schema,
	.settings_bytes = sizeof(struct settings),
	.resolvers = resolvers,
	.counters = counters,
	.check = check,
	.start = start,
	.reload = reload,
	.stop = stop,
};
