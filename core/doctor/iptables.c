/* SPDX-License-Identifier: MIT
 *
 * What iptables would do to a packet, from iptables-save (see fate.h).
 */
#include "doctor/fate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16
#define WORDS_MAX 64

struct walk {
	const char *table; /* behind "*filter\n" */
	const char *end;
	const struct hp_fw_packet *p;
	int depth;
	unsigned int steps; /* rules left to look at: chains may branch widely */
	char rule[HP_FW_RULE_MAX]; /* the last one that dropped for sure */
};

#define STEPS_MAX 200000u

static const char *const hook_chains[HP_FW_HOOKS] = {
	[HP_FW_PREROUTING] = "PREROUTING", [HP_FW_INPUT] = "INPUT", [HP_FW_FORWARD] = "FORWARD",
	[HP_FW_OUTPUT] = "OUTPUT", [HP_FW_POSTROUTING] = "POSTROUTING",
};

bool hp_fw_name_matches(const char *pattern, char wild, const char *name)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == wild)
		return !strncmp(pattern, name, n - 1);
	return !strcmp(pattern, name);
}

/* ---- words of a rule */

struct words {
	char text[1024];
	char *at[WORDS_MAX];
	int n;
};

/* "a b" in quotes is one word.  False: too long to be looked at. */
static bool split(struct words *w, const char *line, size_t len)
{
	char *s = w->text;

	w->n = 0;
	if (len >= sizeof(w->text))
		return false;
	memcpy(w->text, line, len);
	w->text[len] = '\0';
	while (*s) {
		char stop = *s == '"' ? '"' : ' ';

		if (*s == ' ') {
			s++;
			continue;
		}
		if (w->n == WORDS_MAX)
			return false;
		s += stop == '"';
		w->at[w->n++] = s;
		s += strcspn(s, stop == '"' ? "\"" : " ");
		if (*s)
			*s++ = '\0';
	}
	return true;
}

static enum hp_fw_match match_name(const char *pattern, const char *name)
{
	if (!name)
		return HP_FW_MAYBE;
	return hp_fw_name_matches(pattern, '+', name) ? HP_FW_YES : HP_FW_NO;
}

/* iptables-save writes prefixes with their host bits cleared. */
static enum hp_fw_match match_addr(const char *text, const struct hp_addr *a)
{
	struct hp_prefix pre;

	if (hp_addr_is_zero(a) || hp_prefix_parse(text, &pre))
		return HP_FW_MAYBE;
	return hp_prefix_contains(&pre, a) ? HP_FW_YES : HP_FW_NO;
}

static int proto_number(const char *s)
{
	static const struct {
		const char *name;
		int proto;
	} names[] = { { "tcp", 6 },   { "udp", 17 },  { "icmp", 1 }, { "ipv6-icmp", 58 },
		      { "icmpv6", 58 }, { "esp", 50 }, { "ah", 51 },  { "hip", 139 },
		      { "sctp", 132 }, { "gre", 47 }, { "igmp", 2 }, { "udplite", 136 } };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i].name, s))
			return names[i].proto;
	return isdigit((unsigned char)*s) ? atoi(s) : -1;
}

static enum hp_fw_match match_proto(const char *s, uint8_t proto)
{
	int n = proto_number(s);

	if (!strcmp(s, "all"))
		return HP_FW_YES;
	if (!proto || n < 0)
		return HP_FW_MAYBE;
	return n == proto ? HP_FW_YES : HP_FW_NO;
}

static enum hp_fw_match match_port(const char *s, uint16_t port)
{
	char *end;
	unsigned long from = strtoul(s, &end, 10), to = from;

	if (!port)
		return HP_FW_MAYBE;
	if (*end == ':')
		to = strtoul(end + 1, &end, 10);
	if (*end)
		return HP_FW_MAYBE;
	return port >= from && port <= to ? HP_FW_YES : HP_FW_NO;
}

static enum hp_fw_match match_ct(const char *states, unsigned int ct)
{
	static const struct {
		const char *name;
		unsigned int bit;
	} names[] = { { "NEW", HP_CT_NEW }, { "ESTABLISHED", HP_CT_ESTABLISHED },
		      { "UNTRACKED", HP_CT_UNTRACKED } };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *at = strstr(states, names[i].name);

		if (ct == names[i].bit && at)
			return HP_FW_YES;
	}
	return HP_FW_NO;
}

/* One option with its value; *skip: how many words it has.  What is not known here may match. */
static enum hp_fw_match option(const struct hp_fw_packet *p, char *const *w, int left, int *skip)
{
	const char *o = w[0], *v = left > 1 ? w[1] : "";

	*skip = 2;
	if (!strcmp(o, "-i"))
		return match_name(v, p->iif);
	if (!strcmp(o, "-o"))
		return match_name(v, p->oif);
	if (!strcmp(o, "-s"))
		return match_addr(v, &p->src);
	if (!strcmp(o, "-d"))
		return match_addr(v, &p->dst);
	if (!strcmp(o, "-p"))
		return match_proto(v, p->proto);
	if (!strcmp(o, "--dport"))
		return match_port(v, p->dport);
	if (!strcmp(o, "--sport"))
		return match_port(v, p->sport);
	if (!strcmp(o, "--ctstate") || !strcmp(o, "--state"))
		return match_ct(v, p->ct);
	/* The module alone says nothing; --comment says nothing at all. */
	if (!strcmp(o, "-m") && !strcmp(v, "rpfilter"))
		return p->reverse_ok ? HP_FW_YES : HP_FW_NO;
	if (!strcmp(o, "-m") || !strcmp(o, "--comment"))
		return HP_FW_YES;
	*skip = 1;
	return HP_FW_MAYBE;
}

/* rpfilter's own options. */
static bool is_detail(const char *o)
{
	return !strcmp(o, "--loose") || !strcmp(o, "--validmark") || !strcmp(o, "--accept-local");
}

static bool has(const struct words *w, const char *word)
{
	for (int i = 0; i < w->n; i++)
		if (!strcmp(w->at[i], word))
			return true;
	return false;
}

/* All options up to the target; *target: where "-j" or "-g" stands, w->n if nowhere. */
static enum hp_fw_match rule_matches(const struct hp_fw_packet *p, const struct words *w,
				     int *target)
{
	enum hp_fw_match all = HP_FW_YES;
	bool invert = false, rpf_invert = has(w, "--invert");
	int i = 2, skip;

	for (; i < w->n && strcmp(w->at[i], "-j") && strcmp(w->at[i], "-g"); i += skip) {
		enum hp_fw_match m;

		skip = 1;
		if (!strcmp(w->at[i], "!")) {
			invert = true;
			continue;
		}
		if (!strcmp(w->at[i], "--invert") || is_detail(w->at[i]))
			continue;
		m = option(p, &w->at[i], w->n - i, &skip);
		if (skip == 2 && i + 1 < w->n && !strcmp(w->at[i + 1], "rpfilter") && rpf_invert)
			m = hp_fw_not(m);
		if (invert)
			m = hp_fw_not(m);
		invert = false;
		if (m == HP_FW_NO)
			all = HP_FW_NO;
		else if (m == HP_FW_MAYBE && all == HP_FW_YES)
			all = HP_FW_MAYBE;
	}
	*target = i;
	return all;
}

/* ---- chains */

static const char *next_line(const char *s, const char *end)
{
	const char *nl = memchr(s, '\n', (size_t)(end - s));

	return nl ? nl + 1 : end;
}

static bool is_rule_of(const char *line, const char *end, const char *chain)
{
	size_t n = strlen(chain);

	return (size_t)(end - line) > n + 4 && !memcmp(line, "-A ", 3) &&
	       !memcmp(line + 3, chain, n) && line[3 + n] == ' ';
}

static unsigned int chain_fate(struct walk *k, const char *chain);

static bool is_ours(const char *target)
{
	return !strncmp(target, "HIPPROXY", 8);
}

/* Targets that change a packet and go on. */
static bool goes_on(const char *t)
{
	static const char *const names[] = { "LOG", "NFLOG", "MARK", "CONNMARK", "CT", "NOTRACK",
					     "TCPMSS", "TOS", "DSCP", "TTL", "HL", "CLASSIFY",
					     "SET", "TRACE", "MASQUERADE", "SNAT", "DNAT",
					     "CHECKSUM", "ULOG", "AUDIT", "TPROXY", "SECMARK",
					     "CONNSECMARK", "RATEEST", "TEE" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], t))
			return true;
	return is_ours(t);
}

static unsigned int target_fate(struct walk *k, const struct words *w, int at)
{
	const char *t = at + 1 < w->n ? w->at[at + 1] : "";

	if (!*t || goes_on(t))
		return HP_FATE_GOES_ON;
	if (!strcmp(t, "ACCEPT"))
		return HP_FATE_ACCEPT;
	if (!strcmp(t, "DROP") || !strcmp(t, "REJECT"))
		return HP_FATE_DROP;
	if (!strcmp(t, "RETURN"))
		return 0; /* said by the caller */
	if (!strcmp(t, "NFQUEUE") || !strcmp(t, "QUEUE"))
		return HP_FATE_ACCEPT | HP_FATE_DROP;
	return chain_fate(k, t);
}

static void remember(struct walk *k, const char *line, const char *end)
{
	int n = (int)(next_line(line, end) - line);

	if (n && line[n - 1] == '\n')
		n--;
	snprintf(k->rule, sizeof(k->rule), "%.*s", n, line);
}

/* One rule's part in the chain's fate.  *done: nothing behind it matters. */
static unsigned int rule_fate(struct walk *k, const char *line, bool *done)
{
	const char *next = next_line(line, k->end);
	size_t len = (size_t)(next - line);
	struct words w;
	enum hp_fw_match m;
	unsigned int f;
	int at;

	if (len && line[len - 1] == '\n')
		len--;
	if (!split(&w, line, len)) {
		*done = false;
		return HP_FATE_ACCEPT | HP_FATE_DROP;
	}
	m = rule_matches(k->p, &w, &at);
	if (m == HP_FW_NO)
		return 0;
	if (at + 1 < w.n && !strcmp(w.at[at + 1], "RETURN")) {
		*done = m == HP_FW_YES;
		return HP_FATE_GOES_ON;
	}
	f = target_fate(k, &w, at);
	if (f == HP_FATE_DROP && m == HP_FW_YES && at + 1 < w.n &&
	    (!strcmp(w.at[at + 1], "DROP") || !strcmp(w.at[at + 1], "REJECT")))
		remember(k, line, k->end);
	/* -g does not come back here. */
	*done = m == HP_FW_YES && (!(f & HP_FATE_GOES_ON) ||
				   (at < w.n && !strcmp(w.at[at], "-g")));
	return *done ? f : f & ~(unsigned int)HP_FATE_GOES_ON;
}

static unsigned int chain_fate(struct walk *k, const char *chain)
{
	unsigned int fates = 0;
	bool done = false;

	if (k->depth == DEPTH_MAX)
		return HP_FATE_ACCEPT | HP_FATE_DROP | HP_FATE_GOES_ON;
	k->depth++;
	for (const char *l = k->table; l < k->end && !done; l = next_line(l, k->end)) {
		if (!is_rule_of(l, k->end, chain))
			continue;
		if (!k->steps) {
			fates = HP_FATE_ACCEPT | HP_FATE_DROP;
			break;
		}
		k->steps--;
		fates |= rule_fate(k, l, &done);
	}
	k->depth--;
	return done ? fates : fates | HP_FATE_GOES_ON;
}

/* ":FORWARD DROP [0:0]" */
static bool policy_drops(const struct walk *k, const char *chain)
{
	size_t n = strlen(chain);

	for (const char *l = k->table; l < k->end; l = next_line(l, k->end))
		if (*l == ':' && (size_t)(k->end - l) > n + 6 && !memcmp(l + 1, chain, n) &&
		    l[n + 1] == ' ')
			return !memcmp(l + n + 2, "DROP", 4);
	return false;
}

static unsigned int base_fate(struct walk *k, const char *chain)
{
	unsigned int f = chain_fate(k, chain);

	if (!(f & HP_FATE_GOES_ON))
		return f;
	f &= ~(unsigned int)HP_FATE_GOES_ON;
	if (!policy_drops(k, chain))
		return f | HP_FATE_ACCEPT;
	if (!f)
		snprintf(k->rule, sizeof(k->rule), "-P %s DROP", chain);
	return f | HP_FATE_DROP;
}

struct hp_fw_answer hp_fw_iptables(const char *text, enum hp_fw_hook hook,
				   const struct hp_fw_packet *p)
{
	struct hp_fw_answer a = { .fates = HP_FATE_ACCEPT };
	unsigned int f;

	for (const char *t = text; t && (t = strchr(t, '*')); t++) {
		struct walk k = { .p = p, .steps = STEPS_MAX };
		const char *end;

		if (t != text && t[-1] != '\n')
			continue;
		end = strstr(t, "\nCOMMIT");
		k.table = strchr(t, '\n');
		if (!end || !k.table || k.table > end)
			break;
		k.table++;
		k.end = end + 1;
		f = base_fate(&k, hook_chains[hook]);
		a.fates |= f;
		if (f == HP_FATE_DROP) {
			a.fates = f;
			snprintf(a.rule, sizeof(a.rule), "%s", k.rule);
			break;
		}
		t = end;
	}
	return a;
}
