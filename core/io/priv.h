/* SPDX-License-Identifier: MIT
 *
 * Privileges: after start the daemon keeps CAP_NET_ADMIN if there is discovery (verdicts of NFQUEUE
 * need it), CAP_DAC_READ_SEARCH if it is user 0, and nothing else: its raw sockets are open then,
 * and everything else is done by hipproxy-gate.
 *
 * Started by the service manager it is the user hipproxy; started by hand as root it stays user 0, and
 * may read files of others, for keys belong to the service's user, but writes only its own.  The
 * bounding set is reduced too and no_new_privs is set.  Core dumps and ptrace by equals are off, for
 * keys are in memory.
 */
#ifndef HP_IO_PRIV_H
#define HP_IO_PRIV_H

#include <stdbool.h>

#include "io/err.h"

/* Before the start does anything: is CAP_NET_RAW there, and (admin) CAP_NET_ADMIN?  0, or -EPERM and a
 * sentence. */
int hp_priv_check(bool admin, struct hp_io_err *err);
/* For this thread and those it starts later: call it before threads are made.  admin: CAP_NET_ADMIN
 * is kept.  0 or -errno. */
int hp_priv_drop(bool admin, struct hp_io_err *err);
bool hp_priv_has_admin(void);

#endif
