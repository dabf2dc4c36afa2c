/* SPDX-License-Identifier: MIT
 *
 * What the plugin that chooses paths is asked and told.
 */
#include "hip/paths.h"

#include "hip/assoc.h"

bool hp_path_same(const struct hp_path *a, const struct hp_path *b)
{
	return a->dport == b->dport && hp_addr_eq(&a->dst, &b->dst);
}

static const struct hp_transport *transport(const struct hp_hip *hip)
{
	return hip->transport.table;
}

/* An association that was made before there was a plugin has no area of it. */
static const struct hp_transport *transport_of(const struct hp_assoc *a)
{
	const struct hp_transport *t = transport(a->hip);

	return t && (a->paths.has_area || !t->area_bytes) ? t : NULL;
}

/* ---- the choice */

static size_t choose(const struct hp_hip *hip, const struct hp_path *wanted,
		     struct hp_path out[HP_OUTER_PATHS])
{
	const struct hp_transport *t = transport(hip);
	size_t n = t ? t->paths(hip->transport.self, wanted, out) : 0;

	if (n > HP_OUTER_PATHS)
		n = HP_OUTER_PATHS;
	if (!n)
		out[n++] = *wanted;
	return n;
}

struct hp_path hp_path_first(const struct hp_hip *hip, const struct hp_path *wanted)
{
	struct hp_path out[HP_OUTER_PATHS];

	choose(hip, wanted, out);
	return out[0];
}

bool hp_path_other(const struct hp_hip *hip, const struct hp_path *path, struct hp_path *other)
{
	struct hp_path out[HP_OUTER_PATHS];

	if (choose(hip, path, out) < 2)
		return false;
	*other = out[1];
	return true;
}

bool hp_path_reaches(const struct hp_assoc *a, const struct hp_path *path)
{
	struct hp_path other;

	return !path->dport || hp_path_same(path, &a->path) ||
	       (hp_path_other(a->hip, &a->sent.path, &other) && hp_path_same(path, &other));
}

/* ---- messages */

static struct hp_outer_message message_of(const struct hp_rx *rx)
{
	return (struct hp_outer_message){.type = rx->m->type, .assoc = rx->a, .path = rx->path,
					 .octets = rx->m->raw, .len = rx->m->len, .parsed = rx->m};
}

const uint8_t *hp_outer_param(const struct hp_outer_message *m, uint16_t type, size_t *len)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m->parsed, type, 0);

	*len = t ? t->len : 0;
	return t ? t->data : NULL;
}

struct hp_outer_offer hp_path_offer(const struct hp_hip *hip, uint8_t type,
				    const struct hp_path *path)
{
	const struct hp_transport *t = transport(hip);
	struct hp_outer_offer o = {.type = 0};

	if (!t || !t->offer || !t->offer(hip->transport.self, type, path, &o) ||
	    o.type <= HP_PARAM_HIP_CIPHER || o.type >= HP_PARAM_ENCRYPTED ||
	    o.len > HP_OUTER_PARAM)
		o.type = 0;
	return o;
}

int hp_path_judge(const struct hp_rx *rx)
{
	const struct hp_transport *t = transport(rx->hip);
	struct hp_outer_message m = message_of(rx);

	return t && t->judge && t->judge(rx->hip->transport.self, &m) ? HP_HIPD_NAT_MODE : 0;
}

bool hp_path_taken(const struct hp_rx *rx)
{
	const struct hp_transport *t = rx->a ? transport_of(rx->a) : transport(rx->hip);
	struct hp_outer_message m = message_of(rx);

	return t && t->message && t->message(rx->hip->transport.self, &m) == HP_TAKEN;
}

/* ---- associations */

void hp_path_heard(struct hp_assoc *a, const struct hp_path *path, bool asked)
{
	const struct hp_transport *t = transport_of(a);

	if (t && t->heard && !hp_path_same(path, &a->path))
		t->heard(a->hip->transport.self, a, path, asked);
}

void hp_assoc_seen(struct hp_assoc *a, const struct hp_path *path)
{
	hp_path_heard(a, path, false);
}

void hp_path_anew(struct hp_assoc *a)
{
	const struct hp_transport *t = transport_of(a);

	if (t && t->anew)
		t->anew(a->hip->transport.self, a);
}

void hp_path_gone(struct hp_assoc *a)
{
	const struct hp_transport *t = transport_of(a);

	if (t && t->gone)
		t->gone(a->hip->transport.self, a);
}

/* ---- what the plugin may know of an association */

/* Aligned for any type. */
static size_t rounded(size_t bytes)
{
	return (bytes + 15) & ~(size_t)15;
}

size_t hp_path_with_area(const struct hp_hip *hip, size_t bytes)
{
	size_t area = transport(hip) ? transport(hip)->area_bytes : 0;

	return area ? rounded(bytes) + area : bytes;
}

void *hp_transport_area(struct hp_assoc *a)
{
	return a->paths.has_area ? (uint8_t *)a + rounded(sizeof(*a)) : NULL;
}

bool hp_assoc_is_rekeying(const struct hp_assoc *a)
{
	return hp_rekey_active(&a->rk);
}

uint64_t hp_assoc_last_in_ms(const struct hp_assoc *a)
{
	return a->traffic.last_in_ms;
}

uint64_t hp_assoc_last_out_ms(const struct hp_assoc *a)
{
	return a->traffic.last_out_ms;
}
