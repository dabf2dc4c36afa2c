/* SPDX-License-Identifier: MIT
 *
 * How an answer is shown: the options for it.
 */
#include "tools/view.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/list.h"

#define WATCH_DEFAULT_S 2
#define WATCH_MAX_S     86400
#define OPTIONS_MAX     8

#define WATCH_OPTION \
	{ "--watch", "[SECONDS]", "repeat every SECONDS (2 if not given) until Ctrl-C" }

const struct hp_cmd_option hp_view_list_options[] = {
	{ "--output", "COLUMNS", "columns to show: a,b,c; +a,b adds to the default" },
	{ "--sort", "COLUMN", "sort the rows by this column" },
	{ "-r", NULL, "reverse the order" },
	{ "--noheadings", NULL, "omit the headings" },
	{ "--color", "auto|always|never", "auto: if on a terminal and NO_COLOR is not set" },
	WATCH_OPTION,
	{ 0 },
};

/* And --json, and what ends getopt's list. */
_Static_assert(sizeof(hp_view_list_options) / sizeof(hp_view_list_options[0]) + 1 <=
		       OPTIONS_MAX, "options of lists");

const struct hp_cmd_option hp_view_watch_options[] = { WATCH_OPTION, { 0 } };

/* NO_COLOR: any value but none (no-color.org). */
static bool color_wanted(const struct hp_view *view)
{
	const char *no = getenv("NO_COLOR");

	return view->width && !(no && *no);
}

void hp_view_measure(struct hp_view *view)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
		size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	view->width = size.ws_col;
	view->height = size.ws_row;
}

void hp_view_init(struct hp_view *view)
{
	*view = (struct hp_view){ .out = stdout, .headings = true };
	hp_view_measure(view);
	view->color = color_wanted(view);
}

static int complain(const struct hp_command *cmd, const char *what, const char *why)
{
	fprintf(stderr, "hipproxyctl %s: %s: %s\n", cmd->name, what, why);
	return -EINVAL;
}

static int set_color(struct hp_view *view, const struct hp_command *cmd, const char *when)
{
	if (!strcmp(when, "auto"))
		view->color = color_wanted(view);
	else if (!strcmp(when, "always") || !strcmp(when, "never"))
		view->color = !strcmp(when, "always");
	else
		return complain(cmd, when, "expected auto, always or never");
	return 0;
}

static int set_watch(struct hp_view *view, const struct hp_command *cmd, const char *seconds)
{
	char *end;
	unsigned long n = WATCH_DEFAULT_S;

	if (seconds) {
		n = strtoul(seconds, &end, 10);
		if (*seconds < '0' || *seconds > '9' || *end || !n || n > WATCH_MAX_S)
			return complain(cmd, seconds, "expected seconds, 1 to 86400");
	}
	view->watch_s = (unsigned int)n;
	return 0;
}

static int set(struct hp_view *view, const struct hp_command *cmd, const char *name,
	       const char *value)
{
	if (!strcmp(name, "--output"))
		view->output = value;
	else if (!strcmp(name, "--sort"))
		view->sort = value;
	else if (!strcmp(name, "-r"))
		view->reverse = true;
	else if (!strcmp(name, "--noheadings"))
		view->headings = false;
	else if (!strcmp(name, "--color"))
		return set_color(view, cmd, value);
	else
		return set_watch(view, cmd, value);
	return 0;
}

/* getopt's form of the command's options: a long one's val is its row, a letter is itself. */
static void describe(const struct hp_cmd_option *o, struct option longs[OPTIONS_MAX],
		     char letters[OPTIONS_MAX])
{
	static const struct option json = { "json", no_argument, NULL, 'j' };
	int n = 0, row = 0;

	for (; o->name; o++, row++) {
		if (o->name[1] != '-')
			*letters++ = o->name[1];
		else
			longs[n++] = (struct option){
				o->name + 2,
				!o->value ? no_argument :
				*o->value == '[' ? optional_argument : required_argument,
				NULL, 256 + row,
			};
	}
	*letters = '\0';
	longs[n++] = json;
	longs[n] = (struct option){ 0 };
}

/* What the letter or the value of longs stands for. */
static const char *name_of(const struct hp_cmd_option *options, int opt)
{
	if (opt >= 256)
		return options[opt - 256].name;
	while (options->name[1] == '-')
		options++;
	return options->name;
}

/* --watch 5: the seconds may be a word of their own, for these commands take no other. */
static int take_seconds(struct hp_view *view, const struct hp_command *cmd, int left,
			char **argv)
{
	if (left != 2 || !view->watch_s || *cmd->args)
		return left;
	return set_watch(view, cmd, argv[1]) ? -EINVAL : 1;
}

int hp_view_parse(struct hp_view *view, const struct hp_command *cmd, struct hp_ctl *ctl,
		  int argc, char **argv)
{
	struct option longs[OPTIONS_MAX];
	char letters[OPTIONS_MAX];
	int opt;

	describe(cmd->options, longs, letters);
	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (opt == '?')
			return complain(cmd, argv[optind - 1],
					"unknown option, or one without its value");
		if (opt == 'j')
			ctl->json = true;
		else if (set(view, cmd, name_of(cmd->options, opt), optarg))
			return -EINVAL;
	}
	if (cmd->list && hp_list_check(cmd->list, view))
		return -EINVAL;
	memmove(argv + 1, argv + optind, (size_t)(argc - optind) * sizeof(*argv));
	return take_seconds(view, cmd, argc - optind + 1, argv);
}
