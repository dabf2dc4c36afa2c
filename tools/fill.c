/* SPDX-License-Identifier: MIT
 *
 * Arguments of the daemon's commands: from words to the request's members.
 */
#include "tools/fill.h"

#include <stdlib.h>
#include <string.h>

/* The only argument must be one of the words, a list that NULL ends. */
static bool fill_word(json_t *request, const char *member, const char *const *words,
		      int argc, char **argv)
{
	if (argc != 2)
		return false;
	for (; *words; words++)
		if (!strcmp(argv[1], *words))
			return !json_object_set_new(request, member, json_string(argv[1]));
	return false;
}

bool hp_fill_proxy(json_t *request, int argc, char **argv)
{
	static const char *const states[] = { "on", "off", NULL };

	return fill_word(request, "state", states, argc, argv);
}

bool hp_fill_flush(json_t *request, int argc, char **argv)
{
	static const char *const what[] = { "peers", "flows", "associations", "all", NULL };

	return fill_word(request, "what", what, argc, argv);
}

bool hp_fill_nat(json_t *request, int argc, char **argv)
{
	static const char *const modes[] = { "plain-udp", "auto", "off", NULL };

	return fill_word(request, "mode", modes, argc, argv);
}

bool hp_fill_close(json_t *request, int argc, char **argv)
{
	return argc == 2 && !json_object_set_new(request, "hit", json_string(argv[1]));
}

bool hp_fill_trace(json_t *request, int argc, char **argv)
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

bool hp_fill_policy(json_t *request, int argc, char **argv)
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

bool hp_fill_revoke(json_t *request, int argc, char **argv)
{
	if (argc > 3 || (argc == 1 && json_object_get(request, "undo")))
		return false;
	if (argc == 1)
		return !json_object_set_new(request, "cmd", json_string("revoked"));
	if (json_object_set_new(request, "hit", json_string(argv[1])))
		return false;
	return argc == 2 || !json_object_set_new(request, "why", json_string(argv[2]));
}
