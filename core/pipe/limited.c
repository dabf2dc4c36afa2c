/* SPDX-License-Identifier: MIT
 *
 * Limits that are reached: each is counted, and logged when it begins and when it ends.
 */
#include "pipe/limited.h"

#include <errno.h>
#include <inttypes.h>

#include "pipe/trace.h"

#define LOOK_MS 2000

static const struct {
	const char *name, *setting, *help;
} rows[] = {
#define X(e, n, s, h) { n, s, h },
	HP_PIPE_LIMITS(X)
#undef X
};

/* A smaller share would hurt clients that behave well. */
#define SHARE_MIN 64u

uint32_t hp_pipe_share(uint32_t percent, uint32_t of)
{
	uint64_t n = (uint64_t)of * percent / 100;

	return n < SHARE_MIN ? SHARE_MIN : (uint32_t)n;
}

static uint64_t used(const struct hp_pipe *pipe, enum hp_pipe_limit which)
{
	switch (which) {
	case HP_PIPE_LIMIT_FLOWS:
		return hp_flowdb_count(pipe->flows);
	case HP_PIPE_LIMIT_PEERS:
		return hp_peerdb_count(pipe->peers);
	case HP_PIPE_LIMIT_HOLD:
		return hp_peerdb_hold_pool(pipe->peers)->packets;
	case HP_PIPE_LIMIT_REASSEMBLY:
		return hp_reassembly_count(pipe->reasm);
	default:
		return 0;
	}
}

static uint64_t most(const struct hp_conf_limits *l, enum hp_pipe_limit which)
{
	switch (which) {
	case HP_PIPE_LIMIT_FLOWS:
		return l->flows;
	case HP_PIPE_LIMIT_CLIENT_FLOWS:
		return hp_pipe_share(l->client_share, l->flows);
	case HP_PIPE_LIMIT_PEER_FLOWS:
		return hp_pipe_share(l->peer_share, l->flows);
	case HP_PIPE_LIMIT_CLIENT_PORTS:
		return hp_pipe_share(l->client_share, HP_PIPE_PORTS);
	case HP_PIPE_LIMIT_PEERS:
		return l->peers;
	case HP_PIPE_LIMIT_CLIENT_PEERS:
		return hp_pipe_share(l->client_share, l->peers);
	case HP_PIPE_LIMIT_HOLD:
		return l->hold_packets;
	case HP_PIPE_LIMIT_CLIENT_HOLD:
		return hp_pipe_share(l->client_share, l->hold_packets);
	case HP_PIPE_LIMIT_REASSEMBLY:
		return l->reassembly;
	default:
		return hp_pipe_share(l->client_share, l->reassembly);
	}
}

void hp_pipe_limit_row(const struct hp_pipe *pipe, enum hp_pipe_limit which,
		       struct hp_limit_row *out)
{
	*out = (struct hp_limit_row){
		.name = rows[which].name, .setting = rows[which].setting,
		.help = rows[which].help, .used = used(pipe, which),
		.most = most(&pipe->conf->limits, which), .limit = &pipe->limits[which],
	};
}

/* ---- the log */

static void tell(struct hp_pipe *pipe, enum hp_pipe_limit which, const struct hp_addr *who,
		 bool reached)
{
	if (pipe->d.ops->limit)
		pipe->d.ops->limit(pipe->d.ops->ctx, rows[which].setting, who, reached);
}

static void log_begin(struct hp_pipe *pipe, enum hp_pipe_limit which, const struct hp_addr *who)
{
	struct hp_log_about about = { .client = who, .reason = rows[which].name };
	char text[HP_ADDR_STRLEN] = "";

	hp_log_about(HP_LOG_PIPE, HP_LOG_WARNING, &about, "limit reached: %s (%s)%s%s",
		     rows[which].help, rows[which].setting, who ? ", first by " : "",
		     who ? hp_addr_format(who, text) : "");
	tell(pipe, which, who, true);
}

static bool ended(struct hp_pipe *pipe, enum hp_pipe_limit which, uint64_t now)
{
	struct hp_log_about about = { .reason = rows[which].name };
	uint64_t n;

	if (!hp_limit_over(&pipe->limits[which], now, &n))
		return false;
	hp_log_about(HP_LOG_PIPE, HP_LOG_NOTICE, &about,
		     "limit no longer reached: %s (%s), %" PRIu64 " refused or given way",
		     rows[which].help, rows[which].setting, n);
	tell(pipe, which, NULL, false);
	return true;
}

void hp_pipe_limits_look(struct hp_timer *t)
{
	struct hp_pipe *pipe = HP_CONTAINER(t, struct hp_pipe, limits_timer);
	uint64_t now = hp_pipe_now(pipe);
	bool more = false;

	for (int i = 0; i < HP_PIPE_LIMIT_MAX; i++) {
		ended(pipe, i, now);
		more |= hp_limit_bites(&pipe->limits[i]);
	}
	if (more)
		hp_timer_set(pipe->d.timers, t, now + LOOK_MS);
}

void hp_pipe_limited(struct hp_pipe *pipe, enum hp_pipe_limit which, const struct hp_addr *who)
{
	uint64_t now = hp_pipe_now(pipe);

	if (!hp_limit_hit(&pipe->limits[which], now))
		return;
	log_begin(pipe, which, who);
	if (!hp_timer_armed(&pipe->limits_timer))
		hp_timer_set(pipe->d.timers, &pipe->limits_timer, now + LOOK_MS);
}

/* ---- a flow that could not be made */

static void ports_used(struct hp_pipe *pipe, const struct hp_packet *p, const char *what)
{
	struct hp_log_about about = { .limit = &pipe->log_tokens,
				      .reason = hp_drop_name(HP_DROP_PORTS_USED) };
	char src[HP_ADDR_STRLEN], dst[HP_ADDR_STRLEN];

	if (p->dir == HP_OUTBOUND)
		about.client = &p->src;
	else
		about.peer = &p->src;
	hp_log_about(HP_LOG_PIPE, HP_LOG_WARNING, &about, "%s to %s port %u refused: %s",
		     hp_addr_format(&p->src, src), hp_addr_format(&p->dst, dst), p->dport, what);
}

enum hp_drop_reason hp_pipe_flow_refused(struct hp_pipe *pipe, const struct hp_packet *p, int err)
{
	bool out = p->dir == HP_OUTBOUND;

	switch (err) {
	case -EADDRINUSE:
		if (!hp_flow_has_ports(p->proto))
			return HP_DROP_PROTOCOL_USED;
		ports_used(pipe, p, out ? "every port to this service is in use" :
					  "every port of the client's address is in use");
		return HP_DROP_PORTS_USED;
	case -EDQUOT:
		hp_pipe_limited(pipe, out ? HP_PIPE_LIMIT_CLIENT_FLOWS : HP_PIPE_LIMIT_PEER_FLOWS,
				&p->src);
		return HP_DROP_CLIENT_FLOWS;
	case -EUSERS:
		hp_pipe_limited(pipe, HP_PIPE_LIMIT_CLIENT_PORTS, &p->src);
		return HP_DROP_CLIENT_PORTS;
	case -ENOMEM:
		return HP_DROP_NO_MEMORY;
	default:
		hp_pipe_limited(pipe, HP_PIPE_LIMIT_FLOWS, &p->src);
		return HP_DROP_FLOWS_FULL;
	}
}
