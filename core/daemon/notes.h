/* SPDX-License-Identifier: MIT
 *
 * Records of plugins in the state file: see hipproxy/record.h.
 *
 * A record takes several places of the file.  A new version is written beside the old one, its
 * first place last, and only then the old one is freed; so one of them is whole whenever the process
 * ends.  A checksum leaves out what a loss of power has not let be written.  All of it is in memory too: reading
 * touches no file.
 */
#ifndef HP_DAEMON_NOTES_H
#define HP_DAEMON_NOTES_H

#include <stddef.h>
#include <stdint.h>

#include "plugin/registry.h"

struct hp_notes;

#define HP_NOTE_OCTETS 64u /* in one place of the file */

/* One place, as the file has it. */
struct hp_note_part {
	uint16_t at, parts; /* which of how many */
	uint32_t id;        /* of one version of one record */
	uint32_t sum;       /* CRC-32 of all octets */
	uint8_t data[HP_NOTE_OCTETS];
};

/* The file.  get: a free place, UINT32_MAX if there is none.  write: makes the place valid. */
struct hp_note_file {
	uint32_t (*get)(void *ctx);
	void (*put)(void *ctx, uint32_t slot);
	void (*write)(void *ctx, uint32_t slot, const struct hp_note_part *part);
	void *ctx;
};

/* NULL: out of memory. */
struct hp_notes *hp_notes_new(const struct hp_note_file *file);
void hp_notes_free(struct hp_notes *n);
/* Reading the file: each place that has a part; then, once, done: records that are not whole, and
 * old versions of others, are freed. */
void hp_notes_found(struct hp_notes *n, uint32_t slot, const struct hp_note_part *part);
void hp_notes_done(struct hp_notes *n);

/* As struct hp_record_store. */
int hp_notes_put(struct hp_notes *n, const char *plugin, const struct hp_record *r);
int hp_notes_get(const struct hp_notes *n, const char *plugin, const void *key, size_t key_bytes,
		 struct hp_record *r);
int hp_notes_del(struct hp_notes *n, const char *plugin, const void *key, size_t key_bytes);
int hp_notes_each(struct hp_notes *n, const char *plugin,
		  int (*fn)(void *arg, const struct hp_record *r), void *arg);
size_t hp_notes_count(const struct hp_notes *n, const char *plugin);

#endif
