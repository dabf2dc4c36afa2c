/* SPDX-License-Identifier: MIT
 *
 * The writer of answers: JSON of a limited size, without JSON's library in plugins.
 */
#include "plugin/answer.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 32u /* of a number, at most */
#define AROUND_BYTES 8u  /* quotation marks, colon, comma */

void hp_answer_init(struct hp_answer *a, struct module *m, json_t *object, size_t max)
{
	*a = (struct hp_answer){ .m = m, .at = { object }, .depth = 1, .max = max };
}

int hp_answer_finish(struct hp_answer *a)
{
	return a->err ? a->err : a->depth > 1 ? -EINVAL : 0;
}

json_t *hp_answer_json_text(const char *text)
{
	json_t *s = json_string(text);
	char *copy;

	if (s)
		return s;
	copy = strdup(text);
	if (!copy)
		return NULL;
	for (char *c = copy; *c; c++)
		if (*c & 0x80)
			*c = '?';
	s = json_string(copy);
	free(copy);
	return s;
}

static void fail(struct hp_answer *a, int err)
{
	if (!a->err)
		a->err = err;
}

/* Octets of the text as JSON (RFC 8259, section 7): the longest escape makes six of one. */
static size_t escaped(const char *text)
{
	size_t n = 0;

	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		n += *c < ' ' ? 6 : *c == '"' || *c == '\\' ? 2 : 1;
	return n;
}

/* Members of a reply that say what became of the command. */
bool hp_answer_is_core_key(const char *key)
{
	return !strcmp(key, "ok") || !strcmp(key, "error") || !strcmp(key, "message") ||
	       !strcmp(key, "stream");
}

static bool is_bad_key(const struct hp_answer *a, const char *key)
{
	return !key || !*key || (a->depth == 1 && !a->row && hp_answer_is_core_key(key));
}

/* Is there room for a value of so many octets? */
static bool has_room(struct hp_answer *a, const char *key, size_t bytes)
{
	const json_t *in = a->at[a->depth - 1];
	size_t need = AROUND_BYTES + bytes;

	if (a->err)
		return false;
	if (json_is_object(in) && is_bad_key(a, key)) {
		fail(a, -EINVAL);
		return false;
	}
	if (json_is_object(in))
		need += escaped(key);
	if (need > a->max - a->used) {
		fail(a, -EMSGSIZE);
		return false;
	}
	a->used += need;
	return true;
}

/* Takes v over. */
static bool put(struct hp_answer *a, const char *key, json_t *v)
{
	json_t *in = a->at[a->depth - 1];
	int err = json_is_array(in) ? json_array_append_new(in, v) :
				      json_object_set_new(in, key, v);

	if (err)
		fail(a, v ? -EINVAL : -ENOMEM);
	return !err;
}

void hp_answer_text(struct hp_answer *a, const char *key, const char *text)
{
	if (!text)
		fail(a, -EINVAL);
	else if (has_room(a, key, escaped(text)))
		put(a, key, hp_answer_json_text(text));
}

void hp_answer_int(struct hp_answer *a, const char *key, int64_t v)
{
	if (has_room(a, key, NUMBER_BYTES))
		put(a, key, json_integer(v));
}

void hp_answer_real(struct hp_answer *a, const char *key, double v)
{
	/* JSON has no infinity. */
	if (!isfinite(v))
		fail(a, -EINVAL);
	else if (has_room(a, key, NUMBER_BYTES))
		put(a, key, json_real(v));
}

void hp_answer_bool(struct hp_answer *a, const char *key, bool v)
{
	if (has_room(a, key, NUMBER_BYTES))
		put(a, key, json_boolean(v));
}

void hp_answer_addr(struct hp_answer *a, const char *key, const struct hp_addr *v)
{
	char text[HP_ADDR_STRLEN];

	hp_answer_text(a, key, hp_addr_format(v, text));
}

static void begin(struct hp_answer *a, const char *key, json_t *v)
{
	if (a->depth == HP_ANSWER_DEPTH)
		fail(a, -EINVAL);
	if (!has_room(a, key, 2)) {
		json_decref(v);
		return;
	}
	if (put(a, key, v))
		a->at[a->depth++] = v;
}

void hp_answer_object(struct hp_answer *a, const char *key)
{
	begin(a, key, json_object());
}

void hp_answer_array(struct hp_answer *a, const char *key)
{
	begin(a, key, json_array());
}

void hp_answer_end(struct hp_answer *a)
{
	if (a->err)
		return;
	if (a->depth == 1)
		fail(a, -EINVAL);
	else
		a->depth--;
}

__attribute__((format(printf, 1, 0)))
static json_t *formatted(const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	return hp_answer_json_text(text);
}

void hp_answer_message(struct hp_answer *a, const char *fmt, ...)
{
	va_list ap;

	if (a->row)
		fail(a, -EINVAL);
	if (a->err)
		return;
	va_start(ap, fmt);
	if (json_object_set_new(a->at[0], "message", formatted(fmt, ap)))
		fail(a, -ENOMEM);
	va_end(ap);
}

int hp_answer_error(struct hp_answer *a, int err, const char *fmt, ...)
{
	va_list ap;

	err = err < 0 ? err : -EINVAL;
	fail(a, err);
	va_start(ap, fmt);
	if (!a->told && !json_object_set_new(a->at[0], "error", formatted(fmt, ap)))
		a->told = true;
	va_end(ap);
	return err;
}
