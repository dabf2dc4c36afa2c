/* SPDX-License-Identifier: MIT
 *
 * Text tables with aligned columns, and numbers with units, for people.
 */
#ifndef HP_TOOLS_TABLE_H
#define HP_TOOLS_TABLE_H

#include <stdint.h>
#include <stdio.h>

#define HP_TABLE_COLUMNS_MAX 12
#define HP_CELL_MAX          96

/* Cells are kept until printed: the widths are those of the widest. */
struct hp_table {
	int columns;
	unsigned int right; /* bit n: column n is aligned to the right */
	char (*cells)[HP_CELL_MAX];
	size_t n, cap;
};

/* headings: columns of them; they are the first row. */
void hp_table_init(struct hp_table *t, int columns, unsigned int right,
		   const char *const *headings);
/* The next cell, row by row; longer text is cut. */
void hp_table_cell(struct hp_table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Prints all rows and frees them. */
void hp_table_print(struct hp_table *t, FILE *out);

/* "1.2 MB" (powers of 1000), "3 h 4 min", "1234567"; each returns buf. */
#define HP_UNIT_MAX 32
const char *hp_unit_bytes(char buf[HP_UNIT_MAX], uint64_t n);
const char *hp_unit_time(char buf[HP_UNIT_MAX], uint64_t seconds);

#endif
