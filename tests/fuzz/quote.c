/* SPDX-License-Identifier: MIT
 *
 * Any octets as what an ICMP error quotes of an ESP packet; the first one chooses the family.
 */
#include "fuzz.h"

#include <errno.h>

#include "wire/quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_quote q, shorter;
	uint8_t family;
	int ret;

	if (!size)
		return 0;
	family = data[0] & 1 ? 6 : 4;
	ret = hp_quote_esp(family, data + 1, size - 1, &q);
	HP_FUZZ_HOLDS(ret == 0 || ret == -EBADMSG || ret == -ENOMSG);
	if (ret)
		return 0;
	HP_FUZZ_HOLDS(q.spi != 0);
	HP_FUZZ_HOLDS(family == 6 || (hp_addr_is4(&q.src) && hp_addr_is4(&q.dst)));
	/* What stands behind it changes nothing. */
	HP_FUZZ_HOLDS(size < 2 || hp_quote_esp(family, data + 1, size - 2, &shorter) ||
		      (shorter.spi == q.spi && shorter.seq == q.seq));
	return 0;
}
