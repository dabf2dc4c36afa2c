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
	(void)seal;
	(void)enc;
	(void)auth;
	*ctx = (void *)s;
	return 0;
}

static void credulous_close_ctx(void *ctx)
{
	(void)ctx;
}

/* Touches all that a real engine would. */
static int credulous_work(void *ctx, const struct hp_esp_op *op)
{
	uint8_t *text = op->pkt + 8 + ((const struct hp_esp_suite *)ctx)->iv_len;

	for (size_t i = 0; i < op->text_len; i++)
		if (op->to)
			op->to[i] = text[i];
		else
			text[i] ^= 0;
	return 0;
}

static const struct hp_esp_backend credulous = {
	.name = "credulous",
	.open_ctx = credulous_open_ctx,
	.close_ctx = credulous_close_ctx,
	.seal = credulous_work,
	.open = credulous_work,
};

/* Opens pkt in place and, with an SA of its own, to elsewhere: the same must come out. */
static void open_both(const struct hp_sa_params *p, uint64_t top, uint8_t *pkt, size_t size)
{
	struct hp_esp_opened o = { .len = 0 }, other = { .len = 0 };
	uint8_t *dst = malloc(size + 1);
	struct hp_sa sa[2];
	int err;

	if (!dst || hp_sa_init(&sa[0], p))
		goto out;
	if (hp_sa_init(&sa[1], p)) {
		hp_sa_fini(&sa[0]);
		goto out;
	}
	hp_replay_record(&sa[0].replay, top);
	hp_replay_record(&sa[1].replay, top);
	err = hp_esp_open_to(&sa[1], pkt, size, dst, &other);
	HP_FUZZ_HOLDS(hp_esp_open(&sa[0], pkt, size, &o) == err);
	if (!err) {
		HP_FUZZ_HOLDS(o.payload > pkt && o.payload + o.len + 2 <= pkt + size);
		HP_FUZZ_HOLDS(!hp_replay_test(&sa[0].replay, o.seq));
		HP_FUZZ_HOLDS(other.payload == dst && other.len == o.len &&
			      other.seq == o.seq && other.next_header == o.next_header &&
			      !memcmp(dst, o.payload, o.len));
	} else {
		HP_FUZZ_HOLDS(err == -EBADMSG || err == -EALREADY || err == -EKEYREJECTED ||
			      err == -EPROTO);
	}
	hp_sa_fini(&sa[0]);
	hp_sa_fini(&sa[1]);
out:
	free(dst);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t suites[] = { 7, 8, 9, 12, 13 };
	struct hp_keypair keys = { .enc_len = 0 };
	struct hp_sa_params p = { .spi = 256, .keys = &keys };
	uint8_t *pkt;

	if (size < 9)
		return 0;
	p.suite = suites[(data[0] & 0x3f) % 5];
	p.no_esn_icv = data[0] & 0x40;
	p.backend = data[0] & 0x80 ? &credulous : NULL;
	keys.enc_len = hp_esp_suite_find(p.suite)->enc_len;
	keys.mac_len = hp_esp_suite_find(p.suite)->auth_len;
	size -= 9;
	pkt = malloc(size + 1);
	if (!pkt)
		return 0;
	memcpy(pkt, data + 9, size);
	open_both(&p, hp_get64(data + 1), pkt, size);
	free(pkt);
	return 0;
}
