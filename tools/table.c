/* SPDX-License-Identifier: MIT
 *
 * Text tables with aligned columns, and numbers with units, for people.
 */
#include "tools/table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void hp_table_init(struct hp_table *t, int columns, unsigned int right,
		   const char *const *headings)
{
	*t = (struct hp_table){ .columns = columns, .right = right };
	for (int i = 0; i < columns; i++)
		hp_table_cell(t, "%s", headings[i]);
}

void hp_table_cell(struct hp_table *t, const char *format, ...)
{
	va_list ap;

	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		void *cells = realloc(t->cells, cap * sizeof(*t->cells));

		if (!cells) {
			perror("hipproxyctl");
			exit(1);
		}
		t->cells = cells;
		t->cap = cap;
	}
	va_start(ap, format);
	vsnprintf(t->cells[t->n++], HP_CELL_MAX, format, ap);
	va_end(ap);
}

static void print_row(const struct hp_table *t, size_t row, const int *width, FILE *out)
{
	for (int i = 0; i < t->columns; i++) {
		const char *cell = t->cells[row * (size_t)t->columns + (size_t)i];

		if (t->right & 1u << i)
			fprintf(out, "%*s", width[i], cell);
		else if (i + 1 < t->columns)
			fprintf(out, "%-*s", width[i], cell);
		else
			fputs(cell, out);
		fputs(i + 1 < t->columns ? "  " : "\n", out);
	}
}

void hp_table_print(struct hp_table *t, FILE *out)
{
	int width[HP_TABLE_COLUMNS_MAX] = { 0 };
	size_t rows = t->n / (size_t)t->columns;

	for (size_t i = 0; i < t->n; i++) {
		int *w = &width[i % (size_t)t->columns];
		int len = (int)strlen(t->cells[i]);

		*w = len > *w ? len : *w;
	}
	for (size_t row = 0; row < rows; row++)
		print_row(t, row, width, out);
	free(t->cells);
	*t = (struct hp_table){ .columns = t->columns };
}

const char *hp_unit_bytes(char buf[HP_UNIT_MAX], uint64_t n)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)n;
	size_t u = 0;

	for (; v >= 999.95 && u < 6; u++)
		v /= 1000;
	snprintf(buf, HP_UNIT_MAX, u ? "%.1f %s" : "%.0f %s", v, units[u]);
	return buf;
}

const char *hp_unit_time(char buf[HP_UNIT_MAX], uint64_t seconds)
{
	if (seconds < 120)
		snprintf(buf, HP_UNIT_MAX, "%" PRIu64 " s", seconds);
	else if (seconds < 7200)
		snprintf(buf, HP_UNIT_MAX, "%" PRIu64 " min", seconds / 60);
	else if (seconds < 172800)
		snprintf(buf, HP_UNIT_MAX, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600,
			 seconds / 60 % 60);
	else
		snprintf(buf, HP_UNIT_MAX, "%" PRIu64 " d %" PRIu64 " h", seconds / 86400,
			 seconds / 3600 % 24);
	return buf;
}
