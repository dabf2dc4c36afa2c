/* SPDX-License-Identifier: MIT
 *
 * Opportunistic mode, policy, choices with nothing in common, what other implementations
 * do differently, addresses that change.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "../harness.h"
#include "hip/rekey.h"
#include "hip/assoc.h"
#include "hip/sign.h"
#include "wire/hip_di.h"
#include "world.h"

static struct world w;

static void begin(void)
{
	world_init(&w);
}

static void stand(void)
{
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_TRUE(world_data(&w));
}

/* ---- opportunistic */

static const struct hp_addr nobody;

static struct hp_assoc *connect_any(void)
{
	struct hp_assoc *a = hp_hip_connect(w.s[0].hip, NULL, &nobody, &w.s[1].addr, 1);

	world_run(&w, 50);
	return a;
}

static void opportunistic_mode_off_is_off(void)
{
	begin();
	w.s[1].cfg.opportunistic_responder = HP_OPP_ON;
	world_start(&w);
	CU_ASSERT_PTR_NULL(connect_any());
	CU_ASSERT_EQUAL(errno, EPERM);
	world_fini(&w);

	begin();
	w.s[0].cfg.opportunistic_initiator = HP_OPP_ON;
	world_start(&w);
	CU_ASSERT_PTR_NOT_NULL(connect_any());
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_OPPORTUNISTIC), 1);
	CU_ASSERT_FALSE(world_up(&w));
	world_fini(&w);
}

static void an_icmp_error_shortens_the_wait_and_no_more(void)
{
	begin();
	w.s[0].cfg.opportunistic_initiator = HP_OPP_ON;
	world_start(&w); /* the other side does not answer such an I1 */
	CU_ASSERT_PTR_NOT_NULL(connect_any());
	hp_hip_refused(w.s[0].hip, &w.s[0].addr, HP_WHY_NO_HIP); /* about somebody else */
	world_run(&w, 300);
	CU_ASSERT_NOT_EQUAL(w.s[0].error, -ETIMEDOUT);
	hp_hip_refused(w.s[0].hip, &w.s[1].addr, HP_WHY_NO_HIP);
	world_run(&w, 100);
	CU_ASSERT_NOT_EQUAL(w.s[0].error, -ETIMEDOUT);
	world_run(&w, 150);
	CU_ASSERT_EQUAL(w.s[0].error, -ETIMEDOUT);
	world_fini(&w);
}

static enum fate lose_all(struct world *world, const struct side *from, struct packet *p)
{
	(void)world, (void)from, (void)p;
	return LOSE;
}

static void an_icmp_error_about_a_known_peer_is_nothing(void)
{
	begin();
	world_start(&w);
	w.fate = lose_all;
	CU_ASSERT_FALSE(world_connect(&w, 50));
	hp_hip_refused(w.s[0].hip, &w.s[1].addr, HP_WHY_NO_HIP);
	w.fate = NULL;
	world_run(&w, 2000);
	CU_ASSERT_TRUE(world_up(&w));
	world_fini(&w);
}

static void opportunistic_mode_on_finds_the_hit(void)
{
	struct hp_assoc *a;

	begin();
	w.s[0].cfg.opportunistic_initiator = HP_OPP_ON;
	w.s[1].cfg.opportunistic_responder = HP_OPP_ON;
	world_start(&w);
	a = connect_any();
	CU_ASSERT_PTR_EQUAL(world_assoc(&w, 0), a);
	CU_ASSERT_TRUE(a->ex.opportunistic);
	CU_ASSERT_TRUE(world_data(&w));
	CU_ASSERT_EQUAL(w.s[0].pin_calls + w.s[1].pin_calls, 0);
	/* Once more by address: now a second object that finds the first. */
	a = connect_any();
	CU_ASSERT_EQUAL(w.s[0].error, -EEXIST);
	CU_ASSERT_TRUE(hp_addr_eq(hp_assoc_peer_hit(a), &w.s[1].hit));
	CU_ASSERT_TRUE(world_data(&w));
	CU_ASSERT_PTR_EQUAL(connect_any(), a);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void pinned_mode_keeps_the_first_hit(void)
{
	begin();
	w.s[0].cfg.opportunistic_initiator = HP_OPP_PINNED;
	w.s[1].cfg.opportunistic_responder = HP_OPP_PINNED;
	world_start(&w);
	connect_any();
	CU_ASSERT_TRUE(world_data(&w));
	CU_ASSERT_EQUAL(w.s[0].pin_calls, 1);
	CU_ASSERT_EQUAL(w.s[1].pin_calls, 1);
	CU_ASSERT_TRUE(hp_addr_eq(&w.s[0].peer_pin, &w.s[1].hit));
	world_fini(&w);
}

static void pinned_mode_refuses_another_hit(void)
{
	for (int who = 0; who < 2; who++) {
		begin();
		w.s[0].cfg.opportunistic_initiator = HP_OPP_PINNED;
		w.s[1].cfg.opportunistic_responder = HP_OPP_PINNED;
		w.s[who].peer_pin = *hp_key_hit(world_key(HP_KEY_P384, 0));
		world_start(&w);
		connect_any();
		CU_ASSERT_FALSE(world_up(&w));
		CU_ASSERT_EQUAL(world_counted(&w, who, HP_HIPD_PIN), 1);
		if (!who)
			CU_ASSERT_EQUAL(w.s[0].error, -EACCES);
		world_fini(&w);
	}
}

/* An exchange by HIT does not ask about pins. */
static void a_pin_does_not_hinder_an_exchange_by_hit(void)
{
	begin();
	w.s[1].cfg.opportunistic_responder = HP_OPP_PINNED;
	w.s[1].peer_pin = *hp_key_hit(world_key(HP_KEY_P384, 0));
	stand();
	CU_ASSERT_EQUAL(w.s[1].pin_calls, 0);
	world_fini(&w);
}

/* ---- policy */

static void a_refusal_by_policy_is_told_and_ends_the_attempt(void)
{
	begin();
	w.s[1].accept_err = -EPERM;
	world_start(&w);
	/* After one repetition, much sooner than without the hint. */
	CU_ASSERT_FALSE(world_connect(&w, 2000));
	CU_ASSERT_EQUAL(w.s[0].error, -ECONNREFUSED);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_POLICY), 2);
	world_fini(&w);
}

static void silence_by_policy_is_silent(void)
{
	begin();
	w.s[1].accept_err = -EACCES;
	world_start(&w);
	CU_ASSERT_FALSE(world_connect(&w, 2000));
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_R1] + w.s[1].sent[HP_HIP_NOTIFY], 0);
	world_fini(&w);
}

static void connecting_to_nonsense_is_refused(void)
{
	struct hp_addr no_hit, locator;

	begin();
	world_start(&w);
	hp_addr_parse("2001:db8::1", &no_hit);
	hp_addr_parse("192.0.2.9", &locator);
	CU_ASSERT_PTR_NULL(hp_hip_connect(w.s[0].hip, NULL, &no_hit, &locator, 1));
	CU_ASSERT_PTR_NULL(hp_hip_connect(w.s[0].hip, NULL, &w.s[0].hit, &locator, 1));
	CU_ASSERT_PTR_NULL(hp_hip_connect(w.s[0].hip, NULL, &w.s[1].hit, NULL, 0));
	CU_ASSERT_PTR_NULL(hp_hip_connect(w.s[0].hip, &no_hit, &w.s[1].hit, &locator, 1));
	world_fini(&w);
}

/* ---- nothing in common */

static void must_fail_fast(void)
{
	world_start(&w);
	CU_ASSERT_FALSE(world_connect(&w, 50));
	CU_ASSERT_EQUAL(w.s[0].error, -EPROTO);
	world_fini(&w);
}

static void nothing_in_common_fails_fast(void)
{
	begin();
	w.s[0].cfg.ciphers[0] = HP_HIPCIPHER_AES_256_CBC;
	w.s[0].cfg.n_ciphers = w.s[1].cfg.n_ciphers = 1;
	must_fail_fast();
	begin();
	w.s[0].cfg.esp_suites[0] = HP_ESPSUITE_AES_GCM_8;
	w.s[0].cfg.n_esp_suites = w.s[1].cfg.n_esp_suites = 1;
	must_fail_fast();
	begin();
	w.s[0].cfg.dh_groups[0] = HP_DH_P384;
	must_fail_fast();
	begin();
	w.s[1].cfg.hit_suites[0] = HP_HITSUITE_RSA_DSA_SHA256;
	w.s[1].cfg.n_hit_suites = 1;
	must_fail_fast();
}

static void the_responders_best_common_group_is_taken(void)
{
	struct hp_assoc_info info;

	begin();
	hp_hip_config_init(&w.s[0].cfg);
	w.s[1].cfg.dh_groups[0] = HP_DH_P521;
	w.s[1].cfg.dh_groups[1] = HP_DH_P256;
	w.s[1].cfg.n_dh_groups = 2;
	stand();
	hp_assoc_info(world_assoc(&w, 0), &info);
	CU_ASSERT_EQUAL(info.dh_group, HP_DH_P521);
	world_fini(&w);
}

/* ---- the difficulty follows the load */

static void k_rises_with_the_load_and_falls_again(void)
{
	uint8_t top;

	begin();
	w.s[1].cfg.load_per_s = 1;
	w.s[1].cfg.puzzle_k_max = 5;
	stand();
	for (int i = 0; i < 8000; i++) {
		if (i % 20 == 0)
			w.s[1].hip->i2_count++;
		world_run(&w, 1);
	}
	top = w.s[1].hip->k_now;
	CU_ASSERT_EQUAL(top, 5);
	/* R1s of the new difficulty are served. */
	world_restart(&w, 0);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	world_run(&w, 10000);
	CU_ASSERT_EQUAL(w.s[1].hip->k_now, 0);
	world_fini(&w);
}

/* ---- what other implementations do */

static void copy_param(struct hp_hip_builder *b, const struct hp_hip_msg *m,
		       uint16_t type)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, type, 0);

	hp_hip_param(b, type, t->data, t->len);
}

/* R1 without R1_COUNTER and TRANSPORT_FORMAT_LIST, with echo requests, signed anew. */
static enum fate other_r1(struct world *world, const struct side *from, struct packet *p)
{
	uint8_t out[HP_HIP_MAX], scratch[HP_HIP_MAX], sig[HP_KEY_SIG_MAX];
	struct hp_signature s = {HP_HIALG_ECDSA, sig, 0};
	struct hp_hip_builder b;
	struct hp_hip_msg m;
	int n;

	(void)world;
	if (p->msg[HP_HIP_OFF_TYPE] != HP_HIP_R1 || hp_hip_parse(p->msg, p->len, &m))
		return PASS;
	hp_hip_begin(&b, out, sizeof(out), HP_HIP_R1, 0, &m.src_hit, &m.dst_hit);
	copy_param(&b, &m, HP_PARAM_PUZZLE);
	copy_param(&b, &m, HP_PARAM_DH_GROUP_LIST);
	copy_param(&b, &m, HP_PARAM_DIFFIE_HELLMAN);
	copy_param(&b, &m, HP_PARAM_HIP_CIPHER);
	copy_param(&b, &m, HP_PARAM_HOST_ID);
	copy_param(&b, &m, HP_PARAM_HIT_SUITE_LIST);
	hp_hip_param(&b, HP_PARAM_ECHO_REQUEST_SIGNED, "signed", 6);
	copy_param(&b, &m, HP_PARAM_ESP_TRANSFORM);
	n = hp_hip_finish(&b);
	n = hp_hip_covered_sig2(out, (size_t)n, (size_t)n, scratch);
	hp_key_sign(from->key, scratch, (size_t)n, sig, &s.len);
	hp_hip_add_signature(&b, HP_PARAM_HIP_SIGNATURE_2, &s);
	hp_hip_param(&b, HP_PARAM_ECHO_REQUEST_UNSIGNED, "one", 3);
	hp_hip_param(&b, HP_PARAM_ECHO_REQUEST_UNSIGNED, "second", 6);
	p->len = (size_t)hp_hip_finish(&b);
	memcpy(p->msg, out, p->len);
	hp_hip_checksum_set(p->msg, p->len, &p->src, &p->dst);
	return PASS;
}

static bool echoed(const struct hp_hip_msg *m, uint16_t type, unsigned nth,
		   const char *text)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, type, nth);

	return t && t->len == strlen(text) && !memcmp(t->data, text, t->len);
}

static void echo_requests_are_answered_and_lists_may_lack(void)
{
	struct hp_hip_msg m = {.len = 0};

	begin();
	w.fate = other_r1;
	w.keep = true;
	stand();
	for (size_t i = 0; i < w.n_kept; i++)
		if (w.kept[i]->msg[HP_HIP_OFF_TYPE] == HP_HIP_I2)
			hp_hip_parse(w.kept[i]->msg, w.kept[i]->len, &m);
	CU_ASSERT_TRUE(echoed(&m, HP_PARAM_ECHO_RESPONSE_SIGNED, 0, "signed"));
	CU_ASSERT_TRUE(echoed(&m, HP_PARAM_ECHO_RESPONSE_UNSIGNED, 0, "one"));
	CU_ASSERT_TRUE(echoed(&m, HP_PARAM_ECHO_RESPONSE_UNSIGNED, 1, "second"));
	CU_ASSERT_PTR_NULL(hp_hip_param_find(&m, HP_PARAM_R1_COUNTER, 0));
	world_fini(&w);
}

static void update_ids_may_begin_at_one(void)
{
	begin();
	stand();
	world_assoc(&w, 0)->seq.next = 1;
	CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&w, 0)), 0);
	world_run(&w, 20);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 1);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void update_ids_may_wrap(void)
{
	begin();
	stand();
	world_assoc(&w, 0)->seq.next = UINT32_MAX - 1;
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&w, 0)), 0);
		world_run(&w, 20);
	}
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 4);
	world_fini(&w);
}

static void peers_without_esn_in_the_icv_are_served(void)
{
	begin();
	world_start(&w);
	hp_hip_known_peer(w.s[0].hip, &w.s[1].hit, &w.s[1].addr, 1, true);
	hp_hip_known_peer(w.s[1].hip, &w.s[0].hit, &w.s[0].addr, 1, true);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_TRUE(hp_assoc_sa_out(world_assoc(&w, 0))->no_esn_icv);
	CU_ASSERT_TRUE(hp_assoc_sa_in(world_assoc(&w, 1))->no_esn_icv);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void the_other_addresses_are_tried_in_turn(void)
{
	struct hp_addr addrs[2];

	begin();
	world_start(&w);
	/* Lost: the Initiator's own address leads nowhere. */
	addrs[0] = w.s[0].addr;
	addrs[1] = w.s[1].addr;
	hp_hip_connect(w.s[0].hip, NULL, &w.s[1].hit, addrs, 2);
	world_run(&w, 600);
	CU_ASSERT_TRUE(world_up(&w));
	CU_ASSERT_TRUE(hp_addr_eq(&hp_assoc_path(world_assoc(&w, 0))->dst, &w.s[1].addr));
	world_fini(&w);
}

/* ---- the peer moves */

static void a_new_address_is_verified_then_used(void)
{
	struct hp_locator l = {
		.type = HP_LOCATOR_ADDR, .preferred = true, .lifetime_s = 60};
	struct hp_hip_builder b;
	struct hp_assoc *a;
	uint8_t msg[HP_HIP_MAX];

	begin();
	stand();
	a = world_assoc(&w, 0);
	hp_addr_parse("192.0.2.77", &w.s[0].addr);
	memset(&a->path.src, 0, 16);
	l.addr = w.s[0].addr;
	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_UPDATE, 0, &a->local, &a->peer);
	hp_hip_add_locators(&b, &l, 1);
	hp_hip_add_seq(&b, a->seq.next++);
	CU_ASSERT_EQUAL(hp_sign_start(w.s[0].hip, a, a->id, &b, &a->path, true, NULL), 0);
	world_run(&w, 1);
	/* Not yet: nothing has come from there that answers. */
	CU_ASSERT_FALSE(hp_addr_eq(&hp_assoc_path(world_assoc(&w, 1))->dst, &l.addr));
	world_run(&w, 20);
	CU_ASSERT_TRUE(hp_addr_eq(&hp_assoc_path(world_assoc(&w, 1))->dst, &l.addr));
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_PATH_CHANGED], 1);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 0);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* ---- reload, identities, limits */

static void a_reload_keeps_associations(void)
{
	struct hp_hip_config cfg;

	begin();
	stand();
	cfg = w.s[1].cfg;
	cfg.puzzle_k = 4;
	cfg.dh_groups[0] = HP_DH_P384;
	CU_ASSERT_EQUAL(hp_hip_reconfigure(w.s[1].hip, &cfg), 0);
	CU_ASSERT_TRUE(world_data(&w));
	CU_ASSERT_TRUE(hp_hip_ready(w.s[1].hip));
	cfg.n_ciphers = 0;
	CU_ASSERT_EQUAL(hp_hip_reconfigure(w.s[1].hip, &cfg), -EINVAL);
	world_fini(&w);
}

static void an_identity_takes_its_associations_along(void)
{
	begin();
	stand();
	CU_ASSERT_EQUAL(hp_hip_identity_remove(w.s[1].hip, &w.s[1].hit), 0);
	CU_ASSERT_EQUAL(hp_hip_count(w.s[1].hip), 0);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_GONE], 1);
	CU_ASSERT_EQUAL(hp_hip_identity_remove(w.s[1].hip, &w.s[1].hit), -ENOENT);
	CU_ASSERT_FALSE(hp_hip_is_local(w.s[1].hip, &w.s[1].hit));
	world_fini(&w);
}

/* An exchange without an answer gives way; an association in use stays. */
static void the_limit_of_associations_holds(void)
{
	const struct hp_addr *other = hp_key_hit(world_key(HP_KEY_P384, 0));

	begin();
	w.s[1].cfg.max_associations = 1;
	world_start(&w);
	CU_ASSERT_PTR_NOT_NULL(hp_hip_connect(w.s[1].hip, NULL, other, &w.s[0].addr, 1));
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPC_EVICTED), 1);
	CU_ASSERT_PTR_NULL(hp_hip_connect(w.s[1].hip, NULL, other, &w.s[0].addr, 1));
	CU_ASSERT_EQUAL(errno, ENOBUFS);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* HITs of nobody, as many as one likes. */
static struct hp_addr hit_number(uint32_t n)
{
	struct hp_addr hit = *hp_key_hit(world_key(HP_KEY_P384, 0));

	for (int i = 0; i < 4; i++)
		hit.b[12 + i] = (uint8_t)(n >> 8 * i);
	return hit;
}

static void flood(unsigned n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct hp_addr hit = hit_number(i);

		CU_ASSERT_PTR_NOT_NULL(hp_hip_connect(w.s[0].hip, NULL, &hit, &w.s[1].addr, 1));
		if (i % 1000 == 999)
			world_run(&w, 5);
	}
}

/* 13,000 destinations that nobody answers for: the configured peer is reached all the same. */
static void a_flood_of_exchanges_leaves_room_for_a_configured_peer(void)
{
	begin();
	w.s[0].cfg.max_associations = 100;
	world_start(&w);
	CU_ASSERT_EQUAL(hp_hip_known_peer(w.s[0].hip, &w.s[1].hit, &w.s[1].addr, 1, false), 0);
	hp_hip_known_reserve(w.s[0].hip, &w.s[1].hit);
	flood(13000);
	CU_ASSERT_EQUAL(hp_hip_count(w.s[0].hip), 99);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_EQUAL(hp_hip_count(w.s[0].hip), 100);
	flood(1000);
	CU_ASSERT_TRUE(world_up(&w));
	CU_ASSERT_TRUE(world_data(&w));
	CU_ASSERT(world_counted(&w, 0, HP_HIPC_EVICTED) >= 13900);
	world_run(&w, 1000);
	CU_ASSERT_TRUE(hp_limit_bites(hp_hip_room(w.s[0].hip)));
	world_run(&w, HP_LIMIT_QUIET_MS + 1000);
	CU_ASSERT_FALSE(hp_limit_bites(hp_hip_room(w.s[0].hip)));
	world_fini(&w);
}

/* A reload may name other peers, also while their associations stand. */
static void places_are_kept_as_the_configuration_says_now(void)
{
	struct hp_addr other = hit_number(7);

	begin();
	w.s[0].cfg.max_associations = 2;
	stand();
	flood(20);
	CU_ASSERT_TRUE(world_up(&w)); /* it carries data */
	world_run(&w, 61000);
	hp_hip_known_peer(w.s[0].hip, &w.s[1].hit, &w.s[1].addr, 1, false);
	hp_hip_known_reserve(w.s[0].hip, &w.s[1].hit);
	hp_hip_known_reserve(w.s[0].hip, &w.s[1].hit); /* once is enough */
	flood(20);
	CU_ASSERT_TRUE(world_up(&w));
	hp_hip_forget_peers(w.s[0].hip);
	CU_ASSERT_EQUAL(hp_hip_known_peer(w.s[0].hip, &other, &w.s[1].addr, 1, false), 0);
	hp_hip_known_reserve(w.s[0].hip, &other);
	flood(20);
	CU_ASSERT_FALSE(world_up(&w)); /* idle, and nobody's */
	CU_ASSERT_PTR_NOT_NULL(hp_hip_find(w.s[0].hip, &w.s[0].hit, &other));
	world_fini(&w);
}

static bool wanted(void *ctx, const struct hp_assoc *a)
{
	(void)ctx;
	return hp_assoc_sa_out(a) != NULL;
}

static void an_association_with_flows_stays_however_long_it_is_idle(void)
{
	begin();
	w.s[0].cfg.max_associations = 2;
	w.s[0].ops.in_use = wanted;
	stand();
	world_run(&w, 120000);
	flood(200);
	CU_ASSERT_TRUE(world_up(&w));
	world_fini(&w);
}

/* Before strangers fill the table, each has to work more. */
static void the_puzzle_becomes_harder_as_the_table_fills(void)
{
	uint8_t usual;

	begin();
	w.s[0].cfg.max_associations = 64;
	world_start(&w);
	world_run(&w, 3000);
	usual = w.s[0].hip->k_now;
	flood(32);
	world_run(&w, 2000);
	CU_ASSERT_EQUAL(w.s[0].hip->k_now, usual);
	flood(64);
	world_run(&w, 20000);
	CU_ASSERT_EQUAL(w.s[0].hip->k_now, w.s[0].cfg.puzzle_k_max);
	world_fini(&w);
}

static void every_counter_has_a_name(void)
{
	begin();
	world_start(&w);
	for (size_t i = 0; i < HP_HIPC_MAX; i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(hp_hip_counters(w.s[0].hip)->table[i].name);
		CU_ASSERT_PTR_NOT_NULL_FATAL(hp_hip_counters(w.s[0].hip)->table[i].help);
	}
	for (int s = 0; s < HP_ASSOC_STATES; s++)
		CU_ASSERT_STRING_NOT_EQUAL(hp_assoc_state_name((enum hp_assoc_state)s),
					   "?");
	world_fini(&w);
}

/* ---- domain identifiers (RFC 7401, section 5.2.9) */

static const uint8_t *di_seen;
static size_t di_seen_len;

/* What R1 says on the wire. */
static enum fate see_di(struct world *world, const struct side *from, struct packet *p)
{
	static uint8_t copy[HP_DI_MAX];
	struct hp_hip_msg m;
	struct hp_host_id h;

	(void)world;
	if (from->at != 1 || p->msg[HP_HIP_OFF_TYPE] != HP_HIP_R1 ||
	    hp_hip_parse(p->msg, p->len, &m) ||
	    hp_hip_read_host_id(hp_hip_param_find(&m, HP_PARAM_HOST_ID, 0), &h))
		return PASS;
	memcpy(copy, h.di, h.di_len);
	di_seen = copy;
	di_seen_len = h.di_len;
	return PASS;
}

static void a_host_name_goes_in_labels_and_is_shown_as_text(void)
{
	struct hp_assoc_info info;

	begin();
	w.fate = see_di;
	w.s[1].di = "a-host-with-a-long-name.in-a-domain-that-is-long-too.and-more.example.net";
	w.s[0].di = "user@realm.example";
	stand();
	CU_ASSERT_EQUAL(di_seen_len, strlen(w.s[1].di) + 2);
	CU_ASSERT(di_seen && di_seen[0] == 23 && !di_seen[di_seen_len - 1]);
	hp_assoc_info(world_assoc(&w, 0), &info);
	CU_ASSERT_STRING_EQUAL(info.peer_di, w.s[1].di);
	hp_assoc_info(world_assoc(&w, 1), &info);
	CU_ASSERT_STRING_EQUAL(info.peer_di, w.s[0].di);
	/* It is there after new keys, too. */
	hp_rekey_start(world_assoc(&w, 0));
	world_run(&w, 20);
	hp_assoc_info(world_assoc(&w, 0), &info);
	CU_ASSERT_STRING_EQUAL(info.peer_di, w.s[1].di);
	world_fini(&w);
}

static void a_name_that_can_not_be_sent_is_refused(void)
{
	begin();
	world_start(&w);
	CU_ASSERT_EQUAL(hp_hip_identity_add(w.s[0].hip, world_key(HP_KEY_P384, 0), 0, "a..b"),
			-EINVAL);
	world_fini(&w);
}

static const struct hp_test tests[] = {
	HP_TEST(a_host_name_goes_in_labels_and_is_shown_as_text),
	HP_TEST(a_name_that_can_not_be_sent_is_refused),
	HP_TEST(opportunistic_mode_off_is_off),
	HP_TEST(an_icmp_error_shortens_the_wait_and_no_more),
	HP_TEST(an_icmp_error_about_a_known_peer_is_nothing),
	HP_TEST(opportunistic_mode_on_finds_the_hit),
	HP_TEST(pinned_mode_keeps_the_first_hit),
	HP_TEST(pinned_mode_refuses_another_hit),
	HP_TEST(a_pin_does_not_hinder_an_exchange_by_hit),
	HP_TEST(a_refusal_by_policy_is_told_and_ends_the_attempt),
	HP_TEST(silence_by_policy_is_silent),
	HP_TEST(connecting_to_nonsense_is_refused),
	HP_TEST(nothing_in_common_fails_fast),
	HP_TEST(the_responders_best_common_group_is_taken),
	HP_TEST(k_rises_with_the_load_and_falls_again),
	HP_TEST(echo_requests_are_answered_and_lists_may_lack),
	HP_TEST(update_ids_may_begin_at_one),
	HP_TEST(update_ids_may_wrap),
	HP_TEST(peers_without_esn_in_the_icv_are_served),
	HP_TEST(the_other_addresses_are_tried_in_turn),
	HP_TEST(a_new_address_is_verified_then_used),
	HP_TEST(a_reload_keeps_associations),
	HP_TEST(an_identity_takes_its_associations_along),
	HP_TEST(the_limit_of_associations_holds),
	HP_TEST(a_flood_of_exchanges_leaves_room_for_a_configured_peer),
	HP_TEST(places_are_kept_as_the_configuration_says_now),
	HP_TEST(an_association_with_flows_stays_however_long_it_is_idle),
	HP_TEST(the_puzzle_becomes_harder_as_the_table_fills),
	HP_TEST(every_counter_has_a_name),
	HP_TEST_END};

int main(int argc, char **argv)
{
	int ret;

	hp_log_level_all(HP_LOG_ERROR);
	ret = hp_test_main("options", tests, argc, argv);
	world_keys_free();
	return ret;
}
