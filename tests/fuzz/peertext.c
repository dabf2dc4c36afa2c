/* SPDX-License-Identifier: MIT
 *
 * Peers from elsewhere, as `peer add` takes them: what is accepted is written in a form that reads
 * as the same peers.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "tools/peertext.h"

/* libconfig 1.5 loses the text of a string that is never closed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig_yylex\nleak:strbuf_append\n";
}

static char *print(const struct hp_conf *conf)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	hp_peertext_print(f, &conf->peers);
	if (fclose(f))
		abort();
	return text;
}

static void read_again(struct hp_conf *first)
{
	struct hp_conf_report report = { .n = 0 };
	char *text = print(first), *text2;
	struct hp_conf *second;

	if (hp_peertext_parse("again", text, strlen(text), &second, &report))
		abort();
	text2 = print(second);
	if (strcmp(text, text2) || second->peers.n != first->peers.n)
		abort();
	hp_conf_free(second);
	free(text);
	free(text2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_conf_report report = { .n = 0 };
	struct hp_conf *conf;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!hp_peertext_parse("text", text, size, &conf, &report)) {
		bool named = true;

		/* peer add names those that have no name. */
		for (size_t i = 0; i < conf->peers.n; i++)
			named = named && *conf->peers.at[i].name;
		if (named)
			read_again(conf);
		hp_conf_free(conf);
	}
	free(text);
	return 0;
}
