/* SPDX-License-Identifier: MIT
 *
 * UDP mappings (flow/mapping.h): one port on the HIT side for each port of a legacy host, and
 * groups of flows that differ only in the remote port.
 */
#include "../harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flowdb.h"
#include "flow/mapping.h"
#include "packets.h"

#define UDP 17

static uint64_t zero(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct hp_clock still = { zero, zero, NULL };
static struct hp_timers timers;

static struct hp_flowdb *db_new(void)
{
	struct hp_flowdb_config cfg = {
		.limit = 200000,
		.timeouts = hp_flow_timeouts_default,
		.hash_key = { { 1, 2 } },
	};

	hp_timers_init(&timers, 0);
	return hp_flowdb_new(&cfg, &timers, &still);
}

static struct hp_addr hit(unsigned int n)
{
	struct hp_addr a = test_addr("2001:20::");

	hp_put16(a.b + 14, (uint16_t)n);
	return a;
}

/* Peer n is known as 192.0.2.n. */
static struct hp_flow_key key(const char *client, uint16_t sport, unsigned int peer, uint16_t port)
{
	struct hp_flow_key k = {
		.legacy = test_addr(client), .far = test_addr("192.0.2.0"),
		.local_hit = hit(0xffff), .peer_hit = hit(peer),
		.legacy_port = sport, .far_port = port, .peer_port = port, .proto = UDP,
	};

	k.far.b[15] = (uint8_t)peer;
	return k;
}

static struct hp_flow *add(struct hp_flowdb *db, const char *client, uint16_t sport,
			   unsigned int peer, uint16_t port)
{
	struct hp_flow_key k = key(client, sport, peer, port);
	struct hp_flow *f = NULL;

	CU_ASSERT_EQUAL(hp_flow_add(db, &k, true, &f), 0);
	if (!f)
		abort();
	return f;
}

static struct hp_flow *asked(struct hp_flowdb *db, uint16_t port, unsigned int peer)
{
	struct hp_addr us = hit(0xffff), them = hit(peer);

	return hp_mapping_asked_peer(db, &us, port, &them);
}

static struct hp_mapping *mapping(struct hp_flowdb *db, uint16_t port)
{
	struct hp_addr us = hit(0xffff);

	return hp_mapping_find(db, &us, port);
}

/* RFC 4787, REQ-1 and REQ-3. */
static void a_port_is_the_same_towards_every_peer(void)
{
	struct hp_flowdb *db = db_new();
	struct hp_flow *a = add(db, "10.0.0.1", 5000, 1, 53), *b = add(db, "10.0.0.2", 5000, 1, 53);
	uint16_t port = b->key.local_port;

	CU_ASSERT_EQUAL(a->key.local_port, 5000);
	CU_ASSERT_NOT_EQUAL(port, 5000);
	CU_ASSERT_EQUAL(port % 2, 0);
	for (unsigned int peer = 2; peer < 50; peer++) {
		CU_ASSERT_EQUAL(add(db, "10.0.0.1", 5000, peer, 53)->key.local_port, 5000);
		CU_ASSERT_EQUAL(add(db, "10.0.0.2", 5000, peer, 54)->key.local_port, port);
	}
	/* As long as any flow of it lives, and no longer. */
	hp_flow_del(b);
	hp_flow_del(a);
	CU_ASSERT_EQUAL(add(db, "10.0.0.2", 5000, 60, 53)->key.local_port, port);
	hp_flowdb_flush(db);
	CU_ASSERT_EQUAL(add(db, "10.0.0.2", 5000, 60, 53)->key.local_port, 5000);
	hp_flowdb_free(db);
}

static void a_port_that_another_host_has_is_not_given(void)
{
	struct hp_flowdb *db = db_new();

	add(db, "10.0.0.1", 5000, 1, 53);
	CU_ASSERT_NOT_EQUAL(add(db, "10.0.0.2", 5000, 2, 54)->key.local_port, 5000);
	hp_flowdb_free(db);
}

/* More sockets than ports: ports are shared between peers, as far as answers can be told apart. */
static void when_ports_run_out_they_are_shared_by_peers(void)
{
	struct hp_flowdb *db = db_new();
	struct hp_flow *f;
	unsigned int bad = 0;

	for (unsigned int i = 1024; i < 65536; i++)
		add(db, "10.0.0.1", (uint16_t)i, 1, 53);
	for (unsigned int i = 1024; i < 3024; i++) {
		f = add(db, "10.0.0.2", (uint16_t)i, 2, 53);
		bad += asked(db, f->key.local_port, 2) != f;
		bad += asked(db, f->key.local_port, 1)->key.legacy.b[15] != 1;
	}
	CU_ASSERT_EQUAL(bad, 0);
	CU_ASSERT_EQUAL(hp_flowdb_count(db), 64512 + 2000);
	hp_flowdb_flush(db);
	hp_flowdb_free(db);
}

static void a_flow_is_found_by_any_port_of_its_peer(void)
{
	struct hp_flowdb *db = db_new();
	struct hp_flow *f[5];

	CU_ASSERT_PTR_NULL(asked(db, 5000, 1));
	for (unsigned int i = 0; i < 5; i++)
		f[i] = add(db, "10.0.0.1", 5000, 1, (uint16_t)(69 + i));
	add(db, "10.0.0.1", 5000, 2, 69);
	CU_ASSERT_PTR_NULL(asked(db, 5000, 3));
	CU_ASSERT_PTR_NULL(asked(db, 5001, 1));
	CU_ASSERT_EQUAL(mapping(db, 5000)->flows, 6);
	/* In any order of their ends. */
	for (unsigned int i = 0; i < 5; i++) {
		struct hp_flow *found = asked(db, 5000, 1);
		struct hp_addr peer = hit(1);

		CU_ASSERT_PTR_NOT_NULL(found);
		CU_ASSERT_TRUE(found && hp_addr_eq(&found->key.peer_hit, &peer));
		hp_flow_del(f[(i * 3 + 2) % 5]);
	}
	CU_ASSERT_PTR_NULL(asked(db, 5000, 1));
	CU_ASSERT_PTR_NOT_NULL(asked(db, 5000, 2));
	hp_flowdb_flush(db);
	CU_ASSERT_PTR_NULL(mapping(db, 5000));
	hp_flowdb_free(db);
}

/* One peer under two addresses: the HIT side can't have the same name twice. */
static void two_addresses_of_one_peer_need_two_ports(void)
{
	struct hp_flowdb *db = db_new();
	struct hp_flow_key k = key("10.0.0.1", 5000, 1, 69);
	struct hp_flow *a = add(db, "10.0.0.1", 5000, 1, 69), *b;

	k.far.b[15] = 99;
	CU_ASSERT_EQUAL(hp_flow_add(db, &k, true, &b), 0);
	CU_ASSERT_NOT_EQUAL(b->key.local_port, 5000);
	CU_ASSERT_PTR_EQUAL(asked(db, b->key.local_port, 1), b);
	CU_ASSERT_PTR_EQUAL(asked(db, 5000, 1), a);
	CU_ASSERT_EQUAL(add(db, "10.0.0.1", 5000, 2, 69)->key.local_port, 5000);
	hp_flowdb_free(db);
}

static void a_server_is_found_by_any_of_its_ports(void)
{
	struct hp_flowdb *db = db_new();
	struct hp_flow_key k = key("10.2.0.10", 69, 1, 0);
	struct hp_flow *f, *other;

	k.local_port = 69;
	k.peer_port = 4000;
	CU_ASSERT_EQUAL(hp_flow_add(db, &k, false, &f), 0);
	CU_ASSERT_PTR_EQUAL(hp_mapping_asked_server(db, &f->key.far, 4000, &f->key.legacy), f);
	CU_ASSERT_PTR_NULL(hp_mapping_asked_server(db, &f->key.far, 4001, &f->key.legacy));
	/* The same client asks the same server under another identity: the first one counts. */
	k.local_hit = hit(0xfffe);
	k.legacy_port = k.local_port = 70;
	CU_ASSERT_EQUAL(hp_flow_add(db, &k, false, &other), 0);
	CU_ASSERT_PTR_EQUAL(hp_mapping_asked_server(db, &f->key.far, 4000, &f->key.legacy), f);
	hp_flow_del(other);
	hp_flow_del(f);
	CU_ASSERT_PTR_NULL(hp_mapping_asked_server(db, &k.far, 4000, &k.legacy));
	hp_flowdb_free(db);
}

static void strangers_are_counted_and_bounded(void)
{
	struct hp_flowdb *db = db_new();
	struct hp_flow_key k;
	struct hp_flow *f = add(db, "10.0.0.1", 5000, 1, 69), *s = NULL;
	struct hp_mapping *m = mapping(db, 5000);
	unsigned int n = 0;

	while (m && hp_mapping_takes_stranger(m) && n < 1000) {
		k = key("10.0.0.1", 5000, 7, (uint16_t)(2000 + n++));
		k.local_port = 5000;
		CU_ASSERT_EQUAL(hp_flow_add(db, &k, false, &s), 0);
	}
	CU_ASSERT_EQUAL(n, HP_MAPPING_STRANGERS);
	hp_flow_del(s);
	CU_ASSERT_TRUE(hp_mapping_takes_stranger(m));
	/* Strangers don't keep a mapping. */
	hp_flow_del(f);
	CU_ASSERT_PTR_NULL(mapping(db, 5000));
	f = add(db, "10.0.0.1", 5000, 1, 69);
	hp_flowdb_flush(db);
	hp_flowdb_free(db);
}

/* Flows come and go at random: what is found is what a list of all of them says. */
static void a_long_random_life_keeps_it_right(void)
{
	static struct hp_flow *live[64];
	struct hp_flowdb *db = db_new();
	unsigned int seed = 1, bad = 0;

	for (unsigned int step = 0; step < 60000; step++) {
		unsigned int i = (seed = seed * 1103515245 + 12345) >> 16 & 63, r = seed >> 8;
		char client[16];

		if (live[i]) {
			hp_flow_del(live[i]);
			live[i] = NULL;
		} else {
			struct hp_flow_key k;

			snprintf(client, sizeof(client), "10.0.0.%u", 1 + (r & 1));
			k = key(client, (uint16_t)(5000 + (r >> 1 & 1)), 1 + (r >> 2 & 3),
				(uint16_t)(69 + (r >> 4 & 7)));
			if (hp_flow_add(db, &k, true, &live[i]))
				live[i] = NULL;
		}
		for (unsigned int n = 0; n < 64; n++) {
			const struct hp_flow *f = live[n], *g;

			if (!f)
				continue;
			g = hp_mapping_asked_peer(db, &f->key.local_hit, f->key.local_port,
						  &f->key.peer_hit);
			bad += !g || !hp_addr_eq(&g->key.legacy, &f->key.legacy) ||
			       g->key.legacy_port != f->key.legacy_port;
		}
	}
	CU_ASSERT_EQUAL(bad, 0);
	memset(live, 0, sizeof(live));
	hp_flowdb_flush(db);
	for (unsigned int port = 1; port < 65536; port++)
		bad += mapping(db, (uint16_t)port) != NULL;
	CU_ASSERT_EQUAL(bad, 0);
	hp_flowdb_free(db);
}

static void tcp_has_no_mappings(void)
{
	struct hp_flowdb *db = db_new();
	struct hp_flow_key k = key("10.0.0.1", 5000, 1, 80);
	struct hp_flow *f;

	k.proto = 6;
	CU_ASSERT_EQUAL(hp_flow_add(db, &k, true, &f), 0);
	CU_ASSERT_PTR_NULL(mapping(db, 5000));
	CU_ASSERT_PTR_NULL(asked(db, 5000, 1));
	k.legacy.b[15] = 2;
	k.peer_port = k.far_port = 81;
	CU_ASSERT_EQUAL(hp_flow_add(db, &k, true, &f), 0);
	CU_ASSERT_EQUAL(f->key.local_port, 5000);
	hp_flowdb_free(db);
}

static const struct hp_test tests[] = {
	HP_TEST(a_port_is_the_same_towards_every_peer),
	HP_TEST(a_port_that_another_host_has_is_not_given),
	HP_TEST(when_ports_run_out_they_are_shared_by_peers),
	HP_TEST(a_flow_is_found_by_any_port_of_its_peer),
	HP_TEST(two_addresses_of_one_peer_need_two_ports),
	HP_TEST(a_server_is_found_by_any_of_its_ports),
	HP_TEST(strangers_are_counted_and_bounded),
	HP_TEST(a_long_random_life_keeps_it_right),
	HP_TEST(tcp_has_no_mappings),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("mapping", tests, argc, argv);
}
