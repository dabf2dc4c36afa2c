/* SPDX-License-Identifier: MIT
 *
 * This machine, as far as hipproxyd depends on it: devices, forwarding, routes, reverse path
 * filters, MTU, clock.
 *
 * Gathering (gather.c) asks the kernel and changes nothing; judging (judge.c) is pure.  Routes and
 * reverse path filters are not guessed from settings: the kernel is asked what it would do with
 * packets like those that clients and peers send.
 */
#ifndef HP_DOCTOR_BOX_H
#define HP_DOCTOR_BOX_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/addr.h>

#include "conf/conf.h"
#include "doctor/finding.h"

#define HP_BOX_DEVS  32
#define HP_BOX_WAYS  64
#define HP_BOX_POOLS 4

/* 2026-01-01: this release is younger. */
#define HP_BOX_EPOCH_S 1767225600

struct hp_box_dev {
	char name[IFNAMSIZ];
	bool is_tun;
	bool exists;
	unsigned int mtu;
	int forward4; /* its own sysctl; -1: not known */
};

enum hp_box_kind {
	HP_WAY_PEER,   /* our own packets to a peer's address */
	HP_WAY_SERVED, /* a client's packet to a served address */
	HP_WAY_BACK,   /* the answer, out of ESP, back to the client */
};

/* A packet that should have a way, and what the kernel says. */
struct hp_box_way {
	enum hp_box_kind kind;
	const char *peer; /* its name or HIT, borrowed from the facts */
	struct hp_addr from, to;
	char in[IFNAMSIZ], out[IFNAMSIZ]; /* "": none */
	int err;
	bool filtered;       /* by a reverse path filter */
	int rp_filter;       /* the setting in force on `in` */
	bool reverse_ok;     /* the way back to `from` leads through `in` */
	bool to_tun;
	bool wants_tun;      /* our routes should have led it there */
	unsigned int mtu;    /* of the path; 0: not known */
};

/* What only the daemon knows. */
struct hp_box_daemon {
	bool running;
	bool capturing;
	bool diverting; /* packets to peers are routed to the TUN device */
	struct hp_prefix pools[HP_BOX_POOLS];
	size_t n_pools;
};

struct hp_box {
	const struct hp_conf *conf; /* borrowed */
	struct hp_box_daemon daemon;
	struct hp_box_dev devs[HP_BOX_DEVS];
	size_t n_devs;
	struct hp_box_way ways[HP_BOX_WAYS];
	size_t n_ways;
	char peers[HP_BOX_WAYS][64]; /* their names */
	bool serves_clients, serves_servers;
	bool need4, need6;     /* families that are forwarded, as far as known */
	int forward4, forward6; /* net.ipv4.ip_forward, net.ipv6.conf.all.forwarding; -1: not known */
	int64_t now_s;
	int64_t state_s; /* when the state file was written last; 0: never */
};

void hp_box_gather(struct hp_box *b, const struct hp_conf *conf, const struct hp_box_daemon *d);
void hp_box_judge(const struct hp_box *b, struct hp_findings *out);

/* Are the routes of ours there that lead packets to the TUN device?  What is not, is told. */
void hp_box_judge_own(const struct hp_box *b, struct hp_findings *out);

#endif
