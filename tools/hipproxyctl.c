/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl: asks a running hipproxyd and shows the answer; makes and reads keys.
 *
 * Also called hipconf, the name of the control program of the HIP for Linux project.
 * Exit status: 0 done; 1 refused or failed; 2 usage; 3 the daemon is not reachable.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tools/client.h"
#include "tools/keys.h"
#include "tools/show.h"

#define REPLY_TIMEOUT_S 15

enum { EXIT_OK, EXIT_REFUSED, EXIT_USAGE, EXIT_UNREACHABLE };

struct options {
	const char *socket;
	bool json;
};

struct command {
	const char *name;
	const char *args; /* as the usage text shows them */
	const char *help;
	/* Fills the request from argv[1..]; false: usage.  NULL: there are no arguments. */
	bool (*fill)(json_t *request, int argc, char **argv);
	void (*show)(const json_t *reply);
	bool stream; /* lines until the daemon closes */
};

static bool fill_proxy(json_t *request, int argc, char **argv)
{
	if (argc != 2 || (strcmp(argv[1], "on") && strcmp(argv[1], "off")))
		return false;
	json_object_set_new(request, "state", json_string(argv[1]));
	return true;
}

static bool fill_close(json_t *request, int argc, char **argv)
{
	if (argc != 2)
		return false;
	json_object_set_new(request, "hit", json_string(argv[1]));
	return true;
}

static bool fill_flush(json_t *request, int argc, char **argv)
{
	static const char *const what[] = { "peers", "flows", "associations", "all" };

	if (argc != 2)
		return false;
	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
		if (strcmp(argv[1], what[i]))
			continue;
		json_object_set_new(request, "what", json_string(what[i]));
		return true;
	}
	return false;
}

static bool fill_trace(json_t *request, int argc, char **argv)
{
	char *end;

	if (argc < 2 || argc > 3)
		return false;
	json_object_set_new(request, "address", json_string(argv[1]));
	if (argc == 3) {
		long n = strtol(argv[2], &end, 10);

		if (*end || n <= 0)
			return false;
		json_object_set_new(request, "count", json_integer(n));
	}
	return true;
}

static bool fill_nat(json_t *request, int argc, char **argv)
{
	if (argc != 2 || (strcmp(argv[1], "plain-udp") && strcmp(argv[1], "auto") &&
			  strcmp(argv[1], "off")))
		return false;
	json_object_set_new(request, "mode", json_string(argv[1]));
	return true;
}

static bool fill_policy(json_t *request, int argc, char **argv)
{
	char *end;
	long port;

	if (argc == 1)
		return true;
	if (argc < 5 || argc > 6 || strcmp(argv[1], "test"))
		return false;
	port = argc == 6 ? strtol(argv[5], &end, 10) : 0;
	if (argc == 6 && (*end || port < 0 || port > 65535))
		return false;
	json_object_set_new(request, "action", json_string("test"));
	json_object_set_new(request, "client", json_string(argv[2]));
	json_object_set_new(request, "identity", json_string(argv[3]));
	json_object_set_new(request, "protocol", json_string(argv[4]));
	json_object_set_new(request, "port", json_integer(port));
	return true;
}

static const struct command commands[] = {
	{ "status", "", "version, roles, identities, totals", NULL, hp_show_status, false },
	{ "associations", "", "HIP associations: peer, state, path, traffic", NULL,
	  hp_show_associations, false },
	{ "flows", "", "connections carried by them", NULL, hp_show_flows, false },
	{ "peers", "", "destinations: protected, passed, blocked or being asked", NULL,
	  hp_show_peers, false },
	{ "drops", "", "every reason for which packets were dropped", NULL, hp_show_drops,
	  false },
	{ "pipeline", "", "the steps packets take, in order", NULL, hp_show_pipeline, false },
	{ "trace", "ADDRESS [COUNT]", "follow the packets of an address through the steps",
	  fill_trace, hp_show_trace, true },
	{ "proxy", "on|off", "protect the clients' traffic, or let all of it pass", fill_proxy,
	  hp_show_done, false },
	{ "nat", "plain-udp|auto|off", "put HIP and ESP in UDP: always, where it works, never",
	  fill_nat, hp_show_done, false },
	{ "policy", "[test CLIENT IDENTITY PROTO PORT]",
	  "a server-side proxy's rules, or which would decide", fill_policy, hp_show_policy,
	  false },
	{ "reload", "", "read the configuration again: all of it or nothing", NULL,
	  hp_show_done, false },
	{ "close", "HIT", "close the association with this peer", fill_close, hp_show_done,
	  false },
	{ "flush", "peers|flows|associations|all", "forget them", fill_flush, hp_show_done,
	  false },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fputs("usage: hipproxyctl [-s SOCKET] [--json] COMMAND\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		char head[64];

		snprintf(head, sizeof(head), "%s %s", commands[i].name, commands[i].args);
		fprintf(out, "  %-37s %s\n", head, commands[i].help);
	}
	fputs("  keygen [-f] [-t TYPE] [-b BITS] FILE  make a Host Identity, print its HIT\n"
	      "  hit FILE...                           the HIT of key files\n\n"
	      "keygen's TYPE: ecdsa-p256 (default), ecdsa-p384, rsa (BITS: 2048 to 8192)\n"
	      "exit status: 0 done, 1 refused or failed, 2 usage, 3 daemon not reachable\n",
	      out);
}

static void print_json(const json_t *reply, bool one_line)
{
	json_dumpf(reply, stdout, one_line ? JSON_COMPACT : JSON_INDENT(2));
	putchar('\n');
	fflush(stdout);
}

static int refused(const json_t *reply)
{
	const char *why = json_string_value(json_object_get(reply, "error"));

	fprintf(stderr, "hipproxyctl: %s\n", why ? why : "the daemon refused, and does not say why");
	return EXIT_REFUSED;
}

static int unreachable(const struct options *o, int err)
{
	const char *why = strerror(-err);

	if (err == -ENOENT || err == -ECONNREFUSED)
		why = "hipproxyd does not run, or listens elsewhere (-s)";
	else if (err == -EAGAIN)
		why = "hipproxyd does not answer";
	else if (err == -EBADMSG)
		why = "this is not hipproxyd's answer";
	else if (err == -ECONNRESET || err == -EPIPE)
		why = "hipproxyd has hung up";
	fprintf(stderr, "hipproxyctl: %s: %s\n", o->socket, why);
	return EXIT_UNREACHABLE;
}

static int show(const struct options *o, const struct command *cmd, const json_t *reply)
{
	const json_t *ok = json_object_get(reply, "ok");

	if (o->json)
		print_json(reply, cmd->stream);
	/* The lines of a stream carry no "ok" unless they are an error. */
	if (json_is_false(ok) || (!ok && !cmd->stream))
		return refused(reply);
	if (!o->json && !(cmd->stream && ok))
		cmd->show(reply);
	return EXIT_OK;
}

static int converse(const struct options *o, const struct command *cmd, struct hp_client *c,
		    const json_t *request)
{
	int err, status, lines = 0;

	if (!cmd->stream)
		hp_client_timeout(c, REPLY_TIMEOUT_S);
	err = hp_client_send(c, request);
	if (err)
		return unreachable(o, err);
	do {
		json_t *reply;

		err = hp_client_recv(c, &reply);
		if (err == -ECONNRESET && cmd->stream && lines)
			return EXIT_OK;
		if (err)
			return unreachable(o, err);
		lines++;
		status = show(o, cmd, reply);
		json_decref(reply);
	} while (cmd->stream && status == EXIT_OK);
	return status;
}

static int run(const struct options *o, const struct command *cmd, int argc, char **argv)
{
	json_t *request = json_pack("{s:s}", "cmd", cmd->name);
	struct hp_client c;
	int err, status;

	if (cmd->fill ? !cmd->fill(request, argc, argv) : argc > 1) {
		fprintf(stderr, "usage: hipproxyctl %s %s\n", cmd->name, cmd->args);
		json_decref(request);
		return EXIT_USAGE;
	}
	err = hp_client_open(&c, o->socket);
	status = err ? unreachable(o, err) : converse(o, cmd, &c, request);
	hp_client_close(&c);
	json_decref(request);
	return status;
}

static int dispatch(const struct options *o, int argc, char **argv)
{
	if (!strcmp(argv[0], "keygen"))
		return hp_cmd_keygen(argc, argv, o->json);
	if (!strcmp(argv[0], "hit"))
		return hp_cmd_hit(argc, argv, o->json);
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(argv[0], commands[i].name))
			return run(o, &commands[i], argc, argv);
	fprintf(stderr, "hipproxyctl: no such command: %s\n", argv[0]);
	usage(stderr);
	return EXIT_USAGE;
}

/* hipconf [daemon] hipproxy on|off, hipconf [daemon] nat plain-udp|auto|off|none */
static int dispatch_hipconf(const struct options *o, int argc, char **argv)
{
	static char off[] = "off";
	char proxy[] = "proxy";

	if (argc && !strcmp(argv[0], "daemon")) {
		argc--;
		argv++;
	}
	if (argc == 2 && !strcmp(argv[0], "hipproxy")) {
		argv[0] = proxy;
		return dispatch(o, argc, argv);
	}
	if (argc == 2 && !strcmp(argv[0], "nat")) {
		if (!strcmp(argv[1], "none"))
			argv[1] = off;
		return dispatch(o, argc, argv);
	}
	fputs("usage: hipconf [-s SOCKET] hipproxy on|off\n"
	      "       hipconf [-s SOCKET] nat plain-udp|auto|off\n", stderr);
	return EXIT_USAGE;
}

/* The options before the command; true to go on, else *status is the exit status. */
static bool parse_options(struct options *o, int argc, char **argv, int *status)
{
	static const struct option longopts[] = {
		{ "json", no_argument, NULL, 'j' }, { "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "+s:jhV", longopts, NULL)) != -1) {
		switch (opt) {
		case 's':
			o->socket = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
		case 'V':
			*status = EXIT_OK;
			if (opt == 'V')
				puts(PACKAGE_STRING);
			else
				usage(stdout);
			return false;
		default:
			*status = EXIT_USAGE;
			usage(stderr);
			return false;
		}
	}
	return true;
}

/* --json may also stand at the end of the line, as people type it. */
static int take_trailing_json(struct options *o, int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[argc - 1], "--json")) {
		o->json = true;
		argv[--argc] = NULL;
	}
	return argc;
}

int main(int argc, char **argv)
{
	struct options o = { .socket = HP_CONTROL_SOCKET };
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];
	int status;

	if (!parse_options(&o, argc, argv, &status))
		return status;
	argc = take_trailing_json(&o, argc - optind, argv + optind);
	argv += optind;
	if (!strcmp(name, "hipconf"))
		return dispatch_hipconf(&o, argc, argv);
	if (!argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return dispatch(&o, argc, argv);
}
