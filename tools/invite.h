/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl invite: this machine as a ready `peers` group for another one.
 */
#ifndef HP_TOOLS_INVITE_H
#define HP_TOOLS_INVITE_H

#include "tools/ctl.h"

int hp_cmd_invite(const struct hp_ctl *ctl, int argc, char **argv);

#endif
