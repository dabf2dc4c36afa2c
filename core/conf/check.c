/* SPDX-License-Identifier: MIT
 *
 * Keys that must agree with each other.
 */
#include "conf/schema.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checker {
	struct hp_conf *conf;
	struct hp_conf_report *report;
};

static void complain(struct checker *c, const char *key, const char *text)
{
	hp_conf_complain_key(c->conf, c->report, key, "%s", text);
}

static void complain_at(struct checker *c, const char *list, size_t i, const char *member,
			const char *text)
{
	char key[128];

	snprintf(key, sizeof(key), "%s[%zu]%s%s", list, i, *member ? "." : "", member);
	complain(c, key, text);
}

void hp_conf_settle(struct hp_conf *conf)
{
	/* As names_proto in the schema. */
	static const int proto[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6,
				     IPPROTO_GRE, IPPROTO_SCTP, IPPROTO_UDPLITE };

	for (size_t i = 0; i < conf->client.rules.n; i++) {
		struct hp_conf_rule *rule = &conf->client.rules.at[i];

		rule->proto = proto[rule->proto];
	}
}

/* They stand in for the clients' identity and have no other part. */
static void check_others(struct checker *c)
{
	const struct hp_conf_strings *names = &c->conf->client.other_identities;
	const struct hp_conf *conf = c->conf;

	for (size_t i = 0; i < names->n; i++) {
		const struct hp_conf_identity *id = hp_conf_identity_find(conf, names->at[i]);

		if (!id || !*names->at[i])
			complain_at(c, "client.other_identities", i, "",
				    "expected a name from identities");
		else if (id == hp_conf_identity_find(conf, conf->client.identity) ||
			 (conf->host.enabled &&
			  id == hp_conf_identity_find(conf, conf->host.identity)))
			complain_at(c, "client.other_identities", i, "",
				    "expected another identity than client.identity and "
				    "host.identity");
	}
}

static void check_identities(struct checker *c)
{
	const struct hp_conf_identities *ids = &c->conf->identities;

	for (size_t i = 0; i < ids->n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(ids->at[i].name, ids->at[k].name))
				complain_at(c, "identities", i, "name",
					    "another identity has this name");
	if (!hp_conf_identity_find(c->conf, c->conf->client.identity))
		complain(c, "client.identity", "expected a name from identities");
	if (!hp_conf_identity_find(c->conf, c->conf->host.identity))
		complain(c, "host.identity", "expected a name from identities");
	check_others(c);
}

static bool is_one_of(int64_t v, const uint8_t *set)
{
	for (; *set; set++)
		if (*set == v)
			return true;
	return false;
}

static bool has_name(const struct hp_conf_strings *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->at[i], name))
			return true;
	return false;
}

static void check_hip(struct checker *c)
{
	/* RFC 7401, sections 5.2.7 and 5.2.10; RFC 9374, section 8.2 for suite 5. */
	static const uint8_t groups[] = { 3, 4, 7, 8, 9, 11, 0 }, suites[] = { 1, 2, 0 };
	const struct hp_conf_hip *hip = &c->conf->hip;

	if (!hip->dh_groups.n)
		complain(c, "hip.dh_groups", "expected at least one group");
	for (size_t i = 0; i < hip->dh_groups.n; i++)
		if (!is_one_of(hip->dh_groups.at[i], groups))
			complain_at(c, "hip.dh_groups", i, "", "expected 3, 4, 7, 8, 9 or 11");
	if (!hip->hit_suites.n)
		complain(c, "hip.hit_suites", "expected at least one suite");
	for (size_t i = 0; i < hip->hit_suites.n; i++)
		if (!is_one_of(hip->hit_suites.at[i], suites))
			complain_at(c, "hip.hit_suites", i, "", "expected 1 or 2");
	if (hip->puzzle_k > hip->puzzle_k_max)
		complain(c, "hip.puzzle_k", "expected no more than hip.puzzle_k_max");
	if (!hip->allow_null && has_name(&hip->ciphers, "null"))
		complain(c, "hip.ciphers", "\"null\" needs hip.allow_null = true");
	if (!hip->allow_null && has_name(&c->conf->esp.suites, "null-hmac-sha-256"))
		complain(c, "esp.suites", "\"null-hmac-sha-256\" needs hip.allow_null = true");
}

static bool is4(const struct hp_prefix *p)
{
	return hp_addr_is4(&p->addr);
}

static void check_rules(struct checker *c)
{
	const struct hp_conf_rules *rules = &c->conf->client.rules;

	for (size_t i = 0; i < rules->n; i++) {
		const struct hp_conf_rule *r = &rules->at[i];

		if ((r->ports.min || r->ports.max != 65535) && r->proto != IPPROTO_TCP &&
		    r->proto != IPPROTO_UDP)
			complain_at(c, "client.rules", i, "ports",
				    "expected protocol = \"tcp\" or \"udp\" beside it");
		if (r->client.bits && r->destination.bits &&
		    is4(&r->client) != is4(&r->destination))
			complain_at(c, "client.rules", i, "destination",
				    "expected the same address family as client");
	}
}

static bool is_device(const char *s)
{
	size_t n = strlen(s);

	return n && n < IFNAMSIZ && !strpbrk(s, "/ \t\"") && strcmp(s, ".") && strcmp(s, "..");
}

static void check_client(struct checker *c)
{
	const struct hp_conf_client *client = &c->conf->client;

	for (size_t i = 0; i < client->interfaces.n; i++)
		if (!is_device(client->interfaces.at[i]))
			complain_at(c, "client.interfaces", i, "",
				    "expected a network device's name");
	if (client->mark & ~client->mark_mask)
		complain(c, "client.mark", "expected no bits outside client.mark_mask");
	if (client->capture == HP_CONF_CAPTURE_ROUTE &&
	    client->divert_mark & client->mark_mask)
		complain(c, "client.divert_mark", "expected no bits of client.mark_mask");
	if (!is_device(c->conf->tun.name))
		complain(c, "tun.name", "expected a network device's name");
	check_rules(c);
}

/* Why this protocol can't be carried as it is; NULL: it can. */
static const char *not_carried(int64_t proto)
{
	switch (proto) {
	case IPPROTO_ICMP:
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_ICMPV6:
		return "TCP, UDP and, with the plugin icmp, ICMP need not be named";
	case IPPROTO_AH:
		return "AH authenticates the IP header, which is translated: its receiver would "
		       "refuse every packet";
	case IPPROTO_ESP:
	case 139: /* HIP */
		return "hosts that speak ESP or HIP themselves belong into client.hip_hosts";
	case IPPROTO_IGMP:
		return "IGMP is for multicast, which is not carried";
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_NONE:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
	case 140: /* shim6 */
		return "this is an extension header of IPv6, no protocol";
	default:
		return NULL;
	}
}

static void check_protocols(struct checker *c)
{
	const struct hp_conf_ints *list = &c->conf->protocols;

	for (size_t i = 0; i < list->n; i++) {
		const char *why = not_carried(list->at[i]);

		if (why)
			complain_at(c, "protocols", i, "", why);
	}
}

static int by_hit(const void *a, const void *b)
{
	const struct hp_conf_peer *const *pa = a, *const *pb = b;
	int d = hp_addr_cmp(&(*pa)->hit, &(*pb)->hit);

	return d ? d : (*pa > *pb) - (*pa < *pb);
}

static void check_locators(struct checker *c, size_t peer)
{
	const struct hp_conf_addrs *list = &c->conf->peers.at[peer].addresses;
	char text[HP_ADDR_STRLEN], key[64];

	for (size_t k = 0; k < list->n; k++) {
		if (!hp_addr_is_teredo(&list->at[k]))
			continue;
		snprintf(key, sizeof(key), "peers[%zu].addresses[%zu]", peer, k);
		hp_conf_complain_key(c->conf, c->report, key,
				     "%s is a Teredo address (2001::/32); expected the peer's own "
				     "address, or that of its NAT and the plugin natudp",
				     hp_addr_format(&list->at[k], text));
	}
}

static int check_peers(struct checker *c)
{
	const struct hp_conf_peers *peers = &c->conf->peers;
	struct hp_conf_peer **sorted = hp_conf_alloc(c->conf->tree, peers->n * sizeof(*sorted));

	if (!sorted)
		return -1;
	for (size_t i = 0; i < peers->n; i++) {
		check_locators(c, i);
		sorted[i] = &peers->at[i];
	}
	qsort(sorted, peers->n, sizeof(*sorted), by_hit);
	for (size_t i = 1; i < peers->n; i++)
		if (hp_addr_eq(&sorted[i]->hit, &sorted[i - 1]->hit))
			complain_at(c, "peers", (size_t)(sorted[i] - peers->at), "hit",
				    "another peer has this HIT");
	return 0;
}

/* ---- which peer answers for a destination */

struct destination {
	struct hp_prefix prefix;
	size_t peer, index; /* of peers, and of its serves or addresses */
};

static size_t n_destinations(const struct hp_conf_peer *p)
{
	return p->serves.n ? p->serves.n : p->addresses.n;
}

static int by_prefix(const void *a, const void *b)
{
	const struct destination *da = a, *db = b;
	int d = hp_addr_cmp(&da->prefix.addr, &db->prefix.addr);

	if (!d)
		d = (da->prefix.bits > db->prefix.bits) - (da->prefix.bits < db->prefix.bits);
	if (!d)
		d = (da->peer > db->peer) - (da->peer < db->peer);
	return d;
}

static void add_destinations(const struct hp_conf_peers *peers, struct destination *to)
{
	for (size_t i = 0; i < peers->n; i++) {
		const struct hp_conf_peer *p = &peers->at[i];

		for (size_t k = 0; k < n_destinations(p); k++, to++) {
			to->peer = i;
			to->index = k;
			to->prefix = p->serves.n ? p->serves.at[k] :
				(struct hp_prefix){ .addr = p->addresses.at[k], .bits = 128 };
		}
	}
}

static void complain_destination(struct checker *c, const struct destination *d, size_t other)
{
	const struct hp_conf_peer *p = &c->conf->peers.at[d->peer];
	char text[HP_PREFIX_STRLEN], key[64];

	snprintf(key, sizeof(key), "peers[%zu].%s[%zu]", d->peer,
		 p->serves.n ? "serves" : "addresses", d->index);
	hp_conf_complain_key(c->conf, c->report, key,
			     "%s belongs to peers[%zu] too; expected one peer for a destination",
			     hp_prefix_format(&d->prefix, text), other);
}

/* The longest prefix decides, so different lengths may overlap.  The same prefix at two peers
 * would leave the second one without traffic. */
static int check_destinations(struct checker *c)
{
	const struct hp_conf_peers *peers = &c->conf->peers;
	struct destination *list;
	size_t n = 0;

	for (size_t i = 0; i < peers->n; i++)
		n += n_destinations(&peers->at[i]);
	list = hp_conf_alloc(c->conf->tree, n * sizeof(*list));
	if (!list)
		return -1;
	add_destinations(peers, list);
	qsort(list, n, sizeof(*list), by_prefix);
	for (size_t i = 1; i < n; i++)
		if (list[i].peer != list[i - 1].peer &&
		    list[i].prefix.bits == list[i - 1].prefix.bits &&
		    hp_addr_eq(&list[i].prefix.addr, &list[i - 1].prefix.addr))
			complain_destination(c, &list[i], list[i - 1].peer);
	return 0;
}

int hp_conf_check_peers(struct hp_conf *conf, struct hp_conf_report *report)
{
	struct checker c = { conf, report };

	return check_peers(&c) || check_destinations(&c) ? -ENOMEM : 0;
}

int hp_conf_check(struct hp_conf *conf, struct hp_conf_report *report)
{
	struct checker c = { conf, report };

	check_identities(&c);
	check_hip(&c);
	check_client(&c);
	check_protocols(&c);
	return hp_conf_check_peers(conf, report);
}
