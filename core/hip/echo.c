/* SPDX-License-Identifier: MIT
 *
 * Echo requests of others, and the answers in the next message (RFC 7401, sections 5.2.20 to
 * 5.2.23): R1 is answered by I2, I2 by R2, UPDATE by the UPDATE that acknowledges it, CLOSE by
 * CLOSE_ACK.
 *
 * Unsigned requests can come from anybody on the way, and their number and size too.  So they
 * never keep a message from being sent: what does not fit into it is left out.
 */
#include "hip/echo.h"

#include <string.h>

static void take(struct hp_echo *e, unsigned at, const struct hp_hip_tlv *t)
{
	/* Together they are part of one message, so there is room. */
	memcpy(e->octets + e->used, t->data, t->len);
	e->used = (uint16_t)(e->used + t->len);
	e->len[at] = t->len;
}

void hp_echo_take(struct hp_echo *e, const struct hp_hip_msg *m)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, HP_PARAM_ECHO_REQUEST_SIGNED, 0);

	e->has_signed = t != NULL;
	e->used = 0;
	e->n = 1;
	e->len[0] = 0;
	if (t)
		take(e, 0, t);
	while (e->n <= HP_HIP_PARAMS &&
	       (t = hp_hip_param_find(m, HP_PARAM_ECHO_REQUEST_UNSIGNED, e->n - 1)))
		take(e, e->n++, t);
}

void hp_echo_add_signed(struct hp_hip_builder *b, const struct hp_echo *e)
{
	if (e->has_signed)
		hp_hip_param(b, HP_PARAM_ECHO_RESPONSE_SIGNED, e->octets, e->len[0]);
}

size_t hp_echo_append(uint8_t msg[HP_HIP_MAX], size_t len, const struct hp_echo *e)
{
	const uint8_t *data = e->octets + e->len[0];

	for (unsigned i = 1; i < e->n; data += e->len[i++]) {
		size_t space = hp_param_space(e->len[i]);

		if (space > HP_HIP_MAX - len)
			continue;
		memset(msg + len, 0, space);
		hp_put16(msg + len, HP_PARAM_ECHO_RESPONSE_UNSIGNED);
		hp_put16(msg + len + 2, e->len[i]);
		memcpy(msg + len + 4, data, e->len[i]);
		len += space;
	}
	msg[HP_HIP_OFF_HLEN] = (uint8_t)(len / 8 - 1);
	return len;
}
