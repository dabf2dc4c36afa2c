/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl invite: see invite.h.
 *
 * Everything comes from the configuration and the machine: HITs from the key files, the addresses
 * of the interfaces, what hosted identities serve.  The text holds no secret, but whoever can change
 * it on its way can put his own HIT there: so it says to compare that.
 */
#include "tools/invite.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/key.h"
#include "tools/complain.h"
#include "tools/local.h"
#include "tools/peertext.h"

#define ADDRESSES 8    /* as many as a peer may have */
#define SERVES	  64
#define HOSTED	  1024 /* as many as the plugin takes */

struct invitation {
	const char *conf_path, *name;
	const char *identity;      /* asked for; NULL: those that have a role */
	struct hp_conf *conf;
	struct hp_addr addresses[ADDRESSES];
	size_t n_addresses;
	struct hp_prefix serves[SERVES]; /* of the command line */
	size_t n_serves;
	char names[HP_PEERTEXT_PEERS][HP_PEER_NAME_MAX + 1];
	struct hp_prefix hosted[HP_PEERTEXT_PEERS]; /* the server behind each */
	struct hp_conf_peer peers[HP_PEERTEXT_PEERS];
	size_t n_peers;
};

/* ---- identities and what is behind them */

/* The machine's name, as far as it is plain. */
static void host_name(char *buf, size_t bytes)
{
	if (gethostname(buf, bytes))
		buf[0] = '\0';
	buf[bytes - 1] = '\0';
	buf[strcspn(buf, ".")] = '\0';
	if (!hp_peer_name_is_plain(buf))
		snprintf(buf, bytes, "peer");
}

/* name, or name-identity where there are several. */
static int name_peer(struct invitation *v, const char *identity, bool several)
{
	char host[40], *to = v->names[v->n_peers];
	const char *base = v->name;
	int n;

	host_name(host, sizeof(host));
	if (!base)
		base = host;
	n = snprintf(to, HP_PEER_NAME_MAX + 1, "%s%s%s", base, several ? "-" : "",
		     several ? identity : "");
	if (n <= HP_PEER_NAME_MAX && hp_peer_name_is_plain(to))
		return 0;
	hp_complain(to, "expected letters, digits, '.', '_' and '-', at most 64, as the peer's name "
		 "(--name)");
	return -EINVAL;
}

static int read_hit(const struct hp_conf_identity *id, struct hp_addr *hit)
{
	struct hp_key *key;
	int err = hp_key_load(id->key, &key);

	if (err) {
		hp_complain(id->key, hp_key_load_error(err));
		return err;
	}
	*hit = *hp_key_hit(key);
	hp_key_unref(key);
	return 0;
}

static int add_peer(struct invitation *v, const char *identity, const char *server, bool several)
{
	const struct hp_conf_identity *id = hp_conf_identity_find(v->conf, identity);
	struct hp_conf_peer *p = &v->peers[v->n_peers];
	struct hp_addr a;
	int err;

	if (v->n_peers == HP_PEERTEXT_PEERS)
		return hp_complain("identities", "expected at most 64"), -E2BIG;
	if (!id)
		return hp_complain(identity, "expected a name in `identities`"), -ENOENT;
	err = name_peer(v, id->name, several);
	if (!err)
		err = read_hit(id, &p->hit);
	if (err)
		return err;
	p->name = v->names[v->n_peers];
	p->esn_icv = true;
	p->addresses = (struct hp_conf_addrs){ v->addresses, v->n_addresses };
	if (v->n_serves) {
		p->serves = (struct hp_conf_prefixes){ v->serves, v->n_serves };
	} else if (server && !hp_addr_parse(server, &a)) {
		v->hosted[v->n_peers] = (struct hp_prefix){ .addr = a, .bits = 128 };
		p->serves = (struct hp_conf_prefixes){ &v->hosted[v->n_peers], 1 };
	}
	v->n_peers++;
	return 0;
}

static const char *hosted_at(const struct hp_conf *conf, size_t i, const char *member)
{
	char key[64];

	snprintf(key, sizeof(key), "plugins.server.hosted[%zu].%s", i, member);
	return hp_conf_string_at(conf, key);
}

static size_t count_hosted(const struct hp_conf *conf)
{
	size_t n = 0;

	while (n < HOSTED && hosted_at(conf, n, "identity"))
		n++;
	return n;
}

/* Hosted identities, else the one with a role. */
static int add_peers(struct invitation *v)
{
	const struct hp_conf *conf = v->conf;
	size_t n = count_hosted(conf);
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		const char *name = hosted_at(conf, i, "identity");

		if (!v->identity || !strcmp(name, v->identity))
			err = add_peer(v, name, hosted_at(conf, i, "server"),
				       n > 1 && !v->identity);
	}
	if (err || v->n_peers)
		return err;
	if (v->identity)
		return add_peer(v, v->identity, NULL, false);
	return add_peer(v, conf->host.enabled ? conf->host.identity : conf->client.identity, NULL,
			false);
}

/* ---- addresses */

static bool is_inner(const struct hp_conf *conf, const char *iface)
{
	for (size_t i = 0; i < conf->client.interfaces.n; i++)
		if (!strcmp(conf->client.interfaces.at[i], iface))
			return true;
	return !strcmp(conf->tun.name, iface);
}

/* Interfaces of clients lead away from peers. */
static int find_addresses(struct invitation *v)
{
	struct hp_local list[64];
	size_t n = hp_local_addresses(list, 64, false);

	for (size_t i = 0; i < n && v->n_addresses < ADDRESSES; i++)
		if (!is_inner(v->conf, list[i].iface))
			v->addresses[v->n_addresses++] = list[i].addr;
	if (v->n_addresses)
		return 0;
	hp_complain("invite", "no address of this machine is fit for peers; give one with --address");
	return -ENOENT;
}

/* ---- the text */

static void print_nat(const struct hp_conf *conf)
{
	const char *mode = hp_conf_string_at(conf, "plugins.natudp.mode");
	long long port = hp_conf_int_at(conf, "plugins.natudp.port", 10500);
	bool loaded = false;

	for (size_t i = 0; i < conf->plugins.n; i++)
		loaded |= !strcmp(conf->plugins.at[i], "natudp");
	if (!loaded || (mode && !strcmp(mode, "off")))
		return;
	printf("# HIP and ESP may come in UDP, port %lld; for that the other side needs\n"
	       "# plugins = { natudp = { port = %lld; }; };\n", port, port);
}

static void print_invitation(const struct invitation *v)
{
	struct hp_conf_peers peers = { (struct hp_conf_peer *)v->peers, v->n_peers };
	char hit[HP_ADDR_STRLEN];

	puts("# A HIP peer; on the other machine: hipproxyctl peer add FILE");
	print_nat(v->conf);
	puts("# This is no secret, but it must be genuine: compare the HIT over a channel you trust.");
	hp_peertext_print(stdout, &peers);
	if (isatty(STDOUT_FILENO))
		return;
	for (size_t i = 0; i < v->n_peers; i++)
		fprintf(stderr, "%s: HIT %s\n", v->peers[i].name,
			hp_addr_format(&v->peers[i].hit, hit));
}

static int invite(struct invitation *v)
{
	struct hp_conf_report report = { .line = hp_complain_line };

	if (hp_conf_load(v->conf_path, &v->conf, &report))
		return HP_EXIT_REFUSED;
	if ((!v->n_addresses && find_addresses(v)) || add_peers(v))
		return HP_EXIT_REFUSED;
	if (v->n_serves && v->n_peers > 1)
		return hp_complain("--serves", "expected IDENTITY too, as there are several");
	print_invitation(v);
	return HP_EXIT_OK;
}

/* ---- the command line */

static bool take_address(struct invitation *v, const char *s)
{
	if (v->n_addresses < ADDRESSES && !hp_addr_parse(s, &v->addresses[v->n_addresses]) &&
	    !hp_addr_is_hit(&v->addresses[v->n_addresses]) &&
	    !hp_addr_is_teredo(&v->addresses[v->n_addresses])) {
		v->n_addresses++;
		return true;
	}
	hp_complain("--address", "expected an IPv4 or IPv6 address, no HIT, no Teredo, at most 8 times");
	return false;
}

static bool take_serves(struct invitation *v, const char *s)
{
	struct hp_addr a;

	if (v->n_serves == SERVES)
		return hp_complain("--serves", "expected at most 64"), false;
	if (!hp_prefix_parse(s, &v->serves[v->n_serves])) {
		v->n_serves++;
		return true;
	}
	if (!hp_addr_parse(s, &a) && !hp_addr_is_hit(&a)) {
		v->serves[v->n_serves++] = (struct hp_prefix){ .addr = a, .bits = 128 };
		return true;
	}
	hp_complain("--serves", "expected an address, or a prefix such as 192.0.2.0/24");
	return false;
}

static bool parse(struct invitation *v, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "name", required_argument, NULL, 'n' },
		{ "address", required_argument, NULL, 'a' },
		{ "serves", required_argument, NULL, 's' },
		{ 0 },
	};
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "+c:", longs, NULL)) != -1) {
		if (opt == 'c')
			v->conf_path = optarg;
		else if (opt == 'n')
			v->name = optarg;
		else if (opt == 'a' ? !take_address(v, optarg) :
			 opt == 's' ? !take_serves(v, optarg) : true)
			return false;
	}
	if (optind < argc)
		v->identity = argv[optind++];
	return optind == argc;
}

int hp_cmd_invite(const struct hp_ctl *ctl, int argc, char **argv)
{
	struct invitation *v = calloc(1, sizeof(*v));
	int status = HP_EXIT_USAGE;

	(void)ctl;
	if (!v)
		return hp_complain("invite", strerror(ENOMEM));
	v->conf_path = HP_CONF_DEFAULT_PATH;
	if (parse(v, argc, argv))
		status = invite(v);
	hp_conf_free(v->conf);
	free(v);
	return status;
}
