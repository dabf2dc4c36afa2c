/* SPDX-License-Identifier: MIT
 *
 * AES-CBC without padding for the ENCRYPTED parameter.
 */
#include "crypto/cipher.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>

static const struct hp_cipher ciphers[] = {
	{HP_HIPCIPHER_NULL, "null", 0, 0, 1},
	{HP_HIPCIPHER_AES_128_CBC, "aes-128-cbc", 16, 16, 16},
	{HP_HIPCIPHER_AES_256_CBC, "aes-256-cbc", 32, 16, 16},
};

#define N_CIPHERS (sizeof(ciphers) / sizeof(ciphers[0]))

const struct hp_cipher *hp_cipher_find(uint16_t id)
{
	for (size_t i = 0; i < N_CIPHERS; i++)
		if (ciphers[i].id == id)
			return &ciphers[i];
	return NULL;
}

const struct hp_cipher *hp_cipher_by_name(const char *name)
{
	for (size_t i = 0; i < N_CIPHERS; i++)
		if (!strcmp(ciphers[i].name, name))
			return &ciphers[i];
	return NULL;
}

static int crypt(const struct hp_cipher *c, const uint8_t *key, const uint8_t *iv,
		 const uint8_t *in, size_t len, uint8_t *out, bool encrypt)
{
	const EVP_CIPHER *evp;
	EVP_CIPHER_CTX *ctx;
	int n, last;
	bool ok;

	if (len % c->block || len > INT_MAX)
		return -EINVAL;
	if (c->id == HP_HIPCIPHER_NULL) {
		if (len)
			memmove(out, in, len);
		return 0;
	}
	evp = c->key_len == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx && EVP_CipherInit_ex(ctx, evp, NULL, key, iv, encrypt) == 1 &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	     EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 &&
	     EVP_CipherFinal_ex(ctx, out + n, &last) == 1 && (size_t)(n + last) == len;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

int hp_cipher_encrypt(const struct hp_cipher *c, const uint8_t *key, const uint8_t *iv,
		      const uint8_t *in, size_t len, uint8_t *out)
{
	return crypt(c, key, iv, in, len, out, true);
}

int hp_cipher_decrypt(const struct hp_cipher *c, const uint8_t *key, const uint8_t *iv,
		      const uint8_t *in, size_t len, uint8_t *out)
{
	return crypt(c, key, iv, in, len, out, false);
}
