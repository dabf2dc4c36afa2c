/* SPDX-License-Identifier: MIT
 *
 * HITs that are revoked, in memory and in a file.
 */
#include "daemon/revoked.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/rand.h"
#include "daemon/files.h"
#include "util/hash.h"

struct entry {
	struct hp_hnode node;
	struct hp_addr hit;
};

struct hp_revoked {
	struct hp_htab tab;
	struct hp_hash_key key;
	struct hp_lines_bad bad;
	struct hp_keeper *keeper; /* NULL: nothing is written */
};

static struct entry *entry_of(const struct hp_hnode *n)
{
	return HP_CONTAINER(n, struct entry, node);
}

static bool entry_eq(const struct hp_hnode *n, const void *key)
{
	return hp_addr_eq(&entry_of(n)->hit, key);
}

static uint64_t hash(const struct hp_revoked *r, const struct hp_addr *hit)
{
	return hp_hash(&r->key, hit, sizeof(*hit));
}

static struct hp_hnode *find(const struct hp_revoked *r, const struct hp_addr *hit)
{
	return hp_htab_find(&r->tab, hash(r, hit), entry_eq, hit);
}

bool hp_revoked_has(const struct hp_revoked *r, const struct hp_addr *hit)
{
	return r && r->tab.count && find(r, hit);
}

size_t hp_revoked_count(const struct hp_revoked *r)
{
	return r->tab.count;
}

static int put(struct hp_revoked *r, const struct hp_addr *hit)
{
	struct entry *e;

	if (find(r, hit))
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->hit = *hit;
	if (!hp_htab_add(&r->tab, &e->node, hash(r, hit)))
		return 0;
	free(e);
	return -ENOSPC;
}

static void take_out(struct hp_revoked *r, struct hp_hnode *n)
{
	hp_htab_del(&r->tab, n);
	free(entry_of(n));
}

/* ---- the file */

static int read_hit(void *ctx, char *const *words, int n)
{
	struct hp_addr hit;

	if (n != 1 || hp_addr_parse(words[0], &hit) || !hp_addr_is_hit(&hit))
		return -EINVAL;
	return put(ctx, &hit);
}

static struct hp_revoked *revoked_new(void)
{
	struct hp_revoked *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	if (!hp_rand_fill(&hp_rand_system, &r->key, sizeof(r->key)) &&
	    !hp_htab_init(&r->tab, HP_REVOKED_MAX))
		return r;
	hp_revoked_close(r);
	return NULL;
}

/* Edits in their order: what was revoked and taken out again is not revoked. */
static void take_over(void *ctx, const char *edits)
{
	struct hp_revoked *r = ctx;

	while (*edits) {
		char word[HP_ADDR_STRLEN];
		size_t len = strcspn(edits + 1, " #\n");
		struct hp_hnode *n;
		struct hp_addr hit;

		snprintf(word, sizeof(word), "%.*s", (int)len, edits + 1);
		if (!hp_addr_parse(word, &hit)) {
			if (*edits == '+')
				put(r, &hit);
			else if ((n = find(r, &hit)))
				take_out(r, n);
		}
		edits += strcspn(edits, "\n");
		edits += *edits == '\n';
	}
}

static int keep(struct hp_revoked *r, const char *path, const struct hp_disk *disk,
		const struct hp_revoked *before)
{
	if (before && !strcmp(hp_keeper_path(before->keeper), path)) {
		r->keeper = hp_keeper_ref(before->keeper);
		hp_keeper_pending(r->keeper, take_over, r);
	} else {
		r->keeper = hp_keeper_new(disk, path);
	}
	return r->keeper ? 0 : -ENOMEM;
}

int hp_revoked_open(const char *path, const struct hp_disk *disk, const struct hp_revoked *before,
		    struct hp_revoked **out, struct hp_io_err *e)
{
	struct hp_revoked *r = revoked_new();
	int err;

	*out = NULL;
	if (!r)
		return hp_io_fail(e, -ENOMEM, "%s: out of memory", path);
	err = hp_lines_read(path, read_hit, r, &r->bad, e);
	if (!err && keep(r, path, disk, before))
		err = hp_io_fail(e, -ENOMEM, "%s: out of memory", path);
	if (err) {
		hp_revoked_close(r);
		return err;
	}
	*out = r;
	return 0;
}

int hp_revoked_try(const char *path, struct hp_lines_bad *bad, struct hp_io_err *e)
{
	struct hp_revoked *r = revoked_new();
	int err = r ? hp_lines_read(path, read_hit, r, bad, e) :
		      hp_io_fail(e, -ENOMEM, "%s: out of memory", path);

	hp_revoked_close(r);
	return err;
}

static int free_entry(struct hp_hnode *n, void *arg)
{
	take_out(arg, n);
	return 0;
}

void hp_revoked_close(struct hp_revoked *r)
{
	if (!r)
		return;
	if (r->tab.slots) {
		hp_htab_each(&r->tab, free_entry, r);
		hp_htab_fini(&r->tab);
	}
	hp_keeper_unref(r->keeper);
	free(r);
}

/* ---- */

static void describe(const struct hp_addr *hit, const char *why, char *line, size_t bytes)
{
	char text[HP_ADDR_STRLEN], day[16] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	snprintf(line, bytes, "%s # %s %s", hp_addr_format(hit, text), day, why);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
}

int hp_revoked_add(struct hp_revoked *r, const struct hp_addr *hit, const char *why)
{
	char line[HP_ADDR_STRLEN + HP_REVOKED_WHY + 32];
	int err;

	if (find(r, hit))
		return -EEXIST;
	err = put(r, hit);
	if (err)
		return err;
	/* The folder may be missing where no other file of the daemon lies. */
	hp_file_folder(hp_keeper_path(r->keeper));
	describe(hit, why, line, sizeof(line));
	return hp_keeper_edit(r->keeper, '+', line);
}

int hp_revoked_remove(struct hp_revoked *r, const struct hp_addr *hit)
{
	struct hp_hnode *n = find(r, hit);
	char text[HP_ADDR_STRLEN];

	if (!n)
		return -ENOENT;
	take_out(r, n);
	return hp_keeper_edit(r->keeper, '-', hp_addr_format(hit, text));
}

struct telling {
	void (*fn)(void *ctx, const struct hp_addr *hit);
	void *ctx;
};

static int tell(struct hp_hnode *n, void *arg)
{
	const struct telling *t = arg;

	t->fn(t->ctx, &entry_of(n)->hit);
	return 0;
}

void hp_revoked_each(struct hp_revoked *r, void (*fn)(void *ctx, const struct hp_addr *hit),
		     void *ctx)
{
	struct telling t = { fn, ctx };

	hp_htab_each(&r->tab, tell, &t);
}

const struct hp_lines_bad *hp_revoked_bad(const struct hp_revoked *r)
{
	return &r->bad;
}

int hp_revoked_error(const struct hp_revoked *r)
{
	return hp_keeper_error(r->keeper);
}

const char *hp_revoked_path(const struct hp_revoked *r)
{
	return hp_keeper_path(r->keeper);
}
