/* SPDX-License-Identifier: MIT
 *
 * libipsec-mb as the engine of the AES-GCM suites (RFC 4106): several times as fast as
 * OpenSSL 3.0 on packets.  The other suites stay with OpenSSL: one packet at a time gains
 * nothing there.
 */
#include "config.h"
#include "crypto/espcipher.h"

#include <errno.h>

#ifdef HAVE_IPSEC_MB

#include <stdlib.h>
#include <string.h>

#include <intel-ipsec-mb.h>

#include <hipproxy/wire.h>

#include "util/wipe.h"

#define HDR	 8
#define GCM_SALT 4

struct mb {
	struct gcm_key_data key; /* must be aligned to 64 octets */
	struct gcm_context_data gcm;
	const struct hp_esp_suite *suite;
	uint8_t nonce[12];
};

/* A table of functions chosen by the processor, filled once and then only read. */
static IMB_MGR *functions(void)
{
	static IMB_MGR *mgr;
	static bool tried;
	IMB_ARCH arch;

	if (tried)
		return mgr;
	tried = true;
	mgr = alloc_mb_mgr(0);
	if (!mgr)
		return NULL;
	init_mb_mgr_auto(mgr, &arch);
	if (imb_get_errno(mgr) || (arch != IMB_ARCH_AVX && arch != IMB_ARCH_AVX2 &&
				   arch != IMB_ARCH_AVX512 && arch != IMB_ARCH_SSE)) {
		free_mb_mgr(mgr);
		mgr = NULL;
	}
	return mgr;
}

static int mb_open_ctx(const struct hp_esp_suite *s, bool seal, const uint8_t *enc,
		       const uint8_t *auth, void **ctx)
{
	IMB_MGR *mgr = functions();
	struct mb *m;

	(void)seal, (void)auth;
	if (!mgr || !s->gcm)
		return -ENOTSUP;
	m = aligned_alloc(64, (sizeof(*m) + 63) & ~(size_t)63);
	if (!m)
		return -ENOMEM;
	memset(m, 0, sizeof(*m));
	m->suite = s;
	memcpy(m->nonce, enc + s->enc_len - GCM_SALT, GCM_SALT);
	IMB_AES128_GCM_PRE(mgr, enc, &m->key);
	*ctx = m;
	return 0;
}

static void mb_close_ctx(void *ctx)
{
	if (!ctx)
		return;
	hp_wipe(ctx, sizeof(struct mb));
	free(ctx);
}

/* Nonce and AAD of the packet; octets of AAD. */
static size_t begin(struct mb *m, const struct hp_esp_op *op, uint8_t aad[12])
{
	memcpy(m->nonce + GCM_SALT, op->pkt + HDR, 8);
	return hp_esp_aad(op, aad);
}

static int mb_seal(void *ctx, const struct hp_esp_op *op)
{
	struct mb *m = ctx;
	IMB_MGR *mgr = functions();
	uint8_t *text = op->pkt + HDR + m->suite->iv_len, aad[12];
	size_t aad_len = begin(m, op, aad);

	/* One call for text that stands together costs less than calls for its parts. */
	if (op->src_len)
		memcpy(text, op->src, op->src_len);
	IMB_AES128_GCM_ENC(mgr, &m->key, &m->gcm, text, text, op->text_len, m->nonce, aad,
			   aad_len, text + op->text_len, m->suite->icv_len);
	return 0;
}

static int mb_open(void *ctx, const struct hp_esp_op *op)
{
	struct mb *m = ctx;
	IMB_MGR *mgr = functions();
	uint8_t *text = op->pkt + HDR + m->suite->iv_len, aad[12], tag[16];
	size_t aad_len = begin(m, op, aad);

	IMB_AES128_GCM_DEC(mgr, &m->key, &m->gcm, op->to ? op->to : text, text,
			   op->text_len, m->nonce, aad, aad_len, tag, sizeof(tag));
	return hp_memeq(tag, text + op->text_len, m->suite->icv_len) ? 0 : -EKEYREJECTED;
}

static const struct hp_esp_backend ipsec_mb = {
	.name = "ipsec-mb",
	.open_ctx = mb_open_ctx,
	.close_ctx = mb_close_ctx,
	.seal = mb_seal,
	.open = mb_open,
};

const struct hp_esp_backend *hp_esp_ipsec_mb(void)
{
	return functions() ? &ipsec_mb : NULL;
}

#else

const struct hp_esp_backend *hp_esp_ipsec_mb(void)
{
	return NULL;
}

#endif
