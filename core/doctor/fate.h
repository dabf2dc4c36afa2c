/* SPDX-License-Identifier: MIT
 *
 * What a packet filter would do to a packet, read from its rules.
 *
 * The rules are looked at without any packet being sent.  A rule may match on what is not known
 * of the packet, or in a way that is not understood here; then both outcomes stay possible.
 * Only a packet that is dropped whatever the unknown is, is called dropped.
 */
#ifndef HP_DOCTOR_FATE_H
#define HP_DOCTOR_FATE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <hipproxy/addr.h>

enum hp_fate {
	HP_FATE_ACCEPT = 1,
	HP_FATE_DROP = 2,
	HP_FATE_GOES_ON = 4, /* inside: no verdict yet */
};

enum hp_fw_hook { HP_FW_PREROUTING, HP_FW_INPUT, HP_FW_FORWARD, HP_FW_OUTPUT, HP_FW_POSTROUTING,
		  HP_FW_HOOKS };

/* Bits of conntrack's states. */
enum { HP_CT_NEW = 1, HP_CT_ESTABLISHED = 2, HP_CT_UNTRACKED = 4, HP_CT_OTHER = 8 };

struct hp_fw_packet {
	int family;           /* 4 or 6 */
	const char *iif, *oif; /* NULL: not known at this hook; never "" */
	struct hp_addr src, dst; /* zero: not known */
	uint8_t proto;        /* 0: not known */
	uint16_t sport, dport; /* 0: not known */
	unsigned int ct;      /* the state it has: one bit */
	/* The way back to src leads through iif: what "fib saddr . iif oif" and rpfilter ask. */
	bool reverse_ok;
};

#define HP_FW_RULE_MAX 200

struct hp_fw_answer {
	unsigned int fates;       /* enum hp_fate, of those possible */
	char rule[HP_FW_RULE_MAX]; /* what dropped it, as the administrator wrote it */
};

/* text: of iptables-save or ip6tables-save.  Only the chains of hook, of all tables. */
struct hp_fw_answer hp_fw_iptables(const char *text, enum hp_fw_hook hook,
				   const struct hp_fw_packet *p);
/* ruleset: of nft -j list ruleset.  Tables that iptables made are left out. */
struct hp_fw_answer hp_fw_nft(const json_t *ruleset, enum hp_fw_hook hook,
			      const struct hp_fw_packet *p);

static inline bool hp_fw_is_dropped(const struct hp_fw_answer *a)
{
	return a->fates == HP_FATE_DROP;
}

/* "lan0" by "lan+" (plus is true: iptables) or "lan*" (nft). */
bool hp_fw_name_matches(const char *pattern, char wild, const char *name);

/* Three answers to "does it match?" */
enum hp_fw_match { HP_FW_NO, HP_FW_YES, HP_FW_MAYBE };

static inline enum hp_fw_match hp_fw_not(enum hp_fw_match m)
{
	return m == HP_FW_MAYBE ? m : m == HP_FW_YES ? HP_FW_NO : HP_FW_YES;
}

#endif
