/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl keygen and hit: Host Identity key files.  No daemon is needed.
 */
#ifndef HP_TOOLS_KEYS_H
#define HP_TOOLS_KEYS_H

#include <stdbool.h>

/* Both take the command's own arguments (argv[0] is the command) and return the exit
 * status: 0, 1 if a file could not be read or written, 2 for usage. */
int hp_cmd_keygen(int argc, char **argv, bool json);
int hp_cmd_hit(int argc, char **argv, bool json);

#endif
