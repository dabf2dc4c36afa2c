/* SPDX-License-Identifier: MIT
 *
 * Long answers of plugins' commands: a row is made when the client can take it.
 */
#include "plugin/answer.h"
#include "plugin/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROW_MAX (16u << 10) /* octets of a row */

struct row_stream {
	struct hp_list node; /* in module.rows */
	struct module *m;
	uint64_t id;
	struct hp_rows rows;
	void (*wake)(void *ctx);
	void *wake_ctx;
};

static struct row_stream *find_in(const struct module *m, struct hp_rows_ref ref)
{
	struct hp_list *n;

	if (!ref.id)
		return NULL;
	HP_LIST_EACH(n, &m->rows) {
		struct row_stream *s = HP_CONTAINER(n, struct row_stream, node);

		if (s->id == ref.id)
			return s;
	}
	return NULL;
}

static struct row_stream *find(const struct hp_registry *reg, struct hp_rows_ref ref)
{
	struct row_stream *s = NULL;

	for (size_t i = 0; !s && reg->settled && i < reg->n_plugins; i++)
		s = find_in(reg->order[i], ref);
	return s;
}

int hp_answer_rows(struct hp_answer *a, const char *key, const struct hp_rows *rows,
		   struct hp_rows_ref *ref)
{
	struct module *m = a->m;
	struct row_stream *s;

	if (!rows->next || !key || !*key || strlen(key) > HP_ROWS_KEY_MAX ||
	    hp_answer_is_core_key(key) || a->row)
		return -EINVAL;
	if (a->rows.id)
		return -EBUSY;
	if (m->counts.rows >= HP_ROWS_STREAMS) {
		m->counts.refused++;
		return -ENOBUFS;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->m = m;
	s->id = ++m->reg->row_streams;
	s->rows = *rows;
	hp_list_add_tail(&m->rows, &s->node);
	m->counts.rows++;
	a->rows.id = s->id;
	strcpy(a->rows_key, key);
	if (ref)
		*ref = a->rows;
	return 0;
}

void hp_rows_wake(struct hp_instance *self, struct hp_rows_ref ref)
{
	struct row_stream *s = find_in(hp_module_of(self), ref);

	if (s && s->wake)
		s->wake(s->wake_ctx);
}

void hp_rows_on_wake(struct hp_registry *reg, struct hp_rows_ref ref, void (*wake)(void *ctx),
		     void *ctx)
{
	struct row_stream *s = find(reg, ref);

	if (!s)
		return;
	s->wake = wake;
	s->wake_ctx = ctx;
}

static void forget(struct row_stream *s)
{
	hp_list_del(&s->node);
	s->m->counts.rows--;
	free(s);
}

/* The plugin may begin and end other rows in gone. */
static void end(struct row_stream *s)
{
	struct hp_rows rows = s->rows;
	struct hp_instance *self = &s->m->self;

	forget(s);
	if (rows.gone)
		rows.gone(self, rows.ctx);
}

enum hp_row hp_rows_next(struct hp_registry *reg, struct hp_rows_ref ref, json_t *row,
			 size_t *octets)
{
	struct row_stream *s = find(reg, ref);
	struct hp_answer a;
	enum hp_row result;
	int err;

	*octets = 0;
	if (!s)
		return HP_ROW_END;
	hp_answer_init(&a, s->m, row, ROW_MAX);
	a.row = true;
	result = s->rows.next(&s->m->self, s->rows.ctx, &a);
	err = hp_answer_finish(&a);
	*octets = a.used;
	if (!err && (result == HP_ROW_MORE || result == HP_ROW_WAIT))
		return result;
	if (err)
		hp_log(HP_LOG_PLUGIN, HP_LOG_WARNING, "plugin %s: a row of an answer is bad (%d)",
		       s->m->self.plugin->name, err);
	end(s);
	return HP_ROW_END;
}

void hp_rows_end(struct hp_registry *reg, struct hp_rows_ref ref)
{
	struct row_stream *s = find(reg, ref);

	if (s)
		end(s);
}

void hp_rows_forget(struct hp_answer *a)
{
	struct row_stream *s = find_in(a->m, a->rows);

	if (s)
		forget(s);
	a->rows.id = 0;
}

/* The reader is woken to find out. */
void hp_rows_end_all(struct module *m)
{
	struct hp_list *n;

	while ((n = hp_list_first(&m->rows))) {
		struct row_stream *s = HP_CONTAINER(n, struct row_stream, node);
		void (*wake)(void *ctx) = s->wake;
		void *ctx = s->wake_ctx;

		end(s);
		if (wake)
			wake(ctx);
	}
}
