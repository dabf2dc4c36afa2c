/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl doctor: why does it not work?
 *
 *	doctor       the command: configuration, daemon, output
 *	doctorfw     packet filters, read by iptables-save and nft
 *	doctorprobe  peers, asked by HIP
 */
#ifndef HP_TOOLS_DOCTOR_H
#define HP_TOOLS_DOCTOR_H

#include <jansson.h>

#include "conf/conf.h"
#include "crypto/key.h"
#include "doctor/box.h"
#include "doctor/peers.h"
#include "tools/commands.h"

/* What the looks share. */
struct hp_doctor {
	const struct hp_ctl *ctl;
	const char *conf_path;
	struct hp_conf *conf;     /* NULL: it has errors */
	struct hp_key **keys;     /* of conf->identities; NULL: one of them can't be loaded */
	json_t *daemon;           /* its answer; NULL: it does not run */
	struct hp_box *box;
	struct hp_findings found;
};

int hp_cmd_doctor(const struct hp_ctl *ctl, int argc, char **argv);

/* A member of the daemon's answer; false and "" without one. */
bool hp_doctor_is(const struct hp_doctor *d, const char *key);
const char *hp_doctor_text(const struct hp_doctor *d, const char *key);

/* Is it the HIT of one of our identities?  keys must be there. */
bool hp_doctor_is_own(const struct hp_doctor *d, const struct hp_addr *hit);
/* Do HIP and ESP go in UDP; only: never natively? */
bool hp_doctor_uses_udp(const struct hp_doctor *d, bool *only);
/* A configured peer, by its name or HIT. */
struct hp_seen_peer hp_doctor_seen(const struct hp_conf_peer *p);

/* doctorfw.c: rules in the way of HIP, ESP and protected traffic, and rules of ours that are
 * gone. */
void hp_doctor_filters(struct hp_doctor *d);

/* doctorprobe.c: asks the configured peers that have no association. */
void hp_doctor_peers(struct hp_doctor *d);

#endif
