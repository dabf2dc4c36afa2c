/* SPDX-License-Identifier: MIT
 *
 * What is wrong between this machine and a peer, from what was seen of it.
 */
#ifndef HP_DOCTOR_PEERS_H
#define HP_DOCTOR_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/addr.h>

#include "doctor/finding.h"
#include "hip/why.h"

/* How long what was seen counts as "now". */
#define HP_DOCTOR_RECENT_MS 600000

struct hp_seen_peer {
	char name[64]; /* of the configuration, or its HIT */
	struct hp_addr hit, addr;
	struct hp_addr shown; /* the HIT that addr has instead; zero: not known */
	enum hp_hip_why why;
	/* With an association that is up: */
	bool up, in_udp;
	uint64_t out_packets, in_packets; /* ESP */
	uint64_t up_ms;
	uint64_t unanswered_ms; /* since when packets went out and none came back; 0: not so */
	unsigned int flows;     /* connections it carries */
	unsigned int waiting;   /* of them, those that sent twice and heard nothing */
};

/* Nothing would be found; the name need not be known. */
bool hp_peer_is_fine(const struct hp_seen_peer *p);
void hp_judge_peer(const struct hp_seen_peer *p, struct hp_findings *out);

/* Access rules of this machine said no. */
struct hp_seen_denial {
	struct hp_addr local_hit, peer_hit;
	const char *identity; /* local_hit's name, or "" */
	int proto;            /* 0: an association; else a connection */
	uint16_t port;
};
void hp_judge_denial(const struct hp_seen_denial *d, struct hp_findings *out);

/* A legacy server behind this machine hears, but is not heard. */
void hp_judge_server(const struct hp_addr *server, const struct hp_addr *client,
		     struct hp_findings *out);

/* TCP ports that somebody listens on. */
#define HP_LISTENERS_MAX 256
struct hp_listeners {
	struct {
		uint16_t port;
		bool v4, v6; /* on addresses of this family that others can reach */
	} at[HP_LISTENERS_MAX];
	size_t n;
};
/* Of this network namespace, from /proc. */
void hp_listeners_gather(struct hp_listeners *l);
/* Adds the lines of /proc/net/tcp (family 4) or tcp6 (6). */
void hp_listeners_read(struct hp_listeners *l, int family, const char *text);
/* A peer asked for this port by our HIT. */
void hp_judge_asked(const struct hp_listeners *l, uint16_t port, struct hp_findings *out);
/* Nobody asked yet. */
void hp_judge_listeners(const struct hp_listeners *l, struct hp_findings *out);

#endif
