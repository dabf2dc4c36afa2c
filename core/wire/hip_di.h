/* SPDX-License-Identifier: MIT
 *
 * The Domain Identifier of HOST_ID (RFC 7401, section 5.2.9): an FQDN in the binary format of RFC
 * 1035, section 3.1, or an NAI (RFC 4282), between octets and text.
 */
#ifndef HP_WIRE_HIP_DI_H
#define HP_WIRE_HIP_DI_H

#include <stddef.h>
#include <stdint.h>

#define HP_DI_MAX  255	   /* octets; RFC 1035, section 2.3.4, and RFC 4282, section 2.2 (253) */
#define HP_DI_TEXT 1025	   /* room for any one as text, each octet as \DDD */

/* text with an '@' is an NAI, any other an FQDN, with or without the dot at its end; "" none.
 * Octets in out, and *type (HP_DI_...); -EINVAL: an empty label, one of more than 63 octets, or all
 * too long; *why (static) says which. */
int hp_di_build(const char *text, uint8_t out[HP_DI_MAX], uint8_t *type, const char **why);

/* As text of printable ASCII: in a label a dot, a backslash and what can't be printed stand as \. \\
 * and \DDD (RFC 1035, section 5.1).  An FQDN that came as text, as older hipproxy and HIPL send it,
 * is taken as it is.  Cut at cap, which is at least 1. */
void hp_di_format(uint8_t type, const uint8_t *p, size_t len, char *out, size_t cap);

#endif
