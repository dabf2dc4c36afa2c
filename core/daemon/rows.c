/* SPDX-License-Identifier: MIT
 *
 * Rows of the control socket's lists: an association, a flow, a destination as an object.
 */
#include "daemon/rows.h"

#include <stdio.h>

#include "wire/ip.h"

json_t *hp_row_addr(const struct hp_addr *a)
{
	char text[HP_ADDR_STRLEN];

	return hp_addr_is_zero(a) ? json_string("") : json_string(hp_addr_format(a, text));
}

void hp_row_traffic(json_t *o, const uint64_t packets[2], const uint64_t octets[2])
{
	json_object_set_new(o, "out_packets", json_integer((json_int_t)packets[HP_OUTBOUND]));
	json_object_set_new(o, "out_bytes", json_integer((json_int_t)octets[HP_OUTBOUND]));
	json_object_set_new(o, "in_packets", json_integer((json_int_t)packets[HP_INBOUND]));
	json_object_set_new(o, "in_bytes", json_integer((json_int_t)octets[HP_INBOUND]));
}

/* ---- associations */

static json_t *path_json(const struct hp_path *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "src", hp_row_addr(&p->src));
	json_object_set_new(o, "dst", hp_row_addr(&p->dst));
	json_object_set_new(o, "sport", json_integer(p->sport));
	json_object_set_new(o, "dport", json_integer(p->dport));
	return o;
}

static const char *suite_name(uint16_t id)
{
	const struct hp_esp_suite *suite = hp_esp_suite_find(id);

	return suite ? suite->name : "";
}

static void assoc_info(json_t *o, const struct hp_assoc *a, uint64_t now_ms)
{
	struct hp_assoc_info i;
	uint64_t last;

	hp_assoc_info(a, &i);
	last = i.last_in_ms > i.last_out_ms ? i.last_in_ms : i.last_out_ms;
	if (!last)
		last = i.created_ms;
	json_object_set_new(o, "spi_in", json_integer(i.spi_in));
	json_object_set_new(o, "spi_out", json_integer(i.spi_out));
	json_object_set_new(o, "suite", json_string(suite_name(i.esp_suite)));
	json_object_set_new(o, "age_s", json_integer((json_int_t)(now_ms - i.created_ms) / 1000));
	json_object_set_new(o, "idle_s", json_integer((json_int_t)(now_ms - last) / 1000));
	json_object_set_new(o, "exchange_us", json_integer(i.exchange_us));
	json_object_set_new(o, "rekeys", json_integer(i.rekeys));
	json_object_set_new(o, "peer_key", json_string(i.peer_key));
	json_object_set_new(o, "peer_di", json_string(i.peer_di));
}

/* Why there is no association; nothing if there is no reason. */
static void put_why(json_t *o, enum hp_hip_why why, const struct hp_addr *shown)
{
	if (!why)
		return;
	json_object_set_new(o, "reason", json_string(hp_hip_why_name(why)));
	json_object_set_new(o, "reason_text", json_string(hp_hip_why_text(why)));
	if (!hp_addr_is_zero(shown))
		json_object_set_new(o, "shown_hit", hp_row_addr(shown));
}

json_t *hp_row_association(const struct hp_daemon *d, struct hp_assoc *a)
{
	uint64_t packets[2], octets[2];
	unsigned int mtu;
	json_t *o = json_object();

	json_object_set_new(o, "local_hit", hp_row_addr(hp_assoc_local_hit(a)));
	json_object_set_new(o, "peer_hit", hp_row_addr(hp_assoc_peer_hit(a)));
	json_object_set_new(o, "state", json_string(hp_assoc_state_name(hp_assoc_state(a))));
	json_object_set_new(o, "path", path_json(hp_assoc_path(a)));
	put_why(o, hp_assoc_why(a), hp_assoc_shown_hit(a));
	assoc_info(o, a, hp_clock_ms(&d->clock));
	hp_pipe_assoc_stats(a, packets, octets, &mtu);
	hp_row_traffic(o, packets, octets);
	json_object_set_new(o, "mtu", json_integer(mtu));
	return o;
}

/* ---- flows */

const char *hp_row_proto(uint8_t proto, char buf[4])
{
	switch (proto) {
	case 1:
		return "icmp";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 58:
		return "icmpv6";
	default:
		snprintf(buf, 4, "%u", proto);
		return buf;
	}
}

/* Which datagrams of the peer reach the legacy host; other protocols: those of the connection. */
static const char *filtering(const struct hp_daemon *d, const struct hp_flow *f)
{
	static const char *const names[] = { "endpoint-independent", "address", "address-and-port" };

	return f->key.proto == HP_PROTO_UDP && f->outbound ? names[d->conf->filtering] : "";
}

json_t *hp_row_flow(const struct hp_daemon *d, struct hp_flow *f)
{
	const struct hp_flow_key *k = &f->key;
	json_t *o = json_object();
	char buf[4];

	json_object_set_new(o, "id", json_integer((json_int_t)hp_flow_id(f)));
	json_object_set_new(o, "proto", json_string(hp_row_proto(k->proto, buf)));
	json_object_set_new(o, "outbound", json_boolean(f->outbound));
	json_object_set_new(o, "legacy", hp_row_addr(&k->legacy));
	json_object_set_new(o, "legacy_port", json_integer(k->legacy_port));
	json_object_set_new(o, "far", hp_row_addr(&k->far));
	json_object_set_new(o, "far_port", json_integer(k->far_port));
	json_object_set_new(o, "local_hit", hp_row_addr(&k->local_hit));
	json_object_set_new(o, "local_port", json_integer(k->local_port));
	json_object_set_new(o, "peer_hit", hp_row_addr(&k->peer_hit));
	json_object_set_new(o, "peer_port", json_integer(k->peer_port));
	json_object_set_new(o, "state", json_string(hp_flow_state_name(f->state)));
	json_object_set_new(o, "filtering", json_string(filtering(d, f)));
	json_object_set_new(o, "other_port", json_boolean(f->other_port));
	json_object_set_new(o, "idle_s", json_integer((json_int_t)hp_flow_idle_ms(f) / 1000));
	json_object_set_new(o, "expires_s", json_integer((json_int_t)hp_flow_left_ms(f) / 1000));
	hp_row_traffic(o, (uint64_t[2]){ f->way[0].packets, f->way[1].packets },
		       (uint64_t[2]){ f->way[0].octets, f->way[1].octets });
	return o;
}

/* ---- destinations */

/* "protected" is true from the moment on when packets leave in ESP. */
static const char *state_name(const struct hp_peer *e, const struct hp_assoc *a)
{
	enum hp_assoc_state s = a ? hp_assoc_state(a) : HP_UNASSOCIATED;

	if (e->state == HP_PEER_PROTECTED && (s == HP_I1_SENT || s == HP_I2_SENT) &&
	    !hp_assoc_sa_out(a))
		return "exchange";
	return hp_peer_state_name(e->state);
}

/* The association that e's packets use. */
static struct hp_assoc *assoc_of(const struct hp_daemon *d, const struct hp_peer *e)
{
	struct hp_assoc *a = NULL;

	if (e->hit_known && d->own.client_hit.b[0])
		a = hp_hip_find(d->hip, &d->own.client_hit, &e->hit);
	if (e->hit_known && !a)
		a = hp_hip_find_instead(d->hip, &d->own.client_hit, &e->hit);
	if (!a && e->hit_known && d->own.host_hit.b[0])
		a = hp_hip_find(d->hip, &d->own.host_hit, &e->hit);
	return a;
}

static void put_peer_why(json_t *o, const struct hp_daemon *d, const struct hp_peer *e,
			 const struct hp_assoc *a)
{
	static const struct hp_addr none;

	if (a)
		put_why(o, hp_assoc_why(a), hp_assoc_shown_hit(a));
	else if (e->hit_known && hp_hip_is_local(d->hip, &e->hit))
		put_why(o, HP_WHY_OWN_HIT, &none);
}

json_t *hp_row_peer(const struct hp_daemon *d, const struct hp_peer *e)
{
	const struct hp_assoc *a = assoc_of(d, e);
	uint64_t now_ms = hp_clock_ms(&d->clock);
	json_t *o = json_object();
	struct hp_addr none = { 0 };

	json_object_set_new(o, "address", hp_row_addr(&e->addr));
	json_object_set_new(o, "state", json_string(state_name(e, a)));
	json_object_set_new(o, "hit", hp_row_addr(e->hit_known ? &e->hit : &none));
	if (e->expires_ms)
		json_object_set_new(o, "expires_s",
				    json_integer(e->expires_ms > now_ms ?
							 (json_int_t)(e->expires_ms - now_ms) /
								 1000 : 0));
	json_object_set_new(o, "held", json_integer((json_int_t)e->hold.packets));
	json_object_set_new(o, "hits", json_integer((json_int_t)e->hits));
	json_object_set_new(o, "source", json_string(hp_pipe_peer_source(e)));
	put_peer_why(o, d, e, a);
	return o;
}

const char *hp_row_peer_state(const struct hp_daemon *d, const struct hp_peer *e)
{
	return state_name(e, assoc_of(d, e));
}
