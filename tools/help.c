/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl's usage and help, from the table of commands.
 */
#include "tools/help.h"

#include <string.h>

#include "tools/list.h"
#include "tools/own.h"

#define HEAD_WIDTH 37 /* of what stands before the help lines */

/* A head too wide for its column has a line to itself. */
static void print_entry(FILE *out, const char *head, const char *help)
{
	if (strlen(head) > HEAD_WIDTH)
		fprintf(out, "  %s\n  %-*s %s\n", head, HEAD_WIDTH, "", help);
	else
		fprintf(out, "  %-*s %s\n", HEAD_WIDTH, head, help);
}

static void print_options(FILE *out, const struct hp_cmd_option *options)
{
	char head[96];

	for (; options && options->name; options++) {
		snprintf(head, sizeof(head), "%s%s%s", options->name,
			 options->value ? " " : "", options->value ? options->value : "");
		print_entry(out, head, options->help);
	}
}

void hp_help_usage(FILE *out)
{
	char head[96];

	fputs("usage: hipproxyctl [-s SOCKET] [--json] COMMAND\n\n", out);
	for (size_t i = 0; i < hp_n_commands; i++) {
		const struct hp_command *cmd = &hp_commands[i];

		snprintf(head, sizeof(head), "%s%s%s%s", cmd->name,
			 cmd->options ? " [OPTION...]" : "", *cmd->args ? " " : "", cmd->args);
		print_entry(out, head, cmd->help);
	}
	fputs("\noptions:\n", out);
	print_options(out, hp_ctl_options);
	fputs("\nexit status: 0 done, 1 refused or failed, 2 usage, 3 daemon not reachable\n",
	      out);
}

void hp_help_synopsis(const struct hp_command *cmd, FILE *out)
{
	fprintf(out, "usage: hipproxyctl %s%s", cmd->name, cmd->list ? " [OPTION...]" : "");
	for (const struct hp_cmd_option *o = cmd->options; !cmd->list && o && o->name; o++)
		fprintf(out, o->value ? " [%s %s]" : " [%s]", o->name, o->value);
	fprintf(out, "%s%s\n", *cmd->args ? " " : "", cmd->args);
}

static void print_columns(FILE *out, const struct hp_list *list)
{
	char head[32];

	fputs("\ncolumns (* shown by default):\n", out);
	for (size_t i = 0; i < list->n; i++) {
		const struct hp_column *c = &list->columns[i];

		snprintf(head, sizeof(head), "%s%s", c->flags & HP_COL_MORE ? "  " : "* ",
			 c->name);
		print_entry(out, head, c->help);
	}
}

void hp_help_command(const struct hp_command *cmd, FILE *out)
{
	hp_help_synopsis(cmd, out);
	fprintf(out, "\n%s: %s.\n%s", cmd->name, cmd->help, cmd->text ? cmd->text : "");
	if (cmd->options)
		fputs("\noptions:\n", out);
	print_options(out, cmd->options);
	if (cmd->list)
		print_columns(out, cmd->list);
}

/* Of the plugins that run; silent if the daemon does not. */
static void help_plugins(const struct hp_ctl *ctl)
{
	json_t *list = hp_own_commands(ctl), *row;
	char args[512], head[640];
	size_t i;

	if (json_array_size(list))
		fputs("\ncommands of plugins:\n", stdout);
	json_array_foreach(list, i, row) {
		const char *name = json_string_value(json_object_get(row, "name"));

		hp_own_args(row, args, sizeof(args));
		snprintf(head, sizeof(head), "%s%s%s", name ? name : "", *args ? " " : "", args);
		print_entry(stdout, head, json_string_value(json_object_get(row, "help")));
	}
	json_decref(list);
}

int hp_cmd_help(const struct hp_ctl *ctl, int argc, char **argv)
{
	const struct hp_command *cmd;
	int words;

	if (argc == 1) {
		hp_help_usage(stdout);
		help_plugins(ctl);
		return HP_EXIT_OK;
	}
	if (argc == 2 && hp_own_is_name(argv[1]))
		return hp_own_help(ctl, argv[1], stdout);
	cmd = hp_command_find(argc - 1, argv + 1, &words);
	if (!cmd || words != argc - 1) {
		fprintf(stderr, "hipproxyctl: no such command: %s\n", argv[1 + words]);
		return HP_EXIT_USAGE;
	}
	hp_help_command(cmd, stdout);
	return HP_EXIT_OK;
}
