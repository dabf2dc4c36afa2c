/* SPDX-License-Identifier: MIT
 *
 * Any octets as an ESP packet.
 *
 * Octet 0 chooses the suite, whether the high half of the sequence number is in the ICV, and
 * the engine: OpenSSL's, or one that takes every ICV so that what lies behind it is reached.
 * Octets 1 to 8: the highest number seen so far.  The rest is the packet.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/wire.h>

#include "esp/sa.h"

static int credulous_open_ctx(const struct hp_esp_suite *s, bool seal, const uint8_t *enc,
			      const uint8_t *auth, void **ctx)
{
	static int something;

	(void)s;
	(void)seal;
	(void)enc;
	(void)auth;
	*ctx = &something;
	return 0;
}

static void credulous_close_ctx(void *ctx)
{
	(void)ctx;
}

/* Touches all that a real engine would. */
static int credulous_work(void *ctx, const struct hp_esp_op *op)
{
	(void)ctx;
	for (size_t i = 0; i < op->text_len; i++)
		op->pkt[8 + i] ^= 0;
	return 0;
}

static const struct hp_esp_backend credulous = {
	.name = "credulous",
	.open_ctx = credulous_open_ctx,
	.close_ctx = credulous_close_ctx,
	.seal = credulous_work,
	.open = credulous_work,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t suites[] = { 7, 8, 9, 12, 13 };
	struct hp_keypair keys = { .enc_len = 0 };
	struct hp_sa_params p = { .spi = 256, .keys = &keys };
	struct hp_esp_opened o;
	struct hp_sa sa;
	uint8_t *pkt;
	int err;

	if (size < 9)
		return 0;
	p.suite = suites[(data[0] & 0x3f) % 5];
	p.no_esn_icv = data[0] & 0x40;
	p.backend = data[0] & 0x80 ? &credulous : NULL;
	keys.enc_len = hp_esp_suite_find(p.suite)->enc_len;
	keys.mac_len = hp_esp_suite_find(p.suite)->auth_len;
	if (hp_sa_init(&sa, &p))
		return 0;
	hp_replay_record(&sa.replay, hp_get64(data + 1));
	size -= 9;
	pkt = malloc(size + 1);
	if (pkt && size)
		memcpy(pkt, data + 9, size);
	err = pkt ? hp_esp_open(&sa, pkt, size, &o) : -ENOMEM;
	if (!err) {
		HP_FUZZ_HOLDS(o.payload > pkt && o.payload + o.len + 2 <= pkt + size);
		HP_FUZZ_HOLDS(!hp_replay_test(&sa.replay, o.seq));
	} else {
		HP_FUZZ_HOLDS(err == -ENOMEM || err == -EBADMSG || err == -EALREADY ||
			      err == -EKEYREJECTED || err == -EPROTO);
	}
	free(pkt);
	hp_sa_fini(&sa);
	return 0;
}
