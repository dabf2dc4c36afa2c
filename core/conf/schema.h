/* SPDX-License-Identifier: MIT
 *
 * What the configuration must satisfy beyond each key's own type and range.
 */
#ifndef HP_CONF_SCHEMA_H
#define HP_CONF_SCHEMA_H

#include "conf/tree.h"

#ifndef HP_PLUGIN_DIR
#define HP_PLUGIN_DIR "/usr/local/lib/hipproxy/plugins"
#endif

/* Replaces indexes of names by the numbers they stand for. */
void hp_conf_settle(struct hp_conf *conf);
/* Keys against each other; reports.  0 or -ENOMEM. */
int hp_conf_check(struct hp_conf *conf, struct hp_conf_report *report);

/* Keys of the group peers against each other, as hp_conf_check does it. */
int hp_conf_check_peers(struct hp_conf *conf, struct hp_conf_report *report);
/* The row of the group peers alone. */
const struct hp_conf_row *hp_conf_schema_peers(void);

#endif
