/* SPDX-License-Identifier: MIT
 *
 * Giving up system calls and files (see sandbox.h).
 *
 * Landlock holds for one thread and those it makes, so worker threads are made after that.
 * Rules are for folders where possible: a file that is replaced is another one for the kernel.
 */
#include "config.h"
#include "daemon/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "io/syscalls.h"
#include "util/account.h"

/* What the daemon and its C library look at besides; first those of /proc.  /proc/self is this
 * process's own folder. */
static const struct hp_place always[] = {
	{ "/proc/self", HP_PLACE_READ },
	{ "/proc/sys/net", HP_PLACE_READ },
	{ "/dev/null", HP_PLACE_DEVICE },
};

#define OUTSIDE "%s is outside of the folders that the sandbox has left the daemon at its start: a " \
		"restart is needed"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* ---- which files */

/* path becomes the list's. */
static int list_add(struct hp_place **list, size_t *n, char *path, unsigned use)
{
	struct hp_place *more = path ? realloc(*list, (*n + 1) * sizeof(**list)) : NULL;

	if (!more) {
		free(path);
		return -ENOMEM;
	}
	*list = more;
	more[(*n)++] = (struct hp_place){ path, use };
	return 0;
}

static void list_free(struct hp_place *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)list[i].path);
	free(list);
}

int hp_sandbox_want(struct hp_sandbox *s, const char *path, unsigned use)
{
	return *path ? list_add(&s->wanted, &s->n_wanted, strdup(path), use) : 0;
}

/* A folder with files of others: one of the root's, such as /etc or /tmp, or one that everybody may
 * write to. */
static bool is_shared(const char *folder)
{
	struct stat st;

	return !strchr(folder + 1, '/') || !strcmp(folder, "/var/lib") || stat(folder, &st) ||
	       st.st_mode & S_IWOTH;
}

/* Where a rule for the file has to stand: its folder, or the file itself.  Files that the daemon writes
 * are replaced, which needs the folder.  False: there is no such place yet. */
static bool place_of(const char *path, unsigned use, char at[PATH_MAX])
{
	char copy[PATH_MAX];

	if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy) ||
	    !realpath(dirname(copy), at))
		return false;
	return use & (HP_PLACE_REMOVE | HP_PLACE_WRITE) || !is_shared(at) || realpath(path, at);
}

/* Its place, and where it leads to if it is a symbolic link. */
static int resolve(struct hp_sandbox *s, const struct hp_place *p)
{
	char at[PATH_MAX], real[PATH_MAX];
	int err = 0;

	if (place_of(p->path, p->use, at))
		err = list_add(&s->places, &s->n_places, strdup(at), p->use);
	if (!err && p->use != HP_PLACE_REMOVE && realpath(p->path, real) &&
	    place_of(real, p->use, at))
		err = list_add(&s->places, &s->n_places, strdup(at), p->use);
	return err;
}

static int add_fixed(struct hp_sandbox *s, const struct hp_place *list, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		err = list_add(&s->places, &s->n_places, strdup(list[i].path), list[i].use);
	return err;
}

struct wanting {
	struct hp_sandbox *s;
	const char *folder; /* of the configuration */
	int err;
};

/* name: as @include has it, relative to the configuration's folder or not. */
static void want_included(void *ctx, const char *name)
{
	struct wanting *w = ctx;
	char path[PATH_MAX];

	if (w->err)
		return;
	if (*name != '/' && (size_t)snprintf(path, sizeof(path), "%s/%s", w->folder, name) >= sizeof(path))
		return;
	w->err = hp_sandbox_want(w->s, *name == '/' ? name : path, HP_PLACE_READ);
}

/* The configuration's files; conf.d, which may be empty. */
static int want_conf(struct hp_daemon *d)
{
	struct wanting w = { .s = &d->sandbox };
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", d->opt.conf_path);
	w.folder = dirname(copy);
	w.err = hp_sandbox_want(&d->sandbox, d->opt.conf_path, HP_PLACE_READ);
	want_included(&w, "conf.d/hipproxy.conf");
	hp_conf_each_file(d->conf, want_included, &w);
	return w.err;
}

static int want_own(struct hp_daemon *d)
{
	const struct hp_conf *c = d->conf;
	const unsigned both = HP_PLACE_READ | HP_PLACE_WRITE;
	int err = want_conf(d);

	for (size_t i = 0; !err && i < c->identities.n; i++)
		err = hp_sandbox_want(&d->sandbox, c->identities.at[i].key, HP_PLACE_READ);
	if (!err)
		err = hp_sandbox_want(&d->sandbox, c->hip.pins, both);
	if (!err)
		err = hp_sandbox_want(&d->sandbox, c->hip.revoked, both);
	if (!err)
		err = hp_sandbox_want(&d->sandbox, c->state, both);
	if (!err)
		err = hp_sandbox_want(&d->sandbox, c->control.socket, HP_PLACE_REMOVE);
	return err ? err : hp_sandbox_want(&d->sandbox, c->pidfile, HP_PLACE_REMOVE);
}

static int find_places(struct hp_daemon *d)
{
	struct hp_sandbox *s = &d->sandbox;
	char real[PATH_MAX];
	int err = want_own(d);

	for (size_t i = 0; !err && i < s->n_wanted; i++)
		err = resolve(s, &s->wanted[i]);
	if (!err && realpath(d->conf->plugin_dir, real))
		err = list_add(&s->places, &s->n_places, strdup(real), HP_PLACE_READ);
	if (!err)
		err = add_fixed(s, always, N(always));
	return err;
}

/* ---- entering */

/* Threads that a plugin has made at its start keep their view of the file system. */
static void warn_of_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	while (tasks && (e = readdir(tasks)))
		n += e->d_name[0] != '.';
	if (tasks)
		closedir(tasks);
	if (n > 1)
		hp_log(HP_LOG_CORE, HP_LOG_WARNING, "sandbox: %d threads that plugins made at their "
		       "start can still open all files", n - 1);
}

/* Once more before they are out of reach: the time zone and the service's account are remembered. */
static void last_looks(struct hp_sandbox *s)
{
	uid_t uid;
	gid_t gid;

	tzset();
	hp_account_user(HP_SERVICE_ACCOUNT, &uid, &gid);
	for (size_t i = 0; i < N(s->held); i++)
		s->held[i] = open(always[i].path, O_PATH | O_CLOEXEC);
}

/* Files before threads are made, calls for all threads that there are. */
static int limit(struct hp_daemon *d, int wish)
{
	struct hp_sandbox *s = &d->sandbox;
	int err;

	last_looks(s);
	s->files = s->syscalls = -ECANCELED;
	if (wish == HP_CONF_SANDBOX_ON) {
		warn_of_threads();
		s->files = hp_landlock_enter(s->places, s->n_places);
	}
	err = hp_jobs_start(d->jobs);
	if (!err)
		err = hp_jobs_start(d->kept.writers);
	if (!err && wish != HP_CONF_SANDBOX_OFF)
		s->syscalls = hp_syscalls_limit(wish == HP_CONF_SANDBOX_LOG);
	return err;
}

static int enter(struct hp_daemon *d)
{
	struct hp_sandbox *s = &d->sandbox;
	char text[HP_SANDBOX_TEXT];
	const char *state;
	int err;

	err = find_places(d);
	if (!err)
		err = limit(d, HP_SANITIZED ? HP_CONF_SANDBOX_OFF : d->conf->sandbox);
	if (err)
		return hp_daemon_fail(err, "sandbox and worker threads");
	s->entered = true;
	state = hp_sandbox_state(d, text);
	hp_log(HP_LOG_CORE, strcmp(state, "on") ? HP_LOG_WARNING : HP_LOG_NOTICE, "sandbox: %s", text);
	return 0;
}

const struct hp_part hp_part_sandbox = { "sandbox", .start = enter };

/* ---- a reload */

/* Is at the place, or in it? */
static bool is_in(const char *at, const char *place)
{
	size_t n = strlen(place);

	return !strncmp(at, place, n) && (!at[n] || at[n] == '/');
}

/* As place_of; where the folder is missing, the first one above it that is there. */
static bool place_above(const char *path, unsigned use, char at[PATH_MAX])
{
	char copy[PATH_MAX], *folder;

	if (place_of(path, use, at))
		return true;
	if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
		return false;
	for (folder = dirname(copy); !realpath(folder, at); folder = dirname(folder))
		if (errno != ENOENT || !folder[1])
			return false;
	return !is_shared(at);
}

/* Was it asked for at the start?  Then nothing has changed, even if its folder was not there. */
static bool was_wanted(const struct hp_sandbox *s, const char *path, unsigned use)
{
	for (size_t i = 0; i < s->n_wanted; i++)
		if ((s->wanted[i].use & use) == use && !strcmp(s->wanted[i].path, path))
			return true;
	return false;
}

bool hp_sandbox_covers(const struct hp_sandbox *s, const char *path, unsigned use)
{
	char at[PATH_MAX];

	if (!s->entered || s->files || !*path || was_wanted(s, path, use))
		return true;
	if (!place_above(path, use, at))
		return false;
	for (size_t i = 0; i < s->n_places; i++)
		if ((s->places[i].use & use) == use && is_in(at, s->places[i].path))
			return true;
	return false;
}

struct plugin_files {
	struct hp_daemon *d;
	const char *plugin;
	struct hp_conf_report *report;
	int err;
};

static void plugin_file(void *ctx, const struct hp_conf_row *row, const char *path)
{
	struct plugin_files *f = ctx;
	unsigned use = HP_PLACE_READ | (row->flags & HP_CONF_WRITTEN ? HP_PLACE_WRITE : 0);
	char key[192];

	if (!f->d->reload.running) {
		if (!f->err && !f->d->sandbox.entered)
			f->err = hp_sandbox_want(&f->d->sandbox, path, use);
		return;
	}
	if (hp_sandbox_covers(&f->d->reload.running->sandbox, path, use))
		return;
	snprintf(key, sizeof(key), "plugins.%.40s.%.40s", f->plugin, row->name);
	hp_conf_complain_key(f->d->conf, f->report, key, OUTSIDE, path);
	f->err = -EINVAL;
}

int hp_sandbox_plugin(struct hp_daemon *d, const char *plugin, const struct hp_conf_row *rows,
		      const void *settings, struct hp_conf_report *report)
{
	struct plugin_files f = { d, plugin, report, 0 };

	hp_conf_each_path(rows, settings, plugin_file, &f);
	return f.err;
}

void hp_sandbox_check(struct hp_daemon *trial, struct hp_conf_report *report)
{
	const struct hp_sandbox *s = &trial->reload.running->sandbox;
	const struct hp_conf *c = trial->conf;

	if (!hp_sandbox_covers(s, c->hip.pins, HP_PLACE_READ | HP_PLACE_WRITE))
		hp_conf_complain_key(c, report, "hip.pins", OUTSIDE, c->hip.pins);
	if (!hp_sandbox_covers(s, c->hip.revoked, HP_PLACE_READ | HP_PLACE_WRITE))
		hp_conf_complain_key(c, report, "hip.revoked", OUTSIDE, c->hip.revoked);
}

/* ---- telling */

static const char *why_not(int err)
{
	return err == -EOPNOTSUPP ? "not built in" : err == -ENOSYS || err == -EINVAL ?
	       "not in this kernel" : strerror(-err);
}

const char *hp_sandbox_state(const struct hp_daemon *d, char text[HP_SANDBOX_TEXT])
{
	const struct hp_sandbox *s = &d->sandbox;
	bool log_only = d->conf->sandbox == HP_CONF_SANDBOX_LOG;

	if (HP_SANITIZED || d->conf->sandbox == HP_CONF_SANDBOX_OFF) {
		snprintf(text, HP_SANDBOX_TEXT, "off: %s", HP_SANITIZED ?
			 "this build looks for its own errors (sanitizers)" :
			 "the configuration says so");
		return "off";
	}
	snprintf(text, HP_SANDBOX_TEXT, "system calls %s%s, files %s%s",
		 s->syscalls ? "not limited: " : log_only ? "logged only" : "limited",
		 s->syscalls ? why_not(s->syscalls) : "", s->files ? "not limited" : "limited",
		 !s->files ? "" : log_only ? "" : s->files == -EOPNOTSUPP ? ": no landlock here" : "");
	return s->syscalls && s->files ? "off" : log_only ? "log" :
	       s->syscalls || s->files ? "partly" : "on";
}

void hp_sandbox_free(struct hp_sandbox *s)
{
	list_free(s->wanted, s->n_wanted);
	list_free(s->places, s->n_places);
	for (size_t i = 0; s->entered && i < N(s->held); i++)
		if (s->held[i] > 0)
			close(s->held[i]);
	*s = (struct hp_sandbox){ 0 };
}
