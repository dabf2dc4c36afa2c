/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl doctor: configuration, daemon, and what was found (see doctor.h).
 */
#include "tools/doctor.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/ask.h"

const char *hp_doctor_text(const struct hp_doctor *d, const char *key)
{
	const char *s = json_string_value(json_object_get(d->daemon, key));

	return s ? s : "";
}

bool hp_doctor_is(const struct hp_doctor *d, const char *key)
{
	return json_is_true(json_object_get(d->daemon, key));
}

/* ---- the daemon */

static int cannot_look(const char *why)
{
	fprintf(stderr, "hipproxyctl doctor: %s\n", why);
	return HP_EXIT_UNREACHABLE;
}

/* The daemon's network must be the one that this process is in. */
static bool same_network(const struct hp_doctor *d)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) ||
	       json_integer_value(json_object_get(d->daemon, "netns")) == (json_int_t)st.st_ino;
}

static void ask_daemon(struct hp_doctor *d)
{
	json_t *request = json_pack("{s:s}", "cmd", "doctor");

	hp_ask(d->ctl, request, true, &d->daemon);
	json_decref(request);
	if (d->daemon)
		hp_findings_read(&d->found, json_object_get(d->daemon, "findings"));
}

/* ---- the configuration */

/* "FILE:LINE: identities[0].key: PATH: what is wrong" */
static void about_key_file(struct hp_findings *found, const char *line, const char *at)
{
	const char *path = at + strlen(".key: "), *end = strstr(path, ": ");
	char name[256];
	struct stat st;
	struct hp_finding *f;

	snprintf(name, sizeof(name), "%.*s", (int)(end ? end - path : 0), path);
	if (!*name || (stat(name, &st) && errno != ENOENT)) {
		hp_find(found, HP_CAUSE_KEY_BAD, HP_SEV_ERROR, "%s", line);
	} else if (stat(name, &st)) {
		f = hp_find(found, HP_CAUSE_KEY_MISSING, HP_SEV_ERROR, "%s", line);
		hp_cure(f, "hipproxyctl keygen %s   # or correct the path", name);
	} else if (S_ISDIR(st.st_mode)) {
		f = hp_find(found, HP_CAUSE_KEY_MODE, HP_SEV_ERROR, "%s", line);
		hp_cure(f, "chmod go-w %s   # its owner must be root or the daemon's user", name);
	} else if (st.st_mode & 077) {
		f = hp_find(found, HP_CAUSE_KEY_MODE, HP_SEV_ERROR, "%s", line);
		hp_cure(f, "chmod 600 %s   # if others could read it: a new key is better", name);
	} else {
		f = hp_find(found, HP_CAUSE_KEY_MODE, HP_SEV_ERROR, "%s", line);
		hp_cure(f, "chown root: %s", name);
	}
}

static void complain(void *ctx, const char *line)
{
	struct hp_doctor *d = ctx;
	const char *key = strstr(line, ".key: ");
	struct hp_finding *f;

	if (strstr(line, ": unknown key; ")) {
		f = hp_find(&d->found, HP_CAUSE_UNKNOWN_KEY, HP_SEV_ERROR, "%s", line);
		hp_cure(f, "correct or remove that line; hipproxy.conf(5) has all keys");
	} else if (key && strstr(line, "identities[")) {
		about_key_file(&d->found, line, key);
	} else {
		f = hp_find(&d->found, HP_CAUSE_CONFIG, HP_SEV_ERROR, "%s", line);
		hp_cure(f, "correct that line; hipproxyd -t -c %s checks all", d->conf_path);
	}
}

static void load_conf(struct hp_doctor *d)
{
	struct hp_conf_report report = { .line = complain, .ctx = d };
	int err = hp_conf_load(d->conf_path, &d->conf, &report);

	if (err && !report.n)
		hp_find(&d->found, HP_CAUSE_CONFIG, HP_SEV_ERROR, "%s: %s", d->conf_path,
			strerror(-err));
}

static void load_keys(struct hp_doctor *d)
{
	const struct hp_conf_identities *ids = &d->conf->identities;
	size_t n = 0;

	d->keys = calloc(ids->n, sizeof(*d->keys));
	for (; d->keys && n < ids->n; n++) {
		int err = hp_key_load(ids->at[n].key, &d->keys[n]);
		struct hp_finding *f;

		if (!err)
			continue;
		f = hp_find(&d->found, err == -ENOENT ? HP_CAUSE_KEY_MISSING :
				       err == -EPERM ? HP_CAUSE_KEY_MODE : HP_CAUSE_KEY_BAD,
			    HP_SEV_ERROR, "%s: %s", ids->at[n].key, hp_key_load_error(err));
		hp_cure(f, "hipproxyctl hit %s", ids->at[n].key);
	}
}

static void free_keys(struct hp_doctor *d)
{
	for (size_t i = 0; d->keys && i < d->conf->identities.n; i++)
		hp_key_unref(d->keys[i]);
	free(d->keys);
}

bool hp_doctor_is_own(const struct hp_doctor *d, const struct hp_addr *hit)
{
	for (size_t i = 0; i < d->conf->identities.n; i++)
		if (d->keys[i] && hp_addr_eq(hp_key_hit(d->keys[i]), hit))
			return true;
	return false;
}

struct hp_seen_peer hp_doctor_seen(const struct hp_conf_peer *p)
{
	struct hp_seen_peer s = { .hit = p->hit };
	char hit[HP_ADDR_STRLEN];

	if (p->addresses.n)
		s.addr = p->addresses.at[0];
	snprintf(s.name, sizeof(s.name), "%s", *p->name ? p->name : hp_addr_format(&p->hit, hit));
	return s;
}

bool hp_doctor_uses_udp(const struct hp_doctor *d, bool *only)
{
	const char *mode = hp_doctor_text(d, "nat");
	bool plugin = false;

	for (size_t i = 0; !d->daemon && i < d->conf->plugins.n; i++)
		plugin |= !strcmp(d->conf->plugins.at[i], "natudp");
	*only = !strcmp(mode, "plain-udp");
	return plugin || *only || !strcmp(mode, "auto");
}

static void look_for_own_hits(struct hp_doctor *d)
{
	for (size_t i = 0; i < d->conf->peers.n; i++) {
		const struct hp_conf_peer *p = &d->conf->peers.at[i];
		struct hp_seen_peer s = hp_doctor_seen(p);

		if (!hp_doctor_is_own(d, &p->hit))
			continue;
		s.why = HP_WHY_OWN_HIT;
		hp_judge_peer(&s, &d->found);
	}
}

/* ---- this machine */

static void look_at_box(struct hp_doctor *d)
{
	struct hp_box_daemon self = { .running = d->daemon != NULL,
				      .capturing = hp_doctor_is(d, "capturing"),
				      .diverting = hp_doctor_is(d, "diverting") };
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(d->daemon, "pools"), i, v)
		if (self.n_pools < HP_BOX_POOLS && json_is_string(v) &&
		    !hp_prefix_parse(json_string_value(v), &self.pools[self.n_pools]))
			self.n_pools++;
	d->box = malloc(sizeof(*d->box));
	if (!d->box)
		return;
	hp_box_gather(d->box, d->conf, &self);
	hp_box_judge(d->box, &d->found);
}

static void look_at_listeners(struct hp_doctor *d)
{
	struct hp_listeners *l = d->conf->host.enabled ? calloc(1, sizeof(*l)) : NULL;

	if (!l || hp_findings_has(&d->found, HP_CAUSE_IPV4_ONLY)) {
		free(l);
		return;
	}
	hp_listeners_gather(l);
	hp_judge_listeners(l, &d->found);
	free(l);
}

static void not_running(struct hp_doctor *d)
{
	struct hp_finding *f = hp_find(&d->found, HP_CAUSE_NOT_RUNNING, HP_SEV_WARNING,
				       "hipproxyd does not run, or listens elsewhere than at %s",
				       d->ctl->socket);

	hp_cure(f, "hipproxyd -t -c %s && systemctl start hipproxyd", d->conf_path);
}

static void look(struct hp_doctor *d)
{
	load_conf(d);
	if (!d->conf)
		return;
	load_keys(d);
	if (!d->daemon && hp_findings_healthy(&d->found))
		not_running(d);
	if (d->keys)
		look_for_own_hits(d);
	look_at_box(d);
	if (d->box)
		hp_doctor_filters(d);
	look_at_listeners(d);
	if (d->keys)
		hp_doctor_peers(d);
}

/* ---- output */

static void print_text(const struct hp_doctor *d)
{
	for (size_t i = 0; i < d->found.n; i++) {
		const struct hp_finding *f = &d->found.at[i];

		printf("%s: %s\n    %s\n", hp_severity_name(f->severity), hp_cause_id(f->cause),
		       f->text);
		if (*f->cure)
			printf("    cure: %s\n", f->cure);
	}
	if (d->found.more)
		printf("and %zu more\n", d->found.more);
	if (hp_findings_healthy(&d->found))
		puts("healthy: nothing was found that keeps hipproxy from working");
}

static void print_json(const struct hp_doctor *d)
{
	json_t *o = json_pack("{s:b, s:b, s:s, s:o}", "healthy", hp_findings_healthy(&d->found),
			      "running", d->daemon != NULL, "config", d->conf_path, "findings",
			      hp_findings_json(&d->found));

	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

/* False: usage. */
static bool parse(int argc, char **argv, const char **conf)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
					       { NULL, 0, NULL, 0 } };
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "+c:", longs, NULL)) != -1) {
		if (opt != 'c')
			return false;
		*conf = optarg;
	}
	return optind == argc;
}

int hp_cmd_doctor(const struct hp_ctl *ctl, int argc, char **argv)
{
	struct hp_doctor *d = calloc(1, sizeof(*d));
	const char *conf = NULL;
	int status;

	if (!d)
		return cannot_look("out of memory");
	d->ctl = ctl;
	if (!parse(argc, argv, &conf)) {
		free(d);
		return HP_EXIT_USAGE;
	}
	ask_daemon(d);
	d->conf_path = conf ? conf : d->daemon ? hp_doctor_text(d, "config") : HP_CONF_DEFAULT_PATH;
	if (geteuid()) {
		status = cannot_look("only root can look at packet filters and keys, and ask peers");
	} else if (d->daemon && !same_network(d)) {
		status = cannot_look("hipproxyd runs in another network namespace: run this there "
				     "(ip netns exec)");
	} else {
		look(d);
		if (ctl->json)
			print_json(d);
		else
			print_text(d);
		status = hp_findings_healthy(&d->found) ? HP_EXIT_OK : HP_EXIT_REFUSED;
	}
	if (d->conf)
		free_keys(d);
	hp_conf_free(d->conf);
	json_decref(d->daemon);
	free(d->box);
	free(d);
	return status;
}
