/* SPDX-License-Identifier: MIT
 *
 * A gateway that does what its payload says: it replaces datagrams by longer or shorter ones, drops
 * them and announces conversations.  What arrives at the other end is compared.
 *
 * The input is a list of records of at most 260 octets: an octet that says what happens, two octets
 * of the replacement's length, one of the payload's length, the payload.
 *	0x01  the client sends, else the host
 *	0x02  IPv6 client
 *	0x04  the gateway replaces the payload; 0x08 it drops
 *	0x10  it announces: port, ports, uses and options from the payload's first octets
 *	0x20  from another port; 0x40 joined with its like; 0x80 time passes first
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../pipeline/lab.h"
#include "flow/expect.h"

#define MOST 4000u

static struct lab l;
static struct settings {
	struct hp_conf_ints ports;
} settings;
static int64_t port_list[] = { 69 };
static uint8_t what;
static size_t becomes;
static unsigned int calls, refused;

static const struct hp_counter drops[] = { { "unwanted", "the input said so" }, { NULL, NULL } };

static void announce(struct hp_alg_call *c, const uint8_t *data, size_t len)
{
	uint8_t at[8] = { 0 };
	struct hp_expectation e = { .timeout_ms = 50 };

	memcpy(at, data, len < sizeof(at) ? len : sizeof(at));
	e.port = hp_get16(at);
	e.hip_port = at[2] ? (uint16_t)(at[2] * 17) : 0;
	e.n_ports = at[3];
	e.times = at[4];
	e.options = at[5];
	e.kind = at[6] & 1 ? HP_EXPECT_LEGACY : HP_EXPECT_PEER;
	e.proto = at[7];
	refused += hp_expect(c->self, c->flow, &e) != 0;
}

static enum hp_verdict datagram(struct hp_alg_call *c, const uint8_t *data, size_t len,
				struct hp_alg_out *out)
{
	calls++;
	if (what & 0x10)
		announce(c, data, len);
	if (what & 8)
		return hp_packet_drop(c->self, c->packet, 0);
	if (!(what & 4))
		return HP_NEXT;
	HP_FUZZ_HOLDS(out->cap >= len + HP_ALG_GROW);
	out->replace = true;
	out->len = becomes < out->cap ? becomes : out->cap;
	memset(out->data, 'r', out->cap); /* all of it may be written */
	return HP_NEXT;
}

static const struct hp_conf_row schema[] = {
	{ "ports", HP_CONF_INTS, 0, HP_CONF_AT(struct settings, ports), 1, 65535 },
	HP_CONF_END
};
static const struct hp_alg algs[] = {
	{ .name = "gate.udp", .proto = 17, .ports_offset = HP_ALG_PORTS(struct settings, ports),
	  .session_bytes = 40, .datagram = datagram },
	{ .name = NULL }
};
static const struct hp_plugin plugin = {
	HP_PLUGIN_HEAD, .name = "gate", .version = "1", .summary = "for tests", .schema = schema,
	.settings_bytes = sizeof(struct settings), .algs = algs, .drops = drops,
};

static void begin(void)
{
	static bool begun;

	if (begun)
		return;
	begun = true;
	settings.ports = (struct hp_conf_ints){ port_list, 1 };
	lab_init(&l);
	for (int i = 0; i < 2; i++) {
		l.w.s[i].cfg.ual_s = 0;
		l.w.s[i].cfg.dead_peer_ms = 0;
	}
	l.n[0].plugin = &plugin;
	l.n[0].settings = &settings;
	l.n[0].more = "filtering = \"address-and-port\";";
	lab_start(&l);
	if (!world_connect(&l.w, 200))
		abort();
}

static void from_client(struct talk *t, const uint8_t *data, size_t len)
{
	struct hp_packet *p = lab_udp(t, data, len);

	if (what & 0x40 && len > 8) {
		p->gso = true;
		p->gso_size = (uint16_t)(len / 2);
	}
	lab_capture(&l, p);
}

static void from_host(const struct talk *t, const uint8_t *data, size_t len)
{
	struct hp_addr us = l.w.s[0].hit, them = l.w.s[1].hit;
	uint16_t from = what & 0x20 ? (uint16_t)(3000 + len) : 69;

	lab_local(&l, 1, test_udp(&them, from, &us, t->sport, data, len));
}

static void take(const uint8_t *data, size_t len)
{
	struct talk t = what & 2 ? lab_talk6(5000) : lab_talk4(5000);
	size_t before = lab_count(&l, 1);

	calls = 0;
	t.dport = what & 0x20 ? 3001 : 69;
	if (what & 0x80)
		lab_run(&l, 40);
	if (what & 1)
		from_client(&t, data, len);
	else
		from_host(&t, data, len);
	lab_run(&l, 3);
	if (!(what & 1) || !calls || what & 8)
		return;
	/* Everything that the gateway let go arrives as it left it. */
	HP_FUZZ_HOLDS(lab_count(&l, 1) == before + calls);
	for (size_t i = before; what & 4 && i < before + calls; i++)
		HP_FUZZ_HOLDS(lab_out(&l, 1, i)->payload_len == becomes &&
			      (!becomes || lab_out(&l, 1, i)->payload[becomes - 1] == 'r'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int n = 0;

	begin();
	while (size >= 4 && n++ < 32) {
		size_t len = data[3];

		what = data[0];
		becomes = hp_get16(data + 1);
		if (len > size - 4)
			len = size - 4;
		/* A small buffer has room for this at least. */
		becomes %= len + HP_ALG_GROW < MOST ? len + HP_ALG_GROW : MOST;
		take(data + 4, len);
		data += 4 + len;
		size -= 4 + len;
	}
	lab_run(&l, 60);
	HP_FUZZ_HOLDS(hp_expect_count(hp_flowdb_expect(hp_pipe_flowdb(l.n[0].pipe))) == 0);
	HP_FUZZ_HOLDS(lab_all_right(&l, 1));
	HP_FUZZ_HOLDS(lab_renew(&l, 0));
	lab_forget(&l, 1);
	return 0;
}
