/* SPDX-License-Identifier: MIT
 *
 * Expressions of nft's JSON against a packet (see nftvalue.h).
 */
#include "doctor/nftvalue.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

const char *hp_nft_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- sets */

static const json_t *named(const json_t *list, const char *family, const char *table,
			   const char *name)
{
	static const char *const kinds[] = { "set", "map" };
	const json_t *o;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)list, i, o)
		for (size_t n = 0; n < 2; n++) {
			const json_t *s = json_object_get(o, kinds[n]);

			if (s && !strcmp(hp_nft_text(s, "family"), family) &&
			    !strcmp(hp_nft_text(s, "table"), table) && !strcmp(hp_nft_text(s, "name"), name))
				return s;
		}
	return NULL;
}

const json_t *hp_nft_elements(const json_t *list, const char *family, const char *table,
			      const json_t *set)
{
	const char *s = json_string_value(set);
	const json_t *found;

	if (!s || *s != '@')
		return json_object_get(set, "set");
	found = named(list, family, table, s + 1);
	return found ? json_object_get(found, "elem") : NULL;
}

const json_t *hp_nft_resolve(const json_t *list, const char *family, const char *table,
			     const json_t *right)
{
	const char *s = json_string_value(right);

	return s && *s == '@' ? hp_nft_elements(list, family, table, right) : right;
}

/* ---- what is known of the packet */

enum kind { UNKNOWN, NEVER, NAME, ADDR, PROTO, PORT, FAMILY, CT, CT_STATUS, FIB };

struct left {
	enum kind kind;
	const char *name;
	const struct hp_addr *addr;
	unsigned int number;
};

static struct left of_name(const char *name)
{
	return (struct left){ .kind = name ? NAME : UNKNOWN, .name = name };
}

static struct left of_proto(const struct hp_fw_packet *p)
{
	return (struct left){ .kind = p->proto ? PROTO : UNKNOWN, .number = p->proto };
}

static struct left of_meta(const struct hp_fw_packet *p, const char *key)
{
	if (!strcmp(key, "iifname") || !strcmp(key, "iif"))
		return of_name(p->iif);
	if (!strcmp(key, "oifname") || !strcmp(key, "oif"))
		return of_name(p->oif);
	if (!strcmp(key, "l4proto"))
		return of_proto(p);
	if (!strcmp(key, "nfproto") || !strcmp(key, "protocol"))
		return (struct left){ .kind = FAMILY, .number = (unsigned int)p->family };
	return (struct left){ .kind = UNKNOWN };
}

static struct left of_ip(const struct hp_fw_packet *p, const char *field)
{
	const struct hp_addr *a = !strcmp(field, "saddr") ? &p->src :
				  !strcmp(field, "daddr") ? &p->dst : NULL;

	if (a)
		return (struct left){ .kind = hp_addr_is_zero(a) ? UNKNOWN : ADDR, .addr = a };
	if (!strcmp(field, "protocol") || !strcmp(field, "nexthdr"))
		return of_proto(p);
	return (struct left){ .kind = UNKNOWN };
}

static struct left of_ports(const struct hp_fw_packet *p, const char *field)
{
	uint16_t port = !strcmp(field, "dport") ? p->dport : !strcmp(field, "sport") ? p->sport : 0;

	return (struct left){ .kind = port ? PORT : UNKNOWN, .number = port };
}

static struct left of_payload(const struct hp_fw_packet *p, const char *protocol,
			      const char *field)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} l4[] = { { "tcp", 6 }, { "udp", 17 }, { "icmp", 1 }, { "icmpv6", 58 }, { "esp", 50 },
		   { "ah", 51 }, { "sctp", 132 }, { "dccp", 33 }, { "udplite", 136 } };

	if (!strcmp(protocol, "ip") || !strcmp(protocol, "ip6")) {
		if (!strcmp(protocol, "ip") != (p->family == 4))
			return (struct left){ .kind = NEVER };
		return of_ip(p, field);
	}
	for (size_t i = 0; i < sizeof(l4) / sizeof(*l4); i++)
		if (!strcmp(l4[i].name, protocol) && p->proto && p->proto != l4[i].proto)
			return (struct left){ .kind = NEVER };
	return p->proto == 17 && !strcmp(protocol, "udp") ? of_ports(p, field) :
							    (struct left){ .kind = UNKNOWN };
}

/* "fib saddr . iif oif": is the way back to the source through the interface it came in by? */
static struct left of_fib(const struct hp_fw_packet *p, const json_t *fib)
{
	bool saddr = false, iif = false;
	const json_t *f;
	size_t i;

	json_array_foreach(json_object_get(fib, "flags"), i, f) {
		const char *s = json_string_value(f);

		saddr |= s && !strcmp(s, "saddr");
		iif |= s && !strcmp(s, "iif");
	}
	if (strcmp(hp_nft_text(fib, "result"), "oif") || !saddr || !iif)
		return (struct left){ .kind = UNKNOWN };
	return (struct left){ .kind = FIB, .number = p->reverse_ok };
}

static struct left left_of(const struct hp_fw_packet *p, const json_t *left)
{
	const json_t *o;

	if ((o = json_object_get(left, "meta")))
		return of_meta(p, hp_nft_text(o, "key"));
	if ((o = json_object_get(left, "payload")))
		return of_payload(p, hp_nft_text(o, "protocol"), hp_nft_text(o, "field"));
	if ((o = json_object_get(left, "fib")))
		return of_fib(p, o);
	o = json_object_get(left, "ct");
	if (o && !strcmp(hp_nft_text(o, "key"), "state"))
		return (struct left){ .kind = CT, .number = p->ct };
	if (o && !strcmp(hp_nft_text(o, "key"), "status"))
		return (struct left){ .kind = CT_STATUS };
	return (struct left){ .kind = UNKNOWN };
}

/* ---- one value */

static enum hp_fw_match is(bool yes)
{
	return yes ? HP_FW_YES : HP_FW_NO;
}

static enum hp_fw_match addr_is(const struct hp_addr *a, const json_t *r)
{
	const json_t *pre = json_object_get(r, "prefix"), *range = json_object_get(r, "range");
	struct hp_addr from, to;
	int bits;

	if (json_is_string(r))
		return hp_addr_parse(json_string_value(r), &from) ? HP_FW_MAYBE :
								    is(hp_addr_eq(a, &from));
	if (pre && !hp_addr_parse(hp_nft_text(pre, "addr"), &from)) {
		bits = (int)json_integer_value(json_object_get(pre, "len"));
		bits += hp_addr_is4(&from) ? 96 : 0;
		if (bits < 0 || bits > 128)
			return HP_FW_MAYBE;
		return is(hp_prefix_contains(&(struct hp_prefix){ from, (uint8_t)bits }, a));
	}
	if (range && json_is_string(json_array_get(range, 0)) &&
	    json_is_string(json_array_get(range, 1)) &&
	    !hp_addr_parse(json_string_value(json_array_get(range, 0)), &from) &&
	    !hp_addr_parse(json_string_value(json_array_get(range, 1)), &to))
		return is(hp_addr_cmp(a, &from) >= 0 && hp_addr_cmp(a, &to) <= 0);
	return HP_FW_MAYBE;
}

static enum hp_fw_match number_is(unsigned int n, const json_t *r)
{
	const json_t *range = json_object_get(r, "range");

	if (json_is_integer(r))
		return is(json_integer_value(r) == n);
	if (json_is_integer(json_array_get(range, 0)) && json_is_integer(json_array_get(range, 1)))
		return is(n >= json_integer_value(json_array_get(range, 0)) &&
			  n <= json_integer_value(json_array_get(range, 1)));
	return HP_FW_MAYBE;
}

/* nft writes names of /etc/protocols. */
static enum hp_fw_match proto_is(unsigned int proto, const json_t *r)
{
	const struct protoent *e;

	if (!json_is_string(r))
		return number_is(proto, r);
	e = getprotobyname(json_string_value(r));
	if (e)
		return is((unsigned int)e->p_proto == proto);
	return HP_FW_MAYBE;
}

static enum hp_fw_match family_is(unsigned int family, const json_t *r)
{
	const char *s = json_string_value(r);

	if (!s)
		return HP_FW_MAYBE;
	return is(family == 4 ? !strcmp(s, "ipv4") || !strcmp(s, "ip") :
				!strcmp(s, "ipv6") || !strcmp(s, "ip6"));
}

static enum hp_fw_match ct_is(unsigned int ct, const json_t *r)
{
	const char *s = json_string_value(r);

	if (!s)
		return HP_FW_MAYBE;
	return is((ct == HP_CT_NEW && !strcmp(s, "new")) ||
		  (ct == HP_CT_ESTABLISHED && !strcmp(s, "established")) ||
		  (ct == HP_CT_UNTRACKED && !strcmp(s, "untracked")));
}

/* Nobody translates the addresses of such packets. */
static enum hp_fw_match status_is(const json_t *r)
{
	const char *s = json_string_value(r);

	return s && (!strcmp(s, "dnat") || !strcmp(s, "snat")) ? HP_FW_NO : HP_FW_MAYBE;
}

/* false and "0": no such route. */
static enum hp_fw_match fib_is(unsigned int reverse_ok, const json_t *r)
{
	const char *s = json_string_value(r);

	if (json_is_boolean(r))
		return is(json_is_true(r) == (reverse_ok != 0));
	return s && !strcmp(s, "0") ? is(!reverse_ok) : HP_FW_MAYBE;
}

static enum hp_fw_match value_is(const struct left *l, const json_t *r)
{
	switch (l->kind) {
	case NEVER:
		return HP_FW_NO;
	case NAME:
		return json_is_string(r) ?
			       is(hp_fw_name_matches(json_string_value(r), '*', l->name)) :
			       HP_FW_MAYBE;
	case ADDR:
		return addr_is(l->addr, r);
	case PROTO:
		return proto_is(l->number, r);
	case PORT:
		return number_is(l->number, r);
	case FAMILY:
		return family_is(l->number, r);
	case CT:
		return ct_is(l->number, r);
	case CT_STATUS:
		return status_is(r);
	case FIB:
		return fib_is(l->number, r);
	default:
		return HP_FW_MAYBE;
	}
}

/* A set's element may be { "elem": { "val": ... } }, with a timeout, a counter or a comment. */
static enum hp_fw_match one_of(const struct left *l, const json_t *r)
{
	const json_t *set = json_object_get(r, "set"), *elem = json_object_get(r, "elem"), *v;
	enum hp_fw_match best = HP_FW_NO;
	size_t i;

	if (elem)
		return one_of(l, json_object_get(elem, "val"));
	if (!set && !json_is_array(r))
		return value_is(l, r);
	json_array_foreach((json_t *)(uintptr_t)(set ? set : r), i, v) {
		enum hp_fw_match m = one_of(l, v);

		if (m == HP_FW_YES)
			return m;
		if (m == HP_FW_MAYBE)
			best = m;
	}
	return best;
}

enum hp_fw_match hp_nft_equals(const struct hp_fw_packet *p, const json_t *left,
			       const json_t *right, const char *op)
{
	struct left l = left_of(p, left);

	if (l.kind == NEVER)
		return op && !strcmp(op, "!=") ? HP_FW_YES : HP_FW_NO;
	if (!right || l.kind == UNKNOWN ||
	    (op && *op && strcmp(op, "==") && strcmp(op, "!=") && strcmp(op, "in")))
		return HP_FW_MAYBE;
	return one_of(&l, right);
}
