/* SPDX-License-Identifier: MIT
 *
 * Flow database: states, timeouts and the expiry wheel.
 *
 * A flow lies in the bucket of the second in which it might expire.  A packet only writes a
 * later expiry into the flow; when the bucket's second comes the flow moves on to where it
 * belongs by then.  Only a timeout that becomes shorter moves it at once.
 */
#include "flow/flowdb_internal.h"

#include "wire/ip.h"
#include "wire/tcp.h"

#define TICK_MS     1000u
#define TICK_BUDGET 512u /* flows looked at before the loop gets its turn */

const struct hp_flow_timeouts hp_flow_timeouts_default = {
	.tcp_syn = 120,
	.tcp_established = 7440,
	.tcp_closing = 240,
	.udp_unreplied = 120,
	.udp = 300,
	.icmp = 60,
	.other = 300,
};

const char *hp_flow_state_name(enum hp_flow_state s)
{
	static const char *const names[] = { "new", "established", "closing" };

	return (unsigned int)s < HP_FLOW_STATES ? names[s] : "?";
}

static uint32_t now_s(const struct hp_flowdb *db)
{
	return (uint32_t)((hp_clock_ms(db->clock) - db->start_ms) / 1000);
}

static void wheel_put(struct hp_flow *f)
{
	struct hp_flowdb *db = f->db;
	uint32_t s = f->expires_s, *first;

	if (s <= db->done_s)
		s = db->done_s + 1;
	if (s - db->done_s >= HP_FLOW_WHEEL)
		s = db->done_s + HP_FLOW_WHEEL - 1;
	f->wheel_s = s;
	first = &db->wheel[s % HP_FLOW_WHEEL];
	f->sooner = 0;
	f->later = *first;
	if (*first)
		hp_flow_at(db, *first)->sooner = f->number;
	*first = f->number;
}

static void wheel_take(struct hp_flow *f)
{
	struct hp_flowdb *db = f->db;

	if (f->later)
		hp_flow_at(db, f->later)->sooner = f->sooner;
	if (f->sooner)
		hp_flow_at(db, f->sooner)->later = f->later;
	else
		db->wheel[f->wheel_s % HP_FLOW_WHEEL] = f->later;
}

void hp_flow_time_fetch(const struct hp_flow *f)
{
	if (f->later)
		hp_prefetch(&hp_flow_at(f->db, f->later)->later);
	if (f->sooner)
		hp_prefetch(&hp_flow_at(f->db, f->sooner)->later);
}

void hp_flow_time_stop(struct hp_flow *f)
{
	wheel_take(f);
}

/* Empties the bucket of second s, or stops when the budget is used up. */
static bool bucket_run(struct hp_flowdb *db, uint32_t s, unsigned int *budget)
{
	uint32_t n;

	while ((n = db->wheel[s % HP_FLOW_WHEEL])) {
		struct hp_flow *f = hp_flow_at(db, n);

		if (!*budget)
			return false;
		(*budget)--;
		if (f->later)
			hp_flow_fetch(hp_flow_at(db, f->later));
		if (f->expires_s <= s) {
			hp_flow_remove(f, HP_FLOWC_EXPIRED);
			continue;
		}
		wheel_take(f);
		wheel_put(f);
	}
	return true;
}

static void tick(struct hp_timer *t)
{
	struct hp_flowdb *db = HP_CONTAINER(t, struct hp_flowdb, tick);
	uint64_t now_ms = hp_clock_ms(db->clock);
	unsigned int budget = TICK_BUDGET;
	uint32_t now = now_s(db);

	while (db->done_s < now && bucket_run(db, db->done_s + 1, &budget))
		db->done_s++;
	if (db->flows.used)
		hp_timer_set(db->timers, t, now_ms + (budget ? TICK_MS : 1));
}

void hp_flowdb_time_init(struct hp_flowdb *db, struct hp_timers *timers,
			 const struct hp_clock *clock)
{
	db->timers = timers;
	db->clock = clock;
	db->start_ms = hp_clock_ms(clock);
	hp_timer_init(&db->tick, tick);
}

static uint32_t timeout_s(const struct hp_flow *f)
{
	const struct hp_flow_timeouts *t = &f->db->cfg.timeouts;

	switch (f->key.proto) {
	case HP_PROTO_TCP:
		if (f->state == HP_FLOW_NEW)
			return t->tcp_syn;
		return f->state == HP_FLOW_CLOSING ? t->tcp_closing : t->tcp_established;
	case HP_PROTO_UDP:
		return f->state == HP_FLOW_NEW ? t->udp_unreplied : t->udp;
	case HP_PROTO_ICMP:
	case HP_PROTO_ICMP6:
		return t->icmp;
	default:
		return t->other;
	}
}

/* One second more than the timeout: now_s has been rounded down. */
static void expiry_set(struct hp_flow *f)
{
	f->expires_s = now_s(f->db) + timeout_s(f) + 1;
}

/* Later is found out when its bucket is looked at. */
static void expiry_move(struct hp_flow *f)
{
	expiry_set(f);
	if (f->expires_s < f->wheel_s) {
		wheel_take(f);
		wheel_put(f);
	}
}

void hp_flow_time_start(struct hp_flow *f)
{
	struct hp_flowdb *db = f->db;

	if (db->flows.used == 1) { /* f itself */
		db->done_s = now_s(db); /* the wheel stood still while it was empty */
		hp_timer_set(db->timers, &db->tick, hp_clock_ms(db->clock) + TICK_MS);
	}
	expiry_set(f);
	wheel_put(f);
}

bool hp_flow_begins_anew(const struct hp_flow *f, uint8_t flags)
{
	return f->state == HP_FLOW_CLOSING &&
	       (flags & (HP_TCP_SYN | HP_TCP_ACK | HP_TCP_RST)) == HP_TCP_SYN;
}

/* A closing flow that goes on.  Whether a RST ends a connection only its ends know: they ignore one
 * that is outside of the window (RFC 5961, section 3.2).  So any other packet after a RST brings the
 * flow back (RFC 6146, section 3.5.2.2, TRANS; RFC 7857, section 2.2); after both FINs it does
 * not. */
static void reopen(struct hp_flow *f, uint8_t flags)
{
	if (!(flags & HP_TCP_RST) && f->fin_seen != 3)
		f->state = f->tcp_seen ? HP_FLOW_ESTABLISHED : HP_FLOW_NEW;
}

/* Only flows that have not ended are part of a share. */
static void share_moved(struct hp_flow *f, bool had_ended)
{
	struct hp_flow_owner o;

	if (!had_ended) {
		hp_flow_share_give(f);
		return;
	}
	o = hp_flow_owner_of(f->db, &f->key, f->outbound);
	hp_flow_share_take(f, &o);
}

static void track_tcp(struct hp_flow *f, enum hp_direction dir, uint8_t flags)
{
	bool had_ended = f->state == HP_FLOW_CLOSING;
	unsigned int bit = 1u << dir;

	if (had_ended)
		reopen(f, flags);
	if (!(flags & (HP_TCP_SYN | HP_TCP_RST)))
		f->tcp_seen |= bit;
	if (flags & HP_TCP_FIN)
		f->fin_seen |= bit;
	if ((flags & HP_TCP_RST) || f->fin_seen == 3)
		f->state = HP_FLOW_CLOSING;
	else if (f->state == HP_FLOW_NEW && f->tcp_seen && f->way[0].packets && f->way[1].packets)
		f->state = HP_FLOW_ESTABLISHED;
	if (had_ended != (f->state == HP_FLOW_CLOSING))
		share_moved(f, had_ended);
}

void hp_flow_track(struct hp_flow *f, enum hp_direction dir, uint8_t tcp_flags, size_t len)
{
	f->way[dir].packets++;
	f->way[dir].octets += len;
	if (f->key.proto == HP_PROTO_TCP)
		track_tcp(f, dir, tcp_flags);
	else if (f->way[0].packets && f->way[1].packets)
		f->state = HP_FLOW_ESTABLISHED;
	expiry_move(f);
}

void hp_flow_cut(struct hp_flow *f)
{
	bool had_ended = f->state == HP_FLOW_CLOSING;

	f->cut = true;
	f->state = HP_FLOW_CLOSING;
	if (!had_ended)
		share_moved(f, had_ended);
	expiry_move(f);
}

uint64_t hp_flow_left_ms(const struct hp_flow *f)
{
	uint64_t now = hp_clock_ms(f->db->clock);
	uint64_t end = f->db->start_ms + (uint64_t)f->expires_s * 1000;

	return end > now ? end - now : 0;
}

uint64_t hp_flow_idle_ms(const struct hp_flow *f)
{
	uint64_t all = 1000ull * (timeout_s(f) + 1), left = hp_flow_left_ms(f);

	return all > left ? all - left : 0;
}
