/* SPDX-License-Identifier: MIT
 *
 * The group `peers` as text: what `invite` prints, and `peer add` takes and writes.
 */
#ifndef HP_TOOLS_PEERTEXT_H
#define HP_TOOLS_PEERTEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "conf/conf.h"

#define HP_PEERTEXT_MAX   65536 /* octets taken */
#define HP_PEERTEXT_PEERS 64    /* groups in one text */
#define HP_PEER_NAME_MAX  64

/* Letters, digits, '.', '_' and '-', at most HP_PEER_NAME_MAX, the first a letter or a digit: such
 * a name is good for a file, and needs no quoting. */
bool hp_peer_name_is_plain(const char *name);

/* "peers = ( ... );" with all that was not left at its default.  Every value is written by us;
 * names must be plain. */
void hp_peertext_print(FILE *out, const struct hp_conf_peers *peers);

/* Reads a text from elsewhere.  0 and *out (hp_conf_free), of which only peers is set; -EINVAL
 * after having reported. len: octets of text, which ends with a zero besides. */
int hp_peertext_parse(const char *name, const char *text, size_t len, struct hp_conf **out,
		      struct hp_conf_report *report);

#endif
