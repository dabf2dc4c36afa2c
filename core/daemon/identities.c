/* SPDX-License-Identifier: MIT
 *
 * The identities of this machine: their keys, and which of them has which role.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After the start, the file may be out of reach of the rights the daemon has kept. */
static int keep_key(struct hp_daemon *d, size_t i)
{
	const char *path = d->conf->identities.at[i].key;
	const struct hp_daemon *old = d->reload.running;

	for (size_t k = 0; old && k < old->own.n_keys; k++)
		if (!strcmp(old->conf->identities.at[k].key, path)) {
			d->own.keys[i] = hp_key_ref(old->own.keys[k]);
			return 0;
		}
	return -EACCES;
}

static int load_key(struct hp_daemon *d, size_t i, struct hp_conf_report *report)
{
	const char *path = d->conf->identities.at[i].key;
	int err = hp_key_load(path, &d->own.keys[i]);
	char key[48];

	if (err == -EACCES)
		err = keep_key(d, i);
	if (!err)
		return 0;
	snprintf(key, sizeof(key), "identities[%zu].key", i);
	hp_conf_complain_key(d->conf, report, key, "%s: %s", path, hp_key_load_error(err));
	return err;
}

/* All of them, so that all complaints are there; those that failed stay NULL. */
int hp_identities_load(struct hp_daemon *d, struct hp_conf_report *report)
{
	const struct hp_conf_identities *ids = &d->conf->identities;
	int err = 0, one;

	d->own.keys = calloc(ids->n, sizeof(struct hp_key *));
	if (!d->own.keys) {
		hp_conf_complain_key(d->conf, report, "identities", "out of memory");
		return -ENOMEM;
	}
	d->own.n_keys = ids->n;
	for (size_t i = 0; i < ids->n; i++) {
		one = load_key(d, i, report);
		err = err ? err : one;
	}
	return err;
}

/* The HIT of the identity called name, zero if there is none. */
static struct hp_addr hit_of(const struct hp_daemon *d, const char *name)
{
	const struct hp_conf_identity *id = hp_conf_identity_find(d->conf, name);
	struct hp_addr none = { 0 };

	return id ? *hp_key_hit(d->own.keys[id - d->conf->identities.at]) : none;
}

void hp_identities_roles(struct hp_daemon *d)
{
	const struct hp_conf_strings *others = &d->conf->client.other_identities;

	if (d->conf->client.enabled)
		d->own.client_hit = hit_of(d, d->conf->client.identity);
	for (size_t i = 0; d->conf->client.enabled && i < others->n; i++)
		d->own.other_hits[d->own.n_other_hits++] = hit_of(d, others->at[i]);
	if (d->conf->host.enabled)
		d->own.host_hit = hit_of(d, d->conf->host.identity);
}

void hp_identities_free(struct hp_own *own)
{
	for (size_t i = 0; i < own->n_keys; i++)
		hp_key_unref(own->keys[i]);
	free(own->keys);
	*own = (struct hp_own){ 0 };
}
