/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl keygen and hit: Host Identity key files.  No daemon is needed.
 */
#ifndef HP_TOOLS_KEYS_H
#define HP_TOOLS_KEYS_H

#include "tools/ctl.h"

/* Both take the command's own arguments (argv[0] is the command) and return the exit
 * status. */
int hp_cmd_keygen(const struct hp_ctl *ctl, int argc, char **argv);
int hp_cmd_hit(const struct hp_ctl *ctl, int argc, char **argv);

#endif
