/* SPDX-License-Identifier: MIT
 *
 * What a plugin adds to the control socket: commands and metrics.
 *
 * A command appears in hipproxyctl's help and completion and is run by `hipproxyctl NAME ...`.
 * Whoever may use the control socket may run it: root, the daemon's user and the group
 * control.group.  The core checks its arguments.  Its answer is a JSON object, written by the calls below; long
 * answers are written row by row while the client reads.
 */
#ifndef HIPPROXY_COMMAND_H
#define HIPPROXY_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

struct hp_instance;

/* ---- arguments */

#define HP_COMMAND_ARGS     8u    /* most arguments of a command */
#define HP_COMMAND_TEXT_MAX 1024u /* octets of one argument */

enum hp_arg_type {
	HP_ARG_TEXT,   /* min..max are its length in octets; both 0: up to HP_COMMAND_TEXT_MAX */
	HP_ARG_INT,    /* decimal, min..max; both 0: any that fits int64_t */
	HP_ARG_BOOL,   /* "yes", "no", "on", "off", "true", "false" */
	HP_ARG_ENUM,   /* one of names; the value is its index */
	HP_ARG_ADDR,   /* IPv4 or IPv6 address, no HIT */
	HP_ARG_HIT,    /* in 2001:20::/28 (RFC 7343, section 2) */
	HP_ARG_PREFIX, /* address with or without a length */
	HP_ARG_TYPES
};

struct hp_arg {
	const char *name;         /* lower case, digits and underscores */
	enum hp_arg_type type;
	bool required;            /* required ones come first */
	int64_t min, max;
	const char *const *names; /* ENUM: permitted values, NULL ends */
	const char *help;         /* one sentence */
};

/* One argument as given, in the order of the table. */
struct hp_arg_value {
	bool given;         /* the rest is zero if not */
	const char *text;   /* as the user wrote it; valid during the call */
	int64_t number;     /* INT, BOOL (0 or 1), ENUM */
	struct hp_addr addr;
	struct hp_prefix prefix;
};

/* ---- answers */

struct hp_answer;

/* Writers.  key: the member's name inside an object, ignored inside an array.  The answer's own
 * members ok, error, message and stream are the core's.  A text that is no UTF-8 has its octets
 * above 127 replaced by '?'.  Errors stick: after the first one every call does nothing, and the
 * command fails with it.  -ENOMEM; -EMSGSIZE: more than HP_ANSWER_MAX octets of JSON without rows;
 * -EINVAL: nesting that does not match or is too deep, a key that is missing or the core's, a text
 * that is NULL, a number that JSON does not have. */
#define HP_ANSWER_MAX   (256u << 10)
#define HP_ANSWER_DEPTH 8u
void hp_answer_text(struct hp_answer *a, const char *key, const char *text);
void hp_answer_int(struct hp_answer *a, const char *key, int64_t v);
void hp_answer_real(struct hp_answer *a, const char *key, double v);
void hp_answer_bool(struct hp_answer *a, const char *key, bool v);
void hp_answer_addr(struct hp_answer *a, const char *key, const struct hp_addr *v);
void hp_answer_object(struct hp_answer *a, const char *key); /* opened */
void hp_answer_array(struct hp_answer *a, const char *key);  /* opened */
void hp_answer_end(struct hp_answer *a);                     /* closes the last one opened */
/* A sentence that hipproxyctl prints, at most 511 octets.  Not in a row: -EINVAL. */
void hp_answer_message(struct hp_answer *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Why the command fails; returns err, for `return hp_answer_error(...)`.  err: -errno. */
int hp_answer_error(struct hp_answer *a, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- long answers, and those that come later */

enum hp_row {
	HP_ROW_MORE, /* row has been written; call again */
	HP_ROW_WAIT, /* nothing yet: call again after hp_rows_wake */
	HP_ROW_END,  /* that was all; nothing has been written */
};

struct hp_rows {
	/* Writes the members of one object of at most 16 KB of JSON.  Called some times a round of
	 * the loop, while the client reads.  An error of the writers ends the rows, and is
	 * logged. */
	enum hp_row (*next)(struct hp_instance *self, void *ctx, struct hp_answer *row);
	/* Called once: the rows have ended, the client has left, or the plugin is being stopped
	 * (before its stop function).  Optional. */
	void (*gone)(struct hp_instance *self, void *ctx);
	void *ctx;
};

/* Names rows that are being sent.  Never reused: a stale one is harmless. */
struct hp_rows_ref {
	uint64_t id; /* 0: none */
};

#define HP_ROWS_KEY_MAX 63u /* octets */
#define HP_ROWS_STREAMS 8u  /* of one plugin at once */

/* Inside a command: after its answer rows follow, as the list called key.  Once a command; key and
 * *rows are copied.  *ref may be NULL.  0; -EBUSY called twice; -EINVAL next or key is missing, key is
 * too long or the core's, or this is a row; -ENOBUFS more than HP_ROWS_STREAMS (counted); -ENOMEM.
 * After an error, or when the command itself fails, gone is not called. */
int hp_answer_rows(struct hp_answer *a, const char *key, const struct hp_rows *rows,
		   struct hp_rows_ref *ref);
/* After HP_ROW_WAIT: next is called again. */
void hp_rows_wake(struct hp_instance *self, struct hp_rows_ref ref);

/* ---- commands */

struct hp_plugin_command {
	const char *name;          /* "plugin.what", begins with the plugin's name */
	const char *help;          /* one line, without a full stop */
	const struct hp_arg *args; /* may be NULL; ends with a row whose name is NULL */
	bool acts;                 /* it changes something: each use is a security event, which
				    * shows the arguments */
	/* args: one value a row of the table.  0, or -errno, best of hp_answer_error.  It must not
	 * block. */
	int (*fn)(struct hp_instance *self, const struct hp_arg_value *args,
		  struct hp_answer *out);
};

/* ---- metrics */

#define HP_METRIC_LABELS 4u    /* most labels of a metric */
#define HP_METRIC_ROWS   1000u /* most values of a metric; more are counted and left out */

enum hp_metric_kind {
	HP_METRIC_COUNTER, /* only grows while the daemon runs */
	HP_METRIC_GAUGE,
	HP_METRIC_KINDS
};

struct hp_metric_out;

/* A plugin's counters and drops need no row here: they are metrics by themselves. */
struct hp_metric {
	const char *name;          /* lower case, digits and underscores; unit last: "age_seconds" */
	enum hp_metric_kind kind;
	const char *help;          /* one sentence */
	const char *const *labels; /* names, as above, NULL ends; NULL: none */
	/* Gives the values now, by one call of hp_metric_put for each set of labels. */
	void (*read)(struct hp_instance *self, const struct hp_metric *m,
		     struct hp_metric_out *out);
};

/* labels: the values, as many as the metric has names; NULL for a metric without labels.  Texts
 * are copied. */
void hp_metric_put(struct hp_metric_out *out, double value, const char *const *labels);

#endif
