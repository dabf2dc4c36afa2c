/* SPDX-License-Identifier: MIT
 *
 * Services: questions of the core that plugins answer, at once or later.
 *
 *	resolver  which HIT is at this address?              client.resolvers
 *	locator   at which addresses is this HIT?            client.locators
 *	backend   which legacy server is behind this HIT?    asked of all, in the order of `plugins`
 *
 * Each question comes with a ticket.  A service that returns -EINPROGRESS answers later by the
 * matching hp_..._done with the ticket.  Tickets are numbers that are never used again: a second
 * answer, or one after cancel or the time limit, is ignored and counted ("late").  The core ends
 * a question after the service's timeout_ms: it calls cancel and asks the next service.  When a
 * plugin stops, its open tickets are ended before its stop function is called.
 */
#ifndef HIPPROXY_SERVICE_H
#define HIPPROXY_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

struct hp_instance;

#define HP_SERVICE_TIMEOUT_MS     2000u  /* used for a timeout_ms of 0 */
#define HP_SERVICE_TIMEOUT_MAX_MS 60000u
#define HP_TICKETS                4096u  /* open tickets of all services together; then -EAGAIN
					  * for the asker, which goes on as without an answer */

struct hp_ticket {
	uint64_t id; /* 0: none */
};

/* The open question's time limit is over, or the answer is not needed any more: the plugin may stop
 * what it has begun for it.  Not called for a ticket that is done. */
typedef void (*hp_cancel_fn)(struct hp_instance *self, struct hp_ticket ticket);

/* ---- resolver */

#define HP_RESOLVE_ADDRS 8

struct hp_resolve_ask {
	struct hp_addr dst;    /* destination of a legacy client's packet, no HIT */
	struct hp_addr client; /* who sent it; zero: an application on this host */
};

struct hp_resolve_result {
	struct hp_addr hit;
	struct hp_addr locators[HP_RESOLVE_ADDRS];
	size_t n;       /* of locators; 0: HIP is spoken with dst itself */
	uint32_t ttl_s; /* how long this may be remembered; 0: the configured lifetime */
};

struct hp_resolver_service {
	const char *name; /* as in the configuration's `client.resolvers` */
	const char *help; /* one sentence */
	uint32_t timeout_ms;
	/* 0: *out, zeroed before, is filled; -ENOENT: not known here, the next is asked;
	 * -EINPROGRESS: hp_resolve_done follows; another -errno: failed, the next is asked. */
	int (*ask)(struct hp_instance *self, const struct hp_resolve_ask *ask,
		   struct hp_ticket ticket, struct hp_resolve_result *out);
	hp_cancel_fn cancel; /* optional */
};

/* err: 0 and *result (borrowed), or as the results of ask but -EINPROGRESS.  A result whose hit is
 * no HIT counts as -EBADMSG.  0; -ESTALE: the ticket is not open. */
int hp_resolve_done(struct hp_instance *self, struct hp_ticket ticket, int err,
		    const struct hp_resolve_result *result);

/* ---- locator */

struct hp_locate_ask {
	struct hp_addr hit;    /* the peer's */
	struct hp_addr client; /* for whom; zero: this host */
	bool unreachable;      /* addresses are known, but none of them answers */
};

struct hp_locate_result {
	struct hp_addr locators[HP_RESOLVE_ADDRS]; /* no HITs, best first */
	size_t n;       /* 1..HP_RESOLVE_ADDRS */
	uint32_t ttl_s; /* as above */
};

struct hp_locator_service {
	const char *name; /* as in the configuration's `client.locators` */
	const char *help;
	uint32_t timeout_ms;
	/* As hp_resolver_service.ask. */
	int (*ask)(struct hp_instance *self, const struct hp_locate_ask *ask,
		   struct hp_ticket ticket, struct hp_locate_result *out);
	hp_cancel_fn cancel;
};

/* As hp_resolve_done; a result without a usable address counts as -EBADMSG. */
int hp_locate_done(struct hp_instance *self, struct hp_ticket ticket, int err,
		   const struct hp_locate_result *result);

/* ---- backend */

/* A conversation that a HIP peer begins. */
struct hp_backend_ask {
	struct hp_addr local_hit, peer_hit;
	uint16_t local_port; /* host order; 0 if the protocol has none */
	uint8_t proto;
};

struct hp_backend_result {
	struct hp_addr addr; /* legacy server */
	uint16_t port;       /* of it */
	struct hp_addr far;  /* by which it knows the peer; of the same family */
};

/* A rule that says who may reach what, for reports.  Strings are the service's. */
struct hp_access_rule {
	const char *action;             /* "allow", "deny" */
	const char *client, *identity;  /* "": any */
	const char *protocol;           /* "any", "tcp" ... */
	uint16_t port_min, port_max;    /* 0, 65535: any */
	uint64_t hits;                  /* conversations that it has decided */
	bool is_default;                /* when no rule matches */
};

struct hp_backend_service {
	const char *name;
	const char *help;
	uint32_t timeout_ms;
	/* 0: *out (zeroed, but port is the asked one) is filled; -ENOENT: local_hit is not of this
	 * service, the next is asked; -EACCES: not permitted; -ENOBUFS: no address for the peer;
	 * -EINPROGRESS: hp_backend_done follows, meanwhile the peer's first packets are held. */
	int (*ask)(struct hp_instance *self, const struct hp_backend_ask *ask,
		   struct hp_ticket ticket, struct hp_backend_result *out);
	hp_cancel_fn cancel;
	/* May the peer have an association?  0; -EACCES: silence; -EPERM: NOTIFY
	 * BLOCKED_BY_POLICY; -ENOENT: local_hit is not of this service.  Asked at I1, where peer_hit
	 * is only claimed, and at I2, so it must answer at once.  Optional. */
	int (*accept)(struct hp_instance *self, const struct hp_addr *local_hit,
		      const struct hp_addr *peer_hit);
	/* legacy talks to far: which HITs is that between?  0, *ask filled in but for port and
	 * protocol; -ENOENT.  Asked for every first packet, so it must answer at once.  Optional. */
	int (*client)(struct hp_instance *self, const struct hp_addr *legacy,
		      const struct hp_addr *far, struct hp_backend_ask *ask);
	/* What ask would say and by which rule, as a sentence.  Nothing is counted or changed.
	 * 0, -EACCES, -ENOENT.  Optional. */
	int (*explain)(struct hp_instance *self, const struct hp_backend_ask *ask, char *text,
		       size_t bytes);
	/* Rule i of its access rules, from 0 on; the default is the last.  0, or -ENOENT past it.
	 * Optional. */
	int (*rule)(struct hp_instance *self, size_t i, struct hp_access_rule *out);
};

/* As hp_resolve_done. */
int hp_backend_done(struct hp_instance *self, struct hp_ticket ticket, int err,
		    const struct hp_backend_result *result);

#endif
