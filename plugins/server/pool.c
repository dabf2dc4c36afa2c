/* SPDX-License-Identifier: MIT
 *
 * The pool: entries as they were made, found by address (a place in the prefix) and by HIT (a
 * chain).
 */
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHAINS 4096u

struct entry {
	struct hp_addr hit, addr;
	uint32_t next; /* of the chain: index + 1 */
};

struct range {
	struct hp_prefix prefix;
	uint32_t first, n; /* addresses that may be given out: offsets first .. first + n - 1 */
	uint32_t *taken;   /* by offset - first: index of the entry + 1 */
};

struct pool {
	struct range v4, v6;
	struct entry *entries;
	size_t n, room;
	uint32_t chains[CHAINS];
	char *path;
	int fd;
};

/* ---- places */

static int range_init(struct range *r, const struct hp_prefix *prefix)
{
	unsigned int free_bits = 128u - prefix->bits;

	r->prefix = *prefix;
	if (!prefix->bits)
		return 0;
	/* Neither the network's own address nor, in IPv4, the broadcast one; one or two addresses
	 * are nobody's network (RFC 3021). */
	r->first = free_bits > 1;
	r->n = (free_bits > 16 ? POOL_MAX : 1u << free_bits) - 2 * r->first;
	r->taken = calloc(r->n + 1, sizeof(*r->taken));
	return r->taken ? 0 : -ENOMEM;
}

static struct hp_addr address_at(const struct range *r, uint32_t place)
{
	struct hp_addr a = r->prefix.addr;
	uint32_t low = ((uint32_t)a.b[12] << 24 | (uint32_t)a.b[13] << 16 |
			(uint32_t)a.b[14] << 8 | a.b[15]) + place + r->first;

	a.b[12] = (uint8_t)(low >> 24);
	a.b[13] = (uint8_t)(low >> 16);
	a.b[14] = (uint8_t)(low >> 8);
	a.b[15] = (uint8_t)low;
	return a;
}

/* UINT32_MAX: not one of ours. */
static uint32_t place_of(const struct range *r, const struct hp_addr *a)
{
	const struct hp_addr *base = &r->prefix.addr;
	uint32_t low = (uint32_t)a->b[12] << 24 | (uint32_t)a->b[13] << 16 |
		       (uint32_t)a->b[14] << 8 | a->b[15];
	uint32_t from = (uint32_t)base->b[12] << 24 | (uint32_t)base->b[13] << 16 |
			(uint32_t)base->b[14] << 8 | base->b[15];

	if (!r->n || memcmp(a->b, base->b, 12) || low - from - r->first >= r->n)
		return UINT32_MAX;
	return low - from - r->first;
}

static const struct range *range_of(const struct pool *p, const struct hp_addr *a)
{
	return hp_addr_is4(a) ? &p->v4 : &p->v6;
}

/* A HIT is a hash already. */
static uint32_t hit_number(const struct hp_addr *hit)
{
	return (uint32_t)hit->b[12] << 24 | (uint32_t)hit->b[13] << 16 |
	       (uint32_t)hit->b[14] << 8 | hit->b[15];
}

/* ---- entries */

static struct entry *find(const struct pool *p, const struct hp_addr *hit, bool v4)
{
	uint32_t i = p->chains[hit_number(hit) % CHAINS];

	for (; i; i = p->entries[i - 1].next) {
		struct entry *e = &p->entries[i - 1];

		if (hp_addr_eq(&e->hit, hit) && hp_addr_is4(&e->addr) == v4)
			return e;
	}
	return NULL;
}

static int add(struct pool *p, const struct hp_addr *hit, const struct hp_addr *addr,
	       uint32_t place)
{
	uint32_t *chain = &p->chains[hit_number(hit) % CHAINS];
	const struct range *r = range_of(p, addr);

	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 64;
		struct entry *more = realloc(p->entries, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->entries = more;
		p->room = room;
	}
	p->entries[p->n] = (struct entry){ *hit, *addr, *chain };
	*chain = (uint32_t)++p->n;
	r->taken[place] = *chain;
	return 0;
}

/* ---- the file */

static int read_line(struct pool *p, char *line)
{
	struct hp_addr hit, addr;
	char *save, *h, *a;
	uint32_t place;

	line[strcspn(line, "#\r\n")] = '\0';
	h = strtok_r(line, " \t", &save);
	if (!h)
		return 0;
	a = strtok_r(NULL, " \t", &save);
	if (!a || strtok_r(NULL, " \t", &save) || hp_addr_parse(h, &hit) ||
	    !hp_addr_is_hit(&hit) || hp_addr_parse(a, &addr))
		return -EINVAL;
	place = place_of(range_of(p, &addr), &addr);
	if (place == UINT32_MAX)
		return 0; /* of a pool that was */
	if (range_of(p, &addr)->taken[place] || find(p, &hit, hp_addr_is4(&addr)))
		return -EINVAL;
	return add(p, &hit, &addr, place);
}

/* A last line without its end was being written when the machine stopped: *whole is where it
 * begins. */
static int read_file(struct pool *p, size_t *at, off_t *whole)
{
	FILE *f = fopen(p->path, "re");
	char line[256];
	int err = 0;

	*whole = 0;
	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while (!err && fgets(line, sizeof(line), f)) {
		if (!strchr(line, '\n') && feof(f))
			break;
		++*at;
		err = read_line(p, line);
		*whole = ftello(f);
	}
	/* A directory can be opened, but not read. */
	if (!err && ferror(f))
		err = -EISDIR;
	fclose(f);
	return err;
}

/* Is there a folder for the file, or could open_file make it? */
static int try_folder(const struct pool *p)
{
	char *copy = strdup(p->path), *folder;
	struct stat st;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	folder = dirname(copy);
	if (stat(folder, &st))
		err = errno == ENOENT && !stat(dirname(folder), &st) ? 0 : -errno;
	else if (!S_ISDIR(st.st_mode))
		err = -ENOTDIR;
	free(copy);
	return err;
}

static int open_file(struct pool *p, size_t *line)
{
	char *copy = strdup(p->path);
	off_t whole;
	int err;

	if (!copy)
		return -ENOMEM;
	if (mkdir(dirname(copy), 0755) && errno != EEXIST) {
		err = -errno;
		free(copy);
		return err;
	}
	free(copy);
	err = read_file(p, line, &whole);
	if (err)
		return err;
	p->fd = open(p->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	return p->fd < 0 || ftruncate(p->fd, whole) ? -errno : 0;
}

static int append(struct pool *p, const struct hp_addr *hit, const struct hp_addr *addr)
{
	char h[HP_ADDR_STRLEN], a[HP_ADDR_STRLEN], line[2 * HP_ADDR_STRLEN + 2];
	off_t end;
	int n;

	if (p->fd < 0)
		return 0;
	end = lseek(p->fd, 0, SEEK_END);
	n = snprintf(line, sizeof(line), "%s %s\n", hp_addr_format(hit, h),
		     hp_addr_format(addr, a));
	errno = 0;
	if (end >= 0 && write(p->fd, line, (size_t)n) == n && !fdatasync(p->fd))
		return 0;
	n = errno ? -errno : -ENOSPC;
	/* Half a line would spoil the next one; if this fails too, a restart cuts it off. */
	return end >= 0 && ftruncate(p->fd, end) ? -errno : n;
}

/* ---- */

void pool_close(struct pool *p)
{
	if (!p)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p->v4.taken);
	free(p->v6.taken);
	free(p->entries);
	free(p->path);
	free(p);
}

static int pool_new(const struct hp_prefix *v4, const struct hp_prefix *v6, const char *path,
		    struct pool **out)
{
	struct pool *p = calloc(1, sizeof(*p));
	int err;

	*out = p;
	if (!p)
		return -ENOMEM;
	p->fd = -1;
	p->path = strdup(path);
	err = p->path ? range_init(&p->v4, v4) : -ENOMEM;
	return err ? err : range_init(&p->v6, v6);
}

int pool_open(const struct hp_prefix *v4, const struct hp_prefix *v6, const char *path,
	      struct pool **out, size_t *line)
{
	int err = pool_new(v4, v6, path, out);

	*line = 0;
	if (!err && *path)
		err = open_file(*out, line);
	if (err) {
		pool_close(*out);
		*out = NULL;
	}
	return err;
}

int pool_try(const struct hp_prefix *v4, const struct hp_prefix *v6, const char *path,
	     size_t *line)
{
	struct pool *p;
	int err = pool_new(v4, v6, path, &p);
	off_t whole;

	*line = 0;
	if (!err && *path)
		err = read_file(p, line, &whole);
	if (!err && *path)
		err = try_folder(p);
	pool_close(p);
	return err;
}

/* A place that depends on the HIT, so that most peers have the same address even when the file
 * is lost; else the next free one. */
static uint32_t free_place(const struct range *r, const struct hp_addr *hit)
{
	uint32_t first = r->n ? hit_number(hit) % r->n : 0;

	for (uint32_t i = 0; i < r->n; i++) {
		uint32_t place = (first + i) % r->n;

		if (!r->taken[place])
			return place;
	}
	return UINT32_MAX;
}

int pool_address(struct pool *p, const struct hp_addr *hit, bool v4, struct hp_addr *out,
		 bool *fresh)
{
	const struct range *r = v4 ? &p->v4 : &p->v6;
	const struct entry *e = find(p, hit, v4);
	uint32_t place;
	int err;

	*fresh = false;
	if (e) {
		*out = e->addr;
		return 0;
	}
	place = free_place(r, hit);
	if (place == UINT32_MAX)
		return -ENOBUFS;
	*out = address_at(r, place);
	err = append(p, hit, out);
	if (err)
		return err;
	*fresh = true;
	return add(p, hit, out, place);
}

const struct hp_addr *pool_hit(const struct pool *p, const struct hp_addr *addr)
{
	const struct range *r = range_of(p, addr);
	uint32_t place = place_of(r, addr);

	if (place == UINT32_MAX || !r->taken[place])
		return NULL;
	return &p->entries[r->taken[place] - 1].hit;
}

size_t pool_count(const struct pool *p)
{
	return p->n;
}

const struct hp_addr *pool_at(const struct pool *p, size_t i)
{
	return i < p->n ? &p->entries[i].addr : NULL;
}
