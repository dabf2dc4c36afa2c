/* SPDX-License-Identifier: MIT
 *
 * Why a peer can't be reached, as far as it can be told: one name and one sentence each.
 */
#ifndef HP_HIP_WHY_H
#define HP_HIP_WHY_H

enum hp_hip_why {
	HP_WHY_NONE,
	HP_WHY_SILENT,      /* I1 was not answered, and nothing else was heard */
	HP_WHY_NO_R2,       /* R1 came, but I2 was not answered */
	HP_WHY_NO_HIP,      /* ICMP: the host has no such protocol */
	HP_WHY_PROHIBITED,  /* ICMP: a firewall forbids it */
	HP_WHY_UNREACHABLE, /* ICMP: no way to the host, or the host is not there */
	HP_WHY_NO_ROUTE,    /* this machine has no route to the address */
	HP_WHY_POLICY,      /* NOTIFY BLOCKED_BY_POLICY */
	HP_WHY_REFUSED,     /* another NOTIFY that ends the exchange */
	HP_WHY_NO_COMMON,   /* no algorithm that both sides accept */
	HP_WHY_OTHER_HIT,   /* the address has another HIT, and never had the expected one */
	HP_WHY_OTHER_KEY,   /* the address has another HIT than when it was last met */
	HP_WHY_REVOKED,     /* its HIT is revoked here */
	HP_WHY_OWN_HIT,     /* the peer's HIT is one of our own */
	HP_WHY_MEMORY,
	HP_WHYS
};

/* "no-answer", "other-hit"; "" for HP_WHY_NONE. */
const char *hp_hip_why_name(enum hp_hip_why why);
/* What it means, to follow "peer X: ". */
const char *hp_hip_why_text(enum hp_hip_why why);

#endif
