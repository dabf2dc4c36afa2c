/* SPDX-License-Identifier: MIT
 *
 * The plan as text (see plan.h).
 */
#include "gate/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

#define HEAD "hipproxy-gate 1"

void hp_gate_plan_free(struct hp_gate_plan *p)
{
	free(p->protected.at);
	free(p->networks.at);
	free(p->hip_hosts.at);
	free(p->pools.at);
	free(p->hosted.at);
	free(p->learned.at);
	*p = (struct hp_gate_plan){ 0 };
}

/* ---- words */

static const struct {
	const char *word;
	size_t at;
} lists[] = {
	{ "protected", offsetof(struct hp_gate_plan, protected) },
	{ "network", offsetof(struct hp_gate_plan, networks) },
	{ "hip-host", offsetof(struct hp_gate_plan, hip_hosts) },
	{ "pool", offsetof(struct hp_gate_plan, pools) },
	{ "hosted", offsetof(struct hp_gate_plan, hosted) },
	{ "learned", offsetof(struct hp_gate_plan, learned) },
}, switches[] = {
	{ "clients", offsetof(struct hp_gate_plan, clients) },
	{ "hits", offsetof(struct hp_gate_plan, hits) },
	{ "block-unknown", offsetof(struct hp_gate_plan, block_unknown) },
	{ "open-without-daemon", offsetof(struct hp_gate_plan, stays_open) },
};

#define N(table) (sizeof(table) / sizeof((table)[0]))

static const char *const actions[] = {
	[HP_GATE_PROTECT] = "protect",
	[HP_GATE_BYPASS] = "bypass",
	[HP_GATE_BLOCK] = "block",
};

/* ---- writing */

static void put_rule(struct hp_buf *b, const struct hp_gate_policy *r)
{
	char client[HP_PREFIX_STRLEN], to[HP_PREFIX_STRLEN];

	hp_buf_addf(b, "rule %s %s %s %u %u %u\n", actions[r->action],
		    hp_prefix_format(&r->client, client), hp_prefix_format(&r->destination, to),
		    r->proto, r->port_min, r->port_max);
}

char *hp_gate_plan_text(const struct hp_gate_plan *p)
{
	struct hp_buf b = HP_BUF_INIT;
	char text[HP_PREFIX_STRLEN];

	hp_buf_addf(&b, HEAD "\ntun %s %u\n", p->tun, p->mtu);
	for (size_t i = 0; i < N(switches); i++)
		if (*(const bool *)((const char *)p + switches[i].at))
			hp_buf_addf(&b, "%s\n", switches[i].word);
	if (p->mark)
		hp_buf_addf(&b, "mark %u %u\n", p->mark, p->mask);
	for (size_t i = 0; i < p->n_interfaces; i++)
		hp_buf_addf(&b, "interface %s\n", p->interfaces[i]);
	for (size_t i = 0; i < N(lists); i++) {
		const struct hp_gate_prefixes *list =
			(const struct hp_gate_prefixes *)((const char *)p + lists[i].at);

		for (size_t k = 0; k < list->n; k++)
			hp_buf_addf(&b, "%s %s\n", lists[i].word,
				    hp_prefix_format(&list->at[k], text));
	}
	for (size_t i = 0; i < p->n_rules; i++)
		put_rule(&b, &p->rules[i]);
	hp_buf_addf(&b, "end\n");
	return hp_buf_take(&b);
}

/* ---- reading */

/* The next word of a line, or "" at its end. */
static const char *word(char **rest)
{
	char *w = strsep(rest, " ");

	return w ? w : "";
}

/* 0 and *out, or -EINVAL: no number, or above most. */
static int number(const char *w, uint64_t most, uint64_t *out)
{
	size_t digits = strspn(w, "0123456789");

	if (!digits || digits > 10 || w[digits])
		return -EINVAL;
	*out = strtoull(w, NULL, 10);
	return *out <= most ? 0 : -EINVAL;
}

static int device_name(const char *w, char out[HP_GATE_DEVNAME])
{
	size_t n = strlen(w);

	if (!n || n >= HP_GATE_DEVNAME || w[0] == '.' || strpbrk(w, "/\t"))
		return -EINVAL;
	memset(out, 0, HP_GATE_DEVNAME);
	memcpy(out, w, n);
	return 0;
}

static int read_tun(struct hp_gate_plan *p, char **rest)
{
	uint64_t mtu;
	int err = device_name(word(rest), p->tun);

	if (!err)
		err = number(word(rest), UINT16_MAX, &mtu);
	if (err || mtu < 1280)
		return -EINVAL;
	p->mtu = (unsigned int)mtu;
	return 0;
}

static int read_mark(struct hp_gate_plan *p, char **rest)
{
	uint64_t mark, mask;

	if (number(word(rest), UINT32_MAX, &mark) || number(word(rest), UINT32_MAX, &mask) ||
	    !mark || mark & ~mask)
		return -EINVAL;
	p->mark = (uint32_t)mark;
	p->mask = (uint32_t)mask;
	return 0;
}

static int read_interface(struct hp_gate_plan *p, char **rest)
{
	int err = p->n_interfaces < HP_GATE_INTERFACES ?
			  device_name(word(rest), p->interfaces[p->n_interfaces]) : -EINVAL;

	p->n_interfaces += !err;
	return err;
}

static int action(const char *w, enum hp_gate_action *out)
{
	for (size_t i = 0; i < N(actions); i++)
		if (!strcmp(w, actions[i])) {
			*out = (enum hp_gate_action)i;
			return 0;
		}
	return -EINVAL;
}

static int read_rule(struct hp_gate_plan *p, char **rest)
{
	struct hp_gate_policy r;
	uint64_t proto, min, max;

	if (p->n_rules == HP_GATE_RULES_MAX || action(word(rest), &r.action) ||
	    hp_prefix_parse(word(rest), &r.client) || hp_prefix_parse(word(rest), &r.destination) ||
	    number(word(rest), UINT8_MAX, &proto) || number(word(rest), UINT16_MAX, &min) ||
	    number(word(rest), UINT16_MAX, &max) || min > max)
		return -EINVAL;
	r.proto = (uint8_t)proto;
	r.port_min = (uint16_t)min;
	r.port_max = (uint16_t)max;
	p->rules[p->n_rules++] = r;
	return 0;
}

static const struct {
	const char *word;
	int (*read)(struct hp_gate_plan *p, char **rest);
} values[] = {
	{ "tun", read_tun }, { "mark", read_mark }, { "interface", read_interface },
	{ "rule", read_rule },
};

static int read_value(struct hp_gate_plan *p, const char *what, char **rest)
{
	struct hp_prefix prefix;

	for (size_t i = 0; i < N(values); i++)
		if (!strcmp(what, values[i].word))
			return values[i].read(p, rest);
	for (size_t i = 0; i < N(switches); i++)
		if (!strcmp(what, switches[i].word)) {
			*(bool *)((char *)p + switches[i].at) = true;
			return 0;
		}
	for (size_t i = 0; i < N(lists); i++)
		if (!strcmp(what, lists[i].word))
			return hp_prefix_parse(word(rest), &prefix) ? -EINVAL :
			       hp_gate_prefix_add((struct hp_gate_prefixes *)((char *)p + lists[i].at),
						  &prefix);
	return -EINVAL;
}

static int read_line(struct hp_gate_plan *p, char *line)
{
	char *rest = line;
	const char *what = word(&rest);
	int err = read_value(p, what, &rest);

	return err ? err : rest ? -EINVAL : 0;
}

/* The next line, without its end, into buf; false: there is none, or it is too long. */
static bool next_line(const char **text, char buf[HP_GATE_PLAN_LINE])
{
	const char *end = strchr(*text, '\n');
	size_t n = end ? (size_t)(end - *text) : 0;

	if (!end || n >= HP_GATE_PLAN_LINE)
		return false;
	memcpy(buf, *text, n);
	buf[n] = '\0';
	*text = end + 1;
	return true;
}

static int read_all(const char *text, struct hp_gate_plan *p, unsigned int *line)
{
	char buf[HP_GATE_PLAN_LINE];
	int err = 0;

	*line = 1;
	if (!next_line(&text, buf) || strcmp(buf, HEAD))
		return -EINVAL;
	for (;;) {
		(*line)++;
		if (!next_line(&text, buf))
			return -EINVAL;
		if (!strcmp(buf, "end"))
			break;
		err = read_line(p, buf);
		if (err)
			return err;
	}
	return *text || !p->tun[0] ? -EINVAL : 0;
}

int hp_gate_plan_parse(const char *text, struct hp_gate_plan *out, unsigned int *line)
{
	int err;

	*out = (struct hp_gate_plan){ 0 };
	err = read_all(text, out, line);
	if (err)
		hp_gate_plan_free(out);
	return err;
}
