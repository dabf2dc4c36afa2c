/* SPDX-License-Identifier: MIT
 *
 * Security events: what was refused, forged, replayed or done on purpose, with who and why.
 *
 * The last ones are kept in a ring and told to `hipproxyctl events`; most are logged too.  Strangers
 * cause many of them, so each kind has a rate, and what goes beyond it is only counted.
 */
#ifndef HP_DAEMON_INCIDENTS_H
#define HP_DAEMON_INCIDENTS_H

#include <stdint.h>

#include <jansson.h>

#include <hipproxy/addr.h>

#include "io/control.h"
#include "util/clock.h"

#define HP_INCIDENTS_KEPT 1024

enum hp_incident_kind {
	HP_INCIDENT_EXCHANGE_REFUSED,
	HP_INCIDENT_EXCHANGE_FAILED,
	HP_INCIDENT_CONNECTION_DENIED,
	HP_INCIDENT_BAD_SIGNATURE,
	HP_INCIDENT_BAD_MAC,
	HP_INCIDENT_BAD_ICV,
	HP_INCIDENT_REPLAY,
	HP_INCIDENT_BAD_PUZZLE,
	HP_INCIDENT_PIN_CHANGED,
	HP_INCIDENT_ASSOCIATION_CLOSED,
	HP_INCIDENT_CONNECTIONS_CUT,
	HP_INCIDENT_CONTROL,
	HP_INCIDENT_CONTROL_REFUSED,
	HP_INCIDENT_CONTROL_STALLED,
	HP_INCIDENT_RELOAD,
	HP_INCIDENT_FILE,
	HP_INCIDENT_LIMIT,
	HP_INCIDENT_KINDS
};

/* Addresses that are zero, ports and protocols of 0 and a uid of -1 are not known. */
struct hp_incident {
	enum hp_incident_kind kind;
	struct hp_addr peer_hit, local_hit, addr, client;
	uint16_t port;
	uint8_t proto;
	int64_t uid, pid;
	bool good; /* the end of something bad: logged as a notice */
	char why[192];
	/* Filled when it is kept. */
	uint64_t seq, wall_ms;
	uint32_t suppressed; /* of the kind, since the one before */
};

struct hp_incidents;

/* clock is borrowed.  NULL when memory is out. */
struct hp_incidents *hp_incidents_new(const struct hp_clock *clock);
void hp_incidents_free(struct hp_incidents *in);
/* i->uid is -1 unless set: begin with this. */
#define HP_INCIDENT(k) { .kind = (k), .uid = -1 }
/* in may be NULL.  i is copied. */
void hp_incident_add(struct hp_incidents *in, const struct hp_incident *i);
/* The same in two steps, for what strangers can cause with every packet: count it, and go on only
 * if it may be told. */
bool hp_incident_due(struct hp_incidents *in, enum hp_incident_kind k);
void hp_incident_tell(struct hp_incidents *in, const struct hp_incident *i);
const char *hp_incident_name(enum hp_incident_kind k);
const char *hp_incident_help(enum hp_incident_kind k);
/* How many happened, and how many of them the rates let through. */
uint64_t hp_incidents_count(const struct hp_incidents *in, enum hp_incident_kind k);
uint64_t hp_incidents_told(const struct hp_incidents *in);

/* The command "events": a feed of what is kept and of what comes.  request may have "n" (the last
 * ones only), "since_s" (not older), "kind", and "once": true (nothing that comes later). */
int hp_incidents_stream(struct hp_incidents *in, struct hp_control_client *c, const json_t *request,
			json_t *reply);

#endif
