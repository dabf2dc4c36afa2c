/* SPDX-License-Identifier: MIT
 *
 * The commands that revoke a HIT, take that back, and list what is revoked.
 */
#include "daemon/rows.h"

#include <errno.h>
#include <string.h>

static int refuse(json_t *reply, int err, const char *why)
{
	json_object_set_new(reply, "error", json_string(why));
	return err;
}

static int done(struct hp_daemon *d, json_t *reply, const char *text)
{
	hp_sweep_again(d->sweep);
	json_object_set_new(reply, "message", json_string(text));
	return 0;
}

static int undo(struct hp_daemon *d, const struct hp_addr *hit, json_t *reply)
{
	int err = hp_revoked_remove(d->kept.revoked, hit);

	if (err)
		return err == -ENOENT ? refuse(reply, err, "this HIT is not revoked") : err;
	return done(d, reply, "the HIT is not revoked any more");
}

int hp_daemon_revoke(struct hp_daemon *d, const json_t *request, json_t *reply)
{
	const char *text = json_string_value(json_object_get(request, "hit"));
	const char *why = json_string_value(json_object_get(request, "why"));
	struct hp_addr hit;
	int err;

	if (!text || hp_addr_parse(text, &hit) || !hp_addr_is_hit(&hit))
		return refuse(reply, -EINVAL, "hit: expected a HIT, an address in 2001:20::/28");
	if (why && strlen(why) >= HP_REVOKED_WHY)
		return refuse(reply, -EINVAL, "why: expected at most 127 octets");
	if (hp_hip_is_local(d->hip, &hit))
		return refuse(reply, -EINVAL, "this is a HIT of this machine");
	if (json_is_true(json_object_get(request, "undo")))
		return undo(d, &hit, reply);
	err = hp_revoked_add(d->kept.revoked, &hit, why ? why : "");
	if (err)
		return err == -EEXIST ? refuse(reply, err, "this HIT is revoked already") : err;
	return done(d, reply, "revoked: its associations are closed and its connections cut");
}

static void add(void *ctx, const struct hp_addr *hit)
{
	json_array_append_new(ctx, hp_row_addr(hit));
}

int hp_daemon_revocations(struct hp_daemon *d, json_t *reply)
{
	json_t *list = json_array();

	hp_revoked_each(d->kept.revoked, add, list);
	json_object_set_new(reply, "file", json_string(hp_revoked_path(d->kept.revoked)));
	return json_object_set_new(reply, "revoked", list) ? -ENOMEM : 0;
}
