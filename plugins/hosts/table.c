/* SPDX-License-Identifier: MIT
 *
 * Parsing and searching a hosts-style table.
 *
 * Hosts are one array, addresses an index sorted for binary search.  An address belongs to
 * one host only: two answers to one question would be a mistake in the file.
 */
#include "table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>


struct index {
	struct hp_addr addr;
	size_t host;
};

struct hosts_table {
	struct hosts_host *hosts;
	struct index *index;
	size_t n, room, n_index;
};

/* What a line is read into, and what is wrong with it. */
struct parse {
	struct hosts_table *t;
	size_t line;
	const char *why;
};

static int refuse(struct parse *p, const char *why)
{
	p->why = why;
	return -EINVAL;
}

static int add_host(struct hosts_table *t, const struct hosts_host *h)
{
	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 16;
		struct hosts_host *more = reallocarray(t->hosts, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->hosts = more;
		t->room = room;
	}
	t->hosts[t->n++] = *h;
	return 0;
}

/* RFC 952 and 1123 letters, dots between labels. */
static bool is_name(const char *w)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789.-_";

	return strlen(w) <= 255 && strspn(w, letters) == strlen(w);
}

static int add_word(struct parse *p, struct hosts_host *h, const char *w, bool *names)
{
	struct hp_addr a;

	if (hp_addr_parse(w, &a))
		*names = true;
	else if (*names)
		return refuse(p, "an address behind a name");
	if (*names)
		return is_name(w) ? 0 : refuse(p, "neither an address nor a name");
	if (hp_addr_is_hit(&a) || hp_addr_is_zero(&a) || hp_addr_is_multicast(&a))
		return refuse(p, "a host's address is expected behind the HIT");
	if (hp_addr_is_teredo(&a))
		return refuse(p, "a Teredo address (2001::/32) is no address of a peer");
	if (h->n == HOSTS_ADDRS)
		return refuse(p, "more than 8 addresses");
	h->addrs[h->n++] = a;
	return 0;
}

static int parse_line(struct parse *p, char *s)
{
	struct hosts_host h = { .line = p->line };
	char *save = NULL, *w;
	bool names = false;
	int err;

	s[strcspn(s, "#")] = '\0';
	w = strtok_r(s, " \t\r", &save);
	if (!w)
		return 0;
	if (hp_addr_parse(w, &h.hit) || !hp_addr_is_hit(&h.hit))
		return refuse(p, "a HIT (2001:20::/28) is expected first");
	while ((w = strtok_r(NULL, " \t\r", &save))) {
		err = add_word(p, &h, w, &names);
		if (err)
			return err;
	}
	if (!h.n)
		return refuse(p, "no address behind the HIT");
	return add_host(p->t, &h);
}

static int by_addr(const void *a, const void *b)
{
	const struct index *x = a, *y = b;
	int d = hp_addr_cmp(&x->addr, &y->addr);

	return d ? d : (x->host > y->host) - (x->host < y->host);
}

static int make_index(struct parse *p)
{
	struct hosts_table *t = p->t;

	t->index = calloc(t->n * HOSTS_ADDRS + 1, sizeof(*t->index));
	if (!t->index)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->hosts[i].n; k++)
			t->index[t->n_index++] = (struct index){ t->hosts[i].addrs[k], i };
	qsort(t->index, t->n_index, sizeof(*t->index), by_addr);
	for (size_t i = 1; i < t->n_index; i++)
		if (hp_addr_eq(&t->index[i].addr, &t->index[i - 1].addr)) {
			p->line = t->hosts[t->index[i].host].line;
			return refuse(p, "the address stands twice");
		}
	return 0;
}

/* One line after the other, each in a buffer of its own. */
static int parse_lines(struct parse *p, const char *text, size_t len)
{
	char buf[HOSTS_LINE_MAX + 1];
	int err = 0;

	while (len && !err) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		p->line++;
		if (n > HOSTS_LINE_MAX)
			return refuse(p, "the line is too long");
		if (memchr(text, '\0', n))
			return refuse(p, "the line has a zero octet");
		memcpy(buf, text, n);
		buf[n] = '\0';
		err = parse_line(p, buf);
		n += end != NULL;
		text += n;
		len -= n;
	}
	return err;
}

int hosts_table_parse(const char *text, size_t len, struct hosts_table **out, size_t *line,
		      const char **why)
{
	struct parse p = { calloc(1, sizeof(struct hosts_table)), 0, "" };
	int err;

	*out = NULL;
	if (!p.t)
		return -ENOMEM;
	err = parse_lines(&p, text, len);
	if (!err)
		err = make_index(&p);
	*line = p.line;
	*why = p.why;
	if (err)
		hosts_table_free(p.t);
	else
		*out = p.t;
	return err;
}

void hosts_table_free(struct hosts_table *t)
{
	if (!t)
		return;
	free(t->hosts);
	free(t->index);
	free(t);
}

static int find_addr(const void *key, const void *row)
{
	return hp_addr_cmp(key, &((const struct index *)row)->addr);
}

const struct hosts_host *hosts_table_find(const struct hosts_table *t,
					  const struct hp_addr *addr)
{
	const struct index *i = bsearch(addr, t->index, t->n_index, sizeof(*i), find_addr);

	return i ? &t->hosts[i->host] : NULL;
}

size_t hosts_table_count(const struct hosts_table *t)
{
	return t->n;
}
