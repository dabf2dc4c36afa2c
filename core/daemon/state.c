/* SPDX-License-Identifier: MIT
 *
 * The state file: a head, then records; a record whose kind is 0 is free.
 *
 * Writing is all that is done to the mapping while the daemon works: which records are free is
 * known from a bitmap.  So pages written need not stay with the process: from time to time they
 * are left to the page cache, where they are as safe, and a million flows cost no resident
 * memory here.
 */
#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "daemon/files.h"
#include "daemon/notes.h"
#include "util/hash.h"
#include "util/list.h"

#define FIRST_RECORDS 1024u
#define MORE_RECORDS  16384u /* at most at once: their blocks are zeroed while packets wait */
#define PAGES_MAX     1024u  /* pages used, one after the other, before they are left */

enum { FREE, FLOW, PEER, NOTE };

struct record {
	uint8_t kind; /* written last */
	uint8_t proto, outbound, reserved;
	uint16_t legacy_port, far_port, local_port, peer_port;
	uint32_t wall_s;            /* until 2106 */
	struct hp_addr legacy, far; /* PEER: legacy is the peer's address */
	struct hp_addr local_hit, peer_hit;
};

_Static_assert(sizeof(struct record) == 80, "a record has no gaps");
_Static_assert(sizeof(struct hp_note_part) + 4 <= 80, "a note's part fits behind the kind");

static const char magic[8] = "HPSTATE2";

struct head {
	char magic[8];
	uint32_t record_bytes, records;
};

struct peer_name {
	struct hp_addr local_hit, peer_hit;
};

struct peer {
	struct hp_hnode node;
	struct peer_name name; /* as in the record: looking for it reads no file */
	uint32_t slot;
};

struct hp_state {
	int fd;
	void *map;
	size_t map_bytes;
	uint32_t records;   /* in the file */
	uint64_t *in_use;   /* a bit each */
	uint32_t first;     /* no word of in_use before it has a free bit */
	uint32_t used;
	size_t page, pages; /* the last one written to; how many times another was */
	struct hp_htab peers;
	struct hp_notes *notes;
	struct hp_hash_key key;
	int err;            /* of the last attempt to grow */
	void (*told)(void *ctx, int err);
	void *told_ctx;
};

static struct record *records(const struct hp_state *st)
{
	return (struct record *)((uint8_t *)st->map + sizeof(struct head));
}

static size_t bytes_for(uint32_t n)
{
	return sizeof(struct head) + (size_t)n * sizeof(struct record);
}

static uint32_t wall_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint32_t)ts.tv_sec;
}

/* ---- the file */

/* A bit for each of n records; those that there were keep theirs. */
static int bits_for(struct hp_state *st, uint32_t n)
{
	size_t before = (st->records + 63) / 64, words = (n + 63) / 64;
	uint64_t *bits = realloc(st->in_use, words * sizeof(*bits));

	if (!bits)
		return -ENOMEM;
	memset(bits + before, 0, (words - before) * sizeof(*bits));
	st->in_use = bits;
	return 0;
}

static int map_file(struct hp_state *st, uint32_t n)
{
	size_t bytes = bytes_for(n);
	void *map;

	if (bits_for(st, n))
		return -ENOMEM;
	/* Blocks are reserved now: a full disk must not become a SIGBUS later. */
	if (posix_fallocate(st->fd, (off_t)st->map_bytes, (off_t)(bytes - st->map_bytes)))
		return -ENOSPC;
	map = st->map ? mremap(st->map, st->map_bytes, bytes, MREMAP_MAYMOVE) :
			mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, st->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	st->map = map;
	st->map_bytes = bytes;
	st->records = n;
	((struct head *)map)->records = n;
	return 0;
}

static bool is_ours(const struct head *h, off_t size)
{
	return !memcmp(h->magic, magic, sizeof(magic)) &&
	       h->record_bytes == sizeof(struct record) && h->records && h->records % 64 == 0 &&
	       h->records <= HP_STATE_RECORDS_MAX && bytes_for(h->records) <= (size_t)size;
}

static int begin(struct hp_state *st)
{
	struct head h = { .record_bytes = sizeof(struct record) };
	struct stat s;
	int err;

	if (fstat(st->fd, &s))
		return -errno;
	if (pread(st->fd, &h, sizeof(h), 0) == sizeof(h) && is_ours(&h, s.st_size))
		return map_file(st, h.records);
	if (ftruncate(st->fd, 0))
		return -errno;
	err = map_file(st, FIRST_RECORDS);
	if (err)
		return err;
	h = (struct head){ .record_bytes = sizeof(struct record), .records = FIRST_RECORDS };
	memcpy(h.magic, magic, sizeof(magic));
	memcpy(st->map, &h, sizeof(h));
	return 0;
}

static int open_file(struct hp_state *st, const char *path)
{
	int err = hp_file_folder(path);

	if (err)
		return err;
	st->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (st->fd < 0)
		return -errno;
	if (flock(st->fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return begin(st);
}

static int find_notes(struct hp_state *st);

int hp_state_open(const char *path, struct hp_state **out)
{
	struct hp_state *st = calloc(1, sizeof(*st));
	int err = -ENOMEM;

	*out = NULL;
	if (!st)
		return err;
	st->fd = -1;
	if (!hp_htab_init(&st->peers, HP_STATE_PEERS_MAX))
		err = hp_rand_fill(&hp_rand_system, &st->key, sizeof(st->key));
	if (!err)
		err = open_file(st, path);
	if (!err)
		err = find_notes(st);
	if (err) {
		hp_state_close(st);
		return err;
	}
	*out = st;
	return 0;
}

static int free_peer(struct hp_hnode *n, void *arg)
{
	struct hp_state *st = arg;

	hp_htab_del(&st->peers, n);
	free(HP_CONTAINER(n, struct peer, node));
	return 0;
}

void hp_state_close(struct hp_state *st)
{
	if (!st)
		return;
	if (st->peers.slots) {
		hp_htab_each(&st->peers, free_peer, st);
		hp_htab_fini(&st->peers);
	}
	hp_notes_free(st->notes);
	if (st->map)
		munmap(st->map, st->map_bytes);
	free(st->in_use);
	if (st->fd >= 0)
		close(st->fd);
	free(st);
}

/* ---- records */

/* The page cache keeps what the process lets go. */
static void leave_pages(struct hp_state *st)
{
	madvise(st->map, st->map_bytes, MADV_DONTNEED);
	st->pages = 0;
}

static struct record *record_at(struct hp_state *st, uint32_t slot)
{
	size_t page = bytes_for(slot) / 4096;

	if (page != st->page && ++st->pages > PAGES_MAX)
		leave_pages(st);
	st->page = page;
	return &records(st)[slot];
}

static int more_records(struct hp_state *st)
{
	uint32_t more = st->records < MORE_RECORDS ? st->records : MORE_RECORDS;

	if (st->records >= HP_STATE_RECORDS_MAX)
		return -ENOSPC;
	if (more > HP_STATE_RECORDS_MAX - st->records)
		more = HP_STATE_RECORDS_MAX - st->records;
	return map_file(st, st->records + more);
}

void hp_state_watch(struct hp_state *st, void (*told)(void *ctx, int err), void *ctx)
{
	if (!st)
		return;
	st->told = told;
	st->told_ctx = ctx;
}

int hp_state_error(const struct hp_state *st)
{
	return st ? st->err : 0;
}

static int grow(struct hp_state *st)
{
	int err = more_records(st);
	bool news = !err != !st->err;

	st->err = err;
	if (news && st->told)
		st->told(st->told_ctx, err);
	return err;
}

/* The first free record's number, UINT32_MAX if there is none and can be none. */
static uint32_t slot_get(struct hp_state *st)
{
	uint32_t slot;

	if (st->used >= st->records && grow(st))
		return UINT32_MAX;
	while (!~st->in_use[st->first])
		st->first++;
	slot = st->first * 64 + (uint32_t)__builtin_ctzll(~st->in_use[st->first]);
	st->in_use[st->first] |= 1ULL << slot % 64;
	st->used++;
	return slot;
}

static void slot_put(struct hp_state *st, uint32_t slot)
{
	record_at(st, slot)->kind = FREE;
	st->in_use[slot / 64] &= ~(1ULL << slot % 64);
	if (slot / 64 < st->first)
		st->first = slot / 64;
	st->used--;
}

/* The kind is written when the rest is there: a record is whole or free. */
static void slot_write(struct hp_state *st, uint32_t slot, const struct record *r)
{
	struct record *to = record_at(st, slot);

	memcpy((uint8_t *)to + 1, (const uint8_t *)r + 1, sizeof(*r) - 1);
	__atomic_store_n(&to->kind, r->kind, __ATOMIC_RELEASE);
}

/* ---- records of plugins */

static uint32_t note_get(void *ctx)
{
	return slot_get(ctx);
}

static void note_put(void *ctx, uint32_t slot)
{
	slot_put(ctx, slot);
}

static void note_write(void *ctx, uint32_t slot, const struct hp_note_part *part)
{
	uint8_t bytes[sizeof(struct record)] = { NOTE };
	struct record r;

	memcpy(bytes + 4, part, sizeof(*part));
	memcpy(&r, bytes, sizeof(r));
	slot_write(ctx, slot, &r);
}

/* Marks all places in use: until the flows are restored nothing may overwrite them. */
static int find_notes(struct hp_state *st)
{
	struct hp_note_file file = { note_get, note_put, note_write, st };
	struct hp_note_part part;

	st->notes = hp_notes_new(&file);
	if (!st->notes)
		return -ENOMEM;
	for (uint32_t i = 0; i < st->records; i++) {
		const struct record *r = &records(st)[i];

		if (i % MORE_RECORDS == 0)
			leave_pages(st);
		if (r->kind == FREE)
			continue;
		st->in_use[i / 64] |= 1ULL << i % 64;
		st->used++;
		if (r->kind != NOTE)
			continue;
		memcpy(&part, (const uint8_t *)r + 4, sizeof(part));
		hp_notes_found(st->notes, i, &part);
	}
	hp_notes_done(st->notes);
	leave_pages(st);
	return 0;
}

struct hp_notes *hp_state_notes(struct hp_state *st)
{
	return st ? st->notes : NULL;
}

/* ---- flows */

void hp_state_flow(struct hp_state *st, struct hp_flow *f)
{
	const struct hp_flow_key *k = &f->key;
	struct record r = {
		.kind = FLOW, .proto = k->proto, .outbound = f->outbound,
		.legacy_port = k->legacy_port, .far_port = k->far_port,
		.local_port = k->local_port, .peer_port = k->peer_port, .wall_s = wall_s(),
		.legacy = k->legacy, .far = k->far,
		.local_hit = k->local_hit, .peer_hit = k->peer_hit,
	};
	uint32_t slot;

	f->state_slot = 0;
	if (!st)
		return;
	slot = slot_get(st);
	if (slot == UINT32_MAX)
		return;
	slot_write(st, slot, &r);
	f->state_slot = slot + 1;
}

void hp_state_flow_gone(struct hp_state *st, struct hp_flow *f)
{
	if (st && f->state_slot)
		slot_put(st, f->state_slot - 1);
	f->state_slot = 0;
}

/* ---- peers */

static bool peer_eq(const struct hp_hnode *n, const void *key)
{
	return !memcmp(&HP_CONTAINER(n, const struct peer, node)->name, key,
		       sizeof(struct peer_name));
}

static uint64_t peer_hash(const struct hp_state *st, const struct peer_name *name)
{
	return hp_hash(&st->key, name, sizeof(*name));
}

static struct peer *peer_find(const struct hp_state *st, const struct hp_addr *local_hit,
			      const struct hp_addr *peer_hit)
{
	struct peer_name name = { *local_hit, *peer_hit };
	struct hp_hnode *n = hp_htab_find(&st->peers, peer_hash(st, &name), peer_eq, &name);

	return n ? HP_CONTAINER(n, struct peer, node) : NULL;
}

/* Remembers that slot has this peer. */
static bool peer_index(struct hp_state *st, const struct record *r, uint32_t slot)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		return false;
	p->slot = slot;
	p->name = (struct peer_name){ r->local_hit, r->peer_hit };
	if (!hp_htab_add(&st->peers, &p->node, peer_hash(st, &p->name)))
		return true;
	free(p);
	return false;
}

void hp_state_peer(struct hp_state *st, const struct hp_addr *local_hit,
		   const struct hp_addr *peer_hit, const struct hp_addr *addr, uint16_t port)
{
	struct record r = { .kind = PEER, .peer_port = port, .wall_s = wall_s(), .legacy = *addr,
			    .local_hit = *local_hit, .peer_hit = *peer_hit };
	struct peer *p;
	uint32_t slot;

	if (!st)
		return;
	p = peer_find(st, local_hit, peer_hit);
	if (p) {
		slot_write(st, p->slot, &r);
		return;
	}
	slot = slot_get(st);
	if (slot == UINT32_MAX)
		return;
	slot_write(st, slot, &r);
	if (!peer_index(st, &r, slot))
		slot_put(st, slot);
}

/* ---- restoring */

static bool is_sane(const struct record *r)
{
	return hp_addr_is_hit(&r->local_hit) && hp_addr_is_hit(&r->peer_hit) &&
	       !hp_addr_is_zero(&r->legacy);
}

static bool restore_flow(hp_state_flow_fn fn, void *ctx, const struct record *r, uint32_t slot)
{
	struct hp_flow_key key = {
		.legacy = r->legacy, .far = r->far,
		.local_hit = r->local_hit, .peer_hit = r->peer_hit,
		.legacy_port = r->legacy_port, .far_port = r->far_port,
		.local_port = r->local_port, .peer_port = r->peer_port, .proto = r->proto,
	};
	struct hp_flow *f = fn(ctx, &key, r->outbound);

	if (!f)
		return false;
	f->state_slot = slot + 1;
	return true;
}

static bool restore_peer(struct hp_state *st, const struct record *r, uint32_t slot)
{
	return (uint64_t)r->wall_s + HP_STATE_PEER_S >= wall_s() &&
	       !peer_find(st, &r->local_hit, &r->peer_hit) && peer_index(st, r, slot);
}

static bool restore_record(struct hp_state *st, const struct record *r, uint32_t slot,
			   hp_state_flow_fn fn, void *ctx)
{
	if (!is_sane(r))
		return false;
	return r->kind == FLOW ? restore_flow(fn, ctx, r, slot) :
	       r->kind == PEER ? restore_peer(st, r, slot) : false;
}

void hp_state_restore(struct hp_state *st, hp_state_flow_fn fn, void *ctx)
{
	for (uint32_t i = 0; st && i < st->records; i++) {
		struct record r = records(st)[i];

		if (i % MORE_RECORDS == 0)
			leave_pages(st);
		if (r.kind == FREE || r.kind == NOTE)
			continue;
		if (!restore_record(st, &r, i, fn, ctx))
			slot_put(st, i);
	}
	if (st)
		leave_pages(st);
}

struct telling {
	const struct hp_state *st;
	hp_state_peer_fn fn;
	void *ctx;
};

static int tell_peer(struct hp_hnode *n, void *arg)
{
	const struct telling *t = arg;
	const struct record *r = &records(t->st)[HP_CONTAINER(n, struct peer, node)->slot];

	t->fn(t->ctx, &r->local_hit, &r->peer_hit, &r->legacy, r->peer_port);
	return 0;
}

void hp_state_peers(struct hp_state *st, hp_state_peer_fn fn, void *ctx)
{
	struct telling t = { st, fn, ctx };

	if (!st)
		return;
	hp_htab_each(&st->peers, tell_peer, &t);
	leave_pages(st);
}
