/* SPDX-License-Identifier: MIT
 *
 * What is wrong, as far as the daemon can see: this machine, peers, servers behind it.
 *
 * Packet filters are not looked at here: hipproxyctl does that, for it may run programs.
 */
#include "config.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/peers.h"

/* ---- refusals */

static bool is_recent(const struct hp_daemon *d, uint64_t ms)
{
	return ms && hp_clock_ms(&d->clock) - ms < HP_DOCTOR_RECENT_MS;
}

static const char *identity_name(const struct hp_daemon *d, const struct hp_addr *hit)
{
	for (size_t i = 0; i < d->own.n_keys; i++)
		if (hp_addr_eq(hp_key_hit(d->own.keys[i]), hit))
			return d->conf->identities.at[i].name;
	return "";
}

static void judge_denials(const struct hp_daemon *d, struct hp_findings *out)
{
	const struct hp_pipe_wishes *denied = hp_pipe_denied(d->pipe);
	struct hp_seen_denial seen = { .proto = 0 };

	for (size_t i = 0; i < HP_DAEMON_DENIALS; i++) {
		if (!is_recent(d, d->access.denials[i].last_ms))
			continue;
		seen.local_hit = d->access.denials[i].local_hit;
		seen.peer_hit = d->access.denials[i].peer_hit;
		seen.identity = identity_name(d, &seen.local_hit);
		hp_judge_denial(&seen, out);
	}
	for (size_t i = 0; i < HP_PIPE_WISHES; i++) {
		const struct hp_pipe_wish *w = &denied->at[i];

		if (!is_recent(d, w->last_ms))
			continue;
		seen = (struct hp_seen_denial){ w->local_hit, w->peer_hit,
						identity_name(d, &w->local_hit), w->proto,
						w->port };
		hp_judge_denial(&seen, out);
	}
}

/* ---- peers */

#define FLOWS_MAX 4096 /* connections that are looked at, all together: there may be a million */

struct looking {
	struct hp_daemon *d;
	struct hp_findings *out;
	unsigned int budget;
};

static void name_peer(const struct hp_daemon *d, struct hp_seen_peer *s)
{
	char hit[HP_ADDR_STRLEN];
	const char *name = "";

	for (size_t i = 0; i < d->conf->peers.n && !*name; i++)
		if (hp_addr_eq(&d->conf->peers.at[i].hit, &s->hit))
			name = d->conf->peers.at[i].name;
	snprintf(s->name, sizeof(s->name), "%s", *name ? name : hp_addr_format(&s->hit, hit));
}

/* What ESP did. */
static void see_traffic(struct looking *l, struct hp_assoc *a, struct hp_seen_peer *s)
{
	uint64_t packets[2], octets[2], now = hp_clock_ms(&l->d->clock);
	struct hp_pipe_silence silence;
	struct hp_assoc_info info;
	unsigned int mtu;

	hp_assoc_info(a, &info);
	hp_pipe_assoc_stats(a, packets, octets, &mtu);
	hp_pipe_assoc_silence(a, &l->budget, &silence);
	s->out_packets = packets[HP_OUTBOUND];
	s->in_packets = packets[HP_INBOUND];
	s->up_ms = info.established_ms ? now - info.established_ms : 0;
	s->unanswered_ms = info.unanswered_ms ? now - info.unanswered_ms : 0;
	s->in_udp = hp_assoc_path(a)->dport != 0;
	s->flows = silence.flows;
	s->waiting = silence.waiting;
	if (silence.deaf)
		hp_judge_server(&silence.deaf->key.legacy, &silence.deaf->key.far, l->out);
}

/* While an exchange runs, only what was heard is a reason: it may still succeed. */
static int see_assoc(struct hp_assoc *a, void *arg)
{
	struct looking *l = arg;
	struct hp_seen_peer s = { .hit = *hp_assoc_peer_hit(a), .addr = hp_assoc_path(a)->dst,
				  .shown = *hp_assoc_shown_hit(a), .why = hp_assoc_why(a),
				  .up = hp_assoc_sa_out(a) != NULL };

	if (hp_addr_is_zero(&s.hit))
		return 0; /* an address whose HIT is not known may well have no HIP */
	if (s.up)
		see_traffic(l, a, &s);
	if (!hp_peer_is_fine(&s)) {
		name_peer(l->d, &s);
		hp_judge_peer(&s, l->out);
	}
	return l->out->n == HP_FINDINGS_MAX;
}

static void judge_own_hits(const struct hp_daemon *d, struct hp_findings *out)
{
	for (size_t i = 0; i < d->conf->peers.n; i++) {
		const struct hp_conf_peer *p = &d->conf->peers.at[i];
		struct hp_seen_peer s = { .hit = p->hit, .why = HP_WHY_OWN_HIT };

		if (!hp_hip_is_local(d->hip, &p->hit))
			continue;
		if (p->addresses.n)
			s.addr = p->addresses.at[0];
		name_peer(d, &s);
		hp_judge_peer(&s, out);
	}
}

static void judge_strangers(const struct hp_daemon *d, struct hp_findings *out)
{
	const struct hp_hip_stranger *own = hp_hip_stranger(d->hip, HP_STRANGE_OWN_HIT);
	const struct hp_hip_stranger *wrong = hp_hip_stranger(d->hip, HP_STRANGE_WRONG_HIT);
	char addr[HP_ADDR_STRLEN], hit[HP_ADDR_STRLEN];

	if (is_recent(d, own->last_ms))
		hp_cure(hp_find(out, HP_CAUSE_SAME_KEY, HP_SEV_WARNING,
				"%s comes with HIT %s, which is our own: both ends have the same "
				"key", hp_addr_format(&own->addr, addr),
				hp_addr_format(&own->hit, hit)),
			"hipproxyctl keygen -f KEYFILE   # on one side; then give the other its "
			"new HIT");
	if (is_recent(d, wrong->last_ms))
		hp_cure(hp_find(out, HP_CAUSE_ASKED_WRONG_HIT, HP_SEV_NOTE,
				"%s asked for HIT %s, which is none of ours: its configuration has "
				"a wrong HIT for this machine, or the key here has changed",
				hp_addr_format(&wrong->addr, addr),
				hp_addr_format(&wrong->hit, hit)),
			"hipproxyctl status   # compare with `peers` in the configuration of %s",
			hp_addr_format(&wrong->addr, addr));
}

/* ---- services of this host */

static void judge_asked(const struct hp_daemon *d, struct hp_findings *out)
{
	const struct hp_pipe_wishes *asked = hp_pipe_asked(d->pipe);
	struct hp_listeners *l = NULL;

	for (size_t i = 0; i < HP_PIPE_WISHES; i++) {
		if (!is_recent(d, asked->at[i].last_ms))
			continue;
		if (!l && (l = calloc(1, sizeof(*l))))
			hp_listeners_gather(l);
		if (l)
			hp_judge_asked(l, asked->at[i].port, out);
	}
	free(l);
}

/* ---- files */

static void judge_lines(const char *path, const char *what, const struct hp_lines_bad *bad,
			struct hp_findings *out)
{
	if (bad->n)
		hp_cure(hp_find(out, HP_CAUSE_FILE_DAMAGED, HP_SEV_WARNING,
				"%s: %u lines are skipped, the first is line %u: expected %s", path,
				bad->n, bad->at[0], what),
			"sed -n %up %s   # mend or remove it, then: hipproxyctl reload", bad->at[0],
			path);
}

static void judge_write(const char *path, int err, struct hp_findings *out)
{
	if (err)
		hp_cure(hp_find(out, HP_CAUSE_FILE_WRITE, HP_SEV_WARNING,
				"%s can't be written: %s; what is new is kept in memory and tried again",
				path, strerror(-err)),
			"df -h %s*   # make room, or make the folder writable", path);
}

static void judge_files(const struct hp_daemon *d, struct hp_findings *out)
{
	if (d->kept.pins) {
		judge_lines(hp_pins_path(d->kept.pins), HP_PIN_LINE, hp_pins_bad(d->kept.pins), out);
		judge_write(hp_pins_path(d->kept.pins), hp_pins_error(d->kept.pins), out);
	}
	judge_lines(hp_revoked_path(d->kept.revoked), HP_REVOKED_LINE, hp_revoked_bad(d->kept.revoked), out);
	judge_write(hp_revoked_path(d->kept.revoked), hp_revoked_error(d->kept.revoked), out);
	if (d->kept.state_err)
		hp_cure(hp_find(out, HP_CAUSE_FILE_WRITE, HP_SEV_WARNING,
				"%s can't be used since the start: %s; connections will not outlive a restart",
				d->conf->state, strerror(-d->kept.state_err)),
			"df -h %s; systemctl restart hipproxyd   # after making room", d->conf->state);
	if (hp_state_error(d->kept.state))
		hp_cure(hp_find(out, HP_CAUSE_FILE_WRITE, HP_SEV_WARNING,
				"%s can't grow: %s; new connections will not outlive a restart",
				d->conf->state, strerror(-hp_state_error(d->kept.state))),
			"df -h %s   # make room", d->conf->state);
}

/* ---- all of it */

/* What it has made stays, so nothing leaves in the clear; but nobody repairs it. */
static void judge_gate(struct hp_daemon *d, struct hp_findings *out)
{
	if (!hp_daemon_gate_there(d))
		hp_cure(hp_find(out, HP_CAUSE_GATE_GONE, HP_SEV_WARNING,
				"hipproxy-gate does not run: what it has closed stays closed, but nobody "
				"repairs it, and nothing new is closed"),
			"systemctl restart hipproxy-gate");
	else if (d->gate.report[HP_GATE_R_ERRNO])
		hp_find(out, HP_CAUSE_GATE_GONE, HP_SEV_ERROR,
			"hipproxy-gate can't put its rules and routes in force: %s",
			strerror((int)d->gate.report[HP_GATE_R_ERRNO]));
}

static void judge_box(const struct hp_daemon *d, struct hp_findings *out)
{
	struct hp_box_daemon self = { .running = true, .capturing = d->gate.clients,
				      .diverting = hp_daemon_routes_all(d) };
	struct hp_box *b = malloc(sizeof(*b));

	if (!b)
		return;
	for (; self.n_pools < HP_BOX_POOLS && self.n_pools < d->gate.pools.n; self.n_pools++)
		self.pools[self.n_pools] = d->gate.pools.at[self.n_pools];
	hp_box_gather(b, d->conf, &self);
	hp_box_judge(b, out);
	free(b);
}

static void judge_sandbox(const struct hp_daemon *d, struct hp_findings *out)
{
	char text[HP_SANDBOX_TEXT];

	if (!HP_SANITIZED && strcmp(hp_sandbox_state(d, text), "on"))
		hp_cure(hp_find(out, HP_CAUSE_SANDBOX, HP_SEV_NOTE, "the sandbox is not on: %s", text),
			"%s", d->conf->sandbox == HP_CONF_SANDBOX_ON ?
			"a kernel with seccomp and landlock, and a build with libseccomp" :
			"sandbox = \"on\"; in the configuration, and a restart");
}

void hp_daemon_doctor(struct hp_daemon *d, struct hp_findings *out)
{
	struct looking l = { d, out, FLOWS_MAX };

	judge_box(d, out);
	judge_gate(d, out);
	judge_own_hits(d, out);
	hp_hip_each(d->hip, see_assoc, &l);
	judge_strangers(d, out);
	judge_denials(d, out);
	hp_daemon_limits_judge(d, out);
	judge_asked(d, out);
	judge_files(d, out);
	judge_sandbox(d, out);
}

void hp_daemon_doctor_log(struct hp_daemon *d)
{
	struct hp_findings *found = calloc(1, sizeof(*found));

	if (!found)
		return;
	judge_box(d, found);
	judge_own_hits(d, found);
	for (size_t i = 0; i < found->n; i++)
		hp_log(HP_LOG_CORE,
		       found->at[i].severity == HP_SEV_NOTE ? HP_LOG_NOTICE : HP_LOG_WARNING,
		       "doctor: %s: %s; cure: %s", hp_cause_id(found->at[i].cause),
		       found->at[i].text, found->at[i].cure);
	free(found);
}
