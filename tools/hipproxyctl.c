/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl: asks a running hipproxyd and shows the answer; makes and reads keys.
 *
 * Also called hipconf, the name of the control program of the HIP for Linux project.
 * Exit status: 0 done; 1 refused or failed; 2 usage; 3 the daemon is not reachable.
 */
#include "config.h"

#include <getopt.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "tools/ask.h"
#include "tools/commands.h"
#include "tools/complete.h"
#include "tools/help.h"
#include "tools/own.h"
#include "tools/view.h"
#include "tools/watch.h"

static int run_daemon(const struct hp_ctl *ctl, const struct hp_command *cmd, int argc,
		      char **argv)
{
	json_t *request = json_pack("{s:s}", "cmd", cmd->name);
	struct hp_ctl mine = *ctl;
	struct hp_view view;
	int status;

	hp_view_init(&view);
	view.request = request;
	if (cmd->options)
		argc = hp_view_parse(&view, cmd, &mine, argc, argv);
	if (argc < 0 || (cmd->fill ? !cmd->fill(request, argc, argv) : argc > 1)) {
		json_decref(request);
		return HP_EXIT_USAGE;
	}
	if (cmd->before)
		cmd->before(&mine, request);
	if (cmd->json_lines && !view.width)
		status = hp_ask_show(&(struct hp_ctl){ mine.socket, true }, cmd, &view, request);
	else if (view.watch_s)
		status = hp_watch(&mine, cmd, &view, request);
	else
		status = hp_ask_show(&mine, cmd, &view, request);
	json_decref(request);
	return status;
}

static bool asks_help(int argc, char **argv)
{
	return argc == 1 && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"));
}

static int dispatch(const struct hp_ctl *ctl, int argc, char **argv)
{
	int words, status;
	const struct hp_command *cmd = hp_command_find(argc, argv, &words);

	if (!cmd && hp_own_is_name(argv[0]))
		return asks_help(argc - 1, argv + 1) ? hp_own_help(ctl, argv[0], stdout) :
						       hp_own_run(ctl, argc, argv);
	if (!cmd) {
		fprintf(stderr, "hipproxyctl: no such command: %s\n", argv[0]);
		hp_help_usage(stderr);
		return HP_EXIT_USAGE;
	}
	argc -= words - 1;
	argv += words - 1;
	if (asks_help(argc - 1, argv + 1)) {
		hp_help_command(cmd, stdout);
		return HP_EXIT_OK;
	}
	status = cmd->run ? cmd->run(ctl, argc, argv) : run_daemon(ctl, cmd, argc, argv);
	if (status == HP_EXIT_USAGE)
		hp_help_synopsis(cmd, stderr);
	return status;
}

/* hipconf [daemon] hipproxy on|off, hipconf [daemon] nat plain-udp|auto|off|none */
static int dispatch_hipconf(const struct hp_ctl *ctl, int argc, char **argv)
{
	static char off[] = "off";
	char proxy[] = "proxy";

	if (argc && !strcmp(argv[0], "daemon")) {
		argc--;
		argv++;
	}
	if (argc == 2 && !strcmp(argv[0], "hipproxy")) {
		argv[0] = proxy;
		return dispatch(ctl, argc, argv);
	}
	if (argc == 2 && !strcmp(argv[0], "nat")) {
		if (!strcmp(argv[1], "none"))
			argv[1] = off;
		return dispatch(ctl, argc, argv);
	}
	fputs("usage: hipconf [-s SOCKET] hipproxy on|off\n"
	      "       hipconf [-s SOCKET] nat plain-udp|auto|off\n", stderr);
	return HP_EXIT_USAGE;
}

/* The options before the command; true to go on, else *status is the exit status. */
static bool parse_options(struct hp_ctl *ctl, int argc, char **argv, int *status)
{
	static const struct option longopts[] = {
		{ "json", no_argument, NULL, 'j' }, { "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
		{ "complete", required_argument, NULL, 'C' }, /* for the shell */
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "+s:jhV", longopts, NULL)) != -1) {
		switch (opt) {
		case 's':
			ctl->socket = optarg;
			break;
		case 'j':
			ctl->json = true;
			break;
		case 'h':
			hp_help_usage(stdout);
			*status = HP_EXIT_OK;
			return false;
		case 'V':
			puts(PACKAGE_STRING);
			*status = HP_EXIT_OK;
			return false;
		case 'C':
			hp_complete(stdout, ctl, optarg);
			*status = HP_EXIT_OK;
			return false;
		default:
			*status = HP_EXIT_USAGE;
			hp_help_usage(stderr);
			return false;
		}
	}
	return true;
}

/* --json may also stand at the end of the line, as people type it. */
static int take_trailing_json(struct hp_ctl *ctl, int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[argc - 1], "--json")) {
		ctl->json = true;
		argv[--argc] = NULL;
	}
	return argc;
}

/* Output that is lost, on a full disk, is a failure. */
static int written(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	perror("hipproxyctl: standard output");
	return status ? status : HP_EXIT_REFUSED;
}

static int run(int argc, char **argv)
{
	struct hp_ctl ctl = { .socket = HP_CONTROL_SOCKET };
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];
	int status;

	setlocale(LC_CTYPE, "");
	if (!parse_options(&ctl, argc, argv, &status))
		return status;
	argc = take_trailing_json(&ctl, argc - optind, argv + optind);
	argv += optind;
	if (!strcmp(name, "hipconf"))
		return dispatch_hipconf(&ctl, argc, argv);
	if (!argc) {
		hp_help_usage(stderr);
		return HP_EXIT_USAGE;
	}
	return dispatch(&ctl, argc, argv);
}

int main(int argc, char **argv)
{
	return written(run(argc, argv));
}
