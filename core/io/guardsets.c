/* SPDX-License-Identifier: MIT
 *
 * Lists of prefixes as comparisons, hash tables and intervals (see guardsets.h).
 */
#include "io/guardsets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASHED_MIN 8 /* prefixes of one length that are worth a hash table */
#define LENGTHS	   129

/* ---- intervals */

static int interval_cmp(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* The first address behind the prefix; false: there is none. */
static bool after(const uint8_t *first, unsigned int len, unsigned int bits, uint8_t *out)
{
	unsigned int i = bits ? (bits - 1) / 8 : 0, step = bits ? 0x80u >> ((bits - 1) % 8) : 0;

	memcpy(out, first, len);
	if (!bits)
		return false;
	for (;; i--) {
		unsigned int sum = out[i] + step;

		out[i] = (uint8_t)sum;
		if (sum <= 255)
			return true;
		if (!i)
			return false;
		step = 1;
	}
}

static unsigned int octets(int family)
{
	return family == 4 ? 4 : 16;
}

/* Length of a prefix within its family. */
static unsigned int length(const struct hp_prefix *p, int family)
{
	return p->bits - (16 - octets(family)) * 8;
}

static struct nft_interval interval(const struct hp_prefix *p, int family)
{
	unsigned int len = octets(family);
	struct nft_interval v = { .open = false };

	memcpy(v.first, p->addr.b + 16 - len, len);
	v.open = !after(v.first, len, length(p, family), v.end);
	return v;
}

static size_t join(struct nft_interval *list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct nft_interval *last = kept ? &list[kept - 1] : NULL;

		if (!last || (!last->open && memcmp(last->end, list[i].first, 16) < 0)) {
			list[kept++] = list[i];
		} else if (!last->open &&
			   (list[i].open || memcmp(last->end, list[i].end, 16) < 0)) {
			last->open = list[i].open;
			memcpy(last->end, list[i].end, 16);
		}
	}
	return kept;
}

static bool of_family(const struct hp_prefix *p, int family)
{
	return hp_addr_is4(&p->addr) == (family == 4);
}

/* Those whose length is not in left_out; NULL: all. */
static int intervals_of(const struct hp_prefix *list, size_t n, int family, const bool *left_out,
			struct nft_interval **out, size_t *n_out)
{
	struct nft_interval *v = calloc(n + 1, sizeof(*v));
	size_t found = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (of_family(&list[i], family) &&
		    !(left_out && left_out[length(&list[i], family)]))
			v[found++] = interval(&list[i], family);
	qsort(v, found, sizeof(*v), interval_cmp);
	*n_out = join(v, found);
	*out = v;
	return 0;
}

int guard_intervals(const struct hp_prefix *list, size_t n, int family, struct nft_interval **out,
		    size_t *n_out)
{
	return intervals_of(list, n, family, NULL, out, n_out);
}

/* ---- one way each */

struct writing {
	struct nft_batch *b;
	const char *name;
	const struct hp_gate_prefixes *list;
	struct guard_list *out;
	struct guard_names *names;
	int family;
};

static struct guard_way *way_new(struct writing *w, unsigned int bits)
{
	size_t *n = &w->out->n[w->family == 6];
	struct guard_way *way = &w->out->way[w->family == 6][(*n)++];

	*way = (struct guard_way){ .bits = bits };
	return way;
}

static void name_keep(struct guard_names *names, const char *set)
{
	if (names->n < sizeof(names->at) / sizeof(*names->at))
		memcpy(names->at[names->n++], set, sizeof(*names->at));
}

static void hash_name(char set[24], const char *name, int family, unsigned int bits)
{
	snprintf(set, 24, "%s%d_%u", name, family, bits);
}

void guard_host_set(char set[24], const char *name, int family)
{
	hash_name(set, name, family, octets(family) * 8);
}

static int hash_write(struct writing *w, unsigned int bits)
{
	uint8_t (*keys)[16] = calloc(w->list->n + 1, sizeof(*keys));
	struct guard_way *way = way_new(w, bits);
	unsigned int len = octets(w->family);
	size_t n = 0;

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < w->list->n; i++) {
		const struct hp_prefix *p = &w->list->at[i];

		if (of_family(p, w->family) && length(p, w->family) == bits)
			memcpy(keys[n++], p->addr.b + 16 - len, len);
	}
	hash_name(way->set, w->name, w->family, bits);
	name_keep(w->names, way->set);
	nft_set(w->b, way->set, len, false);
	nft_set_keys(w->b, way->set, len, keys, n);
	free(keys);
	return 0;
}

static int rest_write(struct writing *w, const bool *hashed)
{
	unsigned int len = octets(w->family);
	struct nft_interval *v;
	struct guard_way *way;
	size_t n;
	int err = intervals_of(w->list->at, w->list->n, w->family, hashed, &v, &n);

	if (err)
		return err;
	if (n) {
		way = way_new(w, len * 8);
		way->intervals = true;
		snprintf(way->set, sizeof(way->set), "%s%d", w->name, w->family);
		name_keep(w->names, way->set);
		nft_set(w->b, way->set, len, true);
		nft_set_add(w->b, way->set, len, v, n);
	}
	free(v);
	return 0;
}

static void few_write(struct writing *w)
{
	unsigned int len = octets(w->family);

	for (size_t i = 0; i < w->list->n; i++) {
		const struct hp_prefix *p = &w->list->at[i];

		if (of_family(p, w->family))
			memcpy(way_new(w, length(p, w->family))->first, p->addr.b + 16 - len, len);
	}
}

/* ---- all of a list */

static unsigned int most(const size_t count[LENGTHS])
{
	unsigned int best = 0;

	for (unsigned int i = 1; i < LENGTHS; i++)
		if (count[i] > count[best])
			best = i;
	return best;
}

/* One way is for the rest. */
static int family_write(struct writing *w, bool grows)
{
	size_t count[LENGTHS] = { 0 }, n = 0;
	bool hashed[LENGTHS] = { false };
	unsigned int host = octets(w->family) * 8;
	int err = 0;

	for (size_t i = 0; i < w->list->n; i++)
		if (of_family(&w->list->at[i], w->family)) {
			count[length(&w->list->at[i], w->family)]++;
			n++;
		}
	if (n <= GUARD_WAYS_MAX && !grows) {
		few_write(w);
		return 0;
	}
	if (grows)
		count[host] = SIZE_MAX;
	for (int i = 0; !err && i < GUARD_WAYS_MAX - 1; i++) {
		unsigned int bits = most(count);

		if (count[bits] < HASHED_MIN)
			break;
		err = hash_write(w, bits);
		hashed[bits] = true;
		count[bits] = 0;
	}
	return err ? err : rest_write(w, hashed);
}

int guard_list_write(struct nft_batch *b, const char *name, const struct hp_gate_prefixes *list,
		     bool grows, struct guard_list *out, struct guard_names *names)
{
	struct writing w = { b, name, list, out, names, 4 };
	int err;

	*out = (struct guard_list){ .n = { 0 } };
	err = family_write(&w, grows);
	w.family = 6;
	return err ? err : family_write(&w, grows);
}

/* ---- in rules */

static void mask_of(unsigned int bits, uint8_t mask[16])
{
	memset(mask, 0, 16);
	for (unsigned int i = 0; i < bits; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> (i % 8));
}

/* Whole octets are loaded without a mask: that is cheaper. */
static void compare(struct nft_batch *b, struct nft_field f, const struct guard_way *way)
{
	uint8_t mask[16];

	if (!way->bits)
		return;
	if (way->bits % 8 == 0) {
		f.len = way->bits / 8;
		nft_field_is(b, f, way->first);
		return;
	}
	mask_of(way->bits, mask);
	nft_field_masked(b, f, mask, way->first);
}

void guard_way_match(struct nft_batch *b, struct nft_field f, const struct guard_way *way)
{
	uint8_t mask[16];

	if (!way->set[0]) {
		compare(b, f, way);
		return;
	}
	mask_of(way->bits, mask);
	nft_field_in(b, f, way->bits < f.len * 8 ? mask : NULL, way->set);
}
