/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl peer: peers as files of conf.d.
 */
#ifndef HP_TOOLS_PEER_H
#define HP_TOOLS_PEER_H

#include "tools/ctl.h"

int hp_cmd_peer_add(const struct hp_ctl *ctl, int argc, char **argv);
int hp_cmd_peer_remove(const struct hp_ctl *ctl, int argc, char **argv);
int hp_cmd_peer_list(const struct hp_ctl *ctl, int argc, char **argv);

#endif
