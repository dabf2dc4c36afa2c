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
#define OPTIONS_MAX     16
#define NUMBER_MAX      1000000000

#define WATCH_OPTION \
	{ "--watch", "[SECONDS]", "repeat every SECONDS (2 if not given) until Ctrl-C", NULL }

#define LIST_OPTIONS                                                                          \
	{ "--output", "COLUMNS", "columns to show: a,b,c; +a,b adds to the default", NULL },     \
	{ "--sort", "COLUMN", "sort the rows by this column", NULL },                            \
	{ "-r", NULL, "reverse the order", NULL },                                               \
	{ "--noheadings", NULL, "omit the headings", NULL },                                     \
	{ "--color", "auto|always|never", "auto: if on a terminal and NO_COLOR is not set", NULL }, \
	WATCH_OPTION

#define PEER_OPTION  { "--peer", "ADDRESS", "only with this HIT, address or ADDRESS/BITS", "peer" }
#define LIMIT_OPTION { "-n", "N", "at most N rows; with --sort, the first of all", "n" }

const struct hp_cmd_option hp_view_list_options[] = { LIST_OPTIONS, { 0 } };

const struct hp_cmd_option hp_view_flow_options[] = {
	{ "--client", "ADDRESS", "only of this legacy host, or of ADDRESS/BITS", "client" },
	PEER_OPTION,
	{ "--state", "new|established|closing", "only in this state", "state" },
	LIMIT_OPTION, LIST_OPTIONS, { 0 },
};

const struct hp_cmd_option hp_view_association_options[] = {
	PEER_OPTION,
	{ "--state", "STATE", "only in this state, such as ESTABLISHED", "state" },
	LIMIT_OPTION, LIST_OPTIONS, { 0 },
};

const struct hp_cmd_option hp_view_peer_options[] = {
	PEER_OPTION,
	{ "--state", "resolving|exchange|protected|passthrough|blocked", "only in this state",
	  "state" },
	LIMIT_OPTION, LIST_OPTIONS, { 0 },
};

/* And --json, and what ends getopt's list. */
_Static_assert(sizeof(hp_view_flow_options) / sizeof(hp_view_flow_options[0]) + 1 <=
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

/* "90", "90s", "15m", "2h", "7d": in seconds; 0: it is none. */
static unsigned long seconds_of(const char *text)
{
	static const struct {
		char letter;
		unsigned int seconds;
	} units[] = { { '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (*text >= '0' && *text <= '9' && *end == units[i].letter &&
		    (!*end || !end[1]) && n <= NUMBER_MAX / units[i].seconds)
			return n * units[i].seconds;
	return 0;
}

/* An option that is for the daemon becomes a member of the request. */
static int set_member(struct hp_view *view, const struct hp_command *cmd,
		      const struct hp_cmd_option *o, const char *value)
{
	bool number = o->value && !strcmp(o->value, "N"), age = o->value && !strcmp(o->value, "AGE");
	unsigned long n = number || age ? seconds_of(value) : 0;
	json_t *v;

	if (number && (!n || value[strspn(value, "0123456789")]))
		return complain(cmd, value, "expected a number, 1 to 1000000000");
	if (age && !n)
		return complain(cmd, value, "expected seconds, or a number with s, m, h or d");
	if (!strcmp(o->name, "-n"))
		view->limit = n;
	v = number || age ? json_integer((json_int_t)n) :
	    o->value ? json_string(value) : json_true();
	if (!v)
		return complain(cmd, value, "expected text in UTF-8");
	if (view->request)
		return json_object_set_new(view->request, o->member, v);
	json_decref(v);
	return 0;
}

static int set(struct hp_view *view, const struct hp_command *cmd,
	       const struct hp_cmd_option *o, const char *value)
{
	const char *name = o->name;

	if (o->member)
		return set_member(view, cmd, o, value);
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
		     char letters[2 * OPTIONS_MAX])
{
	static const struct option json = { "json", no_argument, NULL, 'j' };
	int n = 0, row = 0;

	for (; o->name; o++, row++) {
		if (o->name[1] != '-') {
			*letters++ = o->name[1];
			if (o->value)
				*letters++ = ':';
		} else {
			longs[n++] = (struct option){
				o->name + 2,
				!o->value ? no_argument :
				*o->value == '[' ? optional_argument : required_argument,
				NULL, 256 + row,
			};
		}
	}
	*letters = '\0';
	longs[n++] = json;
	longs[n] = (struct option){ 0 };
}

/* What the letter or the value of longs stands for. */
static const struct hp_cmd_option *option_of(const struct hp_cmd_option *options, int opt)
{
	if (opt >= 256)
		return &options[opt - 256];
	while (options->name[1] != opt)
		options++;
	return options;
}

/* With an order of our own, the daemon can't know which rows are the first. */
static void settle_limit(const struct hp_view *view)
{
	if (view->request && (view->sort || view->reverse))
		json_object_del(view->request, "n");
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
	char letters[2 * OPTIONS_MAX];
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
		else if (set(view, cmd, option_of(cmd->options, opt), optarg))
			return -EINVAL;
	}
	if (cmd->list && hp_list_check(cmd->list, view))
		return -EINVAL;
	settle_limit(view);
	memmove(argv + 1, argv + optind, (size_t)(argc - optind) * sizeof(*argv));
	return take_seconds(view, cmd, argc - optind + 1, argv);
}
