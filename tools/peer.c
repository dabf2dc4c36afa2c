/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl peer add, remove and list: see peer.h.
 *
 * What is added comes from another machine.  It is read by the configuration's own parser with the
 * rows of `peers` alone, checked, and written anew, so that nothing of the original text gets into
 * the configuration.  The whole configuration is then checked by hipproxyd -t: if that finds
 * anything, all is as it was.
 */
#include "tools/peer.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "tools/ask.h"
#include "tools/client.h"
#include "tools/complain.h"
#include "tools/local.h"
#include "tools/peerfile.h"

struct options {
	const char *conf, *name;
	const char *arg; /* what stands behind the options */
};

static bool parse(struct options *o, int argc, char **argv, const char *names)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "name", required_argument, NULL, 'n' },
		{ 0 },
	};
	int opt;

	*o = (struct options){ .conf = HP_CONF_DEFAULT_PATH };
	optind = 0;
	while ((opt = getopt_long(argc, argv, "+c:", longs, NULL)) != -1) {
		if (!strchr(names, opt) || opt == '?')
			return false;
		if (opt == 'c')
			o->conf = optarg;
		else
			o->name = optarg;
	}
	if (optind < argc)
		o->arg = argv[optind++];
	return optind == argc;
}

/* The daemon takes the change now, if one runs. */
static int reload(const struct hp_ctl *ctl)
{
	struct hp_client c;
	json_t *request, *reply;
	int err = hp_client_open(&c, ctl->socket), status;

	hp_client_close(&c);
	if (err == -ENOENT || err == -ECONNREFUSED) {
		puts("hipproxyd does not run; it will know this when it starts");
		return HP_EXIT_OK;
	}
	request = json_pack("{s:s}", "cmd", "reload");
	status = hp_ask(ctl, request, false, &reply);
	json_decref(request);
	json_decref(reply);
	if (status == HP_EXIT_OK)
		puts("hipproxyd has reloaded its configuration");
	else
		fputs("hipproxyctl: the file is in place, but the running hipproxyd has not taken it\n",
		      stderr);
	return status;
}

/* ---- peer add */

static int check_addresses(const struct hp_conf *text)
{
	struct hp_local own[256];
	size_t n = hp_local_addresses(own, 256, true);
	char addr[HP_ADDR_STRLEN];

	for (size_t i = 0; i < text->peers.n; i++)
		for (size_t k = 0; k < text->peers.at[i].addresses.n; k++)
			for (size_t m = 0; m < n; m++)
				if (hp_addr_eq(&own[m].addr, &text->peers.at[i].addresses.at[k]))
					return hp_complain(hp_addr_format(&own[m].addr, addr),
							"is an address of this machine; expected "
							"those of another one");
	return 0;
}

/* Every peer gets a name: the text's own, or --name. */
static int name_peers(struct hp_conf *text, const struct options *o)
{
	struct hp_conf_peer *p = text->peers.at;

	if (o->name && !hp_peer_name_is_plain(o->name))
		return hp_complain(o->name, "expected letters, digits, '.', '_' and '-', the first a "
				"letter or a digit");
	if (o->name && text->peers.n == 1)
		p->name = o->name;
	for (size_t i = 0; i < text->peers.n; i++)
		if (!*p[i].name)
			return hp_complain("peer add", "the peer has no name; give one with --name");
	return 0;
}

static void print_peer(const struct hp_conf_peer *p)
{
	char text[HP_PREFIX_STRLEN];

	printf("peer %s\n  HIT      %s\n  at      ", p->name, hp_addr_format(&p->hit, text));
	for (size_t i = 0; i < p->addresses.n; i++)
		printf(" %s", hp_addr_format(&p->addresses.at[i], text));
	printf("\n  serves  ");
	for (size_t i = 0; i < p->serves.n; i++)
		printf(" %s", hp_prefix_format(&p->serves.at[i], text));
	puts(p->serves.n ? "" : " its addresses");
}

static int write_file(const struct hp_conf *text, const struct options *o)
{
	const char *name = o->name ? o->name : text->peers.at[0].name;
	char path[PATH_MAX];
	int err;

	if (!hp_peerfile_path(o->conf, name, path))
		return hp_complain(o->conf, strerror(ENAMETOOLONG));
	err = hp_peerfile_write(path, &text->peers);
	if (err == -EEXIST)
		return hp_complain(path, hp_peerfile_is_ours(path) ?
				"a peer of this name was added before (peer remove, or --name)" :
				"there is a file of this name (--name)");
	if (err)
		return hp_complain(path, strerror(-err));
	if (!hp_peerfile_check(o->conf)) {
		unlink(path);
		return hp_complain(path, "removed again: hipproxyd -t finds errors with it, see above");
	}
	printf("%s: written\n", path);
	return 0;
}

static int add(const struct hp_ctl *ctl, const struct options *o, const struct hp_conf *text)
{
	int status = write_file(text, o);

	if (status)
		return status;
	for (size_t i = 0; i < text->peers.n; i++)
		print_peer(&text->peers.at[i]);
	puts("Compare the HIT with the other side over a channel you trust: whoever changed it on its "
	     "way would be\ntaken for this peer.");
	return reload(ctl);
}

int hp_cmd_peer_add(const struct hp_ctl *ctl, int argc, char **argv)
{
	struct hp_conf_report report = { .line = hp_complain_line };
	struct hp_conf *text = NULL;
	struct options o;
	const char *from;
	int status;
	size_t len;
	char *s;

	if (!parse(&o, argc, argv, "cn"))
		return HP_EXIT_USAGE;
	from = o.arg ? o.arg : "-";
	s = hp_peerfile_read(from, HP_PEERTEXT_MAX, &len);
	if (!s)
		return hp_complain(from, errno == EFBIG ? "expected at most 64 KB" : strerror(errno));
	status = hp_peertext_parse(strcmp(from, "-") ? from : "standard input", s, len, &text,
				   &report) ? HP_EXIT_REFUSED : 0;
	if (!status)
		status = name_peers(text, &o);
	if (!status)
		status = check_addresses(text);
	if (!status)
		status = add(ctl, &o, text);
	hp_conf_free(text);
	free(s);
	return status;
}

/* ---- peer remove */

int hp_cmd_peer_remove(const struct hp_ctl *ctl, int argc, char **argv)
{
	char path[PATH_MAX], aside[PATH_MAX];
	struct options o;

	if (!parse(&o, argc, argv, "c") || !o.arg)
		return HP_EXIT_USAGE;
	if (!hp_peer_name_is_plain(o.arg) || !hp_peerfile_path(o.conf, o.arg, path) ||
	    access(path, F_OK))
		return hp_complain(o.arg, "no peer was added under this name (peer list)");
	if (!hp_peerfile_is_ours(path))
		return hp_complain(path, "was not written by peer add, so it is left alone");
	/* Hidden files are no part of the configuration. */
	if (!hp_peerfile_path(o.conf, "", aside))
		return hp_complain(path, strerror(ENAMETOOLONG));
	if (rename(path, aside))
		return hp_complain(path, strerror(errno));
	if (!hp_peerfile_check(o.conf)) {
		if (rename(aside, path))
			return hp_complain(aside, strerror(errno));
		return hp_complain(path, "put back: hipproxyd -t finds errors without it, see above");
	}
	if (unlink(aside))
		return hp_complain(aside, strerror(errno));
	printf("%s: removed\n", path);
	return reload(ctl);
}

/* ---- peer list */

static json_t *json_of(const struct hp_conf_peer *p, const char *path)
{
	json_t *addresses = json_array(), *serves = json_array();
	char text[HP_PREFIX_STRLEN];

	for (size_t i = 0; i < p->addresses.n; i++)
		json_array_append_new(addresses,
				      json_string(hp_addr_format(&p->addresses.at[i], text)));
	for (size_t i = 0; i < p->serves.n; i++)
		json_array_append_new(serves, json_string(hp_prefix_format(&p->serves.at[i], text)));
	return json_pack("{s:s, s:s, s:o, s:o, s:s}", "name", p->name, "hit",
			 hp_addr_format(&p->hit, text), "addresses", addresses, "serves", serves,
			 "file", path);
}

static void list_file(void *ctx, const char *path)
{
	struct hp_conf_report report = { .line = hp_complain_line };
	struct hp_conf *text = NULL;
	json_t *list = ctx;
	size_t len;
	char *s = hp_peerfile_read(path, HP_PEERTEXT_MAX, &len);

	if (!s)
		hp_complain(path, strerror(errno));
	else if (!hp_peertext_parse(path, s, len, &text, &report))
		for (size_t i = 0; i < text->peers.n; i++)
			json_array_append_new(list, json_of(&text->peers.at[i], path));
	hp_conf_free(text);
	free(s);
}

static void print_list(const json_t *list)
{
	const json_t *peer, *at;
	size_t i, k;

	json_array_foreach(list, i, peer) {
		printf("%-20s %s ", json_string_value(json_object_get(peer, "name")),
		       json_string_value(json_object_get(peer, "hit")));
		json_array_foreach(json_object_get(peer, "addresses"), k, at)
			printf(" %s", json_string_value(at));
		putchar('\n');
	}
}

int hp_cmd_peer_list(const struct hp_ctl *ctl, int argc, char **argv)
{
	struct options o;
	json_t *list;

	if (!parse(&o, argc, argv, "c") || o.arg)
		return HP_EXIT_USAGE;
	list = json_array();
	hp_peerfile_each(o.conf, list_file, list);
	if (ctl->json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_list(list);
	}
	json_decref(list);
	return HP_EXIT_OK;
}
