/* SPDX-License-Identifier: MIT
 *
 * Small records of plugins that survive a restart and a crash, in the daemon's state file.
 *
 * A record has a key, a version octet and a value.  A write is whole or does not happen, also
 * when the process ends in the middle of it; after a loss of power a record that is not whole is
 * left out.  The disk's blocks are reserved before a record is written, so a full disk is an error
 * and never a crash.  Records of a plugin that is not loaded are kept.  No secrets: the file is
 * readable by the daemon's user.
 */
#ifndef HIPPROXY_RECORD_H
#define HIPPROXY_RECORD_H

#include <stddef.h>
#include <stdint.h>

struct hp_instance;

#define HP_RECORD_KEY_MAX   64u   /* octets; any octets */
#define HP_RECORD_VALUE_MAX 1024u /* octets */
#define HP_RECORDS_MAX      1000u /* of one plugin */

/* Stores or replaces a record.  version: how value is to be read, for the plugin's own use.  0;
 * -EINVAL the key is empty or too long; -EMSGSIZE the value is too long; -ENOBUFS the plugin has
 * too many records; -ENOSPC the disk or the file is full (the old record, if any, is unchanged);
 * -ENOMEM; -EOPNOTSUPP there is no state file (`state` is empty in the configuration). */
int hp_record_put(struct hp_instance *self, const void *key, size_t key_bytes, uint8_t version,
		  const void *value, size_t value_bytes);
/* Copies at most room octets of the value and its version (may be NULL).  The value's length, which
 * may be above room; -ENOENT; -EINVAL; -EOPNOTSUPP. */
int hp_record_get(struct hp_instance *self, const void *key, size_t key_bytes, uint8_t *version,
		  void *value, size_t room);
/* 0; -ENOENT; -EINVAL; -EOPNOTSUPP. */
int hp_record_delete(struct hp_instance *self, const void *key, size_t key_bytes);

struct hp_record {
	const void *key, *value; /* valid during the call */
	size_t key_bytes, value_bytes;
	uint8_t version;
};

/* Calls fn for each record of the plugin, in no order, until it returns non-zero; returns that.
 * fn may delete the record it is called for and no other, and must not put any.  -EOPNOTSUPP. */
int hp_record_each(struct hp_instance *self,
		   int (*fn)(struct hp_instance *self, void *ctx, const struct hp_record *r),
		   void *ctx);

#endif
