/* SPDX-License-Identifier: MIT
 *
 * Commands and metrics of plugins, as the control socket uses them (hipproxy/command.h).
 */
#ifndef HP_PLUGIN_COMMAND_H
#define HP_PLUGIN_COMMAND_H

#include <jansson.h>

#include "plugin/registry.h"

/* The command called name and the plugin that has it; NULL: there is none. */
const struct hp_plugin_command *hp_registry_command(const struct hp_registry *reg,
						    const char *name, struct hp_instance **self);
/* Checks the n words against the command's arguments and runs it.  reply (an object) gets the
 * answer, or "error".  *rows: what follows the answer, as the list called key; id 0: nothing.  0 or -errno. */
int hp_registry_run_command(struct hp_instance *self, const struct hp_plugin_command *cmd,
			    const char *const *words, size_t n, json_t *reply,
			    struct hp_rows_ref *rows, char key[HP_ROWS_KEY_MAX + 1]);
/* The next row into the object `row`, which has *octets as JSON at most.  HP_ROW_END also for rows that
 * have ended. */
enum hp_row hp_rows_next(struct hp_registry *reg, struct hp_rows_ref ref, json_t *row,
			 size_t *octets);
/* wake is called when there may be more to read after HP_ROW_WAIT. */
void hp_rows_on_wake(struct hp_registry *reg, struct hp_rows_ref ref, void (*wake)(void *ctx),
		     void *ctx);
/* Nobody reads any more; harmless for rows that have ended. */
void hp_rows_end(struct hp_registry *reg, struct hp_rows_ref ref);

/* Asks m of self: put gets every value with the labels' values (as many as m has names). */
void hp_registry_read_metric(struct hp_instance *self, const struct hp_metric *m,
			     void (*put)(void *ctx, double value, const char *const *labels),
			     void *ctx);

#endif
