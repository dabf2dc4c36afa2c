/* SPDX-License-Identifier: MIT
 *
 * What the daemon answered, for people.
 *
 * Each takes the reply's object; a key that is missing is shown as "-" or 0, so that an
 * older tool can still read a newer daemon.
 */
#ifndef HP_TOOLS_SHOW_H
#define HP_TOOLS_SHOW_H

#include <jansson.h>

void hp_show_status(const json_t *reply);
void hp_show_associations(const json_t *reply);
void hp_show_flows(const json_t *reply);
void hp_show_peers(const json_t *reply);
void hp_show_drops(const json_t *reply);
void hp_show_pipeline(const json_t *reply);
/* One line of a trace. */
void hp_show_trace(const json_t *line);
/* A command that only did something. */
void hp_show_policy(const json_t *reply);
void hp_show_done(const json_t *reply);

#endif
