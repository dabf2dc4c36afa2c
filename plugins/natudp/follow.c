/* SPDX-License-Identifier: MIT
 *
 * Keepalives, and following a NAT that changes its mapping (RFC 5770, sections 4.7 and 5.3).
 *
 * A mapping that has changed shows itself by opened ESP, or a keepalive, from a new address
 * or port.  The peer is then asked there by an UPDATE with an echo (RFC 8046, section 5.5),
 * and only an answer that comes from there moves the association.  Whoever sends on somebody
 * else's packets from a forged source moves nothing.
 */
#include "natudp.h"

#define LOOK_MS	      100  /* a tenth of the associations is looked at in this time */
#define NAT_KEEPALIVE 16385
#define TYPE_NOTIFY   17

/* ---- another path */

static void check(struct natudp *n, struct hp_assoc *a, const struct hp_path *path)
{
	struct natudp_assoc *na = hp_transport_area(a);
	uint64_t now = hp_instance_now(n->self);

	if (na->check_ms && now - na->check_ms < NATUDP_CHECK_MS)
		return;
	if (!hp_assoc_ask_at(a, path))
		na->check_ms = now;
}

/* When both ends change between UDP and native, both ways work for a while, and what is still
 * under way by the old one must not lead back to it. */
static bool settles(const struct natudp *n, const struct natudp_assoc *na,
		    const struct hp_path *now, const struct hp_path *path)
{
	return !path->dport != !now->dport && na->changed_ms &&
	       hp_instance_now(n->self) - na->changed_ms < NATUDP_SETTLE_MS;
}

void natudp_heard(struct hp_instance *self, struct hp_assoc *a, const struct hp_path *path,
		  bool asked)
{
	struct natudp *n = natudp_of(self);
	const struct hp_path *now = hp_assoc_path(a);

	if (n->mode == NATUDP_OFF || (!path->dport && !now->dport) ||
	    (!asked && settles(n, hp_transport_area(a), now, path)))
		return;
	check(n, a, path);
}

/* A host with nothing to say shows its new mapping by keepalives only.  Anybody can make one, so
 * it counts when the peer is not heard on the path that was, and seldom. */
static void claim(struct natudp *n, struct hp_assoc *a, const struct hp_path *path)
{
	struct natudp_assoc *na = hp_transport_area(a);
	const struct hp_path *now_at = hp_assoc_path(a);
	uint64_t now = hp_instance_now(n->self);
	enum hp_assoc_state state = hp_assoc_state(a);

	if (!hp_assoc_is_up(a) || (state != HP_I1_SENT && state != HP_ESTABLISHED) ||
	    !path->dport || !now_at->dport || hp_path_same(path, now_at) ||
	    now - hp_assoc_last_in_ms(a) < NATUDP_SILENT_MS ||
	    (na->claim_ms && now - na->claim_ms < NATUDP_CLAIM_MS) || hp_assoc_is_rekeying(a) ||
	    !hp_tokens_take(&n->claims, now, 1))
		return;
	na->claim_ms = now;
	check(n, a, path);
}

enum hp_verdict natudp_message(struct hp_instance *self, const struct hp_outer_message *m)
{
	struct natudp *n = natudp_of(self);
	struct natudp_assoc *na = m->assoc ? hp_transport_area(m->assoc) : NULL;

	if (!na)
		return HP_NEXT;
	if (m->type == TYPE_NOTIFY) {
		claim(n, m->assoc, m->path);
		return HP_TAKEN;
	}
	if (natudp_wait(n, m))
		return HP_TAKEN;
	natudp_wait_clear(na);
	return HP_NEXT;
}

/* ---- keepalives */

void natudp_untrack(struct natudp *n, struct natudp_assoc *na)
{
	if (!na->in_udp.next)
		return;
	natudp_list_del(&na->in_udp);
	n->n_in_udp--;
}

void natudp_track(struct natudp *n, struct hp_assoc *a)
{
	struct natudp_assoc *na = hp_transport_area(a);

	if (!na)
		return;
	natudp_untrack(n, na);
	if (!hp_assoc_path(a)->dport)
		return;
	na->a = a;
	natudp_list_add(&n->in_udp, &na->in_udp);
	if (!n->n_in_udp++)
		hp_plugin_timer_set(n->t_look, LOOK_MS);
}

static void keep_alive(struct natudp *n, struct natudp_assoc *na, uint64_t now)
{
	enum hp_assoc_state state = hp_assoc_state(na->a);
	uint64_t last = hp_assoc_last_out_ms(na->a);

	if (last < na->keepalive_ms)
		last = na->keepalive_ms;
	if (!hp_assoc_is_up(na->a) || (state != HP_ESTABLISHED && state != HP_R2_SENT) ||
	    !hp_assoc_path(na->a)->dport || now - last < n->keepalive_ms)
		return;
	na->keepalive_ms = now;
	hp_assoc_notify(na->a, NAT_KEEPALIVE);
}

/* In the order of the list, so that each is looked at once a second. */
void natudp_look(struct hp_instance *self, void *ctx)
{
	struct natudp *n = ctx;
	uint64_t now = hp_instance_now(self);

	for (size_t left = (n->n_in_udp + 9) / 10; left && n->n_in_udp; left--) {
		struct natudp_link *l = n->in_udp.next;
		struct natudp_assoc *na = (struct natudp_assoc *)(void *)
			((char *)l - offsetof(struct natudp_assoc, in_udp));

		natudp_list_del(l);
		natudp_list_add(&n->in_udp, l);
		keep_alive(n, na, now);
	}
	if (n->n_in_udp)
		hp_plugin_timer_set(n->t_look, LOOK_MS);
}
