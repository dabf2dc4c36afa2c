/* SPDX-License-Identifier: MIT
 *
 * What a fuzz target offers, by libFuzzer's name.
 */
#ifndef HP_TESTS_FUZZ_H
#define HP_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Something that must hold for every input. */
#define HP_FUZZ_HOLDS(x)                 \
	do {                             \
		if (!(x))                \
			__builtin_trap(); \
	} while (0)

#endif
