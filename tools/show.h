/* SPDX-License-Identifier: MIT
 *
 * What the daemon answered, for people: one function a command, to view->out.
 *
 * Each takes the reply's object; a member that is missing is shown as "-" or 0.
 */
#ifndef HP_TOOLS_SHOW_H
#define HP_TOOLS_SHOW_H

#include <jansson.h>

#include "tools/list.h"

extern const struct hp_list hp_list_associations, hp_list_flows, hp_list_peers, hp_list_drops;

void hp_show_status(const struct hp_view *view, const json_t *reply);
void hp_show_associations(const struct hp_view *view, const json_t *reply);
void hp_show_flows(const struct hp_view *view, const json_t *reply);
void hp_show_peers(const struct hp_view *view, const json_t *reply);
void hp_show_drops(const struct hp_view *view, const json_t *reply);
void hp_show_pipeline(const struct hp_view *view, const json_t *reply);
void hp_show_plugins(const struct hp_view *view, const json_t *reply);
/* Prometheus' text form. */
void hp_show_metrics(const struct hp_view *view, const json_t *reply);
/* One line of a trace. */
void hp_show_trace(const struct hp_view *view, const json_t *line);
/* A command that only did something. */
void hp_show_policy(const struct hp_view *view, const json_t *reply);
void hp_show_done(const struct hp_view *view, const json_t *reply);

void hp_show_event(const struct hp_view *view, const json_t *line);
void hp_show_top(const struct hp_view *view, const json_t *line);
/* What is revoked, or what the command has done. */
void hp_show_revoked(const struct hp_view *view, const json_t *reply);

#endif
