/* SPDX-License-Identifier: MIT
 *
 * Cells of a table: from a member of a row to text.
 */
#include "tools/cell.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tools/unit.h"

const char *hp_json_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s ? s : "-";
}

uint64_t hp_json_number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) ? (uint64_t)json_number_value(v) : 0;
}

static void copy(struct hp_cell *c, const char *text)
{
	snprintf(c->text, sizeof(c->text), "%s", text);
}

void hp_cell_text(struct hp_cell *c, const json_t *row, const char *key)
{
	copy(c, hp_json_text(row, key));
}

/* True if there is a number; it goes to c->number. */
static bool has_number(struct hp_cell *c, const json_t *row, const char *key)
{
	bool has = json_is_number(json_object_get(row, key));

	c->number = has ? (double)hp_json_number(row, key) : 0;
	if (!has)
		copy(c, "-");
	return has;
}

void hp_cell_number(struct hp_cell *c, const json_t *row, const char *key)
{
	if (has_number(c, row, key))
		snprintf(c->text, sizeof(c->text), "%" PRIu64, hp_json_number(row, key));
}

void hp_cell_bytes(struct hp_cell *c, const json_t *row, const char *key)
{
	char unit[HP_UNIT_MAX];

	if (has_number(c, row, key))
		copy(c, hp_unit_bytes(unit, hp_json_number(row, key)));
}

void hp_cell_seconds(struct hp_cell *c, const json_t *row, const char *key)
{
	char unit[HP_UNIT_MAX];

	if (has_number(c, row, key))
		copy(c, hp_unit_time(unit, hp_json_number(row, key)));
}

void hp_cell_micros(struct hp_cell *c, const json_t *row, const char *key)
{
	if (has_number(c, row, key))
		snprintf(c->text, sizeof(c->text), "%.1f ms", c->number / 1000);
}

void hp_cell_spi(struct hp_cell *c, const json_t *row, const char *key)
{
	if (has_number(c, row, key) && c->number > 0)
		snprintf(c->text, sizeof(c->text), "0x%08" PRIx64, hp_json_number(row, key));
	else
		copy(c, "-");
}

void hp_cell_state(struct hp_cell *c, const json_t *row, const char *key)
{
	static const struct {
		const char *state, *color;
	} colors[] = {
		{ "ESTABLISHED", "green" }, { "R2-SENT", "green" }, { "protected", "green" },
		{ "I1-SENT", "yellow" }, { "I2-SENT", "yellow" }, { "CLOSING", "yellow" },
		{ "resolving", "yellow" }, { "exchange", "yellow" }, { "E-FAILED", "red" }, { "blocked", "red" },
	};

	hp_cell_text(c, row, key);
	for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++)
		if (!strcmp(c->text, colors[i].state))
			c->color = colors[i].color;
}

void hp_cell_address(struct hp_cell *c, const char *addr, uint64_t port)
{
	if (!port)
		copy(c, addr);
	else
		snprintf(c->text, sizeof(c->text), strchr(addr, ':') ? "[%s]:%" PRIu64 :
								     "%s:%" PRIu64, addr, port);
}

void hp_cell_endpoint(struct hp_cell *c, const json_t *row, const char *key)
{
	char port_key[32];

	snprintf(port_key, sizeof(port_key), "%s_port", key);
	hp_cell_address(c, hp_json_text(row, key), hp_json_number(row, port_key));
}
