/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl doctor: packet filters (see doctor.h).
 *
 * Rules are read by the programs that made them and are judged as they stand; nothing is sent.
 * nft's own library is not linked: its licence does not go together with OpenSSL's.
 */
#include "tools/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/fate.h"
#include "io/rtnlask.h"
#include "io/run.h"
#include "wire/ip.h"

struct filters {
	struct hp_doctor *d;
	char *saved4, *saved6; /* of iptables-save; NULL: not installed */
	json_t *nft;           /* NULL: not installed */
};

/* ---- reading */

/* NULL: the program is not there, or it failed, which is told. */
static char *output_of(struct hp_doctor *d, const char *const *argv)
{
	struct hp_run r;
	int err = hp_run(argv, NULL, &r);

	if (!err && !r.status)
		return r.out;
	if (err != -ENOENT)
		hp_find(&d->found, HP_CAUSE_NOT_LOOKED, HP_SEV_NOTE,
			"the packet filter was not looked at in full: %s: %s", argv[0],
			err ? strerror(-err) : *r.errors ? r.errors : "it failed");
	free(r.out);
	return NULL;
}

static void read_all(struct filters *f)
{
	static const char *const save4[] = { "iptables-save", NULL };
	static const char *const save6[] = { "ip6tables-save", NULL };
	static const char *const nft[] = { "nft", "-j", "list", "ruleset", NULL };
	char *text = output_of(f->d, nft);

	f->nft = text ? json_loads(text, 0, NULL) : NULL;
	free(text);
	f->saved4 = output_of(f->d, save4);
	f->saved6 = output_of(f->d, save6);
}

/* ---- one packet */

static bool is_dropped(const struct filters *f, enum hp_fw_hook hook, const struct hp_fw_packet *p,
		       char rule[HP_FW_RULE_MAX])
{
	const char *saved = p->family == 4 ? f->saved4 : f->saved6;
	struct hp_fw_answer a = { .fates = HP_FATE_ACCEPT };

	if (saved)
		a = hp_fw_iptables(saved, hook, p);
	if (!hp_fw_is_dropped(&a) && f->nft)
		a = hp_fw_nft(f->nft, hook, p);
	snprintf(rule, HP_FW_RULE_MAX, "%s", a.rule);
	return hp_fw_is_dropped(&a);
}

/* Dropped in whichever of these states conntrack has it. */
static bool is_dropped_in(const struct filters *f, enum hp_fw_hook hook, struct hp_fw_packet *p,
			  unsigned int states, char rule[HP_FW_RULE_MAX])
{
	for (unsigned int ct = 1; ct <= HP_CT_OTHER; ct <<= 1) {
		p->ct = ct;
		if ((states & ct) && !is_dropped(f, hook, p, rule))
			return false;
	}
	return true;
}

/* ---- protected traffic that is forwarded: TCP, for many filters let ICMP pass alone */

static void forward_drop(struct filters *f, const struct hp_fw_packet *p, const char *what,
			 const char *rule)
{
	const char *tun = f->d->conf->tun.name, *t = p->family == 4 ? "iptables" : "ip6tables";
	struct hp_finding *found;

	found = hp_find(&f->d->found, HP_CAUSE_FORWARD_DROP, HP_SEV_ERROR,
			"the packet filter drops %s (IPv%d) when they are forwarded: %s", what,
			p->family, rule);
	if (*rule == '-')
		hp_cure(found, "%s -I FORWARD -i %s -j ACCEPT; %s -I FORWARD -o %s -j ACCEPT", t,
			tun, t, tun);
	else
		hp_cure(found, "iifname \"%s\" accept; oifname \"%s\" accept   # in that chain, "
			"before what drops them", tun, tun);
}

static void filtered_by_reverse_path(struct filters *f, const struct hp_box_way *w,
				     const char *rule)
{
	struct hp_finding *found;

	found = hp_find(&f->d->found, HP_CAUSE_RP_FILTER, HP_SEV_ERROR,
			"the packet filter drops what comes out of ESP on %s, because the way back "
			"to its source leads elsewhere: %s", w->in, rule);
	hp_cure(found, "let that rule not match iifname \"%s\" (firewalld: IPv6_rpfilter=no)",
		w->in);
}

static void check_way(struct filters *f, const struct hp_box_way *w)
{
	struct hp_fw_packet p = { .family = hp_addr_is4(&w->to) ? 4 : 6, .iif = w->in,
				  .src = w->from, .dst = w->to, .proto = HP_PROTO_TCP,
				  .reverse_ok = w->reverse_ok };
	bool back = w->kind == HP_WAY_BACK;
	/* Conntrack sees both directions. */
	unsigned int states = back ? HP_CT_ESTABLISHED : HP_CT_NEW;
	char rule[HP_FW_RULE_MAX];

	/* What a queue takes away never comes to the filter. */
	if (w->err || !*w->in || !*w->out || w->kind == HP_WAY_PEER || (!back && !w->to_tun))
		return;
	if (is_dropped_in(f, HP_FW_PREROUTING, &p, states, rule)) {
		filtered_by_reverse_path(f, w, rule);
		return;
	}
	p.oif = w->out;
	if (is_dropped_in(f, HP_FW_FORWARD, &p, states, rule))
		forward_drop(f, &p, back ? "packets of peers to clients" :
					   "packets of clients to peers", rule);
}

/* Clients of a server-side proxy: to which server they go is not known here. */
static void check_pool(struct filters *f, const struct hp_prefix *pool)
{
	const char *tun = f->d->conf->tun.name;
	struct hp_fw_packet in = { .family = hp_addr_is4(&pool->addr) ? 4 : 6, .iif = tun,
				   .src = pool->addr, .proto = HP_PROTO_TCP,
				   .reverse_ok = true };
	struct hp_fw_packet back = { .family = in.family, .oif = tun, .dst = pool->addr,
				     .proto = HP_PROTO_TCP, .reverse_ok = true };
	char rule[HP_FW_RULE_MAX];

	if (pool->bits < 128) {
		in.src.b[15] |= 1;
		back.dst.b[15] |= 1;
	}
	if (is_dropped_in(f, HP_FW_FORWARD, &in, HP_CT_NEW, rule))
		forward_drop(f, &in, "packets of peers to hosted servers", rule);
	else if (is_dropped_in(f, HP_FW_FORWARD, &back, HP_CT_ESTABLISHED, rule))
		forward_drop(f, &back, "packets of hosted servers to peers", rule);
}

static void check_forwarding(struct filters *f)
{
	const struct hp_box *b = f->d->box;

	for (size_t i = 0; i < b->n_ways; i++)
		check_way(f, &b->ways[i]);
	for (size_t i = 0; i < b->daemon.n_pools; i++)
		check_pool(f, &b->daemon.pools[i]);
}

/* ---- HIP and ESP of this machine */

struct carrier {
	const char *name;
	uint8_t proto;
	uint16_t port;
	enum hp_cause cause;
};

static const struct carrier hip = { "HIP (IP protocol 139)", 139, 0, HP_CAUSE_HIP_DROP };
static const struct carrier esp = { "ESP (IP protocol 50)", 50, 0, HP_CAUSE_ESP_BLOCKED };
static const struct carrier udp = { "HIP and ESP in UDP (port 10500)", 17, 10500,
				    HP_CAUSE_HIP_DROP };

static void cure_carrier(struct hp_finding *found, const struct carrier *c, bool in, int family,
			 const char *rule)
{
	const char *t = family == 4 ? "iptables" : "ip6tables", *chain = in ? "INPUT" : "OUTPUT";

	if (*rule != '-')
		hp_cure(found, "meta l4proto { 139, 50 } accept; udp dport 10500 accept   # in that "
			"chain, before what drops them");
	else if (c->port)
		hp_cure(found, "%s -I %s -p udp --%s 10500 -j ACCEPT", t, chain,
			in ? "dport" : "sport");
	else
		hp_cure(found, "%s -I %s -p %u -j ACCEPT", t, chain, c->proto);
}

/* A peer's packet to us, or ours to the peer. */
struct leg {
	int family;
	const char *dev; /* towards the peer; NULL: not known */
	struct hp_addr peer, own;
	bool in;
	unsigned int states; /* dropped in all of them */
};

static bool leg_dropped(const struct filters *f, const struct leg *l, const struct carrier *c,
			char rule[HP_FW_RULE_MAX])
{
	struct hp_fw_packet p = { .family = l->family, .iif = l->in ? l->dev : NULL,
				  .oif = l->in ? NULL : l->dev, .src = l->in ? l->peer : l->own,
				  .dst = l->in ? l->own : l->peer, .proto = c->proto,
				  .sport = c->port, .dport = c->port, .reverse_ok = true };

	return is_dropped_in(f, l->in ? HP_FW_PREROUTING : HP_FW_OUTPUT, &p, l->states, rule) ||
	       is_dropped_in(f, l->in ? HP_FW_INPUT : HP_FW_POSTROUTING, &p, l->states, rule);
}

static void tell_carrier(struct filters *f, const struct leg *l, const struct carrier *c,
			 enum hp_severity s, const char *whose, const char *rule)
{
	struct hp_finding *found;

	found = hp_find(&f->d->found, c->cause, s,
			"the packet filter of this machine drops %s %s %s (IPv%d): %s", c->name,
			l->in ? "from" : "to", whose, l->family, rule);
	cure_carrier(found, c, l->in, l->family, rule);
}

static void check_leg(struct filters *f, const struct leg *l, enum hp_severity s,
		      const char *whose)
{
	char rule[HP_FW_RULE_MAX];
	bool only, in_udp = hp_doctor_uses_udp(f->d, &only);
	bool udp_passes = in_udp && !leg_dropped(f, l, &udp, rule);

	if (udp_passes)
		return;
	if (only) {
		tell_carrier(f, l, &udp, s, whose, rule);
		return;
	}
	if (leg_dropped(f, l, &hip, rule))
		tell_carrier(f, l, &hip, s, whose, rule);
	if (leg_dropped(f, l, &esp, rule))
		tell_carrier(f, l, &esp, s, whose, rule);
}

static void check_peer(struct filters *f, const struct hp_box_way *w)
{
	struct leg l = { .family = hp_addr_is4(&w->to) ? 4 : 6, .dev = *w->out ? w->out : NULL,
			 .peer = w->to, .own = w->from, .states = HP_CT_NEW };
	char whose[80];

	if (w->kind != HP_WAY_PEER || w->err)
		return;
	snprintf(whose, sizeof(whose), "peer %s", w->peer);
	check_leg(f, &l, HP_SEV_ERROR, whose);
	/* The answer to what we have sent. */
	l.in = true;
	l.states = HP_CT_ESTABLISHED;
	check_leg(f, &l, HP_SEV_ERROR, whose);
}

/* Peers of anywhere, who begin: by the interface of the default route. */
static void check_anybody(struct filters *f, int family)
{
	const char *far = family == 4 ? "192.0.2.1" : "2001:db8::1";
	struct leg l = { .family = family, .in = true, .states = HP_CT_NEW };
	const struct hp_conf *conf = f->d->conf;
	struct hp_rtnl_ask q = { .iif = 0 };
	struct hp_rtnl_way r;
	char dev[IFNAMSIZ];

	hp_addr_parse(far, &q.dst);
	if (hp_rtnl_ask(&q, &r) || !if_indextoname((unsigned int)r.oif, dev))
		return;
	l.dev = dev;
	l.own = r.src;
	/* A host that knows peers may well be the one that begins. */
	check_leg(f, &l, conf->peers.n ? HP_SEV_NOTE : HP_SEV_ERROR,
		  conf->peers.n ? "peers that begin" : "peers");
}

static void check_own(struct filters *f)
{
	const struct hp_box *b = f->d->box;

	for (size_t i = 0; i < b->n_ways; i++)
		check_peer(f, &b->ways[i]);
	if (!f->d->conf->host.enabled && !b->serves_servers)
		return;
	check_anybody(f, 4);
	check_anybody(f, 6);
}

/* ---- rules of ours */

static bool nft_has_ours(const json_t *nft)
{
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(nft, "nftables"), i, o) {
		const json_t *rule = json_object_get(o, "rule");
		const char *table = json_string_value(json_object_get(rule, "table"));
		const char *chain = json_string_value(json_object_get(rule, "chain"));

		if (table && chain && !strcmp(table, "hipproxy") && !strcmp(chain, "forward"))
			return true;
	}
	return false;
}

static bool saved_has_ours(const char *saved)
{
	const char *jump = saved ? strstr(saved, "\n-A FORWARD ") : NULL;

	for (; jump; jump = strstr(jump + 1, "\n-A FORWARD ")) {
		const char *end = strchr(jump + 1, '\n'), *to = strstr(jump, "-j HIPPROXY");

		if (to && end && to < end)
			return strstr(saved, "\n-A HIPPROXY ") != NULL;
	}
	return false;
}

/* Only what is there for each backend; who replaces the rules replaces this. */
static void check_ours(struct filters *f)
{
	const char *backend = hp_doctor_text(f->d, "backend");
	struct hp_finding *found;
	bool there = true;

	if (!hp_doctor_is(f->d, "capturing"))
		return;
	if (!strcmp(backend, "nft"))
		there = !f->nft || nft_has_ours(f->nft);
	else if (!strcmp(backend, "iptables"))
		there = (!f->saved4 || saved_has_ours(f->saved4)) &&
			(!f->saved6 || saved_has_ours(f->saved6));
	if (there)
		return;
	found = hp_find(&f->d->found, HP_CAUSE_RULES_GONE, HP_SEV_ERROR,
			"the rules of hipproxyd in the packet filter (%s) are gone: first packets "
			"to destinations of which nothing is known pass as they are",
			backend);
	hp_cure(found, "hipproxyctl proxy on");
}

void hp_doctor_filters(struct hp_doctor *d)
{
	struct filters f = { .d = d };

	read_all(&f);
	check_ours(&f);
	check_own(&f);
	check_forwarding(&f);
	free(f.saved4);
	free(f.saved6);
	json_decref(f.nft);
}
