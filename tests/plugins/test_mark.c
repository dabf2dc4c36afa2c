/* SPDX-License-Identifier: MIT
 *
 * plugins/mark on a client-side and on a server-side proxy: what legacy hosts send on connections to
 * the ports gets the DSCP, whichever side began.
 */
#include <string.h>

/* The lab has a verdict of this name. */
#define MARKED COUNT_MARKED
#include "../../plugins/mark/mark.c"
#undef MARKED
#include "../harness.h"
#include "../pipeline/lab.h"

#define ACK 16
#define SENT 46 /* the DSCP of the lab's packets */
#define SET  10

static struct lab l;
static struct settings set = { .dscp = SET, .ports = { 80, 80 } };

static int backend(struct hp_instance *self, const struct hp_backend_ask *ask,
		   struct hp_ticket ticket, struct hp_backend_result *out)
{
	(void)self, (void)ticket;
	*out = (struct hp_backend_result){ test_addr("10.9.0.10"), ask->local_port,
					   test_addr("10.99.0.1") };
	return 0;
}

static const struct hp_backend_service backends[] = {
	{ .name = "servers", .ask = backend }, { .name = NULL }
};

static struct hp_plugin marking; /* mark, which on node 1 has a server too */

/* One segment each way; the counter of the node with the plugin. */
static uint64_t converse(int at, uint16_t port)
{
	struct talk t = lab_talk4(1);
	uint64_t marked;

	marking = hipproxy_plugin_mark;
	if (at)
		marking.backends = backends;
	lab_init(&l);
	l.n[at].plugin = &marking;
	l.n[at].settings = &set;
	lab_start(&l);
	t.dport = port;
	lab_open(&l, &t);
	lab_capture(&l, lab_tcp(&t, "x", 1));
	lab_run(&l, 5);
	CU_ASSERT_FATAL(lab_count(&l, 1) == 1);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->tos >> 2, !at && port == 80 ? SET : SENT);
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 0), ACK, "y", 1));
	lab_run(&l, 5);
	CU_ASSERT_FATAL(lab_count(&l, 0) == 1);
	CU_ASSERT_EQUAL(lab_out(&l, 0, 0)->tos >> 2, at && port == 80 ? SET : SENT);
	CU_ASSERT(lab_all_right(&l, 0) && lab_all_right(&l, 1)); /* checksums too */
	marked = hp_registry_plugin(l.n[at].registry, 0)->counters.values[COUNT_MARKED];
	CU_ASSERT_TRUE(lab_fini(&l));
	return marked;
}

static void a_client_side_proxy_marks_what_clients_send(void)
{
	CU_ASSERT(converse(0, 80) >= 2); /* SYN, data */
	CU_ASSERT_EQUAL(converse(0, 81), 0);
}

static void a_server_side_proxy_marks_what_servers_send(void)
{
	CU_ASSERT(converse(1, 80) >= 1);
	CU_ASSERT_EQUAL(converse(1, 81), 0);
}

static const struct hp_test tests[] = {
	HP_TEST(a_client_side_proxy_marks_what_clients_send),
	HP_TEST(a_server_side_proxy_marks_what_servers_send),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int failed = hp_test_main("mark", tests, argc, argv);

	world_keys_free();
	return failed;
}
