/* SPDX-License-Identifier: MIT
 *
 * One request to the daemon.
 */
#include "tools/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/client.h"
#include "tools/rows.h"
#include "util/account.h"

#define REPLY_TIMEOUT_S 15
#define DENIED_STRLEN   (80 + HP_ACCOUNT_STRLEN)
#define QUIET_TIMEOUT_S 2 /* somebody waits for a completion */

static void print_json(FILE *out, const json_t *reply, bool one_line)
{
	json_dumpf(reply, out, one_line ? JSON_COMPACT : JSON_INDENT(2));
	fputc('\n', out);
	fflush(out);
}

static int refused(const json_t *reply)
{
	const char *why = json_string_value(json_object_get(reply, "error"));

	const json_t *line;
	size_t i;

	fprintf(stderr, "hipproxyctl: %s\n",
		why ? why : "the daemon refused the request without a reason");
	json_array_foreach(json_object_get(reply, "complaints"), i, line)
		if (json_is_string(line))
			fprintf(stderr, "%s\n", json_string_value(line));
	return HP_EXIT_REFUSED;
}

/* The socket says which group may use it, if the folder lets us look. */
static const char *denied(const char *socket, char text[DENIED_STRLEN])
{
	char owner[HP_ACCOUNT_STRLEN];
	const char *group = HP_SERVICE_ACCOUNT;
	struct stat st;
	bool seen = !lstat(socket, &st);

	if (seen)
		group = strchr(hp_account_format(st.st_uid, st.st_gid, owner), ':') + 1;
	if (seen && !(st.st_mode & S_IWGRP))
		snprintf(text, DENIED_STRLEN, "permission denied: you must be root");
	else
		snprintf(text, DENIED_STRLEN,
			 "permission denied: you must be root or in the group %s", group);
	return text;
}

static int unreachable(const struct hp_ctl *ctl, int err)
{
	const char *why = strerror(-err);
	char text[DENIED_STRLEN];

	if (err == -ENOENT || err == -ECONNREFUSED)
		why = "hipproxyd does not run, or listens elsewhere (-s)";
	else if (err == -EACCES)
		why = denied(ctl->socket, text);
	else if (err == -EAGAIN)
		why = "hipproxyd does not answer";
	else if (err == -EBADMSG)
		why = "this is not hipproxyd's answer";
	else if (err == -ECONNRESET || err == -EPIPE)
		why = "hipproxyd closed the connection";
	fprintf(stderr, "hipproxyctl: %s: %s\n", ctl->socket, why);
	return HP_EXIT_UNREACHABLE;
}

static bool is_stream(const json_t *reply)
{
	return json_is_true(json_object_get(reply, "ok")) && json_object_get(reply, "stream");
}

/* The last line of a stream that has an end. */
static bool is_end(const struct hp_command *cmd, const json_t *reply)
{
	return cmd->stream && json_is_true(json_object_get(reply, "end"));
}

static int show(const struct hp_ctl *ctl, const struct hp_command *cmd,
		const struct hp_view *view, const json_t *reply, bool one_line)
{
	const json_t *ok = json_object_get(reply, "ok");

	if (ctl->json && !is_stream(reply) && !is_end(cmd, reply))
		print_json(view->out, reply, one_line);
	/* The lines of a stream carry no "ok" unless they are an error. */
	if (json_is_false(ok) || (!ok && !cmd->stream))
		return refused(reply);
	if (!ctl->json && !(cmd->stream && ok) && !is_end(cmd, reply))
		cmd->show(view, reply);
	/* policy test: "no" is an answer, and a script asks for it by the status. */
	return json_is_false(json_object_get(reply, "allowed")) ? HP_EXIT_REFUSED : HP_EXIT_OK;
}

/* ---- lists, which come in parts */

/* Calls add for the rows of each part.  0, or -errno: the end is missing. */
static int take_rows(struct hp_client *c, const char *member,
		     void (*add)(void *ctx, const json_t *rows), void *ctx)
{
	for (;;) {
		json_t *part;
		int err = hp_client_recv(c, &part);
		bool end;

		if (err)
			return err;
		end = json_is_true(json_object_get(part, "end"));
		if (json_is_array(json_object_get(part, member)))
			add(ctx, json_object_get(part, member));
		json_decref(part);
		if (end)
			return 0;
	}
}

static void print_rows(void *ctx, const json_t *rows)
{
	hp_rows_add(ctx, rows);
}

static int show_rows(const struct hp_ctl *ctl, const struct hp_command *cmd,
		     const struct hp_view *view, struct hp_client *c, bool one_line)
{
	struct hp_rows rows;
	int err;

	hp_rows_begin(&rows, ctl, cmd, view, one_line);
	err = take_rows(c, cmd->list->member, print_rows, &rows);
	hp_rows_end(&rows, !err);
	return err ? unreachable(ctl, err) : HP_EXIT_OK;
}

static void append_rows(void *ctx, const json_t *rows)
{
	json_array_extend(ctx, (json_t *)rows);
}

/* The whole list as a member of the reply. */
static int collect_rows(struct hp_client *c, json_t *reply)
{
	const char *member = json_string_value(json_object_get(reply, "stream"));
	json_t *all = json_array();
	int err = member && all ? take_rows(c, member, append_rows, all) : -EBADMSG;

	if (!err)
		return json_object_set_new(reply, member, all) ? -ENOMEM : 0;
	json_decref(all);
	return err;
}

static int converse(const struct hp_ctl *ctl, const struct hp_command *cmd,
		    const struct hp_view *view, struct hp_client *c,
		    const json_t *request, bool one_line)
{
	int err, status, lines = 0;
	bool over;

	if (!cmd->stream)
		hp_client_timeout(c, REPLY_TIMEOUT_S);
	err = hp_client_send(c, request);
	/* Who is turned away finds the reason there, and the daemon gone. */
	if (err && err != -EPIPE)
		return unreachable(ctl, err);
	do {
		json_t *reply;

		err = hp_client_recv(c, &reply);
		if (err == -ECONNRESET && cmd->stream && lines)
			return HP_EXIT_OK;
		if (err)
			return unreachable(ctl, err);
		lines++;
		status = cmd->list && is_stream(reply) ?
				 show_rows(ctl, cmd, view, c, one_line) :
				 show(ctl, cmd, view, reply, one_line);
		over = is_end(cmd, reply);
		json_decref(reply);
	} while (cmd->stream && status == HP_EXIT_OK && !over);
	return status;
}

int hp_ask_view(const struct hp_ctl *ctl, const struct hp_command *cmd,
		const struct hp_view *view, const json_t *request, bool one_line)
{
	struct hp_client c;
	int err = hp_client_open(&c, ctl->socket);
	int status = err ? unreachable(ctl, err) :
			   converse(ctl, cmd, view, &c, request, one_line);

	hp_client_close(&c);
	return status;
}

int hp_ask_show(const struct hp_ctl *ctl, const struct hp_command *cmd,
		const struct hp_view *view, const json_t *request)
{
	return hp_ask_view(ctl, cmd, view, request, cmd->stream);
}

int hp_ask(const struct hp_ctl *ctl, const json_t *request, bool quiet, json_t **reply)
{
	int err, status = HP_EXIT_OK;
	struct hp_client c;

	*reply = NULL;
	err = hp_client_open(&c, ctl->socket);
	if (!err) {
		hp_client_timeout(&c, quiet ? QUIET_TIMEOUT_S : REPLY_TIMEOUT_S);
		err = hp_client_send(&c, request);
	}
	if (!err || err == -EPIPE)
		err = hp_client_recv(&c, reply);
	if (!err && is_stream(*reply)) {
		err = collect_rows(&c, *reply);
		if (err) {
			json_decref(*reply);
			*reply = NULL;
		}
	}
	hp_client_close(&c);
	if (err)
		return quiet ? HP_EXIT_UNREACHABLE : unreachable(ctl, err);
	if (!json_is_true(json_object_get(*reply, "ok"))) {
		status = quiet ? HP_EXIT_REFUSED : refused(*reply);
		json_decref(*reply);
		*reply = NULL;
	}
	return status;
}
