/* SPDX-License-Identifier: MIT
 *
 * The state file: what was written is there again, however the process ended.
 */
#include "../harness.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/state.h"
#include "packets.h"

#define MANY 60000u /* more than fit before the file grows, several times */

static char path[64];
static struct hp_flow *flows; /* what the records make */
static uint32_t n_flows, n_peers;
static bool seen[MANY];

static void path_new(void)
{
	snprintf(path, sizeof(path), "/tmp/hp-state-%d", (int)getpid());
	unlink(path);
}

static struct hp_flow_key key_of(uint32_t i)
{
	struct hp_flow_key k = {
		.legacy = test_addr("10.0.0.1"), .far = test_addr("192.0.2.80"),
		.local_hit = test_addr("2001:20::1"), .peer_hit = test_addr("2001:20::2"),
		.far_port = 80, .peer_port = 80, .proto = 6,
	};

	k.legacy_port = k.local_port = (uint16_t)(i % 50000 + 1);
	k.legacy.b[13] = (uint8_t)(i / 50000);
	return k;
}

static struct hp_state *open_state(void)
{
	struct hp_state *st = NULL;

	CU_ASSERT_EQUAL(hp_state_open(path, &st), 0);
	return st;
}

/* Field by field: what is between them is nobody's. */
static bool same_key(const struct hp_flow_key *a, const struct hp_flow_key *b)
{
	return hp_addr_eq(&a->legacy, &b->legacy) && hp_addr_eq(&a->far, &b->far) &&
	       hp_addr_eq(&a->local_hit, &b->local_hit) && hp_addr_eq(&a->peer_hit, &b->peer_hit) &&
	       a->legacy_port == b->legacy_port && a->far_port == b->far_port &&
	       a->local_port == b->local_port && a->peer_port == b->peer_port &&
	       a->proto == b->proto;
}

static struct hp_flow *was(void *ctx, const struct hp_flow_key *key, bool outbound)
{
	uint32_t i = key->legacy.b[13] * 50000u + key->legacy_port - 1;
	struct hp_flow_key want = key_of(i < MANY ? i : 0);

	(void)ctx;
	CU_ASSERT(!outbound && i < MANY && !seen[i]);
	CU_ASSERT(same_key(key, &want));
	if (i >= MANY)
		return NULL;
	seen[i] = true;
	n_flows++;
	flows[i].key = *key;
	return &flows[i];
}

static void peer_was(void *ctx, const struct hp_addr *local_hit, const struct hp_addr *peer_hit,
		     const struct hp_addr *addr, uint16_t port)
{
	struct hp_addr met = test_addr("192.0.2.7");

	(void)ctx, (void)local_hit, (void)peer_hit;
	CU_ASSERT(hp_addr_eq(addr, &met) && port == 10500);
	n_peers++;
}

static struct hp_state *open_again(void)
{
	struct hp_state *st = open_state();

	n_flows = n_peers = 0;
	memset(seen, 0, sizeof(seen));
	hp_state_restore(st, was, NULL);
	hp_state_peers(st, peer_was, NULL);
	return st;
}

static void write_flow(struct hp_state *st, uint32_t i)
{
	flows[i].key = key_of(i);
	hp_state_flow(st, &flows[i]);
	CU_ASSERT(flows[i].state_slot != 0);
}

static void write_peer(struct hp_state *st, const char *hit, const char *addr)
{
	struct hp_addr local = test_addr("2001:20::1"), peer = test_addr(hit),
		       at = test_addr(addr);

	hp_state_peer(st, &local, &peer, &at, 10500);
}

static void flows_and_peers_are_there_again(void)
{
	struct hp_state *st;

	path_new();
	st = open_state();
	for (uint32_t i = 0; i < 10; i++)
		write_flow(st, i);
	hp_state_flow_gone(st, &flows[3]);
	CU_ASSERT(!flows[3].state_slot);
	write_peer(st, "2001:20::2", "192.0.2.9");
	write_peer(st, "2001:20::2", "192.0.2.7"); /* the same, elsewhere */
	write_peer(st, "2001:20::3", "192.0.2.7");
	hp_state_close(st);
	st = open_again();
	CU_ASSERT(n_flows == 9 && !seen[3] && n_peers == 2);
	write_flow(st, 3); /* into the gap */
	hp_state_close(st);
	st = open_again();
	CU_ASSERT(n_flows == 10 && n_peers == 2);
	hp_state_close(st);
	unlink(path);
}

static void what_was_written_outlives_a_kill(void)
{
	struct hp_state *st;
	int status;
	pid_t child;

	path_new();
	child = fork();
	if (!child) {
		if (hp_state_open(path, &st))
			_exit(1);
		for (uint32_t i = 0; i < MANY; i++) {
			flows[i].key = key_of(i);
			hp_state_flow(st, &flows[i]);
		}
		for (uint32_t i = 0; i < MANY; i += 3)
			hp_state_flow_gone(st, &flows[i]);
		raise(SIGKILL);
	}
	CU_ASSERT(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	st = open_again();
	CU_ASSERT_EQUAL(n_flows, MANY - MANY / 3);
	CU_ASSERT(!seen[0] && seen[1] && seen[2] && !seen[3] && seen[MANY - 1]);
	hp_state_close(st);
	unlink(path);
}

/* Octets of the file's mapping that are resident. */
static size_t resident(void)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long kb = 0;
	bool ours = false;
	char line[512];

	CU_ASSERT_FATAL(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, path))
			ours = true;
		else if (ours && sscanf(line, "Rss: %lu kB", &kb) == 1)
			break;
	}
	fclose(f);
	return kb * 1024;
}

static void many_records_cost_little_resident_memory(void)
{
	struct hp_state *st;

	path_new();
	st = open_state();
	for (uint32_t round = 0; round < 8; round++)
		for (uint32_t i = 0; i < MANY; i++)
			write_flow(st, i);
	CU_ASSERT(resident() > 0 && resident() < (5u << 20));
	hp_state_close(st);
	unlink(path);
}

static void a_file_of_another_kind_is_begun_anew(void)
{
	static const char *const other[] = { "", "HPSTATE1", "something else, and longer than a head" };
	struct hp_state *st;

	for (size_t i = 0; i < 3; i++) {
		FILE *f;

		path_new();
		f = fopen(path, "w");
		CU_ASSERT_FATAL(f != NULL);
		fputs(other[i], f);
		fclose(f);
		st = open_again();
		CU_ASSERT(st && !n_flows && !n_peers);
		write_flow(st, 1);
		hp_state_close(st);
		st = open_again();
		CU_ASSERT(n_flows == 1);
		hp_state_close(st);
	}
	unlink(path);
}

static void a_head_that_lies_is_not_believed(void)
{
	static const uint32_t records[] = { 0, 63, 65, 1025, 2048, UINT32_MAX };
	struct hp_state *st;

	path_new();
	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) {
		FILE *f;

		st = open_state();
		write_flow(st, 1);
		hp_state_close(st);
		f = fopen(path, "r+");
		CU_ASSERT_FATAL(f != NULL);
		fseek(f, 12, SEEK_SET);
		fwrite(&records[i], 4, 1, f);
		fclose(f);
		st = open_again();
		CU_ASSERT(st && !n_flows);
		hp_state_close(st);
		unlink(path);
	}
}

static void a_second_daemon_is_refused(void)
{
	struct hp_state *st, *other;
	int status;
	pid_t child;

	path_new();
	st = open_state();
	child = fork();
	if (!child)
		_exit(hp_state_open(path, &other) == -EBUSY ? 0 : 1);
	CU_ASSERT(waitpid(child, &status, 0) == child && status == 0);
	hp_state_close(st);
	unlink(path);
}

static const struct hp_test tests[] = {
	HP_TEST(flows_and_peers_are_there_again),
	HP_TEST(what_was_written_outlives_a_kill),
	HP_TEST(many_records_cost_little_resident_memory),
	HP_TEST(a_file_of_another_kind_is_begun_anew),
	HP_TEST(a_head_that_lies_is_not_believed),
	HP_TEST(a_second_daemon_is_refused),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int status;

	flows = calloc(MANY, sizeof(*flows));
	if (!flows)
		return 1;
	status = hp_test_main("state", tests, argc, argv);
	free(flows);
	return status;
}
