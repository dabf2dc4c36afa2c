/* SPDX-License-Identifier: MIT
 *
 * The system's randomness, by way of OpenSSL's generator.
 */
#include "crypto/rand.h"

#include <errno.h>
#include <limits.h>

#include <openssl/rand.h>

static int system_fill(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	if (len > INT_MAX)
		return -EINVAL;
	return RAND_bytes(buf, (int)len) == 1 ? 0 : -EIO;
}

const struct hp_rand hp_rand_system = {.fill = system_fill};
