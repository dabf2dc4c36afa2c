/* SPDX-License-Identifier: MIT
 *
 * Opening hipproxy-gate: root does it, the daemon may not.
 */
#ifndef HP_TOOLS_GATE_H
#define HP_TOOLS_GATE_H

#include <jansson.h>

#include "tools/ctl.h"

/* Before the request "proxy": off opens the gate, if this is root.  What goes wrong here the daemon's
 * answer tells. */
void hp_before_proxy(const struct hp_ctl *ctl, const json_t *request);

#endif
