/* SPDX-License-Identifier: MIT
 *
 * The control socket (see control.h): the listening side.  Clients: ctlclient.c.
 */
#include "io/control_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <hipproxy/log.h>

#include "util/account.h"
#include "util/list.h"

/* ---- the socket's file */

/* Clears path of a socket that nobody listens on any more. */
static int path_clear(const struct sockaddr_un *sun, struct hp_io_err *e)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(sun->sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return hp_io_fail(e, -EEXIST,
				  "control socket %s: there is a file that is no "
				  "socket",
				  sun->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return hp_io_fail(e, -errno, "control socket: %s", strerror(errno));
	if (!connect(fd, (const struct sockaddr *)sun, sizeof(*sun)))
		err = hp_io_fail(e, -EADDRINUSE,
				 "control socket %s: another hipproxyd is "
				 "listening there",
				 sun->sun_path);
	close(fd);
	if (!err && unlink(sun->sun_path))
		err = hp_io_fail(e, -errno, "control socket %s: %s", sun->sun_path,
				 strerror(errno));
	return err;
}

static void directory_make(const struct hp_control *ctl)
{
	char dir[sizeof(ctl->path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", ctl->path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	/* Why it failed shows in bind's error. */
	if (mkdir(dir, 0755) || !ctl->has_group)
		return;
	if (!chown(dir, (uid_t)-1, ctl->gid))
		(void)!chmod(dir, 0750);
}

/* Root may give a file to any group, others to their own ones. */
static void group_give(const struct hp_control *ctl)
{
	if (ctl->has_group && (chown(ctl->path, (uid_t)-1, ctl->gid) || chmod(ctl->path, 0660)))
		hp_log(HP_LOG_CTL, HP_LOG_WARNING,
		       "control socket %s: it can't be given to group %s: %s", ctl->path, ctl->group,
		       strerror(errno));
}

static int socket_listen(struct hp_control *ctl, struct hp_io_err *e)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	mode_t mask;
	int err;

	memcpy(sun.sun_path, ctl->path, strlen(ctl->path) + 1);
	directory_make(ctl);
	err = path_clear(&sun, e);
	if (err)
		return err;
	ctl->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	if (ctl->fd < 0 || bind(ctl->fd, (struct sockaddr *)&sun, sizeof(sun)))
		err = -errno;
	umask(mask);
	ctl->bound = !err;
	if (!err)
		group_give(ctl);
	if (!err && listen(ctl->fd, HP_CONTROL_CLIENTS))
		err = -errno;
	if (err)
		return hp_io_fail(e, err, "control socket %s: %s", ctl->path,
				  strerror(-err));
	return 0;
}

/* ---- accepting */

static void tell(struct hp_control *ctl, enum hp_control_event ev,
		 const struct hp_control_who *who, const char *why)
{
	if (ctl->event)
		ctl->event(ctl->ctx, ev, who, why);
}

static void turn_away(struct hp_control *ctl, int fd, const struct hp_control_who *who,
		      const char *why)
{
	json_t *reply = json_pack("{s:b, s:s}", "ok", 0, "error", why);
	char *line = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
	size_t len = line ? strlen(line) : 0;

	if (line) {
		line[len] = '\n'; /* in place of the ending zero */
		(void)!send(fd, line, len + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	free(line);
	json_decref(reply);
	close(fd);
	ctl->counts.refused++;
	tell(ctl, HP_CONTROL_REFUSED, who, why);
}

static bool is_member(int fd, gid_t gid)
{
	gid_t groups[1024]; /* more are refused */
	socklen_t len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (size_t i = 0; i < len / sizeof(*groups); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* Whatever has become of the socket's mode. */
static bool may_ask(const struct hp_control *ctl, int fd, struct hp_control_who *out)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	*out = (struct hp_control_who){ .uid = (uid_t)-1 };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len))
		return false;
	*out = (struct hp_control_who){ who.uid, who.pid };
	return !who.uid || who.uid == geteuid() ||
	       (ctl->has_group && (who.gid == ctl->gid || is_member(fd, ctl->gid)));
}

static void refuse_stranger(struct hp_control *ctl, int fd, const struct hp_control_who *who)
{
	char why[128];

	snprintf(why, sizeof(why), "permission denied: you must be root%s%s",
		 ctl->has_group ? " or in the group " : "", ctl->has_group ? ctl->group : "");
	turn_away(ctl, fd, who, why);
}

static void listen_ready(void *ctx, uint32_t events)
{
	struct hp_control *ctl = ctx;
	int fd = accept4(ctl->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), i;
	struct hp_control_who who;

	if (fd < 0)
		return;
	if (!may_ask(ctl, fd, &who)) {
		refuse_stranger(ctl, fd, &who);
		return;
	}
	for (i = 0; i < HP_CONTROL_CLIENTS; i++) {
		if (!ctl->clients[i])
			break;
	}
	if (i == HP_CONTROL_CLIENTS) {
		turn_away(ctl, fd, &who, "too many clients");
		return;
	}
	ctl->clients[i] = ctl_client_new(ctl, fd, &who);
	if (ctl->clients[i])
		ctl->counts.accepted++;
	else
		close(fd);
}

/* At the end of a round nobody is inside a client any more. */
static void reap(void *ctx)
{
	struct hp_control *ctl = ctx;
	int i;

	for (i = 0; i < HP_CONTROL_CLIENTS; i++) {
		struct hp_control_client *c = ctl->clients[i];

		if (!c || !ctl_client_over(c))
			continue;
		ctl->clients[i] = NULL;
		ctl_client_free(c);
	}
}

static void check(struct hp_timer *t)
{
	struct hp_control *ctl = HP_CONTAINER(t, struct hp_control, check);
	uint64_t now = hp_loop_now(ctl->loop);

	for (int i = 0; i < HP_CONTROL_CLIENTS && now >= ctl->stall_ms; i++)
		if (ctl->clients[i])
			ctl_client_check(ctl->clients[i], now - ctl->stall_ms);
	hp_timer_set(ctl->timers, t, now + ctl->stall_ms / 4 + 1);
}

const struct hp_control_counts *hp_control_counts(const struct hp_control *ctl)
{
	return &ctl->counts;
}

unsigned int hp_control_clients(const struct hp_control *ctl)
{
	unsigned int n = 0;

	for (int i = 0; i < HP_CONTROL_CLIENTS; i++)
		n += ctl->clients[i] != NULL;
	return n;
}

/* ---- opening */

int hp_control_group_check(const char *group)
{
	gid_t gid;

	return !*group || !strcmp(group, HP_SERVICE_ACCOUNT) || hp_account_group(group, &gid) ?
		       0 : -ESRCH;
}

int hp_control_open(struct hp_loop *loop, const struct hp_control_cfg *cfg,
		    struct hp_control **out, struct hp_io_err *e)
{
	const char *path = cfg->path;
	struct hp_control *ctl;
	int err;

	if (!path[0] || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return hp_io_fail(e, -ENAMETOOLONG,
				  "control socket \"%s\": a path has 1 to 107 "
				  "characters",
				  path);
	if (hp_control_group_check(cfg->group))
		return hp_io_fail(e, -ESRCH, "control socket %s: there is no group %s", path,
				  cfg->group);
	ctl = calloc(1, sizeof(*ctl));
	if (!ctl)
		return hp_io_fail(e, -ENOMEM, "control socket: out of memory");
	ctl->loop = loop;
	ctl->fn = cfg->fn;
	ctl->ctx = cfg->ctx;
	ctl->event = cfg->event;
	ctl->timers = cfg->timers;
	ctl->stall_ms = cfg->stall_ms ? cfg->stall_ms : HP_CONTROL_STALL_MS;
	snprintf(ctl->group, sizeof(ctl->group), "%s", cfg->group);
	ctl->has_group = *cfg->group && hp_account_group(cfg->group, &ctl->gid);
	ctl->fd = -1;
	snprintf(ctl->path, sizeof(ctl->path), "%s", path);
	hp_loop_flush_add(loop, &ctl->flush, reap, ctl);
	hp_timer_init(&ctl->check, check);
	hp_timer_set(ctl->timers, &ctl->check, hp_loop_now(loop));
	err = socket_listen(ctl, e);
	if (!err) {
		err = hp_loop_add(loop, &ctl->watch, ctl->fd, EPOLLIN, listen_ready, ctl);
		if (err)
			hp_io_fail(e, err, "control socket: %s", strerror(-err));
	}
	if (err) {
		hp_control_close(ctl);
		return err;
	}
	*out = ctl;
	return 0;
}

void hp_control_close(struct hp_control *ctl)
{
	int i;

	if (!ctl)
		return;
	hp_loop_del(ctl->loop, &ctl->watch);
	hp_loop_flush_del(ctl->loop, &ctl->flush);
	hp_timer_cancel(ctl->timers, &ctl->check);
	for (i = 0; i < HP_CONTROL_CLIENTS; i++) {
		if (ctl->clients[i])
			ctl_client_free(ctl->clients[i]);
	}
	if (ctl->bound)
		unlink(ctl->path);
	if (ctl->fd >= 0)
		close(ctl->fd);
	free(ctl);
}
