/* SPDX-License-Identifier: MIT
 *
 * Which legacy server is behind a HIT.
 */
#ifndef HP_PIPE_BACKEND_H
#define HP_PIPE_BACKEND_H

#include "pipe/state.h"

/* Asks the services which server p, that a peer has sent, is for.  HP_NEXT: *err and *out are the
 * answer (struct hp_backend_service.ask); HP_TAKEN: p is held until there is one; HP_DROP. */
enum hp_verdict hp_pipe_ask_backend(struct hp_pipe *pipe, struct hp_packet *p,
				    const struct hp_backend_ask *ask, int *err,
				    struct hp_backend_result *out);
/* The association is about to be freed: packets held of it are dropped. */
void hp_pipe_backend_forget(struct hp_pipe *pipe, const struct hp_assoc *a);
void hp_pipe_backend_free(struct hp_pipe *pipe);

#endif
