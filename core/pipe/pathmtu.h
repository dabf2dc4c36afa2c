/* SPDX-License-Identifier: MIT
 *
 * Path MTU discovery for each association.
 */
#ifndef HP_PIPE_PATHMTU_H
#define HP_PIPE_PATHMTU_H

#include "pipe/state.h"

/* What sa sealed last is sent now. */
void hp_pipe_pmtu_sent(struct hp_pipe_pmtu *p, const struct hp_sa *sa, uint64_t now_ms);
/* The SA's sequence numbers begin anew. */
void hp_pipe_pmtu_new_keys(struct hp_pipe_pmtu *p);
/* The MTU of this path, if that of its first link is link. */
unsigned int hp_pipe_pmtu_limit(const struct hp_pipe_pmtu *p, const struct hp_path *path,
				unsigned int link, uint64_t now_ms);

#endif
