/* SPDX-License-Identifier: MIT
 *
 * Checking and storing one value.
 */
#include "conf/value.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/account.h"

struct hp_conf_value hp_conf_value_of(const config_setting_t *s)
{
	struct hp_conf_value v = { HP_VALUE_OTHER, 0, NULL };

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_BOOL:
		v.kind = HP_VALUE_BOOL;
		v.i = config_setting_get_bool(s);
		break;
	case CONFIG_TYPE_INT:
		v.kind = HP_VALUE_INT;
		v.i = config_setting_get_int(s);
		/* 0xffffffff is read as -1. */
		if (v.i < 0 && config_setting_get_format(s) == CONFIG_FORMAT_HEX)
			v.i = (uint32_t)v.i;
		break;
	case CONFIG_TYPE_INT64:
		v.kind = HP_VALUE_INT;
		v.i = config_setting_get_int64(s);
		break;
	case CONFIG_TYPE_STRING:
		v.kind = HP_VALUE_STRING;
		v.s = config_setting_get_string(s);
		v.s = v.s ? v.s : "";
		break;
	}
	return v;
}

struct hp_conf_value hp_conf_value_text(enum hp_conf_type type, const char *text)
{
	struct hp_conf_value v = { HP_VALUE_STRING, 0, text };

	if (type == HP_CONF_BOOL) {
		v.kind = HP_VALUE_BOOL;
		v.i = !strcmp(text, "true");
	} else if (type == HP_CONF_INT) {
		v.kind = HP_VALUE_INT;
		v.i = strtoll(text, NULL, 0);
	}
	return v;
}

enum hp_conf_type hp_conf_element(enum hp_conf_type type)
{
	switch (type) {
	case HP_CONF_STRINGS:
	case HP_CONF_NAMES:
		return HP_CONF_STRING;
	case HP_CONF_INTS:
	case HP_CONF_PROTOS:
		return HP_CONF_INT;
	case HP_CONF_ADDRS:
		return HP_CONF_ADDR;
	case HP_CONF_PREFIXES:
		return HP_CONF_PREFIX;
	default:
		return type;
	}
}

size_t hp_conf_element_bytes(enum hp_conf_type type)
{
	switch (type) {
	case HP_CONF_STRINGS:
	case HP_CONF_NAMES:
		return sizeof(const char *);
	case HP_CONF_INTS:
	case HP_CONF_PROTOS:
		return sizeof(int64_t);
	case HP_CONF_ADDRS:
		return sizeof(struct hp_addr);
	case HP_CONF_PREFIXES:
		return sizeof(struct hp_prefix);
	default:
		return 0;
	}
}

static int refuse(char why[HP_CONF_WHY], const char *expected, const struct hp_conf_value *v)
{
	if (v->kind == HP_VALUE_STRING)
		snprintf(why, HP_CONF_WHY, "expected %s, not \"%.80s\"", expected, v->s);
	else if (v->kind == HP_VALUE_INT)
		snprintf(why, HP_CONF_WHY, "expected %s, not %" PRId64, expected, v->i);
	else if (v->kind == HP_VALUE_BOOL)
		snprintf(why, HP_CONF_WHY, "expected %s, not %s", expected,
			 v->i ? "true" : "false");
	else
		snprintf(why, HP_CONF_WHY, "expected %s", expected);
	return -EINVAL;
}

static int store_bool(const struct hp_conf_value *v, void *field, char why[HP_CONF_WHY])
{
	bool b = v->i;

	if (v->kind != HP_VALUE_BOOL)
		return refuse(why, "true or false", v);
	memcpy(field, &b, sizeof(b));
	return 0;
}

static int store_int(const struct hp_conf_row *row, const struct hp_conf_value *v, void *field,
		     size_t bytes, char why[HP_CONF_WHY])
{
	int64_t max = bytes >= 8 ? INT64_MAX : ((int64_t)1 << (8 * bytes)) - 1, min = 0;
	char expected[80];

	if (row->min || row->max) {
		min = row->min;
		max = row->max;
	}
	snprintf(expected, sizeof(expected), "a whole number from %" PRId64 " to %" PRId64, min,
		 max);
	if (v->kind != HP_VALUE_INT || v->i < min || v->i > max)
		return refuse(why, expected, v);
	switch (bytes) {
	case 1:
		*(uint8_t *)field = (uint8_t)v->i;
		break;
	case 2:
		*(uint16_t *)field = (uint16_t)v->i;
		break;
	case 4:
		*(uint32_t *)field = (uint32_t)v->i;
		break;
	default:
		*(uint64_t *)field = (uint64_t)v->i;
	}
	return 0;
}

static int name_index(const char *const *names, const char *s)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(names[i], s))
			return i;
	return -1;
}

static int refuse_name(const struct hp_conf_row *row, const struct hp_conf_value *v,
		       char why[HP_CONF_WHY])
{
	char expected[160] = "";
	size_t at = 0;

	for (int i = 0; row->names[i] && at < sizeof(expected); i++)
		at += (size_t)snprintf(expected + at, sizeof(expected) - at, "%s\"%s\"",
				       !i ? "" : row->names[i + 1] ? ", " : " or ",
				       row->names[i]);
	return refuse(why, expected, v);
}

static int store_enum(const struct hp_conf_row *row, const struct hp_conf_value *v, void *field,
		      char why[HP_CONF_WHY])
{
	int i = v->kind == HP_VALUE_STRING ? name_index(row->names, v->s) : -1;

	if (i < 0)
		return refuse_name(row, v, why);
	memcpy(field, &i, sizeof(i));
	return 0;
}

static int64_t proto_number(const struct hp_conf_value *v)
{
	static const struct { const char *name; uint8_t number; } protos[] = {
		{ "ipip", 4 }, { "6in4", 41 }, { "gre", 47 }, { "esp", 50 }, { "ah", 51 },
		{ "ospf", 89 }, { "pim", 103 }, { "l2tp", 115 }, { "sctp", 132 },
		{ "udp-lite", 136 }, { "udplite", 136 },
	};
	char *end;
	long n;

	if (v->kind == HP_VALUE_INT)
		return v->i;
	if (v->kind != HP_VALUE_STRING)
		return -1;
	for (size_t i = 0; i < sizeof(protos) / sizeof(*protos); i++)
		if (!strcmp(protos[i].name, v->s))
			return protos[i].number;
	n = strtol(v->s, &end, 10);
	return *v->s && !*end ? n : -1;
}

static int store_proto(const struct hp_conf_value *v, void *field, char why[HP_CONF_WHY])
{
	int64_t n = proto_number(v);

	if (n < 0 || n > 255)
		return refuse(why, "\"gre\", \"sctp\", \"udp-lite\" or the number of another "
			      "IP protocol, 0 to 255", v);
	memcpy(field, &n, sizeof(n));
	return 0;
}

/* Root, the service's user and we ourselves may own a key and its folder. */
static bool is_trusted(uid_t owner)
{
	uid_t uid;
	gid_t gid;

	return !owner || owner == geteuid() ||
	       (hp_account_user(HP_SERVICE_ACCOUNT, &uid, &gid) && owner == uid);
}

static int refuse_owner(const char *path, uid_t owner, char why[HP_CONF_WHY])
{
	snprintf(why, HP_CONF_WHY, "%.120s: belongs to user %u, expected root, %s or user %u", path,
		 (unsigned)owner, HP_SERVICE_ACCOUNT, (unsigned)geteuid());
	return -EINVAL;
}

/* Who may write to the folder can put another key there.  In a sticky one only the owner of the
 * key can.  path is cut. */
static int check_folder(char *path, char why[HP_CONF_WHY])
{
	char *folder = dirname(path);
	struct stat st;

	if (stat(folder, &st) < 0)
		return 0;
	if (!is_trusted(st.st_uid))
		return refuse_owner(folder, st.st_uid, why);
	if (!(st.st_mode & 022) || (st.st_mode & S_ISVTX))
		return 0;
	snprintf(why, HP_CONF_WHY, "%.120s: mode %04o lets others put another key there, expected "
		 "0700", folder, (unsigned)st.st_mode & 07777);
	return -EINVAL;
}

/* That of a link, and that of the file itself. */
static int check_folders(const char *path, char why[HP_CONF_WHY])
{
	char copy[PATH_MAX], real[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	if (check_folder(copy, why))
		return -EINVAL;
	return realpath(path, real) ? check_folder(real, why) : 0;
}

/* A private key that others can read is no private key. */
static int check_secret(const char *path, const struct stat *st, char why[HP_CONF_WHY])
{
	if (!(st->st_mode & 077))
		return is_trusted(st->st_uid) ? check_folders(path, why) :
			refuse_owner(path, st->st_uid, why);
	snprintf(why, HP_CONF_WHY, "%.120s: mode %04o lets others at it, expected 0600 or 0400",
		 path, (unsigned)st->st_mode & 07777);
	return -EINVAL;
}

static int check_file(const struct hp_conf_row *row, const char *path, char why[HP_CONF_WHY])
{
	bool secret = row->flags & HP_CONF_SECRET;
	struct stat st;
	int err = 0;

	if (stat(path, &st) < 0)
		err = errno;
	else if (!S_ISREG(st.st_mode))
		snprintf(why, HP_CONF_WHY, "%.120s: not a regular file", path);
	else if (secret && check_secret(path, &st, why))
		return -EINVAL;
	else if (access(path, R_OK) < 0)
		err = errno;
	else
		return 0;
	/* The daemon reads its keys before it gives up rights.  After that a reload can do without
	 * the file; who reads the key for the first time says so. */
	if (secret && err == EACCES)
		return 0;
	if (err)
		snprintf(why, HP_CONF_WHY, "%.120s: %s", path, strerror(err));
	return -EINVAL;
}

static int store_string(struct hp_conf_tree *tree, const struct hp_conf_row *row,
			const struct hp_conf_value *v, void *field, char why[HP_CONF_WHY])
{
	char expected[80];
	const char *copy;
	int64_t n;

	if (v->kind != HP_VALUE_STRING)
		return refuse(why, "a string", v);
	n = (int64_t)strlen(v->s);
	snprintf(expected, sizeof(expected), "a string of %" PRId64 " to %" PRId64 " octets",
		 row->min, row->max);
	if (row->type == HP_CONF_STRING && (row->min || row->max) &&
	    (n < row->min || n > row->max))
		return refuse(why, expected, v);
	if ((row->flags & HP_CONF_ABSOLUTE) && n && v->s[0] != '/')
		return refuse(why, "an absolute path", v);
	if ((row->flags & (HP_CONF_READABLE | HP_CONF_SECRET)) &&
	    hp_conf_tree_has_files(tree) && check_file(row, v->s, why))
		return -EINVAL;
	copy = hp_conf_copy(tree, v->s);
	if (!copy)
		return -ENOMEM;
	memcpy(field, &copy, sizeof(copy));
	return 0;
}

static int store_name(struct hp_conf_tree *tree, const struct hp_conf_row *row,
		      const struct hp_conf_value *v, void *field, char why[HP_CONF_WHY])
{
	int i = v->kind == HP_VALUE_STRING ? name_index(row->names, v->s) : -1;

	if (i < 0)
		return refuse_name(row, v, why);
	memcpy(field, &row->names[i], sizeof(row->names[i]));
	return 0;
}

static int store_addr(enum hp_conf_type type, const struct hp_conf_value *v, void *field,
		      char why[HP_CONF_WHY])
{
	struct hp_addr a;

	if (v->kind != HP_VALUE_STRING || hp_addr_parse(v->s, &a))
		return refuse(why, type == HP_CONF_HIT ? "a HIT (2001:20::/28)" :
			      "an IPv4 or IPv6 address", v);
	if (type == HP_CONF_HIT && !hp_addr_is_hit(&a))
		return refuse(why, "a HIT (2001:20::/28)", v);
	if (type == HP_CONF_ADDR && hp_addr_is_hit(&a))
		return refuse(why, "an address, no HIT", v);
	if (type == HP_CONF_ADDR && (hp_addr_is_multicast(&a) || hp_addr_is_zero(&a)))
		return refuse(why, "a host's address", v);
	memcpy(field, &a, sizeof(a));
	return 0;
}

static int store_prefix(const struct hp_conf_value *v, void *field, char why[HP_CONF_WHY])
{
	struct hp_prefix p;

	if (v->kind != HP_VALUE_STRING || hp_prefix_parse(v->s, &p))
		return refuse(why, "a prefix such as \"192.0.2.0/24\" (host bits zero)", v);
	memcpy(field, &p, sizeof(p));
	return 0;
}

/* Digits alone, at most 65535. */
static bool read_port(const char **s, long *out)
{
	size_t n = strspn(*s, "0123456789");

	if (!n || n > 5)
		return false;
	*out = strtol(*s, NULL, 10);
	*s += n;
	return *out <= 65535;
}

static int store_ports(const struct hp_conf_value *v, void *field, char why[HP_CONF_WHY])
{
	struct hp_conf_ports ports;
	const char *s = v->s;
	long min = 0, max = 0;
	bool good = false;

	if (v->kind == HP_VALUE_INT) {
		good = v->i >= 0 && v->i <= 65535;
		min = max = good ? (long)v->i : 0;
	} else if (v->kind == HP_VALUE_STRING && read_port(&s, &min)) {
		max = min;
		good = *s != '-' || (s++, read_port(&s, &max));
		good = good && !*s && min <= max;
	}
	if (!good)
		return refuse(why, "a port or ports such as \"80-90\"", v);
	ports.min = (uint16_t)min;
	ports.max = (uint16_t)max;
	memcpy(field, &ports, sizeof(ports));
	return 0;
}

int hp_conf_value_store(struct hp_conf_tree *tree, const struct hp_conf_row *row,
			enum hp_conf_type type, const struct hp_conf_value *v, void *field,
			size_t bytes, char why[HP_CONF_WHY])
{
	switch (type) {
	case HP_CONF_BOOL:
		return store_bool(v, field, why);
	case HP_CONF_INT:
		return row->type == HP_CONF_PROTOS ? store_proto(v, field, why) :
			store_int(row, v, field, bytes, why);
	case HP_CONF_STRING:
		return row->type == HP_CONF_NAMES ? store_name(tree, row, v, field, why) :
			store_string(tree, row, v, field, why);
	case HP_CONF_ENUM:
		return store_enum(row, v, field, why);
	case HP_CONF_ADDR:
	case HP_CONF_HIT:
		return store_addr(type, v, field, why);
	case HP_CONF_PREFIX:
		return store_prefix(v, field, why);
	case HP_CONF_PORTS:
		return store_ports(v, field, why);
	default:
		return refuse(why, "nothing here", v);
	}
}
