/* SPDX-License-Identifier: MIT
 *
 * Each state and each packet (RFC 7401, sections 4.4.3 and 4.4.4): which state follows, and what is
 * sent.  The messages are right ones, of this peer and under its keys where it has some.
 */
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "../harness.h"
#include "forge.h"

static struct world w;
static int at, peer; /* who is looked at, and the other */

/* ---- the peer once more, to make an I2 at any time */

static struct packet ghost_last;

static void ghost_send(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len)
{
	(void)ctx;
	ghost_last = (struct packet){.to = at, .src = path->src, .dst = path->dst, .len = len};
	memcpy(ghost_last.msg, msg, len);
}

static int ghost_source(void *ctx, const struct hp_addr *dst, struct hp_addr *src)
{
	(void)ctx, (void)dst;
	*src = w.s[peer].addr;
	return 0;
}

static enum fate lose_all(struct world *world, const struct side *from, struct packet *p)
{
	(void)world, (void)from, (void)p;
	return LOSE;
}

static struct packet make_i2(void)
{
	struct hp_hip_ops ops = {.send = ghost_send, .source = ghost_source};
	struct hp_hip *ghost = hp_hip_new(&w.s[peer].cfg, &ops, &w.clock, &w.rand, &w.timers);
	const struct packet *r1;
	struct hp_path path;

	CU_ASSERT_EQUAL_FATAL(hp_hip_identity_add(ghost, w.s[peer].key, 0, NULL), 0);
	hp_hip_connect(ghost, NULL, &w.s[at].hit, &w.s[at].addr, 1);
	forge_deliver(&w, &ghost_last);
	r1 = forge_kept(&w, at, HP_HIP_R1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r1);
	path = (struct hp_path){.src = r1->dst, .dst = r1->src};
	hp_hip_input(ghost, &path, r1->msg, r1->len);
	CU_ASSERT_EQUAL(ghost_last.msg[HP_HIP_OFF_TYPE], HP_HIP_I2);
	hp_hip_free(ghost);
	return ghost_last;
}

static void make_i1(struct world *world, int from, struct packet *p)
{
	static const uint8_t groups[] = {HP_DH_P256};
	struct forge f;

	forge_begin(&f, world, from, HP_HIP_I1);
	forge_set(&f, HP_PARAM_DH_GROUP_LIST, groups, 1);
	forge_address(world, from, p);
	forge_seal(&f, world, from, p);
}

static struct packet make_r1(void)
{
	struct packet p;

	make_i1(&w, at, &p);
	forge_deliver(&w, &p);
	CU_ASSERT_PTR_NOT_NULL_FATAL(forge_kept(&w, peer, HP_HIP_R1));
	return *forge_kept(&w, peer, HP_HIP_R1);
}

/* ---- into each state */

static uint8_t lost_type;

static enum fate lose_type(struct world *world, const struct side *from, struct packet *p)
{
	(void)world, (void)from;
	return p->msg[HP_HIP_OFF_TYPE] == lost_type ? LOSE : PASS;
}

static void connect_from(int from, unsigned ms)
{
	hp_hip_connect(w.s[from].hip, NULL, &w.s[!from].hit, &w.s[!from].addr, 1);
	world_run(&w, ms);
}

static void without(uint8_t type)
{
	w.fate = lose_type;
	lost_type = type;
}

static void prepare(enum hp_assoc_state state)
{
	switch (state) {
	case HP_UNASSOCIATED:
		break;
	case HP_I1_SENT:
		connect_from(at, 5);
		break;
	case HP_I2_SENT:
		without(HP_HIP_R2);
		connect_from(at, 20);
		break;
	case HP_E_FAILED:
		connect_from(at, 3000);
		break;
	default:
		w.fate = NULL;
		connect_from(peer, 20);
		if (state != HP_R2_SENT)
			CU_ASSERT_TRUE(world_data(&w));
	}
	if (state == HP_CLOSING) {
		w.fate = lose_all;
		hp_hip_close(world_assoc(&w, at));
	} else if (state == HP_CLOSED) {
		without(HP_HIP_CLOSE_ACK);
		hp_hip_close(world_assoc(&w, peer));
		world_run(&w, 5);
	}
	w.fate = lose_all;
}

static enum hp_assoc_state state_now(void)
{
	struct hp_assoc *a = world_assoc(&w, at);

	return a ? hp_assoc_state(a) : HP_UNASSOCIATED;
}

/* ---- each packet */

static void add_params(struct forge *f, uint8_t type)
{
	static const struct hp_esp_info info = {0, 0, 0x12345678};
	uint8_t seq[4] = {0, 0, 1, 0}, esp[12] = {0};
	struct hp_assoc *a = world_assoc(&w, at);

	hp_put32(esp + 8, info.new_spi);
	if (type == HP_HIP_R2)
		forge_set(f, HP_PARAM_ESP_INFO, esp, 12);
	else if (type == HP_HIP_UPDATE)
		forge_set(f, HP_PARAM_SEQ, seq, 4);
	else if (type == HP_HIP_NOTIFY)
		forge_set(f, HP_PARAM_NOTIFICATION, "\0\0\0\7", 4);
	else if (type == HP_HIP_CLOSE)
		forge_set(f, HP_PARAM_ECHO_REQUEST_SIGNED, "closing", 7);
	else if (type == HP_HIP_CLOSE_ACK)
		forge_set(f, HP_PARAM_ECHO_RESPONSE_SIGNED, a ? a->closing.echo : seq,
			  a ? HP_ECHO_LEN : 4);
}

static struct packet make_other(uint8_t type)
{
	const struct packet *r2 = forge_kept(&w, peer, HP_HIP_R2);
	struct hp_assoc *theirs = world_assoc(&w, peer);
	struct packet p;
	struct forge f;

	if (type == HP_HIP_R2 && state_now() == HP_I2_SENT)
		return *r2;
	forge_begin(&f, &w, peer, type);
	add_params(&f, type);
	f.no_mac = !theirs || !theirs->sas.cur;
	forge_address(&w, peer, &p);
	forge_seal(&f, &w, peer, &p);
	return p;
}

struct cell {
	enum hp_assoc_state next;
	uint8_t answer; /* 0: nothing is sent */
};

static void try_cell(enum hp_assoc_state state, uint8_t type, const struct cell *want)
{
	struct packet i2, r1, p;
	unsigned sent[256];
	bool right;

	world_init(&w);
	w.keep = true;
	w.s[at].cfg.retransmit_max = 1;
	w.fate = lose_all;
	world_start(&w);
	i2 = make_i2();
	r1 = make_r1();
	prepare(state);
	CU_ASSERT_EQUAL_FATAL(state_now(), state);
	if (type == HP_HIP_I1)
		make_i1(&w, peer, &p);
	else
		p = type == HP_HIP_I2 ? i2 : type == HP_HIP_R1 ? r1 : make_other(type);
	memcpy(sent, w.s[at].sent, sizeof(sent));
	forge_deliver(&w, &p);
	right = state_now() == want->next;
	for (unsigned t = 0; t < 256; t++)
		right = right && w.s[at].sent[t] - sent[t] == (t && t == want->answer);
	if (!right)
		printf("  %s, %s: %s\n", hp_assoc_state_name(state), hp_hip_type_name(type),
		       hp_assoc_state_name(state_now()));
	CU_ASSERT_TRUE(right);
	world_fini(&w);
}

static const uint8_t types[] = {HP_HIP_I1,     HP_HIP_R1,     HP_HIP_I2,    HP_HIP_R2,
				HP_HIP_UPDATE, HP_HIP_NOTIFY, HP_HIP_CLOSE, HP_HIP_CLOSE_ACK};

#define STAY(s) {s, 0}
#define R1_FROM(s) {s, HP_HIP_R1}
#define TO_R2_SENT {HP_R2_SENT, HP_HIP_R2}
#define TO_CLOSED {HP_CLOSED, HP_HIP_CLOSE_ACK}

/* In the order of types. */
static const struct cell table[HP_ASSOC_STATES][8] = {
	/* Not in the RFC: an UPDATE of a peer that we have forgotten is answered with I1. */
	[HP_UNASSOCIATED] = {R1_FROM(HP_UNASSOCIATED), STAY(HP_UNASSOCIATED), TO_R2_SENT,
			     STAY(HP_UNASSOCIATED), {HP_I1_SENT, HP_HIP_I1},
			     STAY(HP_UNASSOCIATED), STAY(HP_UNASSOCIATED), STAY(HP_UNASSOCIATED)},
	[HP_I1_SENT] = {R1_FROM(HP_I1_SENT), {HP_I2_SENT, HP_HIP_I2}, TO_R2_SENT,
			STAY(HP_I1_SENT), STAY(HP_I1_SENT), STAY(HP_I1_SENT), STAY(HP_I1_SENT),
			STAY(HP_I1_SENT)},
	/* The R1 is no newer than the one that was answered. */
	[HP_I2_SENT] = {R1_FROM(HP_I2_SENT), STAY(HP_I2_SENT), TO_R2_SENT, STAY(HP_ESTABLISHED),
			STAY(HP_I2_SENT), STAY(HP_I2_SENT), TO_CLOSED, STAY(HP_I2_SENT)},
	[HP_R2_SENT] = {R1_FROM(HP_R2_SENT), STAY(HP_R2_SENT), TO_R2_SENT, STAY(HP_R2_SENT),
			{HP_ESTABLISHED, HP_HIP_UPDATE}, STAY(HP_R2_SENT), TO_CLOSED,
			STAY(HP_R2_SENT)},
	[HP_ESTABLISHED] = {R1_FROM(HP_ESTABLISHED), STAY(HP_ESTABLISHED), TO_R2_SENT,
			    STAY(HP_ESTABLISHED), {HP_ESTABLISHED, HP_HIP_UPDATE},
			    STAY(HP_ESTABLISHED), TO_CLOSED, STAY(HP_ESTABLISHED)},
	/* Section 6.8, step 2, has an R1 dropped where no I1 was sent. */
	[HP_CLOSING] = {R1_FROM(HP_CLOSING), STAY(HP_CLOSING), TO_R2_SENT, STAY(HP_CLOSING),
			STAY(HP_CLOSING), STAY(HP_CLOSING), TO_CLOSED, STAY(HP_UNASSOCIATED)},
	[HP_CLOSED] = {R1_FROM(HP_CLOSED), STAY(HP_CLOSED), TO_R2_SENT, STAY(HP_CLOSED),
		       STAY(HP_CLOSED), STAY(HP_CLOSED), TO_CLOSED, STAY(HP_UNASSOCIATED)},
	[HP_E_FAILED] = {R1_FROM(HP_E_FAILED), STAY(HP_E_FAILED), TO_R2_SENT, STAY(HP_E_FAILED),
			 STAY(HP_E_FAILED), STAY(HP_E_FAILED), STAY(HP_E_FAILED),
			 STAY(HP_E_FAILED)},
};

/* Tables 3 and 4: both have begun, and the host with the greater HIT is the Responder. */
static const struct cell *cell(enum hp_assoc_state state, size_t k, bool greater)
{
	static const struct cell i1 = STAY(HP_I1_SENT), i2 = STAY(HP_I2_SENT);

	if (!greater && state == HP_I1_SENT && types[k] == HP_HIP_I1)
		return &i1;
	if (!greater && state == HP_I2_SENT && types[k] == HP_HIP_I2)
		return &i2;
	return &table[state][k];
}

static void each_packet_in_each_state(void)
{
	for (at = 0; at < 2; at++) {
		const struct hp_addr *ours = hp_key_hit(world_key(HP_KEY_P256, at)),
				     *theirs = hp_key_hit(world_key(HP_KEY_P256, !at));

		peer = !at;
		for (int s = 0; s < HP_ASSOC_STATES; s++)
			for (size_t k = 0; k < 8; k++)
				try_cell((enum hp_assoc_state)s, types[k],
					 cell((enum hp_assoc_state)s, k,
					      hp_addr_cmp(ours, theirs) > 0));
	}
}

static const struct hp_test tests[] = {
	HP_TEST(each_packet_in_each_state),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret;

	hp_log_level_all(HP_LOG_ERROR);
	ret = hp_test_main("states", tests, argc, argv);
	world_keys_free();
	return ret;
}
