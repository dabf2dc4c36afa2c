/* SPDX-License-Identifier: MIT
 *
 * See notes.h.
 *
 * The octets of a record are: length of the plugin's name, of the key, the version, 0, length of the
 * value (2, big-endian), then name, key and value.
 */
#include "daemon/notes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/wire.h>

#include "util/list.h"

#define HEAD_BYTES 6u
#define NAME_MAX_BYTES 32u
#define BYTES_MAX (HEAD_BYTES + NAME_MAX_BYTES + HP_RECORD_KEY_MAX + HP_RECORD_VALUE_MAX)
#define PARTS_MAX ((BYTES_MAX + HP_NOTE_OCTETS - 1) / HP_NOTE_OCTETS)

struct note {
	struct hp_list node;
	uint32_t id, sum;
	uint16_t parts, found;
	uint32_t slots[PARTS_MAX]; /* UINT32_MAX: not found */
	uint8_t bytes[PARTS_MAX * HP_NOTE_OCTETS];
};

struct hp_notes {
	struct hp_note_file file;
	struct hp_list notes;
	uint32_t last_id;
};

struct hp_notes *hp_notes_new(const struct hp_note_file *file)
{
	struct hp_notes *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->file = *file;
	hp_list_init(&n->notes);
	return n;
}

void hp_notes_free(struct hp_notes *n)
{
	struct hp_list *node;

	if (!n)
		return;
	while ((node = hp_list_pop(&n->notes)))
		free(HP_CONTAINER(node, struct note, node));
	free(n);
}

/* CRC-32 (ISO 3309), bit by bit: records are small and written seldom. */
static uint32_t crc32(const uint8_t *p, size_t len)
{
	uint32_t crc = UINT32_MAX;

	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

/* ---- a record and its octets */

static size_t length(const struct note *k)
{
	return HEAD_BYTES + k->bytes[0] + k->bytes[1] + hp_get16(k->bytes + 4);
}

static struct hp_record record_of(const struct note *k)
{
	const uint8_t *key = k->bytes + HEAD_BYTES + k->bytes[0];

	return (struct hp_record){ .key = key, .key_bytes = k->bytes[1], .version = k->bytes[2],
				   .value = key + k->bytes[1],
				   .value_bytes = hp_get16(k->bytes + 4) };
}

static bool is_of(const struct note *k, const char *plugin)
{
	return k->bytes[0] == strlen(plugin) && !memcmp(k->bytes + HEAD_BYTES, plugin, k->bytes[0]);
}

static struct note *find(const struct hp_notes *n, const char *plugin, const void *key,
			 size_t key_bytes)
{
	struct hp_list *node;

	HP_LIST_EACH(node, &n->notes) {
		struct note *k = HP_CONTAINER(node, struct note, node);

		if (is_of(k, plugin) && k->bytes[1] == key_bytes &&
		    !memcmp(record_of(k).key, key, key_bytes))
			return k;
	}
	return NULL;
}

static bool is_whole(const struct note *k)
{
	return k->found == k->parts && k->bytes[0] && k->bytes[0] <= NAME_MAX_BYTES &&
	       k->bytes[1] && k->bytes[1] <= HP_RECORD_KEY_MAX &&
	       hp_get16(k->bytes + 4) <= HP_RECORD_VALUE_MAX &&
	       (length(k) + HP_NOTE_OCTETS - 1) / HP_NOTE_OCTETS == k->parts &&
	       crc32(k->bytes, length(k)) == k->sum;
}

/* The first place goes first: without it the rest is nothing. */
static void release(struct hp_notes *n, struct note *k)
{
	for (size_t i = 0; i < k->parts; i++)
		if (k->slots[i] != UINT32_MAX)
			n->file.put(n->file.ctx, k->slots[i]);
	hp_list_del(&k->node);
	free(k);
}

/* ---- writing */

static struct note *compose(const char *plugin, const struct hp_record *r)
{
	size_t name = strlen(plugin);
	struct note *k = calloc(1, sizeof(*k));
	uint8_t *at;

	if (!k)
		return NULL;
	at = k->bytes + HEAD_BYTES;
	k->bytes[0] = (uint8_t)name;
	k->bytes[1] = (uint8_t)r->key_bytes;
	k->bytes[2] = r->version;
	hp_put16(k->bytes + 4, (uint16_t)r->value_bytes);
	memcpy(at, plugin, name);
	memcpy(at + name, r->key, r->key_bytes);
	if (r->value_bytes)
		memcpy(at + name + r->key_bytes, r->value, r->value_bytes);
	k->parts = (uint16_t)((length(k) + HP_NOTE_OCTETS - 1) / HP_NOTE_OCTETS);
	k->sum = crc32(k->bytes, length(k));
	return k;
}

/* All places, or none. */
static int get_places(struct hp_notes *n, struct note *k)
{
	size_t i = 0;

	while (i < k->parts) {
		k->slots[i] = n->file.get(n->file.ctx);
		if (k->slots[i] == UINT32_MAX)
			break;
		i++;
	}
	if (i == k->parts)
		return 0;
	while (i-- > 0)
		n->file.put(n->file.ctx, k->slots[i]);
	return -ENOSPC;
}

static void write_parts(struct hp_notes *n, const struct note *k)
{
	for (size_t i = k->parts; i-- > 0;) {
		struct hp_note_part part = { .at = (uint16_t)i, .parts = k->parts, .id = k->id,
					     .sum = k->sum };

		memcpy(part.data, k->bytes + i * HP_NOTE_OCTETS, HP_NOTE_OCTETS);
		n->file.write(n->file.ctx, k->slots[i], &part);
	}
}

int hp_notes_put(struct hp_notes *n, const char *plugin, const struct hp_record *r)
{
	struct note *old = find(n, plugin, r->key, r->key_bytes), *k;
	int err;

	if (!*plugin || strlen(plugin) > NAME_MAX_BYTES)
		return -EINVAL;
	k = compose(plugin, r);
	if (!k)
		return -ENOMEM;
	err = get_places(n, k);
	if (err) {
		free(k);
		return err;
	}
	k->id = ++n->last_id;
	k->found = k->parts;
	write_parts(n, k);
	hp_list_add_tail(&n->notes, &k->node);
	if (old)
		release(n, old);
	return 0;
}

/* ---- reading */

int hp_notes_get(const struct hp_notes *n, const char *plugin, const void *key, size_t key_bytes,
		 struct hp_record *r)
{
	const struct note *k = find(n, plugin, key, key_bytes);

	if (!k)
		return -ENOENT;
	*r = record_of(k);
	return 0;
}

int hp_notes_del(struct hp_notes *n, const char *plugin, const void *key, size_t key_bytes)
{
	struct note *k = find(n, plugin, key, key_bytes);

	if (!k)
		return -ENOENT;
	release(n, k);
	return 0;
}

int hp_notes_each(struct hp_notes *n, const char *plugin,
		  int (*fn)(void *arg, const struct hp_record *r), void *arg)
{
	struct hp_list *node, *tmp;
	int result = 0;

	HP_LIST_EACH_SAFE(node, tmp, &n->notes) {
		struct note *k = HP_CONTAINER(node, struct note, node);
		struct hp_record r = record_of(k);

		if (is_of(k, plugin))
			result = fn(arg, &r);
		if (result)
			return result;
	}
	return 0;
}

size_t hp_notes_count(const struct hp_notes *n, const char *plugin)
{
	size_t count = 0;
	struct hp_list *node;

	HP_LIST_EACH(node, &n->notes)
		count += is_of(HP_CONTAINER(node, struct note, node), plugin);
	return count;
}

/* ---- the file at the start */

static struct note *by_id(struct hp_notes *n, const struct hp_note_part *part)
{
	struct hp_list *node;
	struct note *k;

	for (node = n->notes.prev; node != &n->notes; node = node->prev) {
		k = HP_CONTAINER(node, struct note, node);
		if (k->id == part->id)
			return k;
	}
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->id = part->id;
	k->parts = part->parts;
	k->sum = part->sum;
	memset(k->slots, 0xff, sizeof(k->slots));
	hp_list_add_tail(&n->notes, &k->node);
	return k;
}

void hp_notes_found(struct hp_notes *n, uint32_t slot, const struct hp_note_part *part)
{
	bool sane = part->parts && part->parts <= PARTS_MAX && part->at < part->parts;
	struct note *k = sane ? by_id(n, part) : NULL;

	if (!k || k->parts != part->parts || k->sum != part->sum ||
	    k->slots[part->at] != UINT32_MAX) {
		n->file.put(n->file.ctx, slot);
		return;
	}
	k->slots[part->at] = slot;
	k->found++;
	memcpy(k->bytes + (size_t)part->at * HP_NOTE_OCTETS, part->data, HP_NOTE_OCTETS);
	if (k->id > n->last_id)
		n->last_id = k->id;
}

/* Of two versions of a record, both whole, the process has ended before it freed the older one. */
static bool is_old(struct hp_notes *n, const struct note *k)
{
	struct hp_list *node;
	struct hp_record a = record_of(k), b;

	HP_LIST_EACH(node, &n->notes) {
		const struct note *o = HP_CONTAINER(node, struct note, node);

		b = record_of(o);
		/* The checksum is the dear part, so it comes last. */
		if (o->id > k->id && o->bytes[0] == k->bytes[0] && a.key_bytes == b.key_bytes &&
		    !memcmp(o->bytes + HEAD_BYTES, k->bytes + HEAD_BYTES,
			    o->bytes[0] + a.key_bytes) && is_whole(o))
			return true;
	}
	return false;
}

void hp_notes_done(struct hp_notes *n)
{
	struct hp_list *node, *tmp;

	HP_LIST_EACH_SAFE(node, tmp, &n->notes) {
		struct note *k = HP_CONTAINER(node, struct note, node);

		if (!is_whole(k) || is_old(n, k))
			release(n, k);
	}
}
