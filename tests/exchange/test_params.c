/* SPDX-License-Identifier: MIT
 *
 * Parameters that can't be so, in messages that are sealed rightly: of a wrong length, twice, out of
 * order, unknown and critical, missing (RFC 7401, section 5.2.1).
 */
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "../harness.h"
#include "hip/rekey.h"
#include "forge.h"

static struct world w;

enum how { SHORTER, LONGER, EMPTY, TWICE_OVER, SWAPPED, UNKNOWN_CRITICAL, UNKNOWN, MISSING, HOWS };

struct change {
	uint8_t type;
	enum how how;
	unsigned at;	   /* which parameter */
	bool done, beyond; /* beyond: the message has not so many */
	bool forbidden;	   /* by the table of parameters */
};

static bool length_fits(uint16_t type, size_t len)
{
	const struct hp_param_row *row = hp_param_row(type);

	return len >= row->min && len <= row->max && (len - row->min) % row->unit == 0;
}

static void resize(struct change *c, struct forge_param *p, uint16_t len)
{
	if (len > p->len)
		p->data[p->len] = 0;
	p->len = len;
	c->forbidden = !length_fits(p->type, len);
}

static void apply(struct change *c, struct forge *f)
{
	struct forge_param *p = &f->at[c->at], other;

	switch (c->how) {
	case SHORTER:
		resize(c, p, p->len ? (uint16_t)(p->len - 1) : 0);
		break;
	case LONGER:
		resize(c, p, (uint16_t)(p->len + 1));
		break;
	case EMPTY:
		resize(c, p, 0);
		break;
	case TWICE_OVER:
		c->forbidden = !(hp_param_row(p->type)->flags & HP_PARAM_REPEATS);
		forge_insert(f, c->at, p->type, p->data, p->len);
		break;
	case SWAPPED:
		c->forbidden = c->at + 1 < f->n;
		if (!c->forbidden)
			break;
		other = f->at[c->at + 1];
		f->at[c->at + 1] = *p;
		*p = other;
		break;
	case UNKNOWN_CRITICAL:
	case UNKNOWN:
		c->forbidden = c->how == UNKNOWN_CRITICAL;
		/* Behind it, of a type that nobody has given out. */
		forge_insert(f, c->at + 1, (uint16_t)((p->type + 2) | 1) - !c->forbidden, "x", 1);
		break;
	default:
		forge_drop(f, p->type);
	}
}

static bool is_free(uint16_t type)
{
	return !hp_param_row(type);
}

static enum fate change(struct world *world, const struct side *from, struct packet *p)
{
	struct change *c = world->arg;
	struct forge f;

	if (!c || p->msg[HP_HIP_OFF_TYPE] != c->type)
		return PASS;
	forge_read(&f, p);
	if (c->at >= f.n) {
		c->beyond = true;
		return PASS;
	}
	if ((c->how == UNKNOWN || c->how == UNKNOWN_CRITICAL) &&
	    !is_free((uint16_t)(((f.at[c->at].type + 2) | 1) - (c->how == UNKNOWN))))
		return PASS;
	apply(c, &f);
	c->done = true;
	forge_seal(&f, world, from->at, p);
	return PASS;
}

static uint64_t refused(void)
{
	uint64_t n = 0;

	for (int i = 0; i < 2; i++)
		n += world_counted(&w, i, HP_HIPD_MALFORMED) +
		     world_counted(&w, i, HP_HIPD_CRITICAL);
	return n;
}

/* All of an association's messages.  What came of the changed one: true, it did its work. */
static bool live(struct change *c)
{
	bool up;

	world_init(&w);
	w.fate = change;
	w.s[0].cfg.rekey_dh = true;
	world_start(&w);
	w.arg = c->type <= HP_HIP_R2 ? c : NULL;
	up = world_connect(&w, 30);
	if (c->type <= HP_HIP_R2)
		return up;
	CU_ASSERT_TRUE(up && world_data(&w));
	w.arg = c;
	if (c->type == HP_HIP_UPDATE) {
		hp_rekey_start(world_assoc(&w, 0));
		world_run(&w, 30);
		return w.s[0].events[HP_HIP_REKEYED] || w.s[1].events[HP_HIP_REKEYED];
	}
	hp_hip_close(world_assoc(&w, 0));
	world_run(&w, 30);
	return !world_assoc(&w, 0) ||
	       (c->type == HP_HIP_CLOSE && hp_assoc_state(world_assoc(&w, 1)) == HP_CLOSED);
}

static const uint8_t types[] = {HP_HIP_R1,     HP_HIP_I2,    HP_HIP_R2,
				HP_HIP_UPDATE, HP_HIP_CLOSE, HP_HIP_CLOSE_ACK};

static unsigned each(enum how how, void (*judge)(const struct change *c, bool worked))
{
	unsigned n = 0;

	for (size_t t = 0; t < sizeof(types); t++)
		for (unsigned i = 0;; i++) {
			struct change c = {.type = types[t], .how = how, .at = i};
			bool worked = live(&c);

			if (c.done) {
				judge(&c, worked);
				n++;
			}
			world_fini(&w);
			if (c.beyond)
				break;
		}
	return n;
}

/* What the table forbids is refused, and the association is as it was. */
static void must_be_refused(const struct change *c, bool worked)
{
	if (!c->forbidden)
		return;
	if (worked || !refused())
		printf("  %s, parameter %u, how %d\n", hp_hip_type_name(c->type), c->at, c->how);
	CU_ASSERT_FALSE(worked);
	CU_ASSERT(refused() > 0);
}

static void a_wrong_length_is_refused(void)
{
	CU_ASSERT(each(SHORTER, must_be_refused) > 20);
	CU_ASSERT(each(LONGER, must_be_refused) > 20);
	CU_ASSERT(each(EMPTY, must_be_refused) > 20);
}

static void one_that_comes_twice_is_refused(void)
{
	CU_ASSERT(each(TWICE_OVER, must_be_refused) > 20);
}

static void a_wrong_order_is_refused(void)
{
	CU_ASSERT(each(SWAPPED, must_be_refused) > 20);
}

static void an_unknown_critical_one_is_refused(void)
{
	CU_ASSERT(each(UNKNOWN_CRITICAL, must_be_refused) > 10);
}

static void must_do_no_harm(const struct change *c, bool worked)
{
	if (!worked)
		printf("  %s, parameter %u\n", hp_hip_type_name(c->type), c->at);
	CU_ASSERT_TRUE(worked);
	CU_ASSERT_EQUAL(refused(), 0);
}

static void an_unknown_one_that_is_not_critical_does_no_harm(void)
{
	CU_ASSERT(each(UNKNOWN, must_do_no_harm) > 10);
}

/* Which may be missing is said here, not by the product. */
static void must_be_missed(const struct change *c, bool worked)
{
	static const struct {
		uint8_t type;
		uint16_t param;
	} optional[] = {
		{HP_HIP_R1, HP_PARAM_R1_COUNTER}, {HP_HIP_R1, HP_PARAM_TRANSPORT_FORMAT_LIST},
		{HP_HIP_I2, HP_PARAM_R1_COUNTER}, {HP_HIP_I2, HP_PARAM_TRANSPORT_FORMAT_LIST},
		/* Without it the new keys come from the old value. */
		{HP_HIP_UPDATE, HP_PARAM_DIFFIE_HELLMAN},
	};
	static const uint16_t r1[] = {HP_PARAM_R1_COUNTER, HP_PARAM_PUZZLE,
				      HP_PARAM_DH_GROUP_LIST, HP_PARAM_DIFFIE_HELLMAN,
				      HP_PARAM_HIP_CIPHER, HP_PARAM_HOST_ID,
				      HP_PARAM_HIT_SUITE_LIST, HP_PARAM_TRANSPORT_FORMAT_LIST,
				      HP_PARAM_ESP_TRANSFORM};
	static const uint16_t i2[] = {HP_PARAM_ESP_INFO, HP_PARAM_R1_COUNTER, HP_PARAM_SOLUTION,
				      HP_PARAM_DIFFIE_HELLMAN, HP_PARAM_HIP_CIPHER,
				      HP_PARAM_HOST_ID, HP_PARAM_TRANSPORT_FORMAT_LIST,
				      HP_PARAM_ESP_TRANSFORM};
	uint16_t param = c->type == HP_HIP_R1 ? r1[c->at] : c->type == HP_HIP_I2 ? i2[c->at] : 0;

	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (param && optional[i].type == c->type && optional[i].param == param)
			return;
	if (c->type == HP_HIP_UPDATE)
		return; /* each without is another sort of UPDATE */
	if (worked)
		printf("  %s, parameter %u\n", hp_hip_type_name(c->type), c->at);
	CU_ASSERT_FALSE(worked);
}

static void a_missing_one_is_missed(void)
{
	CU_ASSERT(each(MISSING, must_be_missed) > 15);
}

/* ---- NOTIFY, which changes nothing however it is made */

static void give_notify(const struct forge *f)
{
	forge_give(f, &w, 1);
	world_run(&w, 2);
	CU_ASSERT_TRUE(world_data(&w));
}

static void a_notify_of_any_form_does_no_harm(void)
{
	static const uint8_t data[64] = {0, 0, 0, 7};
	struct hp_hip_tlv host_id;
	struct forge f;
	uint64_t bad;

	world_init(&w);
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	for (size_t len = 0; len <= sizeof(data); len++) {
		forge_begin(&f, &w, 1, HP_HIP_NOTIFY);
		forge_set(&f, HP_PARAM_NOTIFICATION, data, len);
		bad = refused();
		give_notify(&f);
		CU_ASSERT_EQUAL(refused() - bad, len < 4);
	}
	/* Several are allowed, and none is. */
	forge_insert(&f, 0, HP_PARAM_NOTIFICATION, data, 4);
	give_notify(&f);
	forge_begin(&f, &w, 1, HP_HIP_NOTIFY);
	give_notify(&f);
	bad = refused();
	forge_set(&f, HP_PARAM_NOTIFICATION, data, 4);
	forge_insert(&f, 1, HP_PARAM_SEQ, data, 4);
	give_notify(&f);
	CU_ASSERT_EQUAL(refused() - bad, 1);
	/* A HOST_ID of somebody else, or half of one. */
	host_id = (struct hp_hip_tlv){.len = 40, .data = data};
	forge_begin(&f, &w, 1, HP_HIP_NOTIFY);
	forge_set(&f, HP_PARAM_HOST_ID, host_id.data, host_id.len);
	forge_set(&f, HP_PARAM_NOTIFICATION, data, 4);
	give_notify(&f);
	world_fini(&w);
}

/* ---- what other documents of the family have, and this implementation has not */

/* RFC 6537 and RFC 6078 have packets of their own. */
static void packets_of_other_documents_are_dropped(void)
{
	static const uint8_t other[] = {HP_HIP_HDRR, HP_HIP_DATA};
	struct forge f;

	world_init(&w);
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	for (size_t i = 0; i < 2; i++) {
		forge_begin(&f, &w, 1, other[i]);
		forge_give(&f, &w, 1);
		world_run(&w, 50);
		CU_ASSERT_EQUAL(world_counted(&w, 0, HP_HIPD_TYPE), i + 1);
		CU_ASSERT_TRUE(world_data(&w));
	}
	world_fini(&w);
}

/* Certificates (RFC 8002), registration (RFC 8003), rendezvous (RFC 8004): the UPDATE counts. */
static void parameters_of_other_documents_are_left_alone(void)
{
	static const uint8_t seq[4] = {0, 0, 0x10, 0}, data[32] = {1};
	struct packet p = {.len = 0};
	struct forge f;
	unsigned sent;

	world_init(&w);
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	forge_begin(&f, &w, 1, HP_HIP_UPDATE);
	forge_set(&f, HP_PARAM_SEQ, seq, sizeof(seq));
	forge_set(&f, HP_PARAM_CERT, data, 8);
	forge_set(&f, HP_PARAM_REG_INFO, data, 4);
	forge_set(&f, HP_PARAM_REG_REQUEST, data, 4);
	forge_address(&w, 1, &p);
	forge_seal(&f, &w, 1, &p);
	forge_append(&p, HP_PARAM_VIA_RVS, data, 16);
	sent = w.s[0].sent[HP_HIP_UPDATE];
	forge_deliver(&w, &p);
	world_run(&w, 50);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_UPDATE], sent + 1);
	CU_ASSERT_EQUAL(refused(), 0);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static const struct hp_test tests[] = {
	HP_TEST(packets_of_other_documents_are_dropped),
	HP_TEST(parameters_of_other_documents_are_left_alone),
	HP_TEST(a_wrong_length_is_refused),
	HP_TEST(one_that_comes_twice_is_refused),
	HP_TEST(a_wrong_order_is_refused),
	HP_TEST(an_unknown_critical_one_is_refused),
	HP_TEST(an_unknown_one_that_is_not_critical_does_no_harm),
	HP_TEST(a_missing_one_is_missed),
	HP_TEST(a_notify_of_any_form_does_no_harm),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret;

	hp_log_level_all(HP_LOG_ERROR);
	ret = hp_test_main("params", tests, argc, argv);
	world_keys_free();
	return ret;
}
