/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl keygen and hit: Host Identity key files.
 */
#include "tools/keys.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "crypto/key.h"
#include "hip/hip.h"
#include "tools/place.h"
#include "util/account.h"
#include "wire/hip.h"

struct kind {
	const char *name;
	enum hp_key_kind kind;
};

static const struct kind kinds[] = {
	{ "ecdsa-p256", HP_KEY_P256 },
	{ "ecdsa-p384", HP_KEY_P384 },
	{ "rsa", HP_KEY_RSA },
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static void print_json(json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

static json_t *json_of(const char *file, const struct hp_key *key)
{
	char hit[HP_ADDR_STRLEN];

	return json_pack("{s:s, s:s, s:s}", "file", file, "hit",
			 hp_addr_format(hp_key_hit(key), hit), "algorithm", hp_key_name(key));
}

static void print_key(const char *file, const struct hp_key *key, bool json, bool named)
{
	char hit[HP_ADDR_STRLEN];

	hp_addr_format(hp_key_hit(key), hit);
	if (json)
		print_json(json_of(file, key));
	else if (named)
		printf("%s  %s  %s\n", hit, hp_key_name(key), file);
	else
		puts(hit);
}

/* ---- keygen */

static int complain(const char *file, int err)
{
	fprintf(stderr, "hipproxyctl: %s: %s%s\n", file, strerror(-err),
		err == -EEXIST ? " (-f replaces it)" : "");
	return HP_EXIT_REFUSED;
}

static int save(const struct hp_key *key, const char *file, const struct hp_owner *owner,
		bool force)
{
	char *fresh = NULL;
	int err;

	if (!force && !access(file, F_OK))
		return -EEXIST;
	if (asprintf(&fresh, "%s.%d.new", file, (int)getpid()) < 0)
		return -ENOMEM;
	err = hp_key_save(key, fresh);
	if (!err)
		err = hp_place_commit(fresh, file, owner, force);
	free(fresh);
	return err;
}

/* What was made, and for whom: people read it, programs the HIT on the other stream. */
static void print_owner(const char *path, mode_t mode, const struct hp_owner *owner)
{
	char name[HP_ACCOUNT_STRLEN];

	fprintf(stderr, "%s: owner %s, mode %04o\n", path,
		hp_account_format(owner->uid, owner->gid, name), (unsigned)mode);
}

/* A folder that was there before may keep the service out. */
static void warn_of_folder(const char *file, const struct hp_owner *owner)
{
	char *copy = strdup(file), name[HP_ACCOUNT_STRLEN];
	const char *folder = copy ? dirname(copy) : "";
	struct stat st;

	if (!geteuid() && owner->uid && !stat(folder, &st) && st.st_uid != owner->uid &&
	    !(st.st_mode & (st.st_gid == owner->gid ? S_IXGRP : S_IXOTH)))
		fprintf(stderr, "hipproxyctl: warning: %s: mode %04o keeps %s out; expected "
			"owner %s, mode 0700\n", folder, (unsigned)st.st_mode & 07777,
			HP_SERVICE_ACCOUNT, hp_account_format(owner->uid, owner->gid, name));
	free(copy);
}

static void print_made(const char *file, const struct hp_key *key, const struct hp_owner *owner,
		       bool folder, bool json)
{
	char *copy = strdup(file), name[HP_ACCOUNT_STRLEN];
	json_t *o;

	if (json) {
		o = json_of(file, key);
		json_object_set_new(o, "owner", json_string(hp_account_format(owner->uid, owner->gid,
									      name)));
		json_object_set_new(o, "mode", json_string("0600"));
		print_json(o);
	} else {
		if (folder && copy)
			print_owner(dirname(copy), 0700, owner);
		print_owner(file, 0600, owner);
		print_key(file, key, false, false);
	}
	free(copy);
}

static int generate(const struct kind *kind, unsigned int bits, const char *file,
		    bool force, bool json)
{
	struct hp_owner owner = hp_owner_of_service();
	bool folder = false;
	struct hp_key *key;
	int err = hp_place_folder(file, 0700, &owner, &folder);

	if (err)
		return complain(file, err);
	err = hp_key_generate(kind->kind, bits, &key);
	if (err) {
		fprintf(stderr, "hipproxyctl: cannot make a %s key: %s\n", kind->name,
			strerror(-err));
		return HP_EXIT_REFUSED;
	}
	err = save(key, file, &owner, force);
	if (err) {
		complain(file, err);
	} else {
		warn_of_folder(file, &owner);
		print_made(file, key, &owner, folder, json);
	}
	hp_key_unref(key);
	return err ? HP_EXIT_REFUSED : HP_EXIT_OK;
}

/* The largest that fits into a HIP message when nothing but the key is unusual. */
static unsigned int bits_max(void)
{
	struct hp_hip_config cfg;

	hp_hip_config_init(&cfg);
	return hp_hip_rsa_bits_max(&cfg, 0);
}

/* False: said why. */
static bool parse_bits(const char *s, unsigned int *bits)
{
	unsigned long n, max = bits_max();
	char *end;

	errno = 0;
	n = strtoul(s, &end, 10);
	*bits = (unsigned int)n;
	if (*s >= '0' && *s <= '9' && !*end && !errno && n >= HP_KEY_RSA_BITS_MIN && n <= max)
		return true;
	fprintf(stderr, "hipproxyctl keygen: -b %s: expected %d to %lu; with a larger key R1 or I2 "
		"is longer than a HIP message can be (%u octets)\n", s, HP_KEY_RSA_BITS_MIN, max,
		HP_HIP_MAX);
	return false;
}

static int keygen_usage(const char *why)
{
	fprintf(stderr, "hipproxyctl keygen: %s\n", why);
	return HP_EXIT_USAGE;
}

int hp_cmd_keygen(const struct hp_ctl *ctl, int argc, char **argv)
{
	const struct kind *kind = &kinds[0];
	unsigned int bits = 3072;
	bool force = false, bits_given = false;
	int opt;

	optind = 0;
	while ((opt = getopt(argc, argv, "+:ft:b:")) != -1) {
		switch (opt) {
		case 'f':
			force = true;
			break;
		case 't':
			kind = find_kind(optarg);
			if (!kind)
				return keygen_usage("unknown type of key");
			break;
		case 'b':
			bits_given = true;
			if (!parse_bits(optarg, &bits))
				return HP_EXIT_USAGE;
			break;
		default:
			return keygen_usage("unknown option, or one without its value");
		}
	}
	if (optind + 1 != argc)
		return keygen_usage("one file is expected");
	if (bits_given && kind->kind != HP_KEY_RSA)
		return keygen_usage("-b is for rsa alone");
	return generate(kind, bits, argv[optind], force, ctl->json);
}

int hp_cmd_hit(const struct hp_ctl *ctl, int argc, char **argv)
{
	int status = HP_EXIT_OK;

	if (argc < 2)
		return HP_EXIT_USAGE;
	for (int i = 1; i < argc; i++) {
		struct hp_key *key;
		int err = hp_key_load(argv[i], &key);

		if (err) {
			fprintf(stderr, "hipproxyctl: %s: %s\n", argv[i],
				hp_key_load_error(err));
			status = HP_EXIT_REFUSED;
			continue;
		}
		print_key(argv[i], key, ctl->json, argc > 2);
		hp_key_unref(key);
	}
	return status;
}
