/* SPDX-License-Identifier: MIT
 *
 * The settings as server.c's schema reads them.
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>
#include <hipproxy/conf.h>

struct hp_instance;

struct port_row {
	int proto;
	struct hp_conf_ports ports;
	uint16_t to;
};

struct hosted_row {
	const char *identity;
	struct hp_addr server;
	struct hp_conf_list ports;
	int plain; /* ALLOW, DENY */
};

struct client_row {
	const char *name;
	struct hp_addr hit;
};

struct rule_row {
	const char *client, *identity;
	int proto, action;
	struct hp_conf_ports ports;
};

struct settings {
	struct hp_conf_list hosted, clients, rules;
	struct hp_prefix pool4, pool6;
	const char *mapping, *answer_on;
	int access, refuse;
	bool masquerade;
};

enum { ALLOW, DENY };
enum { SILENT, NOTIFY };

/* By settings' indexes: names of protocols, NULL ends, and their numbers. */
extern const char *const server_proto_names[];
extern const uint8_t server_protos[];

/* ICMP's identifier is none. */
static inline bool server_has_ports(uint8_t proto)
{
	return proto == 6 || proto == 17;
}

static inline const struct hosted_row *server_hosted_at(const struct settings *s, size_t i)
{
	return (const struct hosted_row *)s->hosted.at + i;
}

/* check.c: struct hp_plugin.check. */
int server_check(struct hp_instance *self, const void *settings);

#endif
