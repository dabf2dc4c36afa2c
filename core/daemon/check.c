/* SPDX-License-Identifier: MIT
 *
 * What a configuration must satisfy together with its keys, its plugins and this machine.
 *
 * Everything here looks and changes nothing.  Whatever makes a start fail for certain is a
 * complaint.  What may be different when it matters (an interface that is made later, a file that
 * another user will write) is a warning.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/files.h"
#include "wire/hip_di.h"

struct checker {
	struct hp_daemon *d;
	struct hp_conf_report *report;
};

/* ---- keys */

static const struct hp_addr *hit_at(const struct checker *c, size_t i)
{
	return hp_key_hit(c->d->own.keys[i]);
}

static const char *key_at(char key[48], const char *list, size_t i, const char *member)
{
	snprintf(key, 48, "%s[%zu]%s%s", list, i, *member ? "." : "", member);
	return key;
}

static void check_twins(struct checker *c)
{
	const struct hp_conf_identities *ids = &c->d->conf->identities;
	char key[48];

	for (size_t i = 0; i < ids->n; i++)
		for (size_t k = 0; k < i; k++) {
			if (!hp_addr_eq(hit_at(c, i), hit_at(c, k)))
				continue;
			hp_conf_complain_key(c->d->conf, c->report,
					     key_at(key, "identities", i, "key"),
					     "%s holds the same key as identity \"%s\"; expected a key "
					     "of its own for each", ids->at[i].key, ids->at[k].name);
			break;
		}
}

/* RFC 7401, section 5.1: a message has at most 2048 octets, and R1 and I2 carry the key and a
 * signature by it. */
static void check_sizes(struct checker *c, const struct hp_hip_config *hip)
{
	const struct hp_conf_identities *ids = &c->d->conf->identities;
	char key[48], why[HP_HIP_WHY];

	for (size_t i = 0; i < ids->n; i++)
		if (hp_hip_key_check(hip, c->d->own.keys[i], ids->at[i].di, why))
			hp_conf_complain_key(c->d->conf, c->report,
					     key_at(key, "identities", i, "key"), "%s: %s",
					     ids->at[i].key, why);
}

/* RFC 7401, section 5.2.9: a host name goes in binary form, which not every text has. */
static void check_dis(struct checker *c)
{
	const struct hp_conf_identities *ids = &c->d->conf->identities;
	uint8_t octets[HP_DI_MAX], type;
	const char *why;
	char key[48];

	for (size_t i = 0; i < ids->n; i++)
		if (hp_di_build(ids->at[i].di, octets, &type, &why) < 0)
			hp_conf_complain_key(c->d->conf, c->report,
					     key_at(key, "identities", i, "di"),
					     "\"%s\": %s; expected a host name or user@realm",
					     ids->at[i].di, why);
}

static void check_own_hits(struct checker *c)
{
	const struct hp_conf_peers *peers = &c->d->conf->peers;
	const struct hp_conf_identities *ids = &c->d->conf->identities;
	char key[48];

	for (size_t i = 0; i < peers->n; i++)
		for (size_t k = 0; k < ids->n; k++) {
			if (!hp_addr_eq(&peers->at[i].hit, hit_at(c, k)))
				continue;
			hp_conf_complain_key(c->d->conf, c->report, key_at(key, "peers", i, "hit"),
					     "is this machine's own identity \"%s\"; expected "
					     "another machine's HIT", ids->at[k].name);
			break;
		}
}

/* Signatures and messages are as large as the configuration's algorithms make them. */
static void check_hip(struct checker *c, bool keys)
{
	struct hp_hip_config hip;
	const char *key, *why;

	if (hp_daemon_hip_config(c->d->conf, &hip, &key, &why))
		hp_conf_complain_key(c->d->conf, c->report, key, "%s", why);
	else if (keys)
		check_sizes(c, &hip);
}

/* ---- plugins */

/* A service that no plugin offers would silently never be asked. */
static void check_services(struct checker *c, enum hp_service_kind kind,
			   const struct hp_conf_strings *names, const char *setting)
{
	char key[48];

	for (size_t i = 0; i < names->n; i++)
		if (!hp_service_find(c->d->registry, kind, names->at[i]))
			hp_conf_complain_key(c->d->conf, c->report, key_at(key, setting, i, ""),
					     "\"%s\": expected a %s of a plugin that is enabled "
					     "in `plugins`", names->at[i],
					     hp_service_kind_name(kind));
}

static void check_roles(struct checker *c)
{
	const struct hp_conf *conf = c->d->conf;

	if (conf->client.enabled || conf->host.enabled ||
	    hp_service_at(c->d->registry, HP_SERVICE_BACKEND, 0))
		return;
	hp_conf_warn_key(conf, c->report, "client.enabled",
			 "no role: client.enabled and host.enabled are false and no plugin hosts "
			 "servers, so no traffic will be protected");
}

/* ---- the machine */

/* A file that the daemon makes or writes.  must: it does not start without it. */
static void check_place(struct checker *c, const char *key, const char *path, const char *running,
			bool must)
{
	int err = *path && (!running || strcmp(path, running)) ? hp_file_try(path) : 0;

	if (!err)
		return;
	/* Another user tries the configuration than the one who will start the daemon. */
	if (!must || (err == -EACCES && geteuid()))
		hp_conf_warn_key(c->d->conf, c->report, key, "%s: can't be written: %s", path,
				 strerror(-err));
	else
		hp_conf_complain_key(c->d->conf, c->report, key, "%s: can't be written: %s", path,
				     strerror(-err));
}

/* Lines that will be skipped. */
static void warn_of_lines(struct checker *c, const char *key, const char *path,
			  const struct hp_lines_bad *bad, const char *what)
{
	struct hp_io_err e;

	for (unsigned int i = 0; i < bad->n && i < HP_LINES_BAD; i++) {
		hp_lines_complain(path, bad->at[i], what, &e);
		hp_conf_warn_key(c->d->conf, c->report, key, "%s", e.text);
	}
	if (bad->n > HP_LINES_BAD)
		hp_conf_warn_key(c->d->conf, c->report, key, "%s: %u more lines are skipped", path,
				 bad->n - HP_LINES_BAD);
	if (bad->no_newline)
		hp_conf_warn_key(c->d->conf, c->report, key,
				 "%s: the last line has no end; perhaps it was cut", path);
	if (bad->full)
		hp_conf_warn_key(c->d->conf, c->report, key, "%s: there are more lines than are "
				 "taken; the last ones are not", path);
}

static void check_pins(struct checker *c)
{
	const struct hp_conf_hip *hip = &c->d->conf->hip;
	const struct hp_daemon *old = c->d->reload.running;
	struct hp_io_err e = { "" };
	struct hp_lines_bad bad;

	if (old && !hp_sandbox_covers(&old->sandbox, hip->pins, HP_PLACE_READ | HP_PLACE_WRITE))
		return; /* complained of */
	if (hip->opportunistic_initiator != HP_CONF_OPP_PINNED &&
	    hip->opportunistic_responder != HP_CONF_OPP_PINNED)
		return;
	if (hp_pins_try(hip->pins, &bad, &e)) {
		hp_conf_complain_key(c->d->conf, c->report, "hip.pins", "%s", e.text);
		return;
	}
	warn_of_lines(c, "hip.pins", hip->pins, &bad, HP_PIN_LINE);
	check_place(c, "hip.pins", hip->pins, old ? old->conf->hip.pins : NULL, true);
}

static void check_revoked(struct checker *c)
{
	const char *path = c->d->conf->hip.revoked;
	struct hp_io_err e = { "" };
	struct hp_lines_bad bad;
	int err = hp_revoked_try(path, &bad, &e);

	/* Another user tries the configuration than the one who will start the daemon. */
	if (err == -EACCES && geteuid())
		hp_conf_warn_key(c->d->conf, c->report, "hip.revoked", "%s", e.text);
	else if (err)
		hp_conf_complain_key(c->d->conf, c->report, "hip.revoked", "%s", e.text);
	else
		warn_of_lines(c, "hip.revoked", path, &bad, HP_REVOKED_LINE);
}

static void check_socket(struct checker *c)
{
	const char *path = c->d->conf->control.socket, *group = c->d->conf->control.group;
	const struct hp_daemon *old = c->d->reload.running;
	struct stat st;

	if (!lstat(path, &st) && !S_ISSOCK(st.st_mode))
		hp_conf_complain_key(c->d->conf, c->report, "control.socket",
				     "%s: there is a file that is no socket", path);
	/* A running daemon can't look at groups any more, and its group can't change. */
	if (!old && hp_control_group_check(group))
		hp_conf_complain_key(c->d->conf, c->report, "control.group",
				     "there is no group \"%s\"", group);
}

static void check_files(struct checker *c)
{
	const struct hp_conf *conf = c->d->conf;
	const struct hp_conf *old = c->d->reload.running ? c->d->reload.running->conf : NULL;

	check_pins(c);
	check_revoked(c);
	check_socket(c);
	check_place(c, "state", conf->state, old ? old->state : NULL, false);
	check_place(c, "pidfile", conf->pidfile, old ? old->pidfile : NULL, true);
	check_place(c, "esp.keylog", conf->esp.keylog, old ? old->esp.keylog : NULL, true);
}

static void check_interfaces(struct checker *c)
{
	const struct hp_conf *conf = c->d->conf;
	char key[48];

	for (size_t i = 0; conf->client.enabled && i < conf->client.interfaces.n; i++)
		if (!if_nametoindex(conf->client.interfaces.at[i]))
			hp_conf_warn_key(conf, c->report, key_at(key, "client.interfaces", i, ""),
					 "there is no interface \"%s\" now",
					 conf->client.interfaces.at[i]);
	if (hp_tundev_name_check(conf->tun.name))
		hp_conf_complain_key(conf, c->report, "tun.name",
				     "\"%s\" is an interface of another kind; expected the name of "
				     "a TUN device, or a name that is free", conf->tun.name);
}

int hp_daemon_check(struct hp_daemon *d, bool keys, bool plugins, struct hp_conf_report *report)
{
	struct checker c = { d, report };
	int err = 0;

	if (keys) {
		check_twins(&c);
		check_own_hits(&c);
	}
	check_dis(&c);
	check_hip(&c, keys);
	if (plugins) {
		check_services(&c, HP_SERVICE_RESOLVER, &d->conf->client.resolvers,
			       "client.resolvers");
		check_services(&c, HP_SERVICE_LOCATOR, &d->conf->client.locators,
			       "client.locators");
		check_roles(&c);
	}
	if (plugins && keys)
		err = hp_registry_check(d->registry);
	check_files(&c);
	check_interfaces(&c);
	return err;
}
