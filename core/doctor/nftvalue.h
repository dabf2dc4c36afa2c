/* SPDX-License-Identifier: MIT
 *
 * Expressions of nft's JSON against what is known of a packet (libnftables-json(5)).
 */
#ifndef HP_DOCTOR_NFTVALUE_H
#define HP_DOCTOR_NFTVALUE_H

#include "doctor/fate.h"

/* The string called key of an object; "" if there is none. */
const char *hp_nft_text(const json_t *o, const char *key);
/* "@name" becomes the elements of that set; anything else stays.  NULL: there is no such set. */
const json_t *hp_nft_resolve(const json_t *list, const char *family, const char *table,
			     const json_t *right);
/* The elements of an anonymous or named set or map; NULL: none. */
const json_t *hp_nft_elements(const json_t *list, const char *family, const char *table,
			      const json_t *set);
/* Does what left names have the value right, or one of its values?  op: "==", "!=" (not inverted
 * here), "in" for flags, others are not understood; NULL as "==". */
enum hp_fw_match hp_nft_equals(const struct hp_fw_packet *p, const json_t *left,
			       const json_t *right, const char *op);

#endif
