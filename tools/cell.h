/* SPDX-License-Identifier: MIT
 *
 * Cells of a table: from a member of a row to text.
 *
 * A member that is missing is shown as "-", so that an older tool can read a newer daemon
 * and the other way round.
 */
#ifndef HP_TOOLS_CELL_H
#define HP_TOOLS_CELL_H

#include <stdint.h>

#include <jansson.h>

#define HP_CELL_MAX 128

struct hp_cell {
	char text[HP_CELL_MAX];
	double number;     /* rows are sorted by it, then by the text */
	const char *color; /* of libsmartcols; NULL: none */
};

typedef void (*hp_cell_fn)(struct hp_cell *c, const json_t *row, const char *key);

void hp_cell_text(struct hp_cell *c, const json_t *row, const char *key);
void hp_cell_number(struct hp_cell *c, const json_t *row, const char *key);
void hp_cell_bytes(struct hp_cell *c, const json_t *row, const char *key);
void hp_cell_seconds(struct hp_cell *c, const json_t *row, const char *key);
void hp_cell_micros(struct hp_cell *c, const json_t *row, const char *key);
void hp_cell_spi(struct hp_cell *c, const json_t *row, const char *key);
/* A state's name, coloured: green works, yellow not yet, red does not. */
void hp_cell_state(struct hp_cell *c, const json_t *row, const char *key);
/* key "x": the address x with the port x_port: 192.0.2.1:80, [2001:db8::1]:80. */
void hp_cell_endpoint(struct hp_cell *c, const json_t *row, const char *key);

/* An address and a port, 0: none, into c->text. */
void hp_cell_address(struct hp_cell *c, const char *addr, uint64_t port);

/* Members of an object: "-" or 0 if they are missing. */
const char *hp_json_text(const json_t *o, const char *key);
uint64_t hp_json_number(const json_t *o, const char *key);

#endif
