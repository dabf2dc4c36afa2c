/* SPDX-License-Identifier: MIT
 *
 * Sealing and opening ESP packets (RFC 4303, sections 3.3 and 3.4).
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <hipproxy/wire.h>

#include "esp/sa.h"
#include "wire/esp.h"

/* Octets of padding so that payload, padding and two octets are aligned: to a power of two. */
static size_t pad_len(const struct hp_esp_suite *s, size_t payload_len)
{
	return (0 - (payload_len + 2)) & (s->align - (size_t)1);
}

size_t hp_esp_overhead(const struct hp_esp_suite *s, size_t payload_len)
{
	return HP_ESP_HLEN + s->iv_len + pad_len(s, payload_len) + 2u + s->icv_len;
}

size_t hp_esp_max_payload(const struct hp_esp_suite *s, size_t room)
{
	size_t fixed = HP_ESP_HLEN + s->iv_len + (size_t)s->icv_len, text;

	if (room < fixed)
		return 0;
	text = (room - fixed) / s->align * s->align;
	return text > 2 ? text - 2 : 0;
}

static int next_seq(struct hp_sa *sa)
{
	uint64_t last = sa->no_esn_icv ? UINT32_MAX : UINT64_MAX;

	if (sa->seq >= last)
		return -EOVERFLOW;
	sa->seq++;
	return 0;
}

/* Header, IV and trailer; the text starts at pkt + 8 + iv_len. */
static int frame(struct hp_sa *sa, uint8_t next_header, uint8_t *pkt, size_t len)
{
	const struct hp_esp_suite *s = sa->suite;
	uint8_t *end = pkt + HP_ESP_HLEN + s->iv_len + len;
	size_t pad = pad_len(s, len), i;

	hp_esp_build(pkt, sa->spi, (uint32_t)sa->seq);
	/* RFC 4303, section 2.4: padding counts 1, 2, 3 .. */
	for (i = 0; i < pad; i++)
		end[i] = (uint8_t)(i + 1);
	end[pad] = (uint8_t)pad;
	end[pad + 1] = next_header;
	if (s->gcm)
		hp_put64(pkt + HP_ESP_HLEN,
			 sa->seq); /* RFC 4106, section 3.1: never twice */
	else if (s->iv_len)
		return hp_ivgen_next(sa->ivgen, sa->seq, pkt + HP_ESP_HLEN);
	return 0;
}

static int seal_framed(struct hp_sa *sa, struct hp_esp_op *op, size_t len)
{
	int err;

	op->text_len = len + pad_len(sa->suite, len) + 2;
	op->seq_hi = (uint32_t)(sa->seq >> 32);
	op->esn = !sa->no_esn_icv;
	err = sa->backend->seal(sa->ctx, op);
	if (err)
		return err;
	sa->packets++;
	sa->bytes += len;
	return 0;
}

int hp_esp_seal(struct hp_sa *sa, uint8_t next_header, uint8_t *payload, size_t len,
		struct hp_esp_sealed *out)
{
	struct hp_esp_op op = {.pkt = payload - sa->suite->iv_len - HP_ESP_HLEN};
	int err = next_seq(sa);

	if (!err)
		err = frame(sa, next_header, op.pkt, len);
	if (!err)
		err = seal_framed(sa, &op, len);
	if (err)
		return err;
	out->pkt = op.pkt;
	out->len = len + hp_esp_overhead(sa->suite, len);
	out->seq = sa->seq;
	return 0;
}

int hp_esp_seal_copy(struct hp_sa *sa, uint8_t next_header, const uint8_t *payload,
		     size_t len, uint8_t *to, size_t cap)
{
	size_t total, head = len & ~(size_t)15;
	struct hp_esp_op op = {.pkt = to, .src = payload, .src_len = head};
	int err;

	if (len > INT_MAX / 2)
		return -EMSGSIZE;
	total = len + hp_esp_overhead(sa->suite, len);
	if (total > cap)
		return -EMSGSIZE;
	err = next_seq(sa);
	if (err)
		return err;
	if (len > head)
		memcpy(to + HP_ESP_HLEN + sa->suite->iv_len + head, payload + head,
		       len - head);
	err = frame(sa, next_header, to, len);
	if (!err)
		err = seal_framed(sa, &op, len);
	return err ? err : (int)total;
}

static int check_length(const struct hp_esp_suite *s, size_t len, size_t *text_len)
{
	size_t fixed = HP_ESP_HLEN + s->iv_len + (size_t)s->icv_len;

	if (len < fixed + s->align || len > INT_MAX / 2)
		return -EBADMSG;
	*text_len = len - fixed;
	return *text_len % s->align ? -EBADMSG : 0;
}

/* The 64-bit sequence number, if it may be new. */
static int check_seq(struct hp_sa *sa, uint32_t low, uint64_t *seq)
{
	int err = 0;

	if (sa->no_esn_icv)
		*seq = low;
	else
		err = hp_replay_guess(&sa->replay, low, seq);
	return err ? err : hp_replay_test(&sa->replay, *seq) ? 0 : -EALREADY;
}

/* Strips padding, pad length and next header; padding octets count 1, 2, 3 .. */
static int strip(uint8_t *text, size_t text_len, struct hp_esp_opened *out)
{
	size_t pad = text[text_len - 2];

	if (pad > text_len - 2)
		return -EPROTO;
	out->payload = text;
	out->len = text_len - 2 - pad;
	out->next_header = text[text_len - 1];
	for (size_t i = 0; i < pad; i++)
		if (text[out->len + i] != i + 1)
			return -EPROTO;
	return 0;
}

/* The text goes to dst, or stays in place if that is NULL. */
static int open_checked(struct hp_sa *sa, uint8_t *pkt, size_t len, uint8_t *dst,
			struct hp_esp_opened *out)
{
	struct hp_esp_op op = {.pkt = pkt, .to = dst, .esn = !sa->no_esn_icv};
	int err = check_length(sa->suite, len, &op.text_len);

	if (err)
		return err;
	err = check_seq(sa, hp_get32(pkt + 4), &out->seq);
	if (err)
		return err;
	op.seq_hi = (uint32_t)(out->seq >> 32);
	err = sa->backend->open(sa->ctx, &op);
	/* GCM decrypts while it authenticates: what nobody vouches for goes again. */
	if (err && dst)
		memset(dst, 0, op.text_len);
	if (err)
		return err;
	hp_replay_record(&sa->replay, out->seq);
	return strip(dst ? dst : pkt + HP_ESP_HLEN + sa->suite->iv_len, op.text_len, out);
}

static int count_opened(struct hp_sa *sa, const struct hp_esp_opened *out, int err)
{
	switch (err) {
	case 0:
		sa->packets++;
		sa->bytes += out->len;
		break;
	case -EALREADY:
		sa->replayed++;
		break;
	case -EKEYREJECTED:
		sa->bad_icv++;
		break;
	default:
		sa->malformed++;
	}
	return err;
}

int hp_esp_open(struct hp_sa *sa, uint8_t *pkt, size_t len, struct hp_esp_opened *out)
{
	return count_opened(sa, out, open_checked(sa, pkt, len, NULL, out));
}

int hp_esp_open_to(struct hp_sa *sa, const uint8_t *pkt, size_t len, uint8_t *dst,
		   struct hp_esp_opened *out)
{
	/* With a destination nothing writes to pkt. */
	return count_opened(sa, out, open_checked(sa, (uint8_t *)pkt, len, dst, out));
}
