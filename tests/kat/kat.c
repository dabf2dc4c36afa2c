/* SPDX-License-Identifier: MIT
 *
 * Known answers: one recorded life of a HIP association, checked with the product's own
 *code.
 *
 *	kat [DIR]
 *
 * DIR holds vectors.json, wire.pcap, initiator-private.pem and responder-private.pem;
 *without it the set of the source tree is taken.  One line a check; 0 if all are right,
 *else 1.
 */
#include "set.h"

#include <stdio.h>
#include <stdlib.h>

static const char *default_dir(void)
{
	static char path[4096];
	const char *src = getenv("srcdir");

	snprintf(path, sizeof(path), "%s/tests/kat/hipv2-p384", src ? src : ".");
	return path;
}

static void set_fini(struct set *s)
{
	for (int i = 0; i < 2; i++) {
		hp_key_unref(s->key[i]);
		free(s->hi[i].p);
	}
	free(s->i.p);
	free(s->j.p);
	hp_keymat_fini(&s->km);
	json_decref(s->json);
}

int main(int argc, char **argv)
{
	struct set s = {.dir = argc > 1 ? argv[1] : default_dir()};
	char path[4200];
	json_error_t err;

	if (argc > 2) {
		fprintf(stderr, "usage: kat [DIR]\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/vectors.json", s.dir);
	s.json = json_load_file(path, 0, &err);
	if (check(&s, s.json, err.text, "vectors.json")) {
		check_identities(&s);
		check_keys(&s);
		check_messages(&s);
		check_esp(&s);
	}
	printf("%s: %u checks right, %u wrong\n", s.dir, s.ok, s.failed);
	set_fini(&s);
	return s.failed ? 1 : 0;
}
