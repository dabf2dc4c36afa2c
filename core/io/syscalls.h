/* SPDX-License-Identifier: MIT
 *
 * Which system calls a running daemon may make, by seccomp(2): a list of what it needs; everything
 * else fails with EPERM.
 */
#ifndef HP_IO_SYSCALLS_H
#define HP_IO_SYSCALLS_H

#include <stdbool.h>

/* For all threads of this process, and those to come.  Needs no_new_privs.  log_only: nothing fails; the
 * kernel logs what would have.
 * 0 or -errno: -EOPNOTSUPP, built without libseccomp; -EINVAL, not in this kernel; -ESRCH, a thread
 * has a filter of its own. */
int hp_syscalls_limit(bool log_only);

#endif
