/* SPDX-License-Identifier: MIT
 *
 * The file of what is closed: what is accepted is written in a form that reads as the same plan.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "gate/plan.h"

static struct hp_gate_plan first, second;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *one, *two;
	unsigned int line;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!hp_gate_plan_parse(text, &first, &line)) {
		one = hp_gate_plan_text(&first);
		if (!one || hp_gate_plan_parse(one, &second, &line))
			abort();
		two = hp_gate_plan_text(&second);
		if (!two || strcmp(one, two))
			abort();
		hp_gate_plan_free(&first);
		hp_gate_plan_free(&second);
		free(one);
		free(two);
	}
	free(text);
	return 0;
}
