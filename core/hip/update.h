/* SPDX-License-Identifier: MIT
 *
 * UPDATE (RFC 7401, sections 6.11 and 6.12).
 */
#ifndef HP_HIP_UPDATE_H
#define HP_HIP_UPDATE_H

#include "hip/rx.h"
#include "hip/sent.h"

int hp_update_input(const struct hp_rx *rx);
/* What happens when nobody acknowledges our UPDATE. */
extern const struct hp_sent_how hp_update_how;
/* The peer is given up where it was: a new base exchange. */
void hp_update_gave_up(struct hp_assoc *a);
/* No new SA was agreed on in time: a new base exchange. */
void hp_update_exhausted(struct hp_assoc *a);

#endif
