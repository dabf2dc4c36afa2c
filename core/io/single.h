/* SPDX-License-Identifier: MIT
 *
 * One hipproxyd, and one hipproxy-gate, in a network namespace: rules, routes and tables of packet
 * filters belong to the namespace.
 */
#ifndef HP_IO_SINGLE_H
#define HP_IO_SINGLE_H

#include "io/err.h"

/* program: its name.  A descriptor that is held as long as the caller is the only one; the kernel lets go of it when
 * the process ends, however that happens.  -EBUSY with a sentence: another process has it; or
 * another -errno with a sentence. */
int hp_single_take(const char *program, struct hp_io_err *err);

#endif
