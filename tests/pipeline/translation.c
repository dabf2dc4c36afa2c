/* SPDX-License-Identifier: MIT
 *
 * Two gateways for tests of the translation (see translation.h).
 */
#include "translation.h"

#include <string.h>

#include "../harness.h"

/* The plugin is a file of its own, with its settings. */
#include "../../plugins/icmp/icmp.c"

struct lab l;
bool server6;
static const struct settings icmp_settings = { 100000, 100000 };

/* ---- the far gateway */

struct hp_addr server(void)
{
	return test_addr(server6 ? "fd09::10" : "10.9.0.10");
}

struct hp_addr client_there(void)
{
	return test_addr(server6 ? "fd99::1" : "10.99.0.1");
}

static int backend(struct hp_instance *self, const struct hp_backend_ask *ask,
		   struct hp_ticket ticket, struct hp_backend_result *out)
{
	(void)self, (void)ticket;
	*out = (struct hp_backend_result){ server(), ask->local_port, client_there() };
	return 0;
}

static const struct hp_backend_service backends[] = {
	{ .name = "servers", .ask = backend },
	{ .name = NULL }
};

static const struct hp_plugin gateway = {
	HP_PLUGIN_HEAD, .name = "gateway", .version = "1", .summary = "one server",
	.backends = backends,
};

/* ---- on the wire: the payload of each ESP packet */

struct piece wire[MOST];
size_t n_wire;

/* SPI, sequence number, payload, padding, its length, next header, ICV of 16 octets. */
static enum fate read_wire(struct lab *lab, struct wire_esp *e)
{
	size_t end = e->len - 16;
	struct piece *w = &wire[n_wire];

	(void)lab;
	if (e->to != 1 || n_wire == MOST)
		return PASS;
	w->next = e->data[end - 1];
	w->len = end - 2 - e->data[end - 2] - 8;
	memcpy(w->data, e->data + 8, w->len < sizeof(w->data) ? w->len : sizeof(w->data));
	n_wire++;
	return PASS;
}

void begin(const char *more)
{
	lab_init(&l);
	for (int i = 0; i < 2; i++) {
		l.w.s[i].cfg.esp_suites[0] = 7;
		l.w.s[i].cfg.n_esp_suites = 1;
		l.w.s[i].cfg.allow_null = true;
		l.n[i].more = more;
	}
	l.n[0].plugin = &hipproxy_plugin_icmp;
	l.n[0].settings = &icmp_settings;
	l.n[1].plugin = &gateway;
	l.esp_fate = read_wire;
	lab_start(&l);
	n_wire = 0;
}

void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

void forget(void)
{
	lab_forget(&l, 0);
	lab_forget(&l, 1);
	n_wire = 0;
}

/* ---- packets */

struct hp_packet *with_df(struct hp_packet *p, bool df)
{
	if (p->data[0] >> 4 == 4) {
		p->data[6] = df ? 0x40 : 0;
		test_seal_checksums(p);
	}
	return p;
}

struct hp_packet *of_len(struct talk *t, bool tcp, size_t len)
{
	size_t head = hp_addr_is4(&t->client) ? 20 : 40;

	return tcp ? lab_tcp(t, lab_text(), len - head - 20) : lab_udp(t, lab_text(), len - head - 8);
}

void up(struct talk *t, bool tcp)
{
	if (tcp)
		lab_capture(&l, lab_syn(t, 1460));
	else
		lab_capture(&l, lab_udp(t, "q", 1));
	lab_run(&l, 60);
	t->seq += tcp;
	CU_ASSERT_EQUAL_FATAL(lab_count(&l, 1), 1);
	forget();
}
