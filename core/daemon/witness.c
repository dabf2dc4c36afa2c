/* SPDX-License-Identifier: MIT
 *
 * What engine, pipeline, control socket and disk tell of becomes a security event.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "flow/flowdb.h"

/* ---- the engine */

static const struct {
	int reason;
	enum hp_incident_kind kind;
} of_engine[] = {
	{ HP_HIPD_SIGNATURE, HP_INCIDENT_BAD_SIGNATURE },
	{ HP_HIPD_HIT, HP_INCIDENT_BAD_SIGNATURE },
	{ HP_HIPD_HOST_ID, HP_INCIDENT_BAD_SIGNATURE },
	{ HP_HIPD_MAC, HP_INCIDENT_BAD_MAC },
	{ HP_HIPD_REPLAY, HP_INCIDENT_REPLAY },
	{ HP_HIPD_PUZZLE_WRONG, HP_INCIDENT_BAD_PUZZLE },
	{ HP_HIPD_PIN, HP_INCIDENT_PIN_CHANGED },
};

static void tell_dropped(struct hp_daemon *d, enum hp_incident_kind kind, int reason,
			 const struct hp_addr *peer_hit, const struct hp_path *path)
{
	struct hp_incident i = HP_INCIDENT(kind);

	i.peer_hit = *peer_hit;
	if (path)
		i.addr = path->dst;
	snprintf(i.why, sizeof(i.why), "%s", hp_hip_counters(d->hip)->table[reason].help);
	hp_incident_tell(d->incidents, &i);
}

void hp_daemon_hip_dropped(void *ctx, int reason, const struct hp_addr *peer_hit,
			   const struct hp_path *path)
{
	struct hp_daemon *d = ctx;

	for (size_t n = 0; n < sizeof(of_engine) / sizeof(*of_engine); n++)
		if (of_engine[n].reason == reason && hp_incident_due(d->incidents, of_engine[n].kind))
			tell_dropped(d, of_engine[n].kind, reason, peer_hit, path);
}

void hp_daemon_exchange_refused(struct hp_daemon *d, const struct hp_addr *local_hit,
				const struct hp_addr *peer_hit, const struct hp_path *path)
{
	struct hp_incident i = HP_INCIDENT(HP_INCIDENT_EXCHANGE_REFUSED);

	i.peer_hit = *peer_hit;
	i.local_hit = *local_hit;
	i.addr = path->dst;
	snprintf(i.why, sizeof(i.why), "%s",
		 hp_revoked_has(d->kept.revoked, peer_hit) ? "its HIT is revoked" :
							"access rules deny it");
	hp_incident_add(d->incidents, &i);
}

void hp_daemon_exchange_failed(struct hp_daemon *d, const struct hp_assoc *a)
{
	struct hp_incident i = HP_INCIDENT(HP_INCIDENT_EXCHANGE_FAILED);
	enum hp_hip_why why = hp_assoc_why(a);

	/* An address without HIP is nothing to speak of. */
	if (hp_addr_is_zero(hp_assoc_peer_hit(a)))
		return;
	i.peer_hit = *hp_assoc_peer_hit(a);
	i.local_hit = *hp_assoc_local_hit(a);
	i.addr = hp_assoc_path(a)->dst;
	snprintf(i.why, sizeof(i.why), "%s",
		 why ? hp_hip_why_text(why) : strerror(-hp_assoc_error(a)));
	hp_incident_add(d->incidents, &i);
}

/* ---- the pipeline */

static enum hp_incident_kind kind_of_drop(enum hp_drop_reason r)
{
	return r == HP_DROP_ESP_AUTH ? HP_INCIDENT_BAD_ICV :
	       r == HP_DROP_ESP_REPLAY ? HP_INCIDENT_REPLAY : HP_INCIDENT_CONNECTION_DENIED;
}

/* Of ESP the outer source is known; of a peer's packet its HITs; of a client's its addresses. */
void hp_daemon_alarm(void *ctx, const struct hp_packet *p, enum hp_drop_reason r)
{
	struct hp_daemon *d = ctx;
	struct hp_incident i;

	if (!hp_incident_due(d->incidents, kind_of_drop(r)))
		return;
	i = (struct hp_incident)HP_INCIDENT(kind_of_drop(r));
	if (i.kind != HP_INCIDENT_CONNECTION_DENIED) {
		i.addr = p->src;
	} else if (hp_addr_is_hit(&p->src)) {
		i.peer_hit = p->src;
		i.local_hit = p->dst;
	} else {
		i.client = p->src;
		i.addr = p->dst;
	}
	if (i.kind == HP_INCIDENT_CONNECTION_DENIED) {
		i.proto = p->proto;
		i.port = p->dport;
	}
	snprintf(i.why, sizeof(i.why), "%s", hp_drop_help(r));
	hp_incident_tell(d->incidents, &i);
}

/* The log has it already. */
void hp_daemon_limit_told(void *ctx, const char *setting, const struct hp_addr *who, bool reached)
{
	struct hp_daemon *d = ctx;
	struct hp_incident i = HP_INCIDENT(HP_INCIDENT_LIMIT);

	if (who)
		i.client = *who;
	snprintf(i.why, sizeof(i.why), "%s: %s", setting, reached ? "reached" : "no longer reached");
	hp_incident_add(d->incidents, &i);
}

/* ---- the control socket */

static void by(struct hp_incident *i, const struct hp_control_who *who)
{
	i->uid = who->uid == (uid_t)-1 ? -1 : (int64_t)who->uid;
	i->pid = who->pid;
}

void hp_daemon_control_event(void *ctx, enum hp_control_event ev, const struct hp_control_who *who,
			     const char *why)
{
	struct hp_daemon *d = ctx;
	struct hp_incident i = HP_INCIDENT(ev == HP_CONTROL_STALLED ? HP_INCIDENT_CONTROL_STALLED :
								      HP_INCIDENT_CONTROL_REFUSED);

	by(&i, who);
	snprintf(i.why, sizeof(i.why), "%s", why);
	hp_incident_add(d->incidents, &i);
}

static size_t add_word(char *out, size_t bytes, size_t n, const char *word)
{
	return n < bytes ? n + (size_t)snprintf(out + n, bytes - n, " %s", word) : n;
}

/* A member of the request: its text, its texts (the words of a plugin's command), or its name. */
static size_t add_member(char *out, size_t bytes, size_t n, const char *key, const json_t *v)
{
	const json_t *word;
	size_t i;

	if (json_is_false(v))
		return n;
	if (!json_is_array(v))
		return add_word(out, bytes, n, json_is_string(v) ? json_string_value(v) : key);
	json_array_foreach((json_t *)v, i, word)
		n = add_word(out, bytes, n, json_is_string(word) ? json_string_value(word) : "?");
	return n;
}

/* What the request says besides "cmd", as words. */
static void describe(const json_t *request, char *out, size_t bytes)
{
	const char *key;
	json_t *v;
	size_t n = (size_t)snprintf(out, bytes, "%s",
				    json_string_value(json_object_get(request, "cmd")));

	json_object_foreach((json_t *)request, key, v)
		if (strcmp(key, "cmd"))
			n = add_member(out, bytes, n, key, v);
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
}

void hp_daemon_commanded(struct hp_daemon *d, const struct hp_control_client *c,
			 const json_t *request, int err)
{
	struct hp_incident i = HP_INCIDENT(HP_INCIDENT_CONTROL);
	size_t n;

	by(&i, hp_control_who(c));
	describe(request, i.why, sizeof(i.why) - 48);
	n = strlen(i.why);
	if (err)
		snprintf(i.why + n, sizeof(i.why) - n, " (failed: %.32s)", strerror(-err));
	hp_incident_add(d->incidents, &i);
}

void hp_daemon_reload_done(struct hp_daemon *d, int err)
{
	struct hp_incident i = HP_INCIDENT(HP_INCIDENT_RELOAD);

	snprintf(i.why, sizeof(i.why), "%.96s: %s%s", d->opt.conf_path,
		 err ? "refused, the old configuration stays: " : "reloaded",
		 err ? strerror(-err) : "");
	hp_incident_add(d->incidents, &i);
}

/* ---- files */

void hp_daemon_file_told(void *ctx, const char *path, int err)
{
	struct hp_daemon *d = ctx;
	struct hp_incident i = HP_INCIDENT(HP_INCIDENT_FILE);

	i.good = !err;
	if (err)
		snprintf(i.why, sizeof(i.why), "%.96s can't be written: %s; it stays as it was and is "
			 "tried again", path, strerror(-err));
	else
		snprintf(i.why, sizeof(i.why), "%.96s can be written again", path);
	hp_incident_add(d->incidents, &i);
}

/* ---- the part */

static int start(struct hp_daemon *d)
{
	d->incidents = hp_incidents_new(&d->clock);
	return d->incidents ? 0 : hp_daemon_fail(-ENOMEM, "security events");
}

static void stop(struct hp_daemon *d)
{
	hp_incidents_free(d->incidents);
	d->incidents = NULL;
}

const struct hp_part hp_part_incidents = { "security events", start, stop, NULL };
