/* SPDX-License-Identifier: MIT
 *
 * The command line of a daemon (see options.h).
 */
#include "config.h"
#include "util/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"

#define EXIT_USAGE 2

/* What getopt_long needs, made of the table. */
struct getopt_tables {
	struct option longs[HP_OPTIONS_MAX + 1];
	char letters[2 * HP_OPTIONS_MAX + 1];
};

static bool takes_argument(const struct hp_option *o)
{
	return !o->flag;
}

/* An option's number is its place in the table. */
static void make_tables(const struct hp_option *options, struct getopt_tables *t)
{
	char *letter = t->letters;

	memset(t, 0, sizeof(*t));
	for (int i = 0; options[i].name; i++) {
		t->longs[i] = (struct option){ options[i].name, takes_argument(&options[i]), NULL, i };
		if (!options[i].letter)
			continue;
		*letter++ = options[i].letter;
		if (takes_argument(&options[i]))
			*letter++ = ':';
	}
}

/* found: what getopt_long has returned, a letter or a number of make_tables. */
static const struct hp_option *find(const struct hp_option *options, int found)
{
	for (int i = 0; options[i].name; i++)
		if (found == i || (options[i].letter && found == options[i].letter))
			return &options[i];
	return NULL;
}

static bool take(const struct hp_program *p, const struct hp_option *o, const char *argument)
{
	if (o->flag) {
		*o->flag = true;
	} else if (o->text) {
		*o->text = argument;
	} else {
		*o->level = hp_log_level_parse(argument);
		if (*o->level < 0)
			fprintf(stderr, "%s: --%s %s: expected error, warning, notice, info or debug\n",
				p->name, o->name, argument);
		return *o->level >= 0;
	}
	return true;
}

/* False: reported. */
static bool parse(const struct hp_program *p, const struct hp_option *all, int argc, char **argv)
{
	struct getopt_tables t;
	int found;

	make_tables(all, &t);
	while ((found = getopt_long(argc, argv, t.letters, t.longs, NULL)) != -1) {
		const struct hp_option *o = find(all, found);

		if (!o || !take(p, o, optarg))
			return false;
	}
	if (optind == argc)
		return true;
	fprintf(stderr, "%s: %s: unexpected argument\n", p->name, argv[optind]);
	return false;
}

int hp_options_read(const struct hp_program *p, int argc, char **argv)
{
	struct hp_option all[HP_OPTIONS_MAX + 1] = { { 0 } };
	bool help = false, version = false;
	size_t n = 0;

	for (; p->options[n].name && n < HP_OPTIONS_MAX - 2; n++)
		all[n] = p->options[n];
	all[n++] = (struct hp_option){ "help", 'h', .flag = &help };
	all[n] = (struct hp_option){ "version", 'V', .flag = &version };
	if (!parse(p, all, argc, argv)) {
		fputs(p->usage, stderr);
		return EXIT_USAGE;
	}
	if (!help && !version)
		return -1;
	if (help)
		fputs(p->usage, stdout);
	else
		printf("%s " PACKAGE_VERSION "\n", p->name);
	return hp_output_status(p, EXIT_SUCCESS);
}

int hp_output_status(const struct hp_program *p, int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "%s: standard output: %m\n", p->name);
	return EXIT_FAILURE;
}
