/* SPDX-License-Identifier: MIT
 *
 * What flows offer to plugins that follow their payload: see <hipproxy/l7.h>.
 */
#include <errno.h>

#include <hipproxy/l7.h>

#include "flow/flowdb_internal.h"
#include "wire/ip.h"

#define PORT_LOW  1024u
#define PORT_SPAN (65536u - PORT_LOW)
#define PORT_TRIES 64

int hp_l7_follow(struct hp_flow *f, struct hp_instance *self, hp_l7_fn fn)
{
	if (f->key.proto != HP_PROTO_TCP)
		return -EOPNOTSUPP;
	if (f->seqadj)
		return -EBUSY;
	f->seqadj = hp_seqadj_new();
	if (!f->seqadj)
		return -ENOMEM;
	f->seqadj->self = self;
	f->seqadj->fn = fn;
	f->flags |= HP_FLOW_FOLLOWED;
	return 0;
}

void hp_l7_transparent(struct hp_flow *f, enum hp_direction dir, bool on)
{
	if (f->key.proto == HP_PROTO_TCP && f->seqadj)
		f->seqadj->dir[dir].open = on;
}

int hp_expect_peer(struct hp_flow *f, uint16_t legacy_port, uint16_t *local_port,
		   uint32_t flags, uint32_t timeout_ms)
{
	struct hp_expect want = { .key = f->key, .flags = flags, .parent = hp_flow_id(f) };
	uint64_t seed[2] = { hp_flow_id(f), legacy_port };
	int err = -EADDRINUSE;

	if (f->key.proto != HP_PROTO_TCP)
		return -EOPNOTSUPP;
	f->announced = true;
	want.key.legacy_port = legacy_port;
	want.key.far_port = want.key.peer_port = 0;
	want.key.local_port = *local_port ? *local_port : legacy_port;
	for (int i = 0; i < PORT_TRIES && err == -EADDRINUSE; i++) {
		err = hp_expect_add(f->db->expect, &want, timeout_ms);
		if (!err || *local_port)
			break;
		seed[1] = (seed[1] + 0x10000) ^ hp_hash(&f->db->cfg.hash_key, seed, sizeof(seed));
		want.key.local_port = (uint16_t)(PORT_LOW + seed[1] % PORT_SPAN);
	}
	if (!err)
		*local_port = want.key.local_port;
	return err;
}

int hp_expect_legacy(struct hp_flow *f, uint16_t far_port, uint32_t flags,
		     uint32_t timeout_ms)
{
	struct hp_expect want = { .key = f->key, .outbound = true, .flags = flags,
				  .parent = hp_flow_id(f) };

	if (f->key.proto != HP_PROTO_TCP)
		return -EOPNOTSUPP;
	f->announced = true;
	want.key.far_port = far_port;
	want.key.legacy_port = want.key.local_port = want.key.peer_port = 0;
	return hp_expect_add(f->db->expect, &want, timeout_ms);
}
