/* SPDX-License-Identifier: MIT
 *
 * How settings are described: a table of rows, each naming a key, its type and range, and
 * where in a C struct its value goes.
 *
 * The core reads its own configuration and every plugin's group by such tables, so an unknown
 * key, a wrong type or a value out of range is refused with file and line before any plugin
 * sees it.  A table ends with HP_CONF_END.
 */
#ifndef HIPPROXY_CONF_H
#define HIPPROXY_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

enum hp_conf_type {
	HP_CONF_BOOL,     /* bool */
	HP_CONF_INT,      /* an integer field of 1, 2, 4 or 8 octets; min..max */
	HP_CONF_STRING,   /* const char *; min..max are its length in octets */
	HP_CONF_ENUM,     /* int: index in names; -1 when not given and no default */
	HP_CONF_ADDR,     /* struct hp_addr: IPv4 or IPv6, no HIT; zero when not given */
	HP_CONF_HIT,      /* struct hp_addr in 2001:20::/28; zero when not given */
	HP_CONF_PREFIX,   /* struct hp_prefix; bits 0 and a zero address when not given */
	HP_CONF_PORTS,    /* struct hp_conf_ports: 80, "80" or "80-90" */
	HP_CONF_STRINGS,  /* struct hp_conf_strings; min..max elements */
	HP_CONF_NAMES,    /* struct hp_conf_strings, each one of names, none twice */
	HP_CONF_INTS,     /* struct hp_conf_ints; min..max each, none twice */
	HP_CONF_PROTOS,   /* struct hp_conf_ints: IP protocols by name or number, none twice */
	HP_CONF_ADDRS,    /* struct hp_conf_addrs */
	HP_CONF_PREFIXES, /* struct hp_conf_prefixes */
	HP_CONF_GROUP,    /* a struct inside: rows describe it */
	HP_CONF_GROUPS,   /* struct hp_conf_list of structs of item_bytes: rows describe one */
	HP_CONF_OPEN,     /* struct hp_conf_strings: names of the groups inside, not looked into */
	HP_CONF_TYPES
};

/* All lists have this shape, so a typed one may stand where hp_conf_list is expected. */
struct hp_conf_list {
	void *at;
	size_t n;
};

struct hp_conf_strings {
	const char **at;
	size_t n;
};

struct hp_conf_ints {
	int64_t *at;
	size_t n;
};

struct hp_conf_addrs {
	struct hp_addr *at;
	size_t n;
};

struct hp_conf_prefixes {
	struct hp_prefix *at;
	size_t n;
};

struct hp_conf_ports {
	uint16_t min, max; /* host order; 0 and 65535: any */
};

enum {
	HP_CONF_REQUIRED = 1, /* must be given */
	HP_CONF_RESTART = 2,  /* a change takes effect at the next start, not on reload */
	HP_CONF_READABLE = 4, /* STRING: names a regular file that can be read */
	HP_CONF_SECRET = 8,   /* READABLE, and only its owner (root, hipproxy or us) may read or write it */
	HP_CONF_ABSOLUTE = 16, /* STRING: an absolute path, or empty; the sandbox lets the file be read */
	HP_CONF_WRITTEN = 32,  /* ABSOLUTE: it is made and written too */
};

struct hp_conf_row {
	const char *name;
	enum hp_conf_type type;
	unsigned flags;
	size_t offset;            /* of the field, octets from the struct's start */
	size_t field_bytes;       /* the field's size */
	int64_t min, max;         /* both 0: not limited */
	const char *def;          /* default as text; lists: separated by commas; NULL: zero */
	const char *const *names; /* ENUM, NAMES: permitted values, NULL ends */
	const struct hp_conf_row *rows; /* GROUP, GROUPS */
	size_t item_bytes;        /* GROUPS: one struct's size */
	const char *help;         /* one sentence, without a capital and a full stop */
	const char *unit;         /* INT: such as "octets"; NULL: what the name's end says (_per_s,
				   * _s, _ms, _us, _bytes, _packets), or none */
};

/* .offset and .field_bytes of a row. */
#define HP_CONF_AT(type, field) \
	.offset = offsetof(type, field), .field_bytes = sizeof(((type *)0)->field)
#define HP_CONF_END { .name = NULL }

#endif
