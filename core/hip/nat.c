/* SPDX-License-Identifier: MIT
 *
 * UDP encapsulation (RFC 5770, mode UDP-ENCAPSULATION): choice of path, negotiation,
 * keepalives, and following a NAT that changes its mind.
 *
 * A mapping that has changed shows itself by opened ESP, or a keepalive, from a new address
 * or port.  The peer is then asked there by an UPDATE with an echo (RFC 8046, section 5.5),
 * and only an answer that comes from there moves the association.  Whoever sends on somebody
 * else's packets from a forged source moves nothing.
 */
#include "hip/internal.h"

#include <stdlib.h>

bool hp_nat_same(const struct hp_path *a, const struct hp_path *b)
{
	return a->dport == b->dport && hp_addr_eq(&a->dst, &b->dst);
}

struct hp_path hp_nat_path(const struct hp_hip *hip, const struct hp_addr *dst)
{
	struct hp_path p = {.dst = *dst};

	if (hip->nat.mode == HP_NAT_UDP)
		p.sport = p.dport = hip->nat.port;
	return p;
}

void hp_nat_fit(struct hp_assoc *a)
{
	enum hp_nat_mode mode = a->hip->nat.mode;
	bool udp = a->path.dport != 0;

	if ((mode == HP_NAT_UDP && !udp) || (mode == HP_NAT_OFF && udp))
		a->path = hp_nat_path(a->hip, &a->path.dst);
}

/* ---- both ways at once (section 4.9) */

/* A peer behind a NAT, at another port than ours, can be reached in one way only. */
bool hp_nat_other(const struct hp_assoc *a, struct hp_path *other)
{
	const struct hp_hip_nat *nat = &a->hip->nat;
	const struct hp_path *p = &a->sent.path;

	if (nat->mode != HP_NAT_AUTO || (p->dport && p->dport != nat->port))
		return false;
	*other = (struct hp_path){.dst = p->dst};
	if (!p->dport)
		other->sport = other->dport = nat->port;
	return true;
}

bool hp_nat_reaches(const struct hp_assoc *a, const struct hp_path *path)
{
	struct hp_path other;

	return !path->dport || hp_nat_same(path, &a->path) ||
	       (hp_nat_other(a, &other) && hp_nat_same(path, &other));
}

void hp_nat_wait_clear(struct hp_assoc *a)
{
	hp_timer_cancel(a->hip->timers, &a->nat.t_r1);
	free(a->nat.r1);
	a->nat.r1 = NULL;
}

static void waited(struct hp_timer *t)
{
	struct hp_assoc *a = HP_CONTAINER(t, struct hp_assoc, nat.t_r1);
	struct hp_path path = a->nat.r1_path;
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_msg m;
	struct hp_rx rx = {.hip = a->hip, .path = &path, .m = &m, .id = a->id, .a = a};

	if (!a->nat.r1 || a->state != HP_I1_SENT)
		return;
	/* It stays where it is, for it has waited; the copy is what is read. */
	memcpy(msg, a->nat.r1, a->nat.r1_len);
	if (!hp_hip_parse(msg, a->nat.r1_len, &m))
		hp_hip_drop(a->hip, hp_r1_input(&rx), m.type, &m.src_hit, rx.path);
}

static bool offers_udp(const struct hp_hip_msg *m)
{
	struct hp_u16list l;

	if (hp_hip_read_u16list(hp_hip_param_find(m, HP_PARAM_NAT_TRAVERSAL_MODE, 0), &l))
		return false;
	for (size_t i = 0; i < l.n; i++)
		if (hp_u16list_at(&l, i) == HP_NATMODE_UDP)
			return true;
	return false;
}

/* Nothing in it is authenticated yet: all it can do is to cost a moment. */
bool hp_nat_wait(const struct hp_rx *rx)
{
	struct hp_assoc *a = rx->a;
	struct hp_nat_assoc *n = &a->nat;
	struct hp_path other;

	if (rx->path->dport || n->r1 || a->state != HP_I1_SENT || !offers_udp(rx->m) ||
	    !hp_nat_other(a, &other))
		return false;
	n->r1 = malloc(rx->m->len);
	if (!n->r1)
		return false;
	memcpy(n->r1, rx->m->raw, rx->m->len);
	n->r1_len = rx->m->len;
	n->r1_path = *rx->path;
	hp_timer_init(&n->t_r1, waited);
	hp_timer_set(a->hip->timers, &n->t_r1, hp_hip_now(a->hip) + HP_NAT_GRACE_MS);
	return true;
}

/* ---- negotiation (sections 4.3 and 5.4) */

void hp_nat_add_modes(struct hp_hip_builder *b)
{
	static const uint16_t udp = HP_NATMODE_UDP;

	hp_hip_add_u16list(b, HP_PARAM_NAT_TRAVERSAL_MODE, &udp, 1);
}

/* Peers that say nothing and come in UDP mean this mode: there is no other without a relay. */
int hp_nat_check_modes(const struct hp_hip_msg *m, const struct hp_path *path)
{
	if (!path->dport || !hp_hip_param_find(m, HP_PARAM_NAT_TRAVERSAL_MODE, 0))
		return 0;
	return offers_udp(m) ? 0 : HP_HIPD_NAT_MODE;
}

/* ---- another path */

static bool stands(const struct hp_assoc *a)
{
	return a->up && (a->state == HP_ESTABLISHED || a->state == HP_R2_SENT);
}

/* May it be asked elsewhere?  In R2-SENT the peer is not ready for UPDATE. */
static bool can_move(const struct hp_assoc *a)
{
	return a->up && (a->state == HP_I1_SENT || a->state == HP_ESTABLISHED);
}

static bool asked_already(const struct hp_assoc *a, const struct hp_path *path)
{
	return a->verifying_addr && a->strict && hp_nat_same(&a->new_path, path) &&
	       (a->signing || a->update_out);
}

/* Keys are being changed: that UPDATE cannot be overtaken, so it goes there itself. */
static void redirect(struct hp_assoc *a, const struct hp_path *path)
{
	/* A question whether the peer is somewhere is asked nowhere else. */
	if (!a->sent.msg || a->verifying_addr || hp_nat_same(&a->sent.path, path))
		return;
	a->sent.path = *path;
	hp_hip_send(a->hip, path, a->sent.msg, a->sent.len);
}

/* It did not answer where it was, and a new exchange has begun: it is to be had there.  The
 * exchange itself shows who answers. */
void hp_nat_begin_at(struct hp_assoc *a, const struct hp_path *path)
{
	a->path = *path;
	a->rounds = 0;
	hp_i1_start(a);
}

static void check(struct hp_assoc *a, const struct hp_path *path)
{
	uint64_t now = hp_hip_now(a->hip);

	if (a->signing || asked_already(a, path) ||
	    (a->nat.check_ms && now - a->nat.check_ms < HP_NAT_CHECK_MS))
		return;
	a->nat.check_ms = now;
	if (a->state == HP_I1_SENT)
		hp_nat_begin_at(a, path);
	else if (a->rk.active)
		redirect(a, path);
	else
		hp_hip_drop(a->hip, hp_update_check(a, path), HP_HIP_UPDATE, &a->peer, NULL);
}

void hp_nat_asked(struct hp_assoc *a, const struct hp_path *path)
{
	if (a->hip->nat.mode == HP_NAT_OFF || !can_move(a) || hp_nat_same(path, &a->path) ||
	    !(path->dport || a->path.dport))
		return;
	check(a, path);
}

/* When both ends change between UDP and native, both ways work for a while, and what is still
 * under way by the old one must not lead back to it. */
void hp_assoc_seen(struct hp_assoc *a, const struct hp_path *path)
{
	const struct hp_nat_assoc *n = &a->nat;

	if (!path->dport != !a->path.dport && n->changed_ms &&
	    hp_hip_now(a->hip) - n->changed_ms < HP_NAT_SETTLE_MS)
		return;
	hp_nat_asked(a, path);
}

/* ---- keepalives (sections 4.7 and 5.3) */

static void keepalive(struct hp_assoc *a)
{
	struct hp_notification n = {.type = HP_NOTIFY_NAT_KEEPALIVE};
	uint8_t msg[128];
	struct hp_hip_builder b;
	int len;

	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_NOTIFY, 0, &a->local, &a->peer);
	hp_hip_add_notification(&b, &n);
	len = hp_hip_finish(&b);
	if (len < 0)
		return;
	hp_count(&a->hip->counters, HP_HIPC_KEEPALIVE_OUT);
	hp_hip_send(a->hip, &a->path, msg, (size_t)len);
}

void hp_nat_look(struct hp_assoc *a, uint64_t now)
{
	struct hp_nat_assoc *n = &a->nat;
	uint64_t last = a->last_out_ms > n->keepalive_ms ? a->last_out_ms : n->keepalive_ms;
	uint32_t every = a->hip->nat.keepalive_ms;

	if (!stands(a) || !a->path.dport || !every || now - last < every)
		return;
	n->keepalive_ms = now;
	keepalive(a);
}

/* A host with nothing to say shows its new mapping in this way only.  Anybody can make one,
 * so it counts when the peer is not heard of on the path that was, and seldom. */
void hp_nat_keepalive(const struct hp_rx *rx)
{
	struct hp_assoc *a = rx->a;
	struct hp_hip *hip = rx->hip;
	uint64_t now = hp_hip_now(hip);

	hp_count(&hip->counters, HP_HIPC_KEEPALIVE_IN);
	if (!a || !can_move(a) || !rx->path->dport || !a->path.dport ||
	    hp_nat_same(rx->path, &a->path) || now - a->last_in_ms < HP_NAT_SILENT_MS ||
	    (a->nat.claim_ms && now - a->nat.claim_ms < HP_NAT_CLAIM_MS) || a->rk.active ||
	    !hp_tokens_take(&hip->claim_rate, now, 1))
		return;
	a->nat.claim_ms = now;
	check(a, rx->path);
}

/* ---- another mode */

static int move(struct hp_assoc *a, void *arg)
{
	struct hp_hip *hip = arg;
	bool udp = a->path.dport != 0, want = hip->nat.mode != HP_NAT_OFF;
	struct hp_path path = {.dst = a->path.dst};

	if (udp == want || a->state != HP_ESTABLISHED || a->rk.active || a->signing)
		return 0;
	if (want)
		path.sport = path.dport = hip->nat.port;
	hp_hip_drop(hip, hp_update_check(a, &path), HP_HIP_UPDATE, &a->peer, NULL);
	return 0;
}

void hp_hip_set_nat(struct hp_hip *hip, const struct hp_hip_nat *nat)
{
	bool offered = hip->nat.mode != HP_NAT_OFF, offer = nat->mode != HP_NAT_OFF;
	bool moved = hip->nat.mode != nat->mode;
	struct hp_list *n;

	hip->nat = *nat;
	if (offered != offer) {
		hip->cfg_epoch++;
		HP_LIST_EACH(n, &hip->identities)
		{
			struct hp_identity *id =
				HP_CONTAINER(n, struct hp_identity, node);

			hp_r1_retire_all(hip, id);
			hp_r1_make_all(hip, id);
		}
	}
	if (moved)
		hp_hip_each(hip, move, hip);
}

static int count_udp(struct hp_assoc *a, void *arg)
{
	if (a->path.dport)
		(*(size_t *)arg)++;
	return 0;
}

size_t hp_hip_nat_count(const struct hp_hip *hip)
{
	size_t n = 0;

	hp_hip_each((struct hp_hip *)hip, count_udp, &n);
	return n;
}

static int leave(struct hp_assoc *a, void *arg)
{
	(void)arg;
	if (!a->path.dport)
		return 0;
	a->path = (struct hp_path){.dst = a->path.dst};
	a->sent.path = a->path;
	a->verifying_addr = false;
	if (stands(a))
		hp_update_gave_up(a);
	return 0;
}

void hp_hip_nat_shut(struct hp_hip *hip)
{
	hp_hip_each(hip, leave, NULL);
}
