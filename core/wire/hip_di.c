/* SPDX-License-Identifier: MIT
 *
 * Domain Identifiers (see hip_di.h).
 */
#include "wire/hip_di.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "wire/hip_names.h"

#define LABEL_MAX 63 /* RFC 1035, section 2.3.4 */
#define NAI_MAX	  253

static int bad(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

static int build_nai(const char *text, uint8_t *out, const char **why)
{
	size_t len = strlen(text);

	if (len > NAI_MAX)
		return bad(why, "longer than 253 octets");
	memcpy(out, text, len);
	return (int)len;
}

static int build_fqdn(const char *text, uint8_t *out, const char **why)
{
	size_t at = 0;

	while (*text) {
		size_t n = strcspn(text, ".");

		if (!n)
			return bad(why, "a label is empty");
		if (n > LABEL_MAX)
			return bad(why, "a label has more than 63 octets");
		if (at + 1 + n + 1 > HP_DI_MAX)
			return bad(why, "longer than 253 octets");
		out[at++] = (uint8_t)n;
		memcpy(out + at, text, n);
		at += n;
		text += n + (text[n] == '.');
	}
	out[at++] = 0;
	return (int)at;
}

int hp_di_build(const char *text, uint8_t out[HP_DI_MAX], uint8_t *type, const char **why)
{
	const char *ignored;

	why = why ? why : &ignored;
	*why = NULL;
	*type = HP_DI_NONE;
	if (!*text)
		return 0;
	*type = strchr(text, '@') ? HP_DI_NAI : HP_DI_FQDN;
	return *type == HP_DI_NAI ? build_nai(text, out, why) : build_fqdn(text, out, why);
}

/* ---- text */

struct printer {
	char *out;
	size_t cap, len;
};

/* All of it, or nothing from here on. */
static void put(struct printer *p, const char *s, size_t n)
{
	if (n >= p->cap - p->len) {
		p->cap = p->len + 1;
		return;
	}
	memcpy(p->out + p->len, s, n);
	p->len += n;
}

static void put_octet(struct printer *p, uint8_t c, bool in_label)
{
	char esc[4] = { '\\', (char)('0' + c / 100), (char)('0' + c / 10 % 10),
			(char)('0' + c % 10) };

	if (c == '\\' || (in_label && c == '.')) {
		esc[1] = (char)c;
		put(p, esc, 2);
	} else if (c <= ' ' || c > '~') {
		put(p, esc, 4);
	} else {
		put(p, (const char *)&c, 1);
	}
}

/* Labels up to the root's, which ends it. */
static bool is_labels(const uint8_t *p, size_t len)
{
	size_t at = 0;

	while (at < len && p[at] && p[at] <= LABEL_MAX)
		at += 1 + (size_t)p[at];
	return len && at == len - 1 && !p[at];
}

static void format_labels(struct printer *t, const uint8_t *p)
{
	for (const uint8_t *at = p; *at; at += 1 + *at) {
		if (at != p)
			put(t, ".", 1);
		for (size_t i = 1; i <= *at; i++)
			put_octet(t, at[i], true);
	}
	if (!*p)
		put(t, ".", 1);
}

void hp_di_format(uint8_t type, const uint8_t *p, size_t len, char *out, size_t cap)
{
	struct printer t = { .out = out, .cap = cap };

	if (type == HP_DI_FQDN && is_labels(p, len))
		format_labels(&t, p);
	else
		for (size_t i = 0; i < len; i++)
			put_octet(&t, p[i], false);
	out[t.len] = '\0';
}
