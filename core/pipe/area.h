/* SPDX-License-Identifier: MIT
 *
 * What the pipeline keeps for an association.
 */
#ifndef HP_PIPE_AREA_H
#define HP_PIPE_AREA_H

#include "pipe/state.h"

/* The association's area, made when needed; NULL when memory is out. */
struct hp_pipe_assoc *hp_pipe_assoc_area(struct hp_assoc *a);

#endif
