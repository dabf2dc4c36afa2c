/* SPDX-License-Identifier: MIT
 *
 * Arguments of the daemon's commands: from words to the request's members.
 *
 * Each takes argv[1..argc-1] and returns false for wrong usage.
 */
#ifndef HP_TOOLS_FILL_H
#define HP_TOOLS_FILL_H

#include <stdbool.h>

#include <jansson.h>

bool hp_fill_proxy(json_t *request, int argc, char **argv);
bool hp_fill_close(json_t *request, int argc, char **argv);
bool hp_fill_flush(json_t *request, int argc, char **argv);
bool hp_fill_trace(json_t *request, int argc, char **argv);
bool hp_fill_nat(json_t *request, int argc, char **argv);
bool hp_fill_policy(json_t *request, int argc, char **argv);

/* revoke [HIT [WHY]]: alone it lists. */
bool hp_fill_revoke(json_t *request, int argc, char **argv);

#endif
