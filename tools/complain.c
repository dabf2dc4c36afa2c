/* SPDX-License-Identifier: MIT
 *
 * Refusals: see complain.h.
 */
#include "tools/complain.h"

#include <stdio.h>

#include "tools/ctl.h"

int hp_complain(const char *what, const char *why)
{
	fprintf(stderr, "hipproxyctl: %s: %s\n", what, why);
	return HP_EXIT_REFUSED;
}

void hp_complain_line(void *ctx, const char *line)
{
	(void)ctx;
	for (; *line; line++)
		fputc(*line < 0x20 || *line == 0x7f ? '?' : *line, stderr);
	fputc('\n', stderr);
}
