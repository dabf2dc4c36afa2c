/* SPDX-License-Identifier: MIT
 *
 * By which paths exchanges begin, and what is said about it (RFC 5770, sections 4.3, 4.9, 5.4).
 */
#include "natudp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/wire.h>

#define TRAVERSAL_MODE 608 /* NAT_TRAVERSAL_MODE: two reserved octets, then numbers of modes */
#define MODES_MAX      6   /* RFC 5770, section 5.4: more are not looked at */
#define MODE_UDP       1   /* UDP-ENCAPSULATION */

/* ---- which paths there are */

static struct hp_path native_to(const struct hp_addr *dst)
{
	return (struct hp_path){ .dst = *dst };
}

static struct hp_path udp_to(const struct natudp *n, const struct hp_addr *dst)
{
	return (struct hp_path){ .dst = *dst, .sport = n->own, .dport = n->number };
}

/* A peer behind a NAT, at another port than ours, can be reached in one way only. */
static bool has_other(const struct natudp *n, const struct hp_path *path)
{
	return n->mode == NATUDP_AUTO && (!path->dport || path->dport == n->number);
}

size_t natudp_paths(struct hp_instance *self, const struct hp_path *wanted,
		    struct hp_path out[HP_OUTER_PATHS])
{
	const struct natudp *n = natudp_of(self);

	out[0] = *wanted;
	if (n->mode == NATUDP_PLAIN_UDP && !wanted->dport)
		out[0] = udp_to(n, &wanted->dst);
	else if (n->mode == NATUDP_OFF && wanted->dport)
		out[0] = native_to(&wanted->dst);
	else if (wanted->dport && !wanted->sport)
		out[0].sport = n->own;
	if (!has_other(n, &out[0]))
		return 1;
	out[1] = out[0].dport ? native_to(&wanted->dst) : udp_to(n, &wanted->dst);
	return 2;
}

/* ---- negotiation */

static bool lists_udp(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < MODES_MAX && 2 * i + 4 <= len; i++)
		if (hp_get16(p + 2 + 2 * i) == MODE_UDP)
			return true;
	return false;
}

static bool offers_udp(const struct hp_outer_message *m)
{
	size_t len;
	const uint8_t *p = hp_outer_param(m, TRAVERSAL_MODE, &len);

	return p && lists_udp(p, len);
}

/* An R1 says it as long as the port is open, and an I2 the one chosen (section 4.3).  Native paths
 * need none. */
bool natudp_offer(struct hp_instance *self, uint8_t type, const struct hp_path *path,
		  struct hp_outer_offer *out)
{
	(void)type;
	if (path ? !path->dport : natudp_of(self)->mode == NATUDP_OFF)
		return false;
	out->type = TRAVERSAL_MODE;
	out->len = 4;
	hp_put16(out->data, 0);
	hp_put16(out->data + 2, MODE_UDP);
	return true;
}

/* Peers that say nothing and come in UDP mean this mode: there is no other without a relay. */
int natudp_judge(struct hp_instance *self, const struct hp_outer_message *m)
{
	size_t len;

	(void)self;
	if (!m->path->dport || !hp_outer_param(m, TRAVERSAL_MODE, &len))
		return 0;
	return offers_udp(m) ? 0 : -EPERM;
}

/* ---- a native R1 waits for a better one */

void natudp_wait_clear(struct natudp_assoc *na)
{
	natudp_list_del(&na->waiting);
	free(na->r1);
	na->r1 = NULL;
}

static void set_timer(struct natudp *n)
{
	const struct natudp_assoc *first;
	uint64_t now = hp_instance_now(n->self);

	if (n->waiting.next == &n->waiting)
		return;
	first = (const struct natudp_assoc *)(const void *)
		((const char *)n->waiting.next - offsetof(struct natudp_assoc, waiting));
	hp_plugin_timer_set(n->t_wait, first->r1_until_ms > now ? first->r1_until_ms - now : 0);
}

/* Nothing in it is authenticated yet: all it can do is to cost a moment. */
bool natudp_wait(struct natudp *n, const struct hp_outer_message *m)
{
	struct natudp_assoc *na = hp_transport_area(m->assoc);

	if (m->path->dport || na->r1 || n->giving == m->assoc || hp_assoc_state(m->assoc) != HP_I1_SENT ||
	    !offers_udp(m) || !has_other(n, hp_assoc_path(m->assoc)))
		return false;
	na->r1 = malloc(m->len);
	if (!na->r1)
		return false;
	memcpy(na->r1, m->octets, m->len);
	na->r1_len = m->len;
	na->r1_path = *m->path;
	na->r1_until_ms = hp_instance_now(n->self) + NATUDP_GRACE_MS;
	na->a = m->assoc;
	natudp_list_add(&n->waiting, &na->waiting);
	set_timer(n);
	return true;
}

/* The association may be gone afterwards, and its area with it. */
static void give_back(struct natudp *n, struct natudp_assoc *na)
{
	struct hp_path path = na->r1_path;
	uint8_t *r1 = na->r1;

	na->r1 = NULL;
	natudp_wait_clear(na);
	n->giving = na->a;
	hp_assoc_input(na->a, &path, r1, na->r1_len);
	n->giving = NULL;
	free(r1);
}

void natudp_waited(struct hp_instance *self, void *ctx)
{
	struct natudp *n = ctx;
	uint64_t now = hp_instance_now(self);

	while (n->waiting.next != &n->waiting) {
		struct natudp_assoc *na = (struct natudp_assoc *)(void *)
			((char *)n->waiting.next - offsetof(struct natudp_assoc, waiting));

		if (na->r1_until_ms > now)
			break;
		give_back(n, na);
	}
	set_timer(n);
}
