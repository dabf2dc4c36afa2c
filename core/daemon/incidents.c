/* SPDX-License-Identifier: MIT
 *
 * Security events (see incidents.h).
 */
#include "daemon/incidents.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hipproxy/log.h>

#include "daemon/rows.h"
#include "util/list.h"

#define RATE_PER_S 10
#define RATE_BURST 50
#define STEP	   16 /* events in one round of the loop */
#define QUIET	   HP_LOG_LEVELS /* the place where it happens logs it */

static const struct {
	const char *name, *help;
	enum hp_log_level level;
	enum hp_log_subsys subsys;
} kinds[HP_INCIDENT_KINDS] = {
	[HP_INCIDENT_EXCHANGE_REFUSED] = {
		"exchange-refused", "a peer's base exchange was refused: access rules, or revoked",
		HP_LOG_NOTICE, HP_LOG_HIP },
	[HP_INCIDENT_EXCHANGE_FAILED] = {
		"exchange-failed", "a base exchange that this machine began has failed", QUIET,
		HP_LOG_HIP },
	[HP_INCIDENT_CONNECTION_DENIED] = {
		"connection-denied", "rules denied a connection of a peer or of a client",
		HP_LOG_NOTICE, HP_LOG_PIPE },
	[HP_INCIDENT_BAD_SIGNATURE] = {
		"bad-signature", "a HIP message with a wrong signature or Host Identity",
		HP_LOG_WARNING, HP_LOG_HIP },
	[HP_INCIDENT_BAD_MAC] = {
		"bad-mac", "a HIP message with a wrong MAC", HP_LOG_WARNING, HP_LOG_HIP },
	[HP_INCIDENT_BAD_ICV] = {
		"bad-icv", "an ESP packet with a wrong ICV", HP_LOG_WARNING, HP_LOG_ESP },
	[HP_INCIDENT_REPLAY] = {
		"replay", "a HIP message or an ESP packet that was seen before", HP_LOG_NOTICE,
		HP_LOG_HIP },
	[HP_INCIDENT_BAD_PUZZLE] = {
		"bad-puzzle", "an I2 with a wrong solution of the puzzle", HP_LOG_NOTICE, HP_LOG_HIP },
	[HP_INCIDENT_PIN_CHANGED] = {
		"pin-changed", "an address shows another HIT than the one pinned for it", QUIET,
		HP_LOG_HIP },
	[HP_INCIDENT_ASSOCIATION_CLOSED] = {
		"association-closed", "a reload or revoke closed an association", HP_LOG_NOTICE,
		HP_LOG_HIP },
	[HP_INCIDENT_CONNECTIONS_CUT] = {
		"connections-cut", "a reload or revoke cut connections", HP_LOG_NOTICE, HP_LOG_FLOW },
	[HP_INCIDENT_CONTROL] = {
		"control", "a command on the control socket that changes something", HP_LOG_NOTICE,
		HP_LOG_CTL },
	[HP_INCIDENT_CONTROL_REFUSED] = {
		"control-refused", "the control socket turned somebody away", HP_LOG_WARNING,
		HP_LOG_CTL },
	[HP_INCIDENT_CONTROL_STALLED] = {
		"control-stalled", "a control client was closed: it did not read", HP_LOG_NOTICE,
		HP_LOG_CTL },
	[HP_INCIDENT_RELOAD] = {
		"reload", "the configuration was reloaded, or the new one refused", QUIET,
		HP_LOG_CONF },
	[HP_INCIDENT_FILE] = {
		"file", "a file of the daemon can't be written, or can be written again",
		HP_LOG_ERROR, HP_LOG_CORE },
	[HP_INCIDENT_LIMIT] = {
		"limit", "a limit of the group limits is reached, or is so no longer", QUIET,
		HP_LOG_CORE },
};

struct hp_incidents {
	const struct hp_clock *clock;
	uint64_t next; /* number of the one to come; the first is 1 */
	uint64_t counts[HP_INCIDENT_KINDS];
	uint32_t suppressed[HP_INCIDENT_KINDS];
	struct hp_tokens rates[HP_INCIDENT_KINDS];
	struct hp_list readers;
	struct hp_incident kept[HP_INCIDENTS_KEPT];
};

struct hp_incidents *hp_incidents_new(const struct hp_clock *clock)
{
	struct hp_incidents *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->clock = clock;
	in->next = 1;
	hp_list_init(&in->readers);
	for (int k = 0; k < HP_INCIDENT_KINDS; k++)
		hp_tokens_init(&in->rates[k], RATE_PER_S, RATE_BURST);
	return in;
}

void hp_incidents_free(struct hp_incidents *in)
{
	free(in);
}

const char *hp_incident_name(enum hp_incident_kind k)
{
	return k < HP_INCIDENT_KINDS ? kinds[k].name : "?";
}

const char *hp_incident_help(enum hp_incident_kind k)
{
	return k < HP_INCIDENT_KINDS ? kinds[k].help : "?";
}

uint64_t hp_incidents_count(const struct hp_incidents *in, enum hp_incident_kind k)
{
	return in ? in->counts[k] : 0;
}

uint64_t hp_incidents_told(const struct hp_incidents *in)
{
	return in ? in->next - 1 : 0;
}

/* ---- adding */

static uint64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* "who" for a line of the log, with a blank in front of each part. */
static void format_who(const struct hp_incident *i, char *out, size_t bytes)
{
	char text[HP_ADDR_STRLEN];
	size_t n = 0;

	*out = '\0';
	if (!hp_addr_is_zero(&i->peer_hit))
		n += (size_t)snprintf(out + n, bytes - n, " peer %s",
				      hp_addr_format(&i->peer_hit, text));
	if (!hp_addr_is_zero(&i->addr))
		n += (size_t)snprintf(out + n, bytes - n, " at %s", hp_addr_format(&i->addr, text));
	if (!hp_addr_is_zero(&i->client))
		n += (size_t)snprintf(out + n, bytes - n, " client %s",
				      hp_addr_format(&i->client, text));
	if (i->uid >= 0)
		snprintf(out + n, bytes - n, " uid %" PRId64 " pid %" PRId64, i->uid, i->pid);
}

static void log_it(const struct hp_incident *i)
{
	struct hp_log_about about = { .reason = kinds[i->kind].name };
	enum hp_log_level level = i->good ? HP_LOG_NOTICE : kinds[i->kind].level;
	char who[4 * (HP_ADDR_STRLEN + 16)];

	if (level == QUIET || !hp_log_on(kinds[i->kind].subsys, level))
		return;
	if (!hp_addr_is_zero(&i->peer_hit))
		about.peer = &i->peer_hit;
	if (!hp_addr_is_zero(&i->addr))
		about.peer_at = &i->addr;
	if (!hp_addr_is_zero(&i->client))
		about.client = &i->client;
	format_who(i, who, sizeof(who));
	if (i->suppressed)
		hp_log_about(kinds[i->kind].subsys, level, &about,
			     "%s:%s%s%s (%" PRIu32 " more were not told)", kinds[i->kind].name, who,
			     *who ? ": " : " ", i->why, i->suppressed);
	else
		hp_log_about(kinds[i->kind].subsys, level, &about, "%s:%s%s%s", kinds[i->kind].name,
			     who, *who ? ": " : " ", i->why);
}

struct reader {
	struct hp_list of_readers;
	struct hp_incidents *in;
	struct hp_control_client *c;
	uint64_t at; /* number of the next one */
	uint64_t since_ms;
	int kind;    /* -1: all */
	bool once;
};

bool hp_incident_due(struct hp_incidents *in, enum hp_incident_kind k)
{
	if (!in)
		return false;
	in->counts[k]++;
	if (hp_tokens_take(&in->rates[k], hp_clock_ms(in->clock), 1))
		return true;
	in->suppressed[k]++;
	return false;
}

void hp_incident_add(struct hp_incidents *in, const struct hp_incident *i)
{
	if (hp_incident_due(in, i->kind))
		hp_incident_tell(in, i);
}

void hp_incident_tell(struct hp_incidents *in, const struct hp_incident *i)
{
	struct hp_incident *to;
	struct hp_list *n;

	to = &in->kept[in->next % HP_INCIDENTS_KEPT];
	*to = *i;
	to->seq = in->next++;
	to->wall_ms = wall_ms();
	to->suppressed = in->suppressed[i->kind];
	in->suppressed[i->kind] = 0;
	log_it(to);
	HP_LIST_EACH(n, &in->readers)
	hp_control_wake(HP_CONTAINER(n, struct reader, of_readers)->c);
}

/* ---- telling */

static void put_addr(json_t *o, const char *name, const struct hp_addr *a)
{
	if (!hp_addr_is_zero(a))
		json_object_set_new(o, name, hp_row_addr(a));
}

static json_t *time_json(uint64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	char day[32] = "", text[48];
	struct tm tm;

	if (gmtime_r(&s, &tm))
		strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03uZ", day, (unsigned int)(ms % 1000));
	return json_string(text);
}

static json_t *incident_json(const struct hp_incident *i)
{
	json_t *o = json_pack("{s:I, s:o, s:s, s:s}", "seq", (json_int_t)i->seq, "time",
			      time_json(i->wall_ms), "event", kinds[i->kind].name, "why", i->why);
	char buf[4];

	if (!o)
		return NULL;
	put_addr(o, "peer", &i->peer_hit);
	put_addr(o, "local", &i->local_hit);
	put_addr(o, "address", &i->addr);
	put_addr(o, "client", &i->client);
	if (i->proto)
		json_object_set_new(o, "proto", json_string(hp_row_proto(i->proto, buf)));
	if (i->port)
		json_object_set_new(o, "port", json_integer(i->port));
	if (i->uid >= 0) {
		json_object_set_new(o, "uid", json_integer(i->uid));
		json_object_set_new(o, "pid", json_integer(i->pid));
	}
	if (i->suppressed)
		json_object_set_new(o, "suppressed", json_integer(i->suppressed));
	return o;
}

static uint64_t oldest(const struct hp_incidents *in)
{
	return in->next > HP_INCIDENTS_KEPT ? in->next - HP_INCIDENTS_KEPT : 1;
}

static bool wanted(const struct reader *r, const struct hp_incident *i)
{
	return (r->kind < 0 || i->kind == (enum hp_incident_kind)r->kind) &&
	       i->wall_ms >= r->since_ms;
}

static int send_object(struct hp_control_client *c, json_t *o)
{
	int err = o ? hp_control_send(c, o) : -ENOMEM;

	json_decref(o);
	return err;
}

/* Those that were overwritten before the client has read them. */
static int tell_lost(struct reader *r, struct hp_control_client *c)
{
	uint64_t lost = oldest(r->in) - r->at;

	r->at = oldest(r->in);
	return send_object(c, json_pack("{s:I}", "lost", (json_int_t)lost));
}

static enum hp_feed feed(void *ctx, struct hp_control_client *c)
{
	struct reader *r = ctx;
	int err = 0;

	if (r->at < oldest(r->in))
		err = tell_lost(r, c);
	for (int n = 0; !err && r->at < r->in->next && n < STEP; r->at++) {
		const struct hp_incident *i = &r->in->kept[r->at % HP_INCIDENTS_KEPT];

		if (!wanted(r, i))
			continue;
		err = send_object(c, incident_json(i));
		n++;
	}
	if (err || r->at < r->in->next)
		return err ? HP_FEED_END : HP_FEED_MORE;
	if (!r->once)
		return HP_FEED_WAIT;
	send_object(c, json_pack("{s:b}", "end", 1));
	return HP_FEED_END;
}

static void gone(void *ctx)
{
	struct reader *r = ctx;

	hp_list_del(&r->of_readers);
	free(r);
}

static int kind_of(const char *name)
{
	for (int k = 0; k < HP_INCIDENT_KINDS; k++)
		if (!strcmp(kinds[k].name, name))
			return k;
	return -1;
}

static int refuse(json_t *reply, const char *why)
{
	json_object_set_new(reply, "error", json_string(why));
	return -EINVAL;
}

/* Back until n wanted ones lie between, at the most. */
static void go_back(struct reader *r, uint64_t n)
{
	r->at = r->in->next;
	while (n && r->at > oldest(r->in)) {
		r->at--;
		n -= wanted(r, &r->in->kept[r->at % HP_INCIDENTS_KEPT]);
	}
}

static int read_request(struct reader *r, const json_t *request, json_t *reply)
{
	const json_t *n = json_object_get(request, "n"), *kind = json_object_get(request, "kind");
	const json_t *since = json_object_get(request, "since_s");

	r->kind = kind ? kind_of(json_is_string(kind) ? json_string_value(kind) : "") : -1;
	if (kind && r->kind < 0)
		return refuse(reply, "kind: expected the name of an event, see hipproxyctl(8)");
	if (n && (!json_is_integer(n) || json_integer_value(n) < 0))
		return refuse(reply, "n: expected a number");
	if (since && (!json_is_integer(since) || json_integer_value(since) < 0 ||
		      json_integer_value(since) > UINT32_MAX))
		return refuse(reply, "since_s: expected seconds");
	if (since)
		r->since_ms = wall_ms() - 1000 * (uint64_t)json_integer_value(since);
	r->once = json_is_true(json_object_get(request, "once"));
	go_back(r, n ? (uint64_t)json_integer_value(n) : HP_INCIDENTS_KEPT);
	return 0;
}

int hp_incidents_stream(struct hp_incidents *in, struct hp_control_client *c, const json_t *request,
			json_t *reply)
{
	struct reader *r = calloc(1, sizeof(*r));
	struct hp_control_feed f = { .fn = feed, .gone = gone, .ctx = r };
	int err;

	if (!r)
		return -ENOMEM;
	r->in = in;
	r->c = c;
	err = read_request(r, request, reply);
	if (err) {
		free(r);
		return err;
	}
	f.endless = !r->once;
	hp_list_add_tail(&in->readers, &r->of_readers);
	hp_control_feed(c, &f);
	json_object_set_new(reply, "stream", json_string("events"));
	return 0;
}
