/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl keygen and hit: Host Identity key files.
 */
#include "tools/keys.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "crypto/key.h"

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

static void print_key(const char *file, const struct hp_key *key, bool json, bool named)
{
	char hit[HP_ADDR_STRLEN];

	hp_addr_format(hp_key_hit(key), hit);
	if (json) {
		json_t *o = json_pack("{s:s, s:s, s:s}", "file", file, "hit", hit,
				      "algorithm", hp_key_name(key));

		json_dumpf(o, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(o);
	} else if (named) {
		printf("%s  %s  %s\n", hit, hp_key_name(key), file);
	} else {
		puts(hit);
	}
}

/* Replaces a file at once: whoever reads it sees the old key or the new one. */
static int save(const struct hp_key *key, const char *file, bool force)
{
	char *fresh = NULL;
	int err;

	if (!force)
		return hp_key_save(key, file);
	if (asprintf(&fresh, "%s.%d.new", file, (int)getpid()) < 0)
		return -ENOMEM;
	err = hp_key_save(key, fresh);
	if (!err && rename(fresh, file)) {
		err = -errno;
		unlink(fresh);
	}
	free(fresh);
	return err;
}

static int generate(const struct kind *kind, unsigned int bits, const char *file,
		    bool force, bool json)
{
	struct hp_key *key;
	int err = hp_key_generate(kind->kind, bits, &key);

	if (err) {
		fprintf(stderr, "hipproxyctl: cannot make a %s key: %s\n", kind->name,
			strerror(-err));
		return HP_EXIT_REFUSED;
	}
	err = save(key, file, force);
	if (err)
		fprintf(stderr, "hipproxyctl: %s: %s%s\n", file, strerror(-err),
			err == -EEXIST ? " (-f replaces it)" : "");
	else
		print_key(file, key, json, false);
	hp_key_unref(key);
	return err ? HP_EXIT_REFUSED : HP_EXIT_OK;
}

/* A decimal number, in the range of hp_key_generate. */
static bool parse_bits(const char *s, unsigned int *bits)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	*bits = (unsigned int)n;
	return *s >= '0' && *s <= '9' && !*end && n >= HP_KEY_RSA_BITS_MIN &&
	       n <= HP_KEY_RSA_BITS_MAX;
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
				return keygen_usage("-b takes 2048 to 8192");
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
