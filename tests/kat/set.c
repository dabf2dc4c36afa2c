/* SPDX-License-Identifier: MIT
 *
 * Reading known answers, and saying how a check went.
 */
#include "set.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const side_name[2] = {"initiator", "responder"};

bool check(struct set *s, bool good, const char *why, const char *fmt, ...)
{
	va_list ap;

	printf("%s", good ? "ok   " : "FAIL ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	if (good)
		putchar('\n');
	else
		printf(": %s\n", why);
	if (good)
		s->ok++;
	else
		s->failed++;
	return good;
}

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

struct octets hex_of(const json_t *v)
{
	const char *t = json_string_value(v);
	struct octets o = {NULL, 0};
	size_t n, odd;

	if (!t)
		return o;
	if (t[0] == '0' && (t[1] == 'x' || t[1] == 'X'))
		t += 2;
	n = strlen(t);
	if (strspn(t, "0123456789abcdefABCDEF") != n)
		return o;
	odd = n % 2;
	o.len = (n + odd) / 2;
	o.p = calloc(1, o.len + 1);
	if (!o.p)
		abort();
	for (size_t i = 0; i < n; i++)
		o.p[(i + odd) / 2] = (uint8_t)(o.p[(i + odd) / 2] << 4 | digit(t[i]));
	return o;
}

struct octets hex_get(const json_t *obj, const char *name)
{
	return hex_of(json_object_get(obj, name));
}

struct octets hex_need(struct set *s, const char *name)
{
	struct octets o = hex_get(s->json, name);

	if (!o.p)
		check(s, false, "missing or not hex", "vectors.json has %s", name);
	return o;
}

uint64_t number_get(const json_t *obj, const char *name, uint64_t fallback)
{
	const json_t *v = json_object_get(obj, name);

	if (json_is_integer(v))
		return (uint64_t)json_integer_value(v);
	if (json_is_string(v))
		return strtoull(json_string_value(v), NULL, 16);
	return fallback;
}

bool octets_eq(struct octets a, const void *b, size_t len)
{
	return a.p && a.len == len && !memcmp(a.p, b, len);
}
