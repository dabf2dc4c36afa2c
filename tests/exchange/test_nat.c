/* SPDX-License-Identifier: MIT
 *
 * UDP encapsulation between two engines: negotiation, both ways at once, a NAT in between
 * and its changes, keepalives, forged sources.
 */
#include <errno.h>
#include <string.h>

#include "../harness.h"
#include "hip/rekey.h"
#include "hip/assoc.h"
#include "forge.h"
#include "nat.h"

#define PORT 10500

static struct world w;

/* A NAT before side 0. */
static struct {
	struct hp_addr outside;
	uint16_t port; /* of the mapping; 0: there is no NAT */
	bool block_native, block_udp;
	unsigned native_late_ms;
	struct hp_addr last_to; /* where the last message to side 0 was sent */
	uint16_t last_port;
} box;

static enum fate fate(struct world *ww, const struct side *from, struct packet *p)
{
	(void)ww;
	if ((box.block_native && !p->dport) || (box.block_udp && p->dport))
		return LOSE;
	if (!box.port)
		return PASS;
	if (from->at == 0) {
		p->src = box.outside;
		p->to = 1;
		if (p->dport)
			p->sport = box.port;
		return PASS;
	}
	box.last_to = p->dst;
	box.last_port = p->dport;
	if (!hp_addr_eq(&p->dst, &box.outside) || (p->dport && p->dport != box.port))
		return LOSE;
	p->dst = w.s[0].addr;
	p->to = 0;
	if (p->dport)
		p->dport = PORT;
	return PASS;
}

static void begin(enum natudp_mode a, enum natudp_mode b)
{
	memset(&box, 0, sizeof(box));
	hp_addr_parse("198.51.100.7", &box.outside);
	world_init(&w);
	w.fate = fate;
	nat_plug(&w, 0, a, PORT, 15000);
	nat_plug(&w, 1, b, PORT, 15000);
	world_start(&w);
}

static struct hp_path path_at(int at)
{
	struct hp_assoc *a = world_assoc(&w, at);

	return a ? *hp_assoc_path(a) : (struct hp_path){.dport = 1};
}

static bool at_addr(int at, const struct hp_addr *addr)
{
	struct hp_path p = path_at(at);

	return hp_addr_eq(&p.dst, addr);
}

static struct hp_path seen_path(void)
{
	return (struct hp_path){.src = w.s[1].addr, .dst = box.outside, .sport = PORT,
				.dport = box.port};
}

/* ---- choosing */

static void plain_udp_stands_and_carries(void)
{
	begin(NATUDP_PLAIN_UDP, NATUDP_PLAIN_UDP);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_TRUE(world_data(&w));
	CU_ASSERT_EQUAL(path_at(0).dport, PORT);
	CU_ASSERT_EQUAL(path_at(1).dport, PORT);
	CU_ASSERT_EQUAL(w.s[0].in_udp, 2);
	CU_ASSERT_EQUAL(w.s[1].in_udp, 2);
	world_fini(&w);
}

static void a_native_peer_does_not_answer_in_udp(void)
{
	begin(NATUDP_PLAIN_UDP, NATUDP_OFF);
	box.block_udp = true; /* its port is closed */
	CU_ASSERT_FALSE(world_connect(&w, 40000));
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_FAILED], 1);
	world_fini(&w);
}

static void a_responder_in_udp_answers_native_peers_too(void)
{
	begin(NATUDP_OFF, NATUDP_PLAIN_UDP);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_EQUAL(path_at(0).dport, 0);
	CU_ASSERT_EQUAL(path_at(1).dport, 0);
	world_fini(&w);
}

static void auto_prefers_udp(void)
{
	begin(NATUDP_AUTO, NATUDP_AUTO);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], 2);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I2], 1);
	CU_ASSERT_EQUAL(path_at(0).dport, PORT);
	CU_ASSERT_EQUAL(path_at(1).dport, PORT);
	world_fini(&w);
}

static void auto_goes_native_at_once_with_a_native_peer(void)
{
	begin(NATUDP_AUTO, NATUDP_OFF);
	box.block_udp = true;
	CU_ASSERT_TRUE(world_connect(&w, 10));
	CU_ASSERT_EQUAL(path_at(0).dport, 0);
	world_fini(&w);
}

static void auto_goes_native_soon_where_udp_is_blocked(void)
{
	begin(NATUDP_AUTO, NATUDP_AUTO);
	box.block_udp = true;
	CU_ASSERT_FALSE(world_connect(&w, NATUDP_GRACE_MS));
	CU_ASSERT_TRUE(world_connect(&w, 20));
	CU_ASSERT_EQUAL(path_at(0).dport, 0);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void auto_goes_udp_where_native_is_blocked(void)
{
	begin(NATUDP_AUTO, NATUDP_AUTO);
	box.block_native = true;
	CU_ASSERT_TRUE(world_connect(&w, 10));
	CU_ASSERT_EQUAL(path_at(0).dport, PORT);
	world_fini(&w);
}

static enum fate native_first(struct world *ww, const struct side *from, struct packet *p)
{
	(void)ww;
	return from->at && p->dport && p->msg[HP_HIP_OFF_TYPE] == HP_HIP_R1 ? LATE : PASS;
}

static void an_r1_by_udp_that_is_late_still_wins(void)
{
	begin(NATUDP_AUTO, NATUDP_AUTO);
	w.fate = native_first;
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_EQUAL(path_at(0).dport, PORT);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I2], 1);
	world_run(&w, 200);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I2], 1);
	world_fini(&w);
}

static void an_engine_that_ends_while_an_r1_waits_is_clean(void)
{
	begin(NATUDP_AUTO, NATUDP_AUTO);
	box.block_udp = true;
	world_connect(&w, 10);
	world_fini(&w);
}

/* ---- the parameter */

static bool has_mode(const struct packet *p)
{
	struct hp_hip_msg m;

	return !hp_hip_parse(p->msg, p->len, &m) &&
	       hp_hip_param_find(&m, HP_PARAM_NAT_TRAVERSAL_MODE, 0);
}

static void modes_are_in_r1_and_in_the_i2_that_takes_udp(void)
{
	for (int native = 0; native < 2; native++) {
		begin(native ? NATUDP_OFF : NATUDP_PLAIN_UDP, NATUDP_PLAIN_UDP);
		w.keep = true;
		CU_ASSERT_TRUE(world_connect(&w, 50));
		for (size_t i = 0; i < w.n_kept; i++) {
			uint8_t type = w.kept[i]->msg[HP_HIP_OFF_TYPE];
			bool want = type == HP_HIP_R1 || (type == HP_HIP_I2 && !native);

			CU_ASSERT_EQUAL(has_mode(w.kept[i]), want);
		}
		world_fini(&w);
	}
}

static void switched_off_no_message_speaks_of_it(void)
{
	begin(NATUDP_OFF, NATUDP_OFF);
	w.keep = true;
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_EQUAL(w.n_kept, 4);
	for (size_t i = 0; i < w.n_kept; i++)
		CU_ASSERT_FALSE(has_mode(w.kept[i]));
	world_fini(&w);
}

static void the_checksum_is_zero_in_udp_only(void)
{
	begin(NATUDP_AUTO, NATUDP_AUTO);
	w.keep = true;
	CU_ASSERT_TRUE(world_connect(&w, 50));
	for (size_t i = 0; i < w.n_kept; i++)
		CU_ASSERT_EQUAL(hp_get16(w.kept[i]->msg + HP_HIP_OFF_CSUM) == 0,
				w.kept[i]->dport != 0);
	world_fini(&w);
}

static int judged(const struct hp_hip_msg *m, const struct hp_path *path)
{
	struct hp_outer_message o = {.type = m->type, .path = path, .octets = m->raw,
				     .len = m->len, .parsed = m};

	return natudp_judge(NULL, &o);
}

static void other_modes_are_refused(void)
{
	uint8_t buf[128];
	struct hp_hip_builder b;
	struct hp_hip_msg m;
	static const uint16_t ice[] = {2, 3}, both[] = {2, 1};
	struct hp_path udp = {.dport = PORT}, native = {.dport = 0};
	struct hp_addr hit[2] = {{{0x20, 1, 0, 0x21}}, {{0x20, 1, 0, 0x22}}};
	int len;

	hp_hip_begin(&b, buf, sizeof(buf), HP_HIP_R1, 0, &hit[0], &hit[1]);
	hp_hip_add_u16list(&b, HP_PARAM_NAT_TRAVERSAL_MODE, ice, 2);
	len = hp_hip_finish(&b);
	CU_ASSERT_FATAL(len > 0 && !hp_hip_parse(buf, (size_t)len, &m));
	CU_ASSERT_EQUAL(judged(&m, &udp), -EPERM);
	CU_ASSERT_EQUAL(judged(&m, &native), 0);
	hp_hip_begin(&b, buf, sizeof(buf), HP_HIP_R1, 0, &hit[0], &hit[1]);
	hp_hip_add_u16list(&b, HP_PARAM_NAT_TRAVERSAL_MODE, both, 2);
	len = hp_hip_finish(&b);
	CU_ASSERT_FATAL(len > 0 && !hp_hip_parse(buf, (size_t)len, &m));
	CU_ASSERT_EQUAL(judged(&m, &udp), 0);
}

/* RFC 5770, section 5.4: modes behind the sixth are dropped. */
static void six_modes_count(void)
{
	static const uint16_t modes[] = {2, 3, 2, 3, 2, 3, 1};
	struct hp_path udp = {.dport = PORT};
	struct hp_addr hit[2] = {{{0x20, 1, 0, 0x21}}, {{0x20, 1, 0, 0x22}}};
	uint8_t buf[128];
	struct hp_hip_builder b;
	struct hp_hip_msg m;

	for (int first = 0; first < 2; first++) {
		hp_hip_begin(&b, buf, sizeof(buf), HP_HIP_R1, 0, &hit[0], &hit[1]);
		hp_hip_add_u16list(&b, HP_PARAM_NAT_TRAVERSAL_MODE, modes + first, 7 - (size_t)first);
		CU_ASSERT_FATAL(hp_hip_parse(buf, (size_t)hp_hip_finish(&b), &m) == 0);
		CU_ASSERT_EQUAL(judged(&m, &udp), first ? 0 : -EPERM);
	}
}

static uint8_t i2_header[HP_HIP_HLEN];

static enum fate choose_ice(struct world *ww, const struct side *from, struct packet *p)
{
	static const uint8_t ice[] = {0, 0, 0, HP_NATMODE_ICE_STUN_UDP};
	struct forge f;

	if (p->msg[HP_HIP_OFF_TYPE] != HP_HIP_I2)
		return PASS;
	forge_read(&f, p);
	forge_set(&f, HP_PARAM_NAT_TRAVERSAL_MODE, ice, sizeof(ice));
	forge_seal(&f, ww, from->at, p);
	memcpy(i2_header, p->msg, HP_HIP_HLEN);
	return PASS;
}

/* RFC 5770, sections 4.3 and 5.10. */
static void an_i2_of_another_mode_is_answered_by_notify(void)
{
	const struct packet *p;
	struct hp_notification n = {.type = 0};
	struct hp_hip_msg m;

	begin(NATUDP_PLAIN_UDP, NATUDP_PLAIN_UDP);
	w.keep = true;
	w.fate = choose_ice;
	CU_ASSERT_FALSE(world_connect(&w, 300));
	p = forge_kept(&w, 1, HP_HIP_NOTIFY);
	CU_ASSERT_FATAL(p && !hp_hip_parse(p->msg, p->len, &m));
	hp_hip_read_notification(hp_hip_param_find(&m, HP_PARAM_NOTIFICATION, 0), &n);
	CU_ASSERT_EQUAL(n.type, HP_NOTIFY_NO_VALID_NAT_TRAVERSAL_MODE);
	CU_ASSERT_TRUE(n.len == HP_HIP_HLEN && !memcmp(n.data, i2_header, HP_HIP_HLEN));
	CU_ASSERT_TRUE(world_counted(&w, 1, HP_HIPD_NAT_MODE) > 0);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_UP], 0);
	world_fini(&w);
}

/* ---- behind a NAT */

static void behind(enum natudp_mode mode)
{
	begin(mode, NATUDP_AUTO);
	box.port = 40001;
	CU_ASSERT_TRUE(world_connect(&w, 100));
	CU_ASSERT_TRUE(world_data(&w));
	world_run(&w, 5);
}

static void an_initiator_behind_a_nat_stands(void)
{
	for (int mode = NATUDP_PLAIN_UDP; mode <= NATUDP_AUTO; mode++) {
		behind((enum natudp_mode)mode);
		CU_ASSERT_EQUAL(path_at(1).dport, 40001);
		CU_ASSERT_TRUE(at_addr(1, &box.outside));
		CU_ASSERT_EQUAL(nat_count(&w, 1), 1);
		world_fini(&w);
	}
}

static void rekeying_passes_the_nat(void)
{
	behind(NATUDP_PLAIN_UDP);
	CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&w, 1)), 0);
	world_run(&w, 100);
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_REKEYED], 1);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 1);
	world_fini(&w);
}

/* ESP from side 0 as side 1 gets it through the NAT. */
static void esp_from_inside(void)
{
	struct hp_path p = seen_path();

	CU_ASSERT_TRUE(world_one_way(&w, 0));
	hp_assoc_seen(world_assoc(&w, 1), &p);
}

static void a_changed_mapping_is_followed_at_once(void)
{
	behind(NATUDP_AUTO);
	box.port = 40777;
	CU_ASSERT_EQUAL(path_at(1).dport, 40001);
	esp_from_inside();
	CU_ASSERT_EQUAL(path_at(1).dport, 40001);
	world_run(&w, 5);
	CU_ASSERT_EQUAL(path_at(1).dport, 40777);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_PATH_CHANGED], 1);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPC_PATH_CHANGES), 1);
	/* And the address, not only the port. */
	hp_addr_parse("198.51.100.8", &box.outside);
	world_run(&w, 300);
	esp_from_inside();
	world_run(&w, 5);
	CU_ASSERT_TRUE(at_addr(1, &box.outside));
	world_fini(&w);
}

static void a_lost_check_is_repeated(void)
{
	behind(NATUDP_AUTO);
	box.port = 40777;
	esp_from_inside();
	box.block_udp = true;
	world_run(&w, 5);
	box.block_udp = false;
	world_run(&w, 600);
	CU_ASSERT_EQUAL(path_at(1).dport, 40777);
	world_fini(&w);
}

static void a_mapping_that_changes_while_keys_do_is_followed(void)
{
	behind(NATUDP_AUTO);
	box.port = 40777; /* the UPDATE to 40001 is lost */
	CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&w, 1)), 0);
	world_run(&w, 5);
	for (int i = 0; i < 10; i++) {
		esp_from_inside();
		world_run(&w, 100);
	}
	CU_ASSERT_EQUAL(path_at(1).dport, 40777);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 1);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* Somebody sends the peer's packets on from elsewhere. */
static void a_forged_source_gets_nothing_but_the_question(void)
{
	struct hp_path forged;

	behind(NATUDP_AUTO);
	forged = seen_path();
	hp_addr_parse("203.0.113.66", &forged.dst);
	CU_ASSERT_TRUE(world_one_way(&w, 0));
	hp_assoc_seen(world_assoc(&w, 1), &forged);
	world_run(&w, 50);
	CU_ASSERT_TRUE(hp_addr_eq(&box.last_to, &forged.dst));
	CU_ASSERT_TRUE(at_addr(1, &box.outside));
	/* It does not answer: all stays, and no exchange begins. */
	world_run(&w, 20000);
	CU_ASSERT_TRUE(at_addr(1, &box.outside));
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_I1], 0);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 1)), HP_ESTABLISHED);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static struct hp_addr forger;

/* The forger hands the question to the peer, whose answer comes from its own place. */
static enum fate relay(struct world *ww, const struct side *from, struct packet *p)
{
	if (from->at == 1 && hp_addr_eq(&p->dst, &forger)) {
		p->dst = box.outside;
		p->dport = box.port;
	}
	return fate(ww, from, p);
}

static void an_answer_from_elsewhere_moves_nothing(void)
{
	struct hp_path forged;

	behind(NATUDP_AUTO);
	hp_addr_parse("203.0.113.66", &forger);
	w.fate = relay;
	forged = seen_path();
	forged.dst = forger;
	CU_ASSERT_TRUE(world_one_way(&w, 0));
	hp_assoc_seen(world_assoc(&w, 1), &forged);
	world_run(&w, 50);
	CU_ASSERT_TRUE(at_addr(1, &box.outside));
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPC_PATH_CHANGES), 0);
	world_fini(&w);
}

static void the_right_place_is_asked_although_a_forger_was_first(void)
{
	struct hp_path forged;

	behind(NATUDP_AUTO);
	forged = seen_path();
	hp_addr_parse("203.0.113.66", &forged.dst);
	CU_ASSERT_TRUE(world_one_way(&w, 0));
	hp_assoc_seen(world_assoc(&w, 1), &forged);
	world_run(&w, 5);
	box.port = 40777;
	world_run(&w, NATUDP_CHECK_MS);
	esp_from_inside();
	world_run(&w, 5);
	CU_ASSERT_EQUAL(path_at(1).dport, 40777);
	world_fini(&w);
}

/* ---- keepalives */

static void keepalives_go_after_silence_only(void)
{
	behind(NATUDP_PLAIN_UDP);
	world_run(&w, 14000);
	CU_ASSERT_EQUAL(world_counted(&w, 0, HP_HIPC_KEEPALIVE_OUT), 0);
	world_run(&w, 3000);
	CU_ASSERT_EQUAL(world_counted(&w, 0, HP_HIPC_KEEPALIVE_OUT), 1);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPC_KEEPALIVE_IN), 1);
	for (int i = 0; i < 60; i++) {
		world_one_way(&w, 0);
		world_run(&w, 1000);
	}
	CU_ASSERT_EQUAL(world_counted(&w, 0, HP_HIPC_KEEPALIVE_OUT), 1);
	world_fini(&w);
}

static void native_associations_have_no_keepalives(void)
{
	begin(NATUDP_OFF, NATUDP_AUTO);
	CU_ASSERT_TRUE(world_connect(&w, 100));
	world_run(&w, 60000);
	CU_ASSERT_EQUAL(world_counted(&w, 0, HP_HIPC_KEEPALIVE_OUT), 0);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPC_KEEPALIVE_OUT), 0);
	world_fini(&w);
}

/* Whether the Responder has noticed the silence meanwhile (and begun anew) or not. */
static void a_keepalive_shows_a_changed_mapping(void)
{
	for (int i = 0; i < 4; i++) {
		bool noticed = i & 1;

		behind(NATUDP_PLAIN_UDP);
		if (!noticed) {
			w.s[1].cfg.dead_peer_ms = 0;
			hp_hip_reconfigure(w.s[1].hip, &w.s[1].cfg);
		}
		box.port = 40777;
		if (i & 2)
			hp_addr_parse("198.51.100.8", &box.outside);
		world_run(&w, 17000);
		CU_ASSERT_EQUAL(path_at(1).dport, 40777);
		CU_ASSERT_TRUE(at_addr(1, &box.outside));
		CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_I1] > 0, noticed);
		CU_ASSERT_TRUE(world_data(&w));
		world_fini(&w);
	}
}

static void keepalives_from_elsewhere_move_nothing(void)
{
	struct hp_path forged;
	uint8_t msg[128];
	struct hp_notification n = {.type = HP_NOTIFY_NAT_KEEPALIVE};
	struct hp_hip_builder b;
	int len;

	behind(NATUDP_PLAIN_UDP);
	w.s[1].cfg.dead_peer_ms = 0;
	hp_hip_reconfigure(w.s[1].hip, &w.s[1].cfg);
	forged = seen_path();
	hp_addr_parse("203.0.113.66", &forged.dst);
	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_NOTIFY, 0, &w.s[0].hit, &w.s[1].hit);
	hp_hip_add_notification(&b, &n);
	len = hp_hip_finish(&b);
	CU_ASSERT_FATAL(len > 0);
	world_run(&w, 5000);
	for (int i = 0; i < 1000; i++) {
		hp_hip_input(w.s[1].hip, &forged, msg, (size_t)len);
		world_run(&w, 10);
	}
	CU_ASSERT_TRUE(at_addr(1, &box.outside));
	CU_ASSERT_TRUE(world_counted(&w, 1, HP_HIPC_PATH_CHECKS) <= 2);
	world_fini(&w);
}

static bool cut_off;

static enum fate nothing_passes(struct world *ww, const struct side *from, struct packet *p)
{
	return cut_off ? LOSE : fate(ww, from, p);
}

/* The Responder has noticed the silence and begins anew.  Forged keepalives, which anybody can send,
 * must not lead its I1s away. */
static void keepalives_from_elsewhere_lead_no_exchange_away(void)
{
	struct hp_path forged;
	struct hp_hip_builder b;
	uint8_t msg[64];
	int len;

	behind(NATUDP_PLAIN_UDP);
	w.s[0].cfg.dead_peer_ms = 0;
	hp_hip_reconfigure(w.s[0].hip, &w.s[0].cfg);
	forged = seen_path();
	hp_addr_parse("203.0.113.66", &forged.dst);
	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_NOTIFY, 0, &w.s[0].hit, &w.s[1].hit);
	len = hp_hip_finish(&b);
	CU_ASSERT_FATAL(len == HP_HIP_HLEN);
	w.fate = nothing_passes;
	cut_off = true;
	for (int i = 0; i < 60 && hp_assoc_state(world_assoc(&w, 1)) != HP_I1_SENT; i++) {
		world_one_way(&w, 1);
		world_run(&w, 1000);
	}
	CU_ASSERT_EQUAL_FATAL(hp_assoc_state(world_assoc(&w, 1)), HP_I1_SENT);
	CU_ASSERT_TRUE(hp_assoc_is_up(world_assoc(&w, 1)));
	hp_hip_input(w.s[1].hip, &forged, msg, (size_t)len);
	CU_ASSERT_TRUE(at_addr(1, &box.outside));
	cut_off = false;
	for (int i = 0; i < 200 && hp_assoc_state(world_assoc(&w, 1)) != HP_ESTABLISHED; i++) {
		hp_hip_input(w.s[1].hip, &forged, msg, (size_t)len);
		world_run(&w, 100);
	}
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 1)), HP_ESTABLISHED);
	CU_ASSERT_TRUE(at_addr(1, &box.outside));
	world_fini(&w);
}

/* RFC 5770, section 5.3: a keepalive is a NOTIFY without any parameter. */
static void an_empty_notify_is_a_keepalive(void)
{
	struct hp_path from;
	struct hp_hip_builder b;
	uint8_t msg[64];
	int len;

	behind(NATUDP_PLAIN_UDP);
	w.s[1].cfg.dead_peer_ms = 0;
	hp_hip_reconfigure(w.s[1].hip, &w.s[1].cfg);
	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_NOTIFY, 0, &w.s[0].hit, &w.s[1].hit);
	len = hp_hip_finish(&b);
	CU_ASSERT_FATAL(len == HP_HIP_HLEN);
	world_run(&w, 5000);
	box.port = 40777;
	from = seen_path();
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(hp_hip_input(w.s[1].hip, &from, msg, (size_t)len), 0);
	world_run(&w, 1000);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPC_PATH_CHECKS), 1);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_MISSING), 0);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_RATE), 0);
	CU_ASSERT_TRUE(world_counted(&w, 1, HP_HIPC_KEEPALIVE_IN) >= 100);
	CU_ASSERT_EQUAL(path_at(1).dport, 40777);
	world_fini(&w);
}

static void keepalives_do_not_keep_an_unused_association(void)
{
	behind(NATUDP_PLAIN_UDP);
	world_run(&w, w.s[0].cfg.ual_s * 1000 + 5000);
	CU_ASSERT_FALSE(world_up(&w));
	world_fini(&w);
}

/* ---- at run time */

static void set(int at, enum natudp_mode mode)
{
	CU_ASSERT_EQUAL(nat_mode(&w, at, mode), 0);
}

static void associations_move_with_the_mode(void)
{
	begin(NATUDP_OFF, NATUDP_AUTO);
	CU_ASSERT_TRUE(world_connect(&w, 100));
	CU_ASSERT_TRUE(world_data(&w));
	world_run(&w, 50);
	CU_ASSERT_EQUAL(path_at(0).dport, 0);
	set(0, NATUDP_PLAIN_UDP);
	world_run(&w, 300);
	CU_ASSERT_EQUAL(path_at(0).dport, PORT);
	CU_ASSERT_EQUAL(path_at(1).dport, PORT);
	set(0, NATUDP_OFF);
	world_run(&w, 500);
	CU_ASSERT_EQUAL(path_at(0).dport, 0);
	CU_ASSERT_EQUAL(path_at(1).dport, 0);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void what_is_under_way_does_not_lead_back(void)
{
	struct hp_path native;

	begin(NATUDP_OFF, NATUDP_AUTO);
	CU_ASSERT_TRUE(world_connect(&w, 100));
	CU_ASSERT_TRUE(world_data(&w));
	world_run(&w, 50);
	native = path_at(1);
	set(0, NATUDP_PLAIN_UDP);
	for (int i = 0; i < 50; i++) {
		world_run(&w, 20);
		CU_ASSERT_TRUE(world_one_way(&w, 0));
		hp_assoc_seen(world_assoc(&w, 1), &native);
	}
	CU_ASSERT_EQUAL(path_at(1).dport, PORT);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPC_PATH_CHANGES), 1);
	world_fini(&w);
}

static void what_cannot_move_begins_anew(void)
{
	unsigned i1;

	begin(NATUDP_PLAIN_UDP, NATUDP_PLAIN_UDP);
	CU_ASSERT_TRUE(world_connect(&w, 100));
	CU_ASSERT_TRUE(world_data(&w));
	world_run(&w, 50);
	box.block_native = true;
	set(0, NATUDP_OFF);
	world_run(&w, 500);
	CU_ASSERT_EQUAL(path_at(0).dport, PORT);
	CU_ASSERT_TRUE(nat_is_open(&w, 0));
	i1 = w.s[0].sent[HP_HIP_I1];
	/* Three seconds after the command the port is closed. */
	world_run(&w, 2480);
	CU_ASSERT_TRUE(nat_is_open(&w, 0));
	box.block_native = false;
	box.block_udp = true;
	world_run(&w, 200);
	CU_ASSERT_FALSE(nat_is_open(&w, 0));
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], i1 + 1);
	CU_ASSERT_TRUE(world_up(&w));
	CU_ASSERT_EQUAL(path_at(0).dport, 0);
	world_fini(&w);
}

/* ---- finding each other again */

static void a_restarted_responder_finds_the_mapping(void)
{
	struct hp_path p;

	behind(NATUDP_PLAIN_UDP);
	p = seen_path();
	world_restart(&w, 1);
	hp_hip_known_peer(w.s[1].hip, &w.s[0].hit, &box.outside, 1, false);
	hp_hip_known_port(w.s[1].hip, &w.s[0].hit, 40001);
	hp_hip_unknown_spi(w.s[1].hip, &p, 0x12345678);
	world_run(&w, 100);
	CU_ASSERT_TRUE(world_up(&w));
	CU_ASSERT_EQUAL(path_at(1).dport, 40001);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* The Responder has lost its state and looks for the Initiator where it is no more, while that
 * one begins anew too; whoever has the greater HIT. */
static void both_begin_and_only_one_is_heard(void)
{
	for (int swap = 0; swap < 2; swap++) {
		memset(&box, 0, sizeof(box));
		hp_addr_parse("198.51.100.7", &box.outside);
		world_init(&w);
		w.fate = fate;
		for (int i = 0; i < 2; i++) {
			w.s[i].key = world_key(HP_KEY_P256, swap ? !i : i);
			nat_plug(&w, i, NATUDP_PLAIN_UDP, PORT, 15000);
		}
		world_start(&w);
		box.port = 40777;
		hp_hip_known_peer(w.s[1].hip, &w.s[0].hit, &box.outside, 1, false);
		hp_hip_known_port(w.s[1].hip, &w.s[0].hit, 40001);
		CU_ASSERT_FATAL(hp_hip_connect(w.s[1].hip, NULL, &w.s[0].hit, NULL, 0) != NULL);
		CU_ASSERT_TRUE(world_connect(&w, 3000));
		CU_ASSERT_EQUAL(path_at(1).dport, 40777);
		CU_ASSERT_TRUE(world_data(&w));
		world_fini(&w);
	}
}

/* Both the Responder's memory and the NAT's are gone. */
static void a_restarted_responder_that_asks_at_the_old_port_learns_the_new_one(void)
{
	struct hp_addr addrs[2];
	struct hp_path p;

	behind(NATUDP_PLAIN_UDP);
	world_restart(&w, 1);
	hp_hip_known_peer(w.s[1].hip, &w.s[0].hit, &box.outside, 1, false);
	hp_hip_known_port(w.s[1].hip, &w.s[0].hit, 40001);
	/* The configuration knows it by two addresses, this one among them. */
	hp_addr_parse("203.0.113.9", &addrs[0]);
	addrs[1] = box.outside;
	hp_hip_known_peer(w.s[1].hip, &w.s[0].hit, addrs, 2, false);
	box.port = 40777;
	CU_ASSERT_FATAL(hp_hip_connect(w.s[1].hip, NULL, &w.s[0].hit, NULL, 0) != NULL);
	CU_ASSERT_EQUAL(path_at(1).dport, 40001);
	world_run(&w, 5);
	p = seen_path();
	hp_hip_unknown_spi(w.s[1].hip, &p, 0x12345678);
	CU_ASSERT_EQUAL(path_at(1).dport, 40001); /* it may still answer */
	world_run(&w, 600);
	hp_hip_unknown_spi(w.s[1].hip, &p, 0x12345678);
	world_run(&w, 20);
	CU_ASSERT_TRUE(world_up(&w));
	CU_ASSERT_EQUAL(path_at(1).dport, 40777);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void opportunistic_exchanges_choose_in_the_same_way(void)
{
	struct hp_addr nobody = {{0}};

	for (int blocked = 0; blocked < 2; blocked++) {
		memset(&box, 0, sizeof(box));
		world_init(&w);
		w.fate = fate;
		box.block_udp = blocked;
		for (int i = 0; i < 2; i++) {
			nat_plug(&w, i, NATUDP_AUTO, PORT, 15000);
			w.s[i].cfg.opportunistic_initiator = HP_OPP_ON;
			w.s[i].cfg.opportunistic_responder = HP_OPP_ON;
		}
		world_start(&w);
		CU_ASSERT_FATAL(hp_hip_connect(w.s[0].hip, NULL, &nobody, &w.s[1].addr, 1) !=
				NULL);
		world_run(&w, 200);
		CU_ASSERT_TRUE(world_up(&w));
		CU_ASSERT_EQUAL(path_at(0).dport, blocked ? 0 : PORT);
		world_fini(&w);
	}
}

static void another_host_behind_the_same_nat_is_not_taken_for_it(void)
{
	struct hp_path p;

	behind(NATUDP_PLAIN_UDP);
	p = seen_path();
	world_restart(&w, 1);
	hp_hip_known_peer(w.s[1].hip, &w.s[0].hit, &box.outside, 1, false);
	hp_hip_known_port(w.s[1].hip, &w.s[0].hit, 40001);
	p.dport = 40002;
	hp_hip_unknown_spi(w.s[1].hip, &p, 0x12345678);
	world_run(&w, 10);
	CU_ASSERT_EQUAL(hp_hip_count(w.s[1].hip), 0);
	world_fini(&w);
}

static const struct hp_test tests[] = {
	HP_TEST(plain_udp_stands_and_carries),
	HP_TEST(a_native_peer_does_not_answer_in_udp),
	HP_TEST(a_responder_in_udp_answers_native_peers_too),
	HP_TEST(auto_prefers_udp),
	HP_TEST(auto_goes_native_at_once_with_a_native_peer),
	HP_TEST(auto_goes_native_soon_where_udp_is_blocked),
	HP_TEST(auto_goes_udp_where_native_is_blocked),
	HP_TEST(an_r1_by_udp_that_is_late_still_wins),
	HP_TEST(an_engine_that_ends_while_an_r1_waits_is_clean),
	HP_TEST(modes_are_in_r1_and_in_the_i2_that_takes_udp),
	HP_TEST(switched_off_no_message_speaks_of_it),
	HP_TEST(the_checksum_is_zero_in_udp_only),
	HP_TEST(other_modes_are_refused),
	HP_TEST(six_modes_count),
	HP_TEST(an_i2_of_another_mode_is_answered_by_notify),
	HP_TEST(an_initiator_behind_a_nat_stands),
	HP_TEST(rekeying_passes_the_nat),
	HP_TEST(a_changed_mapping_is_followed_at_once),
	HP_TEST(a_lost_check_is_repeated),
	HP_TEST(a_mapping_that_changes_while_keys_do_is_followed),
	HP_TEST(a_forged_source_gets_nothing_but_the_question),
	HP_TEST(an_answer_from_elsewhere_moves_nothing),
	HP_TEST(the_right_place_is_asked_although_a_forger_was_first),
	HP_TEST(keepalives_go_after_silence_only),
	HP_TEST(native_associations_have_no_keepalives),
	HP_TEST(a_keepalive_shows_a_changed_mapping),
	HP_TEST(keepalives_from_elsewhere_move_nothing),
	HP_TEST(keepalives_from_elsewhere_lead_no_exchange_away),
	HP_TEST(an_empty_notify_is_a_keepalive),
	HP_TEST(keepalives_do_not_keep_an_unused_association),
	HP_TEST(associations_move_with_the_mode),
	HP_TEST(what_is_under_way_does_not_lead_back),
	HP_TEST(what_cannot_move_begins_anew),
	HP_TEST(a_restarted_responder_finds_the_mapping),
	HP_TEST(both_begin_and_only_one_is_heard),
	HP_TEST(a_restarted_responder_that_asks_at_the_old_port_learns_the_new_one),
	HP_TEST(opportunistic_exchanges_choose_in_the_same_way),
	HP_TEST(another_host_behind_the_same_nat_is_not_taken_for_it),
	HP_TEST_END};

int main(int argc, char **argv)
{
	int ret = hp_test_main("nat", tests, argc, argv);

	world_keys_free();
	return ret;
}
