/* SPDX-License-Identifier: MIT
 *
 * Telling HIP from ESP in a UDP datagram: every length, every first word that matters.
 */
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "wire/esp.h"
#include "wire/hip.h"
#include "../../plugins/natudp/encap.h"

/* Exactly len octets on the heap, the first word given, so that a sanitizer sees more. */
static enum natudp_kind kind(uint32_t word, size_t len)
{
	uint8_t *p = malloc(len ? len : 1), first[4];
	enum natudp_kind k;

	hp_put32(first, word);
	memset(p, 0xa5, len);
	memcpy(p, first, len < 4 ? len : 4);
	k = natudp_kind(p, len);
	free(p);
	return k;
}

static void fewer_than_four_octets_are_a_runt(void)
{
	for (size_t len = 0; len < 4; len++) {
		CU_ASSERT_EQUAL(kind(0, len), NATUDP_RUNT);
		CU_ASSERT_EQUAL(kind(0xffffffff, len), NATUDP_RUNT);
	}
}

static void a_zero_word_begins_a_hip_message_of_any_length(void)
{
	for (size_t len = 4; len < 5000; len++) {
		enum natudp_kind want = len < 44 ? NATUDP_RUNT :
					len > 4 + HP_HIP_MAX ? NATUDP_OVERSIZED :
							       NATUDP_HIP;

		CU_ASSERT_EQUAL(kind(0, len), want);
	}
}

static void any_other_word_is_an_spi(void)
{
	static const uint32_t spis[] = { 256, 0x100, 0x12345678, 0x80000000, 0xffffffff };

	for (size_t i = 0; i < sizeof(spis) / sizeof(*spis); i++)
		for (size_t len = 4; len < 3000; len++)
			CU_ASSERT_EQUAL(kind(spis[i], len),
					len < 18 ? NATUDP_RUNT : NATUDP_ESP);
	CU_ASSERT_EQUAL(kind(256, 65507), NATUDP_ESP);
}

static void reserved_spis_are_nobodys(void)
{
	for (uint32_t spi = 1; spi < HP_SPI_MIN; spi++) {
		CU_ASSERT_EQUAL(kind(spi, 100), NATUDP_RESERVED);
		CU_ASSERT_EQUAL(kind(spi, 10), NATUDP_RUNT);
	}
}

static const struct hp_test tests[] = {
	HP_TEST(fewer_than_four_octets_are_a_runt),
	HP_TEST(a_zero_word_begins_a_hip_message_of_any_length),
	HP_TEST(any_other_word_is_an_spi),
	HP_TEST(reserved_spis_are_nobodys),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("udpencap", tests, argc, argv);
}
