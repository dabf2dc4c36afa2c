/* SPDX-License-Identifier: MIT
 *
 * The echo requests of a received message, and the responses to them.
 */
#ifndef HP_HIP_ECHO_H
#define HP_HIP_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/hip.h"

struct hp_echo {
	bool has_signed;
	unsigned n; /* responses; the first place is that of the signed one */
	uint16_t used, len[HP_HIP_PARAMS + 1];
	uint8_t octets[HP_HIP_MAX]; /* one behind the other */
};

void hp_echo_take(struct hp_echo *e, const struct hp_hip_msg *m);
/* Adds ECHO_RESPONSE_SIGNED if the message has a request for it. */
void hp_echo_add_signed(struct hp_hip_builder *b, const struct hp_echo *e);
/* Adds the unsigned responses behind the signature of a finished message, as many as fit.  The
 * message's new length. */
size_t hp_echo_append(uint8_t msg[HP_HIP_MAX], size_t len, const struct hp_echo *e);

#endif
