/* SPDX-License-Identifier: MIT
 *
 * Completion, from the table of commands.
 */
#include "tools/complete.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ask.h"
#include "tools/list.h"
#include "tools/own.h"

#define WORDS_MAX  64
#define OFFERS_MAX 10000

struct place {
	FILE *out;
	struct hp_ctl ctl;
	const struct hp_command *cmd; /* NULL before it is known */
	const char *word;             /* to complete */
	size_t kept;                  /* so much of it stays, and is put before each offer */
};

static void offer(const struct place *p, const char *text, size_t len)
{
	const char *begun = p->word + p->kept;

	if (len >= strlen(begun) && !strncmp(text, begun, strlen(begun)))
		fprintf(p->out, "%.*s%.*s\n", (int)p->kept, p->word, (int)len, text);
}

static void offer_word(const struct place *p, const char *text)
{
	offer(p, text, strlen(text));
}

/* ---- kinds of arguments */

/* The member `key` of each row of the answer to cmd. */
static void offer_members(const struct place *p, const char *cmd, const char *list,
			  const char *key)
{
	json_t *request = json_pack("{s:s, s:i}", "cmd", cmd, "n", OFFERS_MAX), *reply;
	const json_t *row;
	size_t i;

	if (!hp_ask(&p->ctl, request, true, &reply)) {
		json_array_foreach(json_object_get(reply, list), i, row) {
			const char *s = json_string_value(json_object_get(row, key));

			if (s && *s)
				offer_word(p, s);
		}
		json_decref(reply);
	}
	json_decref(request);
}

static void offer_file(const struct place *p)
{
	fprintf(p->out, "%s\n", HP_COMPLETE_FILE);
}

static void offer_hits(const struct place *p)
{
	offer_members(p, "associations", "associations", "peer_hit");
}

static void offer_addresses(const struct place *p)
{
	offer_members(p, "peers", "peers", "address");
	offer_hits(p);
}

static void offer_identities(const struct place *p)
{
	offer_members(p, "status", "identities", "name");
}

static void offer_column(const struct place *p)
{
	for (size_t i = 0; p->cmd && p->cmd->list && i < p->cmd->list->n; i++)
		offer_word(p, p->cmd->list->columns[i].name);
}

/* The last of a list with commas, which may begin with a plus. */
static void offer_columns(const struct place *p)
{
	const char *begun = p->word + p->kept, *comma = strrchr(begun, ',');
	struct place last = *p;

	if (comma)
		last.kept = (size_t)(comma + 1 - p->word);
	else if (*begun == '+')
		last.kept++;
	offer_column(&last);
}

/* Word number n of the commands' names, where the words before it are those. */
static void offer_commands(const struct place *p, int n, char *const *before)
{
	const char *last = "";

	for (size_t i = 0; i < hp_n_commands; i++) {
		const char *name = hp_commands[i].name;
		int same = 0;

		for (; same < n; same++) {
			size_t len = strcspn(name, " ");

			if (strlen(before[same]) != len || strncmp(name, before[same], len) ||
			    !name[len])
				break;
			name += len + 1;
		}
		/* Commands of several words stand together in the table; their first word is one. */
		if (same != n || (strcspn(last, " ") == strcspn(name, " ") &&
				  !strncmp(last, name, strcspn(name, " "))))
			continue;
		offer(p, name, strcspn(name, " "));
		last = name;
	}
}

static void offer_command(const struct place *p)
{
	offer_commands(p, 0, NULL);
}

/* what: as the table writes arguments and values: "on|off" or the name of a kind. */
static void offer_value(const struct place *p, const char *what, size_t len)
{
	static const struct {
		const char *kind;
		void (*fn)(const struct place *p);
	} kinds[] = {
		{ "FILE", offer_file }, { "HIT", offer_hits }, { "CLIENT", offer_hits },
		{ "ADDRESS", offer_addresses }, { "IDENTITY", offer_identities },
		{ "COMMAND", offer_command }, { "COLUMN", offer_column },
		{ "COLUMNS", offer_columns },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].kind) == len && !strncmp(kinds[i].kind, what, len))
			kinds[i].fn(p);
	if (!islower((unsigned char)*what))
		return;
	for (size_t n; len; len -= n, what += n) {
		n = strcspn(what, "|");
		n = n < len ? n : len;
		offer(p, what, n);
		n += n < len;
	}
}

/* The n-th argument of "test CLIENT on|off [FILE...]", without brackets and dots. */
static void offer_argument(const struct place *p, const char *args, int n)
{
	for (; *args; args += strspn(args, " ")) {
		const char *end = args + strcspn(args, " ");
		size_t len;

		args += strspn(args, "[");
		len = strcspn(args, " ].");
		if (!n || strstr(args, "...") == args + len) {
			offer_value(p, args, len);
			return;
		}
		n--;
		args = end;
	}
}

/* ---- where the cursor is */

static void offer_options(const struct place *p, const struct hp_cmd_option *options)
{
	for (; options && options->name; options++)
		offer_word(p, options->name);
}

/* Its name may be followed by = and the value. */
static const struct hp_cmd_option *find_option(const struct hp_cmd_option *options,
					       const char *word)
{
	size_t len = strcspn(word, "=");

	for (; options && options->name; options++)
		if (strlen(options->name) == len && !strncmp(options->name, word, len))
			return options;
	return NULL;
}

/* The value, if the next word must be one. */
static const char *wants_value(const struct hp_cmd_option *o, const char *word)
{
	return o && o->value && *o->value != '[' && !strchr(word, '=') ? o->value : NULL;
}

/* words: all behind the command's name; the last one is p->word. */
static void complete_command(struct place *p, int n, char *const *words)
{
	const struct hp_cmd_option *options = p->cmd->options, *o;
	int arguments = 0;

	for (int i = 0; i < n - 1; i++) {
		const char *value = wants_value(find_option(options, words[i]), words[i]);

		if (value && i == n - 2) {
			offer_value(p, value, strlen(value));
			return;
		}
		if (value)
			i++;
		else
			arguments += *words[i] != '-';
	}
	o = find_option(options, p->word);
	if (o && o->value && strchr(p->word, '=')) {
		p->kept = (size_t)(strchr(p->word, '=') + 1 - p->word);
		offer_value(p, o->value, strlen(o->value));
	} else if (*p->word == '-') {
		offer_options(p, options);
		offer_word(p, "--json");
		offer_word(p, "--help");
	} else {
		offer_argument(p, p->cmd->args, arguments);
	}
}

/* Reads the options before the command.  Returns how many words they are, or -1: the word to
 * complete is a value of theirs, and has been. */
static int skip_options(struct place *p, int n, char *const *words)
{
	int i = 0;

	while (i < n - 1 && *words[i] == '-') {
		const char *value = wants_value(find_option(hp_ctl_options, words[i]), words[i]);

		if (value && i == n - 2) {
			offer_value(p, value, strlen(value));
			return -1;
		}
		if (!strcmp(words[i], "-s"))
			p->ctl.socket = words[i + 1];
		i += value ? 2 : 1;
	}
	return i;
}

/* Names of plugins' commands, and arguments of one. */
static void offer_own(const struct place *p, int n, char *const *words)
{
	json_t *list = hp_own_commands(&p->ctl), *row;
	char args[512];
	size_t i;

	json_array_foreach(list, i, row) {
		const char *name = json_string_value(json_object_get(row, "name"));

		if (name && n == 1)
			offer_word(p, name);
		if (!name || n == 1 || strcmp(name, words[0]))
			continue;
		hp_own_args(row, args, sizeof(args));
		offer_argument(p, args, n - 2);
	}
	json_decref(list);
}

static void complete_words(struct place *p, int n, char *const *words)
{
	int i = skip_options(p, n, words), name;

	if (i < 0)
		return;
	words += i;
	n -= i;
	if (n == 1 && *p->word == '-') {
		offer_options(p, hp_ctl_options);
		return;
	}
	offer_commands(p, n - 1, words);
	if (n == 1 || hp_own_is_name(words[0]))
		offer_own(p, n, words);
	p->cmd = hp_command_find(n - 1, words, &name);
	if (p->cmd)
		complete_command(p, n - name, words + name);
}

void hp_complete(FILE *out, const struct hp_ctl *ctl, const char *line)
{
	struct place p = { .out = out, .ctl = *ctl };
	char *copy = strdup(line), *words[WORDS_MAX], *at = copy;
	int n = 0;

	while (at && n < WORDS_MAX) {
		at += strspn(at, " \t");
		words[n++] = at;
		at = strpbrk(at, " \t");
		if (at)
			*at++ = '\0';
	}
	/* The program's name alone is not for us. */
	if (n > 1 && !at) {
		p.word = words[n - 1];
		complete_words(&p, n - 1, words + 1);
	}
	free(copy);
}
