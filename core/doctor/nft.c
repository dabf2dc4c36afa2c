/* SPDX-License-Identifier: MIT
 *
 * What nftables would do to a packet, from `nft -j list ruleset` (see fate.h and
 * libnftables-json(5)).
 */
#include "doctor/fate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/nftvalue.h"

#define DEPTH_MAX 16
#define STEPS_MAX 200000u

struct walk {
	const json_t *list; /* the array "nftables" */
	const struct hp_fw_packet *p;
	const char *family, *table;
	int depth;
	unsigned int steps; /* rules left to look at */
	char rule[HP_FW_RULE_MAX];
};

static const char *const hook_names[HP_FW_HOOKS] = {
	[HP_FW_PREROUTING] = "prerouting", [HP_FW_INPUT] = "input", [HP_FW_FORWARD] = "forward",
	[HP_FW_OUTPUT] = "output", [HP_FW_POSTROUTING] = "postrouting",
};

/* ---- one rule */

static unsigned int chain_fate(struct walk *k, const char *chain);

/* What a verdict statement leads to; *back: it ends the chain and returns.  False: s is no
 * verdict. */
static bool verdict(struct walk *k, const json_t *s, unsigned int *fate, bool *ends)
{
	const json_t *to = json_object_get(s, "jump");
	bool jump = to != NULL;

	*ends = true;
	if (!to)
		to = json_object_get(s, "goto");
	if (to) {
		*fate = chain_fate(k, hp_nft_text(to, "target"));
		*ends = !jump || !(*fate & HP_FATE_GOES_ON);
		return true;
	}
	if (json_object_get(s, "accept"))
		*fate = HP_FATE_ACCEPT;
	else if (json_object_get(s, "drop") || json_object_get(s, "reject"))
		*fate = HP_FATE_DROP;
	else if (json_object_get(s, "return"))
		*fate = HP_FATE_GOES_ON;
	else if (json_object_get(s, "queue") || json_object_get(s, "tproxy") ||
		 json_object_get(s, "synproxy"))
		*fate = HP_FATE_ACCEPT | HP_FATE_DROP;
	else
		return false;
	return true;
}

/* Statements that let every packet go on to the next one. */
static bool is_harmless(const json_t *s)
{
	static const char *const keys[] = { "counter", "log", "mangle", "notrack", "flow", "set",
					    "map", "ct helper", "ct timeout", "ct expectation",
					    "snat", "dnat", "masquerade", "redirect", "fwd", "dup",
					    "secmark", "comment", "last" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (json_object_get(s, keys[i]))
			return true;
	return false;
}

/* { "vmap": { key, data } }: the first element that matches, and what may match besides. */
static unsigned int vmap_fate(struct walk *k, const json_t *vmap, bool *ends)
{
	const json_t *data = hp_nft_elements(k->list, k->family, k->table,
					     json_object_get(vmap, "data")), *e;
	unsigned int fates = 0, f;
	size_t i;

	*ends = false;
	if (!data)
		return HP_FATE_ACCEPT | HP_FATE_DROP;
	json_array_foreach((json_t *)(uintptr_t)data, i, e) {
		const json_t *value = json_array_get(e, 1);
		enum hp_fw_match m = hp_nft_equals(k->p, json_object_get(vmap, "key"),
						   json_array_get(e, 0), NULL);
		bool stop;

		if (m == HP_FW_NO || !verdict(k, value, &f, &stop))
			continue;
		if (m == HP_FW_YES) {
			*ends = stop && !fates;
			return fates | (stop ? f : f & ~(unsigned int)HP_FATE_GOES_ON);
		}
		fates |= f;
	}
	return fates;
}

static enum hp_fw_match both(enum hp_fw_match a, enum hp_fw_match b)
{
	if (a == HP_FW_NO || b == HP_FW_NO)
		return HP_FW_NO;
	return a == HP_FW_MAYBE || b == HP_FW_MAYBE ? HP_FW_MAYBE : HP_FW_YES;
}

static enum hp_fw_match statement(struct walk *k, const json_t *s)
{
	const json_t *m = json_object_get(s, "match");
	enum hp_fw_match r;

	if (!m)
		return is_harmless(s) ? HP_FW_YES : HP_FW_MAYBE;
	r = hp_nft_equals(k->p, json_object_get(m, "left"),
			  hp_nft_resolve(k->list, k->family, k->table, json_object_get(m, "right")),
			  hp_nft_text(m, "op"));
	return strcmp(hp_nft_text(m, "op"), "!=") ? r : hp_fw_not(r);
}

static void remember(struct walk *k, const json_t *rule)
{
	const char *comment = hp_nft_text(rule, "comment");

	snprintf(k->rule, sizeof(k->rule), "rule with handle %d%s%s of chain %s %s %s",
		 (int)json_integer_value(json_object_get(rule, "handle")),
		 *comment ? ", " : "", comment, k->family, k->table, hp_nft_text(rule, "chain"));
}

static unsigned int rule_fate(struct walk *k, const json_t *rule, bool *done)
{
	enum hp_fw_match m = HP_FW_YES;
	const json_t *s;
	unsigned int f;
	size_t i;

	*done = false;
	json_array_foreach(json_object_get(rule, "expr"), i, s) {
		const json_t *vmap = json_object_get(s, "vmap");
		bool ends;

		if (vmap)
			f = vmap_fate(k, vmap, &ends);
		else if (!verdict(k, s, &f, &ends)) {
			m = both(m, statement(k, s));
			if (m == HP_FW_NO)
				return 0;
			continue;
		}
		if (f == HP_FATE_DROP && m == HP_FW_YES && ends && !json_object_get(s, "jump") &&
		    !json_object_get(s, "goto"))
			remember(k, rule);
		*done = ends && m == HP_FW_YES;
		return *done || ends ? f : f & ~(unsigned int)HP_FATE_GOES_ON;
	}
	return 0;
}

/* ---- chains */

static bool is_of(const struct walk *k, const json_t *o)
{
	return !strcmp(hp_nft_text(o, "family"), k->family) && !strcmp(hp_nft_text(o, "table"), k->table);
}

static unsigned int chain_fate(struct walk *k, const char *chain)
{
	unsigned int fates = 0;
	bool done = false;
	const json_t *o;
	size_t i;

	if (k->depth == DEPTH_MAX)
		return HP_FATE_ACCEPT | HP_FATE_DROP | HP_FATE_GOES_ON;
	k->depth++;
	json_array_foreach((json_t *)(uintptr_t)k->list, i, o) {
		const json_t *rule = json_object_get(o, "rule");

		if (done || !rule || !is_of(k, rule) || strcmp(hp_nft_text(rule, "chain"), chain))
			continue;
		if (!k->steps) {
			fates = HP_FATE_ACCEPT | HP_FATE_DROP;
			break;
		}
		k->steps--;
		fates |= rule_fate(k, rule, &done);
	}
	k->depth--;
	return done ? fates : fates | HP_FATE_GOES_ON;
}

static unsigned int base_fate(struct walk *k, const json_t *chain)
{
	unsigned int f = chain_fate(k, hp_nft_text(chain, "name"));

	if (!(f & HP_FATE_GOES_ON))
		return f;
	f &= ~(unsigned int)HP_FATE_GOES_ON;
	if (strcmp(hp_nft_text(chain, "policy"), "drop"))
		return f | HP_FATE_ACCEPT;
	if (!f)
		snprintf(k->rule, sizeof(k->rule), "policy drop of chain %s %s %s", k->family,
			 k->table, hp_nft_text(chain, "name"));
	return f | HP_FATE_DROP;
}

/* Its rules are shown by iptables-save in full; here many of them say only "xt". */
static bool is_iptables(const json_t *chain)
{
	static const char *const tables[] = { "filter", "mangle", "raw", "nat", "security" };
	const char *name = hp_nft_text(chain, "name");

	if (strcmp(hp_nft_text(chain, "family"), "ip") && strcmp(hp_nft_text(chain, "family"), "ip6"))
		return false;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (!strcmp(hp_nft_text(chain, "table"), tables[i]))
			return *name >= 'A' && *name <= 'Z';
	return false;
}

static bool is_for(const json_t *chain, enum hp_fw_hook hook, const struct hp_fw_packet *p)
{
	const char *family = hp_nft_text(chain, "family");

	return !strcmp(hp_nft_text(chain, "hook"), hook_names[hook]) && !is_iptables(chain) &&
	       strncmp(hp_nft_text(chain, "table"), "hipproxy", 8) &&
	       (!strcmp(family, "inet") || !strcmp(family, p->family == 4 ? "ip" : "ip6"));
}

struct hp_fw_answer hp_fw_nft(const json_t *ruleset, enum hp_fw_hook hook,
			      const struct hp_fw_packet *p)
{
	struct hp_fw_answer a = { .fates = HP_FATE_ACCEPT };
	const json_t *list = json_object_get(ruleset, "nftables"), *o;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)list, i, o) {
		const json_t *chain = json_object_get(o, "chain");
		struct walk k = { .list = list, .p = p, .family = hp_nft_text(chain, "family"),
				  .table = hp_nft_text(chain, "table"), .steps = STEPS_MAX };
		unsigned int f;

		if (!chain || !is_for(chain, hook, p))
			continue;
		f = base_fate(&k, chain);
		a.fates |= f;
		if (f != HP_FATE_DROP)
			continue;
		a.fates = f;
		snprintf(a.rule, sizeof(a.rule), "%s", k.rule);
		break;
	}
	return a;
}
