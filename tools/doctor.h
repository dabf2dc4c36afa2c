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

/* Is hipproxyd's name in the daemon's answer true? */
bool hp_doctor_is(const struct hp_doctor *d, const char *key);
const char *hp_doctor_text(const struct hp_doctor *d, const char *key);

/* doctorfw.c: rules in the way of HIP, ESP and protected traffic, and rules of ours that are
 * gone. */
void hp_doctor_filters(struct hp_doctor *d);

/* doctorprobe.c: asks the configured peers that have no association. */
void hp_doctor_peers(struct hp_doctor *d);

#endif
