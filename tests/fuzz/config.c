/* SPDX-License-Identifier: MIT
 *
 * Configuration text, and a plugin's group in it.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

struct settings {
	const char *file;
	uint32_t ttl_s;
};

static const struct hp_conf_row rows[] = {
	{ "file", HP_CONF_STRING, 0, HP_CONF_AT(struct settings, file), 1, 64, "x",
	  .help = "a string" },
	{ "ttl_s", HP_CONF_INT, 0, HP_CONF_AT(struct settings, ttl_s), 0, 1000, "60",
	  .help = "a number" },
	HP_CONF_END
};

/* libconfig 1.5 loses the text of a string that is never closed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig_yylex\nleak:strbuf_append\n";
}

static void ignore(void *ctx, const char *line)
{
	(void)ctx, (void)line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_conf_report report = { .line = ignore };
	struct hp_conf *conf;
	const void *out;
	char *text;

	if (size > 65536)
		return 0;
	text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!hp_conf_parse(text, &conf, &report)) {
		for (size_t i = 0; i < conf->plugins.n; i++)
			hp_conf_plugin(conf, conf->plugins.at[i], rows, sizeof(struct settings),
				       &out, &report);
		hp_conf_free(conf);
	}
	free(text);
	return 0;
}
