/* SPDX-License-Identifier: MIT
 *
 * The icmp plugin's mapping of types and codes: every row of RFC 7915's tables, and MTU arithmetic.
 */
#include "../harness.h"

#include "../../plugins/icmp/map.h"

/* ---- the tables, written down once more from the RFC's text */

static const struct {
	uint8_t type, code;
	uint32_t rest;
	enum map_why why;
	uint8_t to_type, to_code;
	uint32_t to_rest;
} rows46[] = {
	/* 4.2, destination unreachable */
	{ 3, 0, 0, MAP_OK, 1, 0, 0 },     { 3, 1, 0, MAP_OK, 1, 0, 0 },
	{ 3, 2, 0, MAP_OK, 4, 1, 6 },     { 3, 3, 0, MAP_OK, 1, 4, 0 },
	{ 3, 4, 1400, MAP_OK, 2, 0, 1420 }, { 3, 4, 1200, MAP_OK, 2, 0, 1280 },
	{ 3, 4, 65535, MAP_OK, 2, 0, 65555 },
	{ 3, 5, 0, MAP_OK, 1, 0, 0 },     { 3, 6, 0, MAP_OK, 1, 0, 0 },
	{ 3, 7, 0, MAP_OK, 1, 0, 0 },     { 3, 8, 0, MAP_OK, 1, 0, 0 },
	{ 3, 9, 0, MAP_OK, 1, 1, 0 },     { 3, 10, 0, MAP_OK, 1, 1, 0 },
	{ 3, 11, 0, MAP_OK, 1, 0, 0 },    { 3, 12, 0, MAP_OK, 1, 0, 0 },
	{ 3, 13, 0, MAP_OK, 1, 1, 0 },    { 3, 14, 0, MAP_CODE, 0, 0, 0 },
	{ 3, 15, 0, MAP_OK, 1, 1, 0 },    { 3, 16, 0, MAP_CODE, 0, 0, 0 },
	/* others */
	{ 4, 0, 0, MAP_QUENCH, 0, 0, 0 }, { 5, 0, 0, MAP_REDIRECT, 0, 0, 0 },
	{ 5, 1, 0, MAP_REDIRECT, 0, 0, 0 },
	{ 6, 0, 0, MAP_TYPE, 0, 0, 0 },   { 9, 0, 0, MAP_TYPE, 0, 0, 0 },
	{ 10, 0, 0, MAP_TYPE, 0, 0, 0 },  { 13, 0, 0, MAP_TYPE, 0, 0, 0 },
	{ 14, 0, 0, MAP_TYPE, 0, 0, 0 },  { 15, 0, 0, MAP_TYPE, 0, 0, 0 },
	{ 16, 0, 0, MAP_TYPE, 0, 0, 0 },  { 17, 0, 0, MAP_TYPE, 0, 0, 0 },
	{ 18, 0, 0, MAP_TYPE, 0, 0, 0 },  { 40, 0, 0, MAP_TYPE, 0, 0, 0 },
	{ 11, 0, 0, MAP_OK, 3, 0, 0 },    { 11, 1, 0, MAP_OK, 3, 1, 0 },
	{ 11, 2, 0, MAP_CODE, 0, 0, 0 },
	{ 12, 1, 0, MAP_CODE, 0, 0, 0 },  { 12, 3, 0, MAP_CODE, 0, 0, 0 },
};

static const struct {
	uint8_t type, code;
	uint32_t rest;
	enum map_why why;
	uint8_t to_type, to_code;
	uint32_t to_rest;
} rows64[] = {
	{ 1, 0, 0, MAP_OK, 3, 1, 0 },     { 1, 1, 0, MAP_OK, 3, 10, 0 },
	{ 1, 2, 0, MAP_OK, 3, 1, 0 },     { 1, 3, 0, MAP_OK, 3, 1, 0 },
	{ 1, 4, 0, MAP_OK, 3, 3, 0 },     { 1, 5, 0, MAP_CODE, 0, 0, 0 },
	{ 1, 6, 0, MAP_CODE, 0, 0, 0 },
	{ 2, 0, 1500, MAP_OK, 3, 4, 1480 }, { 2, 0, 1280, MAP_OK, 3, 4, 1260 },
	{ 2, 0, 40, MAP_OK, 3, 4, 68 },   { 2, 0, 0, MAP_OK, 3, 4, 68 },
	{ 2, 0, 100000, MAP_OK, 3, 4, 65515 },
	{ 3, 0, 0, MAP_OK, 11, 0, 0 },    { 3, 1, 0, MAP_OK, 11, 1, 0 },
	{ 3, 2, 0, MAP_CODE, 0, 0, 0 },
	{ 4, 1, 40, MAP_OK, 3, 2, 0 },    { 4, 2, 0, MAP_CODE, 0, 0, 0 },
	{ 5, 0, 0, MAP_TYPE, 0, 0, 0 },   { 100, 0, 0, MAP_TYPE, 0, 0, 0 },
	{ 130, 0, 0, MAP_TYPE, 0, 0, 0 }, { 133, 0, 0, MAP_TYPE, 0, 0, 0 },
	{ 137, 0, 0, MAP_REDIRECT, 0, 0, 0 },
};

static void every_type_and_code_to_icmpv6(void)
{
	for (size_t i = 0; i < sizeof(rows46) / sizeof(*rows46); i++) {
		struct map_head in = { rows46[i].type, rows46[i].code, rows46[i].rest }, out;

		CU_ASSERT_EQUAL_FATAL(map_head46(&in, 1500, &out), rows46[i].why);
		if (rows46[i].why != MAP_OK)
			continue;
		CU_ASSERT_EQUAL(out.type, rows46[i].to_type);
		CU_ASSERT_EQUAL(out.code, rows46[i].to_code);
		CU_ASSERT_EQUAL(out.rest, rows46[i].to_rest);
	}
}

static void every_type_and_code_to_icmp(void)
{
	for (size_t i = 0; i < sizeof(rows64) / sizeof(*rows64); i++) {
		struct map_head in = { rows64[i].type, rows64[i].code, rows64[i].rest }, out;

		CU_ASSERT_EQUAL_FATAL(map_head64(&in, false, &out), rows64[i].why);
		if (rows64[i].why != MAP_OK)
			continue;
		CU_ASSERT_EQUAL(out.type, rows64[i].to_type);
		CU_ASSERT_EQUAL(out.code, rows64[i].to_code);
		CU_ASSERT_EQUAL(out.rest, rows64[i].to_rest);
	}
}

/* Figures 3 and 6; -1: no counterpart. */
static void every_pointer(void)
{
	static const int to6[] = { 0, 1, 4, 4, -1, -1, -1, -1, 7, 6, -1, -1,
				   8, 8, 8, 8, 24, 24, 24, 24 };
	static const int to4_head[] = { 0, 1, -1, -1, 2, 2, 9, 8 };
	struct map_head out;

	for (uint32_t at = 0; at < 256; at++) {
		struct map_head in = { 12, 0, at << 24 };
		int want = at < 20 ? to6[at] : -1;

		CU_ASSERT_EQUAL(map_head46(&in, 0, &out), want < 0 ? MAP_POINTER : MAP_OK);
		if (want >= 0)
			CU_ASSERT(out.type == 4 && !out.code && out.rest == (uint32_t)want);
		in = (struct map_head){ 4, 0, at };
		want = at < 8 ? to4_head[at] : at < 24 ? 12 : at < 40 ? 16 : -1;
		CU_ASSERT_EQUAL(map_head64(&in, false, &out), want < 0 ? MAP_POINTER : MAP_OK);
		if (want >= 0)
			CU_ASSERT(out.type == 12 && out.rest == (uint32_t)want << 24);
	}
}

static void old_routers_that_tell_no_mtu_get_plateaus(void)
{
	static const struct {
		uint32_t len, mtu;
	} rows[] = { { 65535, 32020 }, { 32000, 17934 }, { 1500, 1512 }, { 1492, 1280 },
		     { 9000, 8186 }, { 2002, 1512 }, { 60, 1280 } };
	struct map_head in = { 3, 4, 0 }, out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		CU_ASSERT_EQUAL(map_head46(&in, rows[i].len, &out), MAP_OK);
		CU_ASSERT_EQUAL(out.rest, rows[i].mtu);
	}
}

static const struct hp_test tests[] = {
	HP_TEST(every_type_and_code_to_icmpv6),
	HP_TEST(every_type_and_code_to_icmp),
	HP_TEST(every_pointer),
	HP_TEST(old_routers_that_tell_no_mtu_get_plateaus),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("icmp_tables", tests, argc, argv);
}
