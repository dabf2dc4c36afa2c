/* SPDX-License-Identifier: MIT
 *
 * Privileges: after start the daemon keeps CAP_NET_ADMIN, CAP_NET_RAW and, if it had it,
 * CAP_DAC_READ_SEARCH, and nothing else.
 *
 * It stays user 0 (unless it was started as another user that has the first two).  It may read
 * files of others, for keys belong to the service's user, but writes only its own.  The bounding
 * set is reduced too and no_new_privs is set, so the programs it starts for packet filter
 * rules get these two capabilities and no more; they need user 0 for /run/xtables.lock.
 * Core dumps and ptrace by equals are off, for keys are in memory.
 */
#ifndef HP_IO_PRIV_H
#define HP_IO_PRIV_H

#include "io/err.h"

/* Before the start does anything: are both capabilities there?  0, or -EPERM and a
 * sentence. */
int hp_priv_check(struct hp_io_err *err);
/* For this thread and those it starts later: call it before threads are made.  0 or
 * -errno. */
int hp_priv_drop(struct hp_io_err *err);

#endif
