/* SPDX-License-Identifier: MIT
 *
 * Everything at once, by dice: clients, answers, losses, restarts, flushes, reloads, closing,
 * rekeying.  What must hold at any time:
 *	- nothing for a protected destination is ever given back to the kernel;
 *	- answers reach the client that asked, unaltered, with right checksums;
 *	- every packet is sent, dropped with a reason, or held; each gets one verdict;
 *	- every packet comes back to the pool.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "../harness.h"
#include "hip/rekey.h"
#include "lab.h"
#include "probe.h"

#define CLIENTS 6
#define ACK 16

static struct lab l;
static uint32_t seed;
static bool wild; /* also fragments, strangers, local packets, an empty pool, our own restarts */
static unsigned echoes, answers, strays;

static unsigned dice(unsigned sides)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % sides;
}

static enum fate esp_dice(struct lab *lab, struct wire_esp *e)
{
	(void)lab, (void)e;
	switch (dice(40)) {
	case 0:
		return LOSE;
	case 1:
		return LATE;
	case 2:
		return TWICE;
	default:
		return PASS;
	}
}

static enum fate hip_dice(struct lab *lab, const struct side *from, struct packet *p)
{
	(void)lab, (void)from, (void)p;
	return dice(10) ? PASS : LOSE;
}

/* Few clients, ports and destinations, so that names collide. */
static struct talk some_talk(void)
{
	bool v4 = dice(3);
	struct talk t = v4 ? lab_talk4(0) : lab_talk6(0);

	t.client.b[15] = (uint8_t)(2 + dice(CLIENTS));
	t.served.b[15] = (uint8_t)(5 + dice(3));
	t.sport = (uint16_t)(40000 + dice(4));
	t.dport = (uint16_t)(80 + dice(2));
	t.seq = dice(1u << 24);
	return t;
}

/* Who asked stands in the payload, for whoever sees the echo. */
#define MAGIC 0x7061636b65742121u

struct tag {
	uint64_t magic;
	struct hp_addr client, served;
	uint16_t sport, dport;
	uint32_t number;
};

static size_t fill(uint8_t *to, const struct talk *t, size_t len)
{
	static uint32_t number;
	struct tag tag;

	memset(&tag, 0, sizeof(tag));
	tag.magic = MAGIC;
	tag.client = t->client;
	tag.served = t->served;
	tag.sport = t->sport;
	tag.dport = t->dport;
	tag.number = ++number;
	memcpy(to, &tag, sizeof(tag));
	memcpy(to + sizeof(tag), lab_text() + tag.number % 1000, len);
	return sizeof(tag) + len;
}

/* Later segments of a super-packet carry none. */
static bool tag_read(const struct seen *s, struct tag *tag)
{
	if ((s->proto != 6 && s->proto != 17) || s->payload_len < sizeof(*tag))
		return false;
	memcpy(tag, s->payload, sizeof(*tag));
	return tag->magic == MAGIC;
}

/* Two fragments; now and then one is lost, or both come backwards. */
static void ask_in_pieces(struct hp_packet *p)
{
	bool v4 = p->data[0] >> 4 == 4, backwards = dice(2);
	size_t head = v4 ? 20 : 40, cut = 8 * (1 + dice(20)), rest = p->len - head - cut;
	static uint32_t id;

	id++;
	for (int i = 0; i < 2; i++) {
		bool first = (i == 0) != backwards;
		struct hp_packet *f = test_packet_new();
		size_t at = first ? 0 : cut, len = first ? cut : rest;
		uint8_t *body = f->data + head + (v4 ? 0 : 8);

		memcpy(f->data, p->data, head);
		memcpy(body, p->data + head + at, len);
		f->len = (size_t)(body - f->data) + len;
		if (v4) {
			hp_put16(f->data + 2, (uint16_t)f->len);
			hp_put16(f->data + 4, (uint16_t)id);
			hp_put16(f->data + 6, (uint16_t)(at / 8 | (first ? 0x2000 : 0)));
		} else {
			hp_put16(f->data + 4, (uint16_t)(len + 8));
			f->data[6] = 44;
			f->data[40] = 17;
			hp_put16(f->data + 42, (uint16_t)(at | first));
			hp_put32(f->data + 44, id);
		}
		if (dice(50))
			lab_capture(&l, f);
		else
			test_packet_free(f);
	}
	test_packet_free(p);
}

static void ask(void)
{
	static uint8_t buf[65536];
	struct talk t = some_talk();
	bool tcp = dice(2), super = tcp && !dice(4);
	size_t len = fill(buf, &t, super ? dice(50000) : dice(1200));
	struct hp_packet *p = tcp ? lab_tcp(&t, buf, len) : lab_udp(&t, buf, len);

	p->gso = super;
	if (wild && !tcp && len > 200)
		ask_in_pieces(p);
	else
		lab_capture(&l, p);
}

/* What belongs to nobody: it may pass, and nothing else may. */
static void stray(void)
{
	struct talk t = some_talk();
	bool room = l.n[0].pool_left > 0;
	struct hp_addr nobody = test_addr("2001:21::99");
	unsigned id;

	switch (dice(3)) {
	case 0:
		t.served = test_addr("198.51.100.1");
		t.client = test_addr(LAB_CLIENT4);
		t.served.b[15] = (uint8_t)dice(256);
		id = lab_capture(&l, lab_syn(&t, 1460));
		CU_ASSERT_TRUE(lab_verdict(&l, id) == MARKED || !room);
		strays += lab_verdict(&l, id) == MARKED;
		break;
	case 1:
		lab_local(&l, 0, test_udp(&l.w.s[0].hit, 1, &nobody, 2, "x", 1));
		break;
	case 2:
		lab_local(&l, 0, test_udp(&l.w.s[0].hit, 1, &l.w.s[1].hit, 2, "x", 1));
		break;
	}
}

/* The host answers what it got, once, and the answer goes where the question came from. */
static void echo(void)
{
	for (size_t i = 0; i < lab_count(&l, 1); i++) {
		const struct seen *s = lab_out(&l, 1, i);
		struct tag tag;

		CU_ASSERT_TRUE(s->right);
		if (!tag_read(s, &tag))
			continue;
		CU_ASSERT_EQUAL(s->dport, tag.dport);
		/* Segments of other packets may have been joined behind it. */
		CU_ASSERT(s->proto == 6 ||
			  !memcmp(s->payload + sizeof(tag), lab_text() + tag.number % 1000,
				  s->payload_len - sizeof(tag)));
		echoes++;
		lab_local(&l, 1, lab_reply(s, ACK, s->payload, s->payload_len));
	}
	lab_forget(&l, 1);
}

static void look_at_answers(void)
{
	for (size_t i = 0; i < lab_count(&l, 0); i++) {
		const struct seen *s = lab_out(&l, 0, i);
		struct tag tag;

		CU_ASSERT_TRUE(s->right);
		if (!tag_read(s, &tag))
			continue;
		answers++;
		CU_ASSERT_TRUE(hp_addr_eq(&s->dst, &tag.client));
		CU_ASSERT_TRUE(hp_addr_eq(&s->src, &tag.served));
		CU_ASSERT(s->dport == tag.sport && s->sport == tag.dport);
	}
	lab_forget(&l, 0);
}

/* Without their flows answers on the way could reach whoever gets the port next. */
static void forget(unsigned what)
{
	for (int i = 0; what != HP_FLUSH_PEERS && i < 3; i++) {
		lab_run(&l, 10);
		echo();
		look_at_answers();
	}
	hp_pipe_forget(l.n[0].pipe, what);
}

static void disturb(void)
{
	struct hp_assoc *a;
	int at = (int)dice(2);

	switch (dice(wild ? 15 : 12)) {
	case 12:
		forget(0); /* drains */
		lab_restart(&l, 0);
		lab_forget(&l, 1);
		break;
	case 13:
		l.n[0].pool_left = dice(2) ? 30 : 100000;
		break;
	case 14:
		l.n[1].pool_left = dice(2) ? 30 : 100000;
		break;
	case 0:
		forget(1 + dice(3));
		break;
	case 1:
		l.n[0].client = dice(2) ? "hold_packets = 5; hold_timeout_ms = 300;" : "";
		lab_reconfigure(&l);
		break;
	case 2:
		a = world_assoc(&l.w, at);
		if (a)
			hp_hip_close(a);
		break;
	case 3:
		a = world_assoc(&l.w, at);
		if (a)
			hp_rekey_start(a);
		break;
	case 4:
		lab_restart(&l, 1);
		break;
	case 5:
		l.n[dice(2)].mtu_outer = 1280 + dice(221);
		break;
	case 6:
		l.n[0].esp_err = dice(2) ? -ENOBUFS : 0;
		break;
	case 7:
		l.hip_fate = dice(2) ? hip_dice : NULL;
		break;
	case 8:
		l.n[0].plain_err = dice(2) ? -EIO : 0;
		break;
	case 9:
		lab_run(&l, dice(20000));
		break;
	default:
		l.esp_fate = dice(2) ? esp_dice : NULL;
		break;
	}
}

static void quiet_down(void)
{
	l.n[0].esp_err = l.n[0].plain_err = 0;
	l.n[0].pool_left = l.n[1].pool_left = 100000;
	l.hip_fate = NULL;
	l.esp_fate = NULL;
	for (int i = 0; i < 60; i++) {
		lab_run(&l, 1000);
		echo();
		look_at_answers();
	}
}

static void check_sums(void)
{
	struct hp_pipe_totals t = *hp_pipe_totals(l.n[0].pipe);
	uint64_t gone = lab_drops_all(&l, 0) - lab_drops(&l, 0, HP_DROP_TUN);

	/* What was sealed counts as having left. */
	gone -= lab_drops(&l, 0, HP_DROP_SEND) + lab_drops(&l, 0, HP_DROP_NARROWED);
	for (int r = HP_DROP_ESP_RUNT; r <= HP_DROP_NO_FLOW; r++)
		gone -= lab_drops(&l, 0, (enum hp_drop_reason)r);
	CU_ASSERT_EQUAL(t.passed, 0);
	CU_ASSERT_EQUAL(t.out_packets + gone, l.n[0].n_captured);
	for (unsigned i = 0; i < l.n[0].n_captured; i++)
		CU_ASSERT_EQUAL(lab_verdict(&l, i), STOLEN);
}

static void soak(uint32_t start)
{
	unsigned plain = 0;

	seed = start;
	strays = 0;
	probe_reset();
	lab_init(&l);
	l.n[0].plugin = &probe_plugin;
	l.w.s[1].cfg.opportunistic_responder = HP_OPP_ON;
	lab_start(&l);
	for (int step = 0; step < 3000; step++) {
		for (unsigned n = dice(4); n; n--)
			ask();
		if (wild && !dice(5))
			stray();
		lab_run(&l, dice(6));
		echo();
		look_at_answers();
		if (!dice(60))
			disturb();
	}
	quiet_down();
	CU_ASSERT_EQUAL(hp_peerdb_hold_pool(hp_pipe_peerdb(l.n[0].pipe))->packets, 0);
	for (unsigned i = 0; i < l.n[0].n_captured; i++)
		plain += lab_verdict(&l, i) == MARKED || lab_verdict(&l, i) == PASSED;
	CU_ASSERT_EQUAL(plain, strays);
	if (!wild)
		check_sums();
	CU_ASSERT_TRUE(lab_fini(&l));
	CU_ASSERT_EQUAL(probe.bad, 0);
}

static void some_runs(void)
{
	const char *runs = getenv("HP_SOAK");
	uint32_t n = runs ? (uint32_t)atoi(runs) : 4;

	for (uint32_t i = 1; i <= n; i++) {
		unsigned failed = CU_get_number_of_failures();

		soak(i * 7919);
		if (CU_get_number_of_failures() != failed)
			fprintf(stderr, "soak: seed %u failed\n", i);
	}
	CU_ASSERT_TRUE(echoes > 100 * n && answers > 100 * n);
}

static void everything_at_once(void)
{
	wild = false;
	some_runs();
}

static void everything_at_once_and_worse(void)
{
	wild = true;
	some_runs();
}

static const struct hp_test tests[] = {
	HP_TEST(everything_at_once),
	HP_TEST(everything_at_once_and_worse),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret;

	hp_log_level_all(HP_LOG_ERROR);
	ret = hp_test_main("soak", tests, argc, argv);
	world_keys_free();
	return ret;
}
