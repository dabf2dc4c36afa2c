/* SPDX-License-Identifier: MIT
 *
 * ESP packets are opened.
 */
#ifndef HP_PIPE_OPEN_H
#define HP_PIPE_OPEN_H

#include "pipe/state.h"

/* A packet out of ESP, perhaps joined from several, joins the burst; ctx is the pipeline.  Takes it
 * over. */
void hp_pipe_opened(void *ctx, struct hp_packet *p);

#endif
