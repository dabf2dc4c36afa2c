/* SPDX-License-Identifier: MIT
 *
 * Gateways of plugins (hipproxy/alg.h).
 */
#ifndef HP_PLUGIN_ALGS_H
#define HP_PLUGIN_ALGS_H

#include "plugin/registry.h"

/* Are the plugin's tables sound?  0 or -EINVAL, reported. */
int hp_algs_check(const struct hp_registry *reg, const struct hp_plugin *plugin);
/* The first gateway of a running plugin for this protocol and server's port, and whose it is; NULL if
 * there is none. */
const struct hp_alg *hp_registry_alg(const struct hp_registry *reg, uint8_t proto, uint16_t port,
				     struct hp_instance **self);

#endif
